//! What speaks for and against a StorageClass.

use super::{Advice, Choice, DAYS, Fit, Wish, capacity};
use crate::model::provisioner::Medium;

/// Bytes a second that a volume in the network gives unless more is paid for: the baseline of AWS's gp3
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html>), and about what a gigabit carries.
const BASELINE: u64 = 125 << 20;

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

pub(super) fn advise(class: &Class, wish: &Wish) -> Advice {
    let medium = Medium::of(&class.provisioner);
    let mut advice = Advice::new(Choice::Class, &class.name, class.provisioner.clone());
    advice.is_default = class.is_default;
    place(medium, class, wish, &mut advice);
    pace(medium, wish, &mut advice);
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

/// Whether checkpoints can be done before the next one begins.
fn pace(medium: Medium, wish: &Wish, advice: &mut Advice) {
    let Some(pace) = wish.pace().filter(|pace| *pace > BASELINE && medium != Medium::Local) else {
        return;
    };
    advice.say(
        Fit::Fair,
        20,
        format!(
            "Full checkpoints at this interval are {} MiB/s, more than the {} MiB/s that a volume in the network commonly gives: measure one with `kubectl flink storage check`, checkpoint less often, or incrementally.",
            pace >> 20,
            BASELINE >> 20
        ),
    );
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
