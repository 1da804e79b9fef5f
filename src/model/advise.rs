//! Which StorageClass suits an application's state, and why. Pure.

use std::time::Duration;

use serde::Serialize;

use crate::model::provisioner::Medium;
use crate::model::quantity::Quantity;

/// Copies of the state that are there at the same time: the last checkpoint, the next one, and a savepoint.
const COPIES: u64 = 3;

/// Growth is provided for so many days.
const DAYS: u64 = 30;

/// A StorageClass, as the API describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Who makes the volumes.
    pub provisioner: String,
    /// Whether claims without a class get it.
    pub is_default: bool,
    /// Whether volumes are made only once a pod wants them.
    pub waits_for_consumer: bool,
    /// Whether volumes can grow.
    pub expandable: bool,
    /// Whether a volume goes with its claim.
    pub deletes_with_claim: bool,
}

/// What is to be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Bytes of a full checkpoint.
    pub state: u64,
    /// Bytes it grows by in a day.
    pub growth: u64,
    /// From one checkpoint to the next.
    pub interval: Option<Duration>,
    /// Nodes that take pods; `None` when the user may not look.
    pub nodes: Option<usize>,
    /// Whether TaskManagers are to be on several nodes.
    pub spread: bool,
    /// Whether state is kept in RocksDB.
    pub rocksdb: bool,
}

/// Whether a class will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Nothing speaks against it.
    Good,
    /// It works; the reasons say what to mind.
    Fair,
    /// It cannot work.
    Unfit,
}

/// What speaks for and against one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// The StorageClass.
    pub class: String,
    /// Who makes the volumes.
    pub provisioner: String,
    /// Whether it will do.
    pub fit: Fit,
    /// What to give to `--storage`; nothing for a class that is unfit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Why: sentences.
    pub reasons: Vec<String>,
    /// What it costs or lacks; the less the better.
    #[serde(skip)]
    penalty: u32,
}

/// The classes, the most suitable first.
pub fn rank(classes: &[Class], wish: &Wish) -> Vec<Advice> {
    let mut ranked: Vec<(bool, Advice)> =
        classes.iter().map(|class| (!class.is_default, advise(class, wish))).collect();
    ranked.sort_by(|(a_other, a), (b_other, b)| {
        let key = |advice: &Advice, other| (advice.fit, advice.penalty, other);
        key(a, *a_other).cmp(&key(b, *b_other)).then_with(|| a.class.cmp(&b.class))
    });
    ranked.into_iter().map(|(_, advice)| advice).collect()
}

/// How large the volume should be: whole gibibytes, with a tenth to spare.
pub fn capacity(wish: &Wish) -> Quantity {
    const GIB: u64 = 1 << 30;
    let state = wish.state.saturating_add(wish.growth.saturating_mul(DAYS));
    let needed = state.saturating_mul(COPIES);
    let gib = needed.saturating_add(needed / 10).div_ceil(GIB).max(1);
    Quantity::from_bytes(gib.saturating_mul(GIB))
}

fn advise(class: &Class, wish: &Wish) -> Advice {
    let medium = Medium::of(&class.provisioner);
    let mut advice = Advice {
        class: class.name.clone(),
        provisioner: class.provisioner.clone(),
        fit: Fit::Good,
        storage: None,
        reasons: Vec::new(),
        penalty: 0,
    };
    place(medium, class, wish, &mut advice);
    working_directory(medium, wish, &mut advice);
    lifetime(class, wish, &mut advice);
    if advice.fit != Fit::Unfit {
        let access = match medium {
            Medium::Shared => ",access=rwx",
            Medium::Unknown if wish.spread => ",access=rwx",
            _ => "",
        };
        advice.storage = Some(format!("pvc:{},class={}{access}", capacity(wish), class.name));
    }
    advice
}

impl Advice {
    fn say(&mut self, fit: Fit, penalty: u32, reason: impl Into<String>) {
        self.fit = self.fit.max(fit);
        self.penalty += penalty;
        self.reasons.push(reason.into());
    }
}

/// Which nodes can have the volume, and what becomes of it when one fails.
fn place(medium: Medium, class: &Class, wish: &Wish, advice: &mut Advice) {
    let several = wish.nodes.is_none_or(|nodes| nodes > 1);
    match medium {
        Medium::Local | Medium::Block if wish.spread => advice.say(
            Fit::Unfit,
            0,
            "One node at a time can mount its volumes (ReadWriteOnce), and the TaskManagers are to be on several: those elsewhere would wait for ever.",
        ),
        Medium::Local if several => advice.say(
            Fit::Fair,
            40,
            "Its volumes are on one node's own disk: all pods are kept there, and when the node is lost, so is the state.",
        ),
        Medium::Local => {
            advice.say(Fit::Good, 10, "Its volumes are on the node's own disk: fast, and lost with it.");
        }
        Medium::Block if several => advice.say(
            Fit::Good,
            10,
            "One node at a time can mount its volumes: all pods are kept on one node, and move together when it fails, some minutes later.",
        ),
        Medium::Block => advice.say(Fit::Good, 10, "Its volumes are disks in the network, which outlive the node."),
        Medium::Shared => advice.say(
            Fit::Good,
            if several { 0 } else { 20 },
            "Its volumes are a shared file system: pods on any node can mount them, and none is lost with a node.",
        ),
        Medium::Unknown => advice.say(
            Fit::Fair,
            30,
            format!("{} is not known here: ask whether several nodes can mount its volumes, and measure one with `kubectl flink storage check`.", class.provisioner),
        ),
    }
    if !class.waits_for_consumer && several && medium != Medium::Shared {
        advice.say(Fit::Fair, 10, "It makes volumes before it is known where the pods go (Immediate), possibly in a zone where they do not fit.");
    }
}

/// RocksDB's own files are elsewhere, and still often put onto the same class.
fn working_directory(medium: Medium, wish: &Wish, advice: &mut Advice) {
    if !wish.rocksdb {
        return;
    }
    match medium {
        Medium::Shared => advice.say(
            Fit::Fair,
            5,
            "Good for RocksDB's checkpoints, not for its working directory: NFS and its like are slow at random reads and syncs. Leave that on the node's disk (the default) or on block volumes.",
        ),
        Medium::Local | Medium::Block => {
            advice.say(Fit::Good, 0, "RocksDB's working directory could be on it too.");
        }
        Medium::Unknown => {}
    }
}

/// What becomes of a volume that is too small, or whose claim is deleted.
fn lifetime(class: &Class, wish: &Wish, advice: &mut Advice) {
    match (class.expandable, wish.growth > 0) {
        (true, _) => advice.say(Fit::Good, 0, "Its volumes can grow."),
        (false, true) => advice.say(
            Fit::Fair,
            30,
            format!(
                "Its volumes cannot grow, and the state does: {} are enough for {DAYS} days.",
                capacity(wish)
            ),
        ),
        (false, false) => advice.say(Fit::Good, 5, "Its volumes cannot grow."),
    }
    if class.deletes_with_claim {
        advice.say(Fit::Good, 3, "A volume is deleted with its claim (reclaim policy Delete); the plugin deletes no claim unless told to.");
    } else {
        advice.say(Fit::Good, 0, "A volume outlives its claim (reclaim policy Retain).");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn class(name: &str, provisioner: &str) -> Class {
        Class {
            name: name.to_owned(),
            provisioner: provisioner.to_owned(),
            is_default: false,
            waits_for_consumer: true,
            expandable: true,
            deletes_with_claim: true,
        }
    }

    fn classes() -> [Class; 4] {
        [
            class("local", "rancher.io/local-path"),
            class("mystery", "example.com/x"),
            class("nfs", "nfs.csi.k8s.io"),
            class("ssd", "ebs.csi.aws.com"),
        ]
    }

    fn wish() -> Wish {
        let nodes = Some(3);
        Wish { state: 10 * GIB, growth: 0, interval: None, nodes, spread: false, rocksdb: false }
    }

    fn order(wish: &Wish) -> Vec<(String, Fit)> {
        rank(&classes(), wish).into_iter().map(|advice| (advice.class, advice.fit)).collect()
    }

    fn named(wish: &Wish, name: &str) -> Advice {
        rank(&classes(), wish).into_iter().find(|advice| advice.class == name).expect("ranked")
    }

    #[test]
    fn what_survives_a_node_comes_first_on_several_nodes() {
        let names: Vec<String> = order(&wish()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["nfs", "ssd", "mystery", "local"]);
        let one = Wish { nodes: Some(1), ..wish() };
        assert_eq!(order(&one)[0].0, "local");
    }

    #[test]
    fn volumes_of_one_node_cannot_serve_taskmanagers_on_several() {
        let spread = Wish { spread: true, ..wish() };
        for name in ["local", "ssd"] {
            let advice = named(&spread, name);
            assert_eq!((advice.fit, &advice.storage), (Fit::Unfit, &None));
            assert!(advice.reasons[0].contains("ReadWriteOnce"), "{advice:?}");
        }
        assert_eq!(named(&spread, "nfs").storage.as_deref(), Some("pvc:33Gi,class=nfs,access=rwx"));
    }

    #[test]
    fn a_network_file_system_is_no_place_for_rocksdb_to_work_in() {
        let advice = named(&Wish { rocksdb: true, ..wish() }, "nfs");
        assert_eq!(advice.fit, Fit::Fair);
        assert!(advice.reasons.iter().any(|reason| reason.contains("working directory")));
    }

    #[test]
    fn growth_needs_room_and_volumes_that_can_grow() {
        let grows = Wish { growth: GIB, ..wish() };
        assert_eq!(capacity(&grows).to_string(), "132Gi");
        let mut fixed = class("fixed", "ebs.csi.aws.com");
        fixed.expandable = false;
        let advice = &rank(&[fixed], &grows)[0];
        assert!(advice.fit == Fit::Fair && advice.reasons.iter().any(|r| r.contains("30 days")));
    }

    #[test]
    fn the_default_class_wins_a_draw() {
        let mut other = class("zzz", "ebs.csi.aws.com");
        other.is_default = true;
        let ranked = rank(&[class("aaa", "ebs.csi.aws.com"), other], &wish());
        assert_eq!(ranked[0].class, "zzz");
    }
}
