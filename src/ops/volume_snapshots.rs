//! A snapshot of the volume with the state, taken by the driver of the volume.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;

use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::cluster::volume_snapshots::{self as served, Keeper};
use crate::cluster::watch::Watched;
use crate::cluster::write::{self, Created, Mode};
use crate::cluster::{Cluster, condition, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::manifest::{self, NewVolumeSnapshot};
use crate::model::labels;
use crate::model::storage::{AccessMode, NewClaim};
use crate::model::volume_snapshot::{VolumeSnapshot, VolumeSnapshotClass};
use crate::ops::claims::Users;
use crate::ops::dry_run::{self, By, Change};
use crate::ops::resize;

/// How long a failure may last before it is taken for one: controllers note each attempt that went wrong, also
/// those that the next one makes good.
const PATIENCE: Duration = Duration::from_secs(15);

/// Checks all that can be checked before the snapshot is written; gives the class to take it with, `None` for whatever is
/// the default.
///
/// # Errors
/// [`Kind::Preflight`] where the cluster, the volume or its driver cannot have snapshots; [`Kind::Conflict`] when the claim is
/// being deleted.
pub async fn check(
    cluster: &Cluster,
    claim: &PersistentVolumeClaim,
    class: Option<&str>,
) -> Result<Option<String>> {
    if !served::is_served(cluster).await? {
        return Err(not_served());
    }
    let volume = volume(claim)?;
    let (keeper, classes) =
        tokio::try_join!(served::keeper(cluster, volume), served::classes(cluster))?;
    choose(&claim.name_any(), &keeper, classes.as_deref(), class)
}

pub(super) fn not_served() -> Error {
    let what = "this cluster serves no VolumeSnapshots (snapshot.storage.k8s.io/v1)";
    Error::new(Kind::Preflight, what)
        .hint("Where the driver of the volumes can take snapshots, ask an administrator for the snapshot controller and its CustomResourceDefinitions (kubernetes-csi/external-snapshotter).")
        .hint("Without them, `kubectl flink savepoint NAME` keeps the state of a running application.")
}

/// The name of the claim's volume.
fn volume(claim: &PersistentVolumeClaim) -> Result<&str> {
    let name = claim.name_any();
    if claim.metadata.deletion_timestamp.is_some() {
        let what = format!("persistentvolumeclaim {name:?} is being deleted");
        return Err(Error::new(Kind::Conflict, what)
            .hint(format!("See `kubectl flink storage describe {name}`.")));
    }
    let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref());
    volume.filter(|_| condition::claim_bound(claim)).ok_or_else(|| {
        let what = format!("persistentvolumeclaim {name:?} has no volume yet, so there is nothing to take a snapshot of");
        Error::new(Kind::Preflight, what)
            .hint("Many volumes are made when the first pod mounts the claim: deploy an application on it first.")
    })
}

/// The class: the one that is wanted, if it is the driver's; else the driver's default; else its only one.
fn choose(
    claim: &str,
    keeper: &Keeper,
    classes: Option<&[VolumeSnapshotClass]>,
    wanted: Option<&str>,
) -> Result<Option<String>> {
    let driver = match keeper {
        Keeper::Driver(driver) => Some(driver.as_str()),
        Keeper::Unknown => None,
        Keeper::Other => {
            let what = format!(
                "the volume of persistentvolumeclaim {claim:?} is not kept by a CSI driver, and only those take snapshots"
            );
            return Err(Error::new(Kind::Preflight, what).hint(
                "Move the state to a volume of a CSI driver or to a store: `kubectl flink storage advise` ranks what there is.",
            ));
        }
    };
    // Whoever may not look leaves the choice to the controller, and hears from it when there is none.
    let Some(classes) = classes else { return Ok(wanted.map(str::to_owned)) };
    let fits = |class: &&VolumeSnapshotClass| driver.is_none_or(|driver| class.driver == driver);
    let fitting: Vec<&VolumeSnapshotClass> = classes.iter().filter(fits).collect();
    let names = |of: &[&VolumeSnapshotClass]| {
        of.iter().map(|class| class.name_any()).collect::<Vec<_>>().join(", ")
    };
    if let Some(wanted) = wanted {
        return match classes.iter().find(|class| class.name_any() == wanted) {
            Some(class) if fits(&class) => Ok(Some(wanted.to_owned())),
            Some(class) => {
                let what = format!(
                    "VolumeSnapshotClass {wanted:?} is for driver {}, and the volume of persistentvolumeclaim {claim:?} is kept by {}",
                    class.driver,
                    driver.unwrap_or_default()
                );
                Err(Error::new(Kind::Preflight, what).hint(known(&names(&fitting))))
            }
            None => {
                let what = format!("VolumeSnapshotClass {wanted:?} not found");
                Err(Error::new(Kind::Preflight, what).hint(known(&names(&fitting))))
            }
        };
    }
    let Some(driver) = driver else { return Ok(None) };
    let defaults: Vec<_> = fitting.iter().filter(|class| class.is_default()).copied().collect();
    match (&defaults[..], &fitting[..]) {
        ([one], _) | ([], [one]) => Ok(Some(one.name_any())),
        (_, []) => {
            let what = format!(
                "no VolumeSnapshotClass is for driver {driver}, which keeps the volume of persistentvolumeclaim {claim:?}"
            );
            Err(Error::new(Kind::Preflight, what).hint(format!(
                "If the driver can take snapshots, ask an administrator for a VolumeSnapshotClass with driver: {driver}."
            )))
        }
        ([], several) => {
            let what = format!(
                "several VolumeSnapshotClasses are for driver {driver}, and none is its default"
            );
            Err(Error::new(Kind::Preflight, what)
                .hint(format!("Choose one with --class: {}.", names(several))))
        }
        (several, _) => {
            let what = format!(
                "more than one VolumeSnapshotClass says that it is the default of driver {driver}"
            );
            Err(Error::new(Kind::Preflight, what)
                .hint(format!("Choose one with --class: {}.", names(several))))
        }
    }
}

fn known(names: &str) -> String {
    match names {
        "" => "No VolumeSnapshotClass is for that driver: ask an administrator for one.".to_owned(),
        names => format!("There are: {names}."),
    }
}

/// The application whose state is on the claim: that of its label, else the only one that uses it.
pub fn application(claim: &PersistentVolumeClaim, users: &Users) -> Option<String> {
    let made_for = claim.labels().get(labels::APPLICATION).cloned();
    let mut users = users.of(claim).into_iter();
    made_for.or_else(|| users.next().filter(|_| users.next().is_none()))
}

/// What the claim is like, in the words of `--storage`.
pub fn like(claim: &PersistentVolumeClaim) -> Option<NewClaim> {
    let spec = claim.spec.as_ref()?;
    let size = [resize::capacity(claim), resize::requested(claim)].into_iter().max();
    let many = spec.access_modes.iter().flatten().any(|mode| mode == "ReadWriteMany");
    Some(NewClaim {
        size: size.filter(|size| !size.is_zero())?,
        class: spec.storage_class_name.clone().filter(|class| !class.is_empty()),
        access: if many { AccessMode::Rwx } else { AccessMode::Rwo },
    })
}

/// Creates the snapshot.
///
/// # Errors
/// [`Kind::Conflict`] when there is one of that name.
pub async fn create(cluster: &Cluster, new: &NewVolumeSnapshot) -> Result<VolumeSnapshot> {
    let snapshot = manifest::volume_snapshot(cluster.namespace(), new);
    let operation = new.operation.to_string();
    let ours =
        |found: &VolumeSnapshot| found.annotations().get(labels::OPERATION) == Some(&operation);
    match write::create(cluster, &cluster.api(), &snapshot, Mode::Real, ours).await? {
        Created::Ours(snapshot) => Ok(snapshot),
        Created::Exists(_) => Err(exists(&new.name)),
    }
}

/// What [`create`] would make.
///
/// # Errors
/// [`Kind::Conflict`] when there is one of that name; what the API server refuses, when it is asked.
pub async fn dry_run(cluster: &Cluster, new: &NewVolumeSnapshot, by: By) -> Result<Change> {
    let api = cluster.api::<VolumeSnapshot>();
    let snapshot = manifest::volume_snapshot(cluster.namespace(), new);
    if read::get(cluster, &api, &new.name).await?.is_some() {
        return Err(exists(&new.name));
    }
    let made = match by {
        By::Client => snapshot,
        By::Server => {
            match write::create(cluster, &api, &snapshot, Mode::DryRun, |_| false).await? {
                Created::Ours(made) => made,
                Created::Exists(_) => return Err(exists(&new.name)),
            }
        }
    };
    let object = ObjectId { kind: ObjectKind::VolumeSnapshot, name: new.name.clone() };
    dry_run::of_one(object, None::<&VolumeSnapshot>, Some(&made))
}

fn exists(name: &str) -> Error {
    let what = format!("volumesnapshot {name:?} exists already");
    Error::new(Kind::Conflict, what)
        .hint("Choose another --name, or leave it out: a name that is free is made then.")
}

/// Waits until a volume can be made from the snapshot. A failure that lasts ends the wait.
///
/// # Errors
/// [`Kind::Preflight`] with the words of the driver or the controller; [`Kind::Timeout`]; [`Kind::NotFound`] when somebody
/// deletes it.
pub async fn ready(cluster: &Cluster, name: &str, deadline: Deadline) -> Result<VolumeSnapshot> {
    let mut watched = Watched::<VolumeSnapshot>::named(cluster.api(), name);
    let mut failed = false;
    loop {
        let until = if failed { deadline.at_most(PATIENCE) } else { deadline };
        let changed = watched.wait_for(until, |found| {
            let Some(snapshot) = found.get(name) else { return Some(None) };
            let news = snapshot.is_ready() || snapshot.failure().is_some() != failed;
            news.then(|| Some(snapshot.clone()))
        });
        match changed.await? {
            Some(Some(snapshot)) if snapshot.is_ready() => return Ok(snapshot),
            Some(Some(snapshot)) => failed = snapshot.failure().is_some(),
            Some(None) => {
                let what = format!("volumesnapshot {name:?} is gone");
                return Err(Error::new(Kind::NotFound, what)
                    .hint("Somebody deleted it before it was ready. Take another one."));
            }
            None => return Err(not_ready(name, watched.objects().get(name))),
        }
    }
}

/// Why a snapshot that was waited for is not ready.
fn not_ready(name: &str, found: Option<&VolumeSnapshot>) -> Error {
    // Kubernetes' controller keeps the source of a snapshot until that is ready (pvc-as-source-protection).
    let give_up = format!(
        "Until it is ready, the claim cannot be deleted. `kubectl delete volumesnapshot {name}` gives it up."
    );
    if let Some(why) = found.and_then(VolumeSnapshot::failure) {
        let what = format!("volumesnapshot {name:?} failed");
        return Error::new(Kind::Preflight, why)
            .context(what)
            .hint("That is what the driver or the snapshot controller says; they go on trying.")
            .hint(give_up);
    }
    let why = match found.and_then(|snapshot| snapshot.status.as_ref()) {
        None => ": no snapshot controller has looked at it",
        Some(_) => "",
    };
    let what = format!("volumesnapshot {name:?} was created, but is not ready yet{why}");
    Error::new(Kind::Timeout, what)
        .hint("It goes on without this command: `kubectl flink storage describe` of the claim shows when it is ready.")
        .hint(give_up)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn class(name: &str, driver: &str, is_default: bool) -> VolumeSnapshotClass {
        let key = "snapshot.storage.kubernetes.io/is-default-class";
        let value = json!({"driver": driver, "metadata": {
            "name": name, "annotations": {key: is_default.to_string()}}});
        serde_json::from_value(value).expect("a class")
    }

    fn claim(status: &Value) -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {"name": "orders-state", "namespace": "shop",
                "labels": {"kubectl-flink.io/application": "orders"}},
            "spec": {"volumeName": "pvc-1", "storageClassName": "fast", "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "10Gi"}}},
            "status": status,
        }))
        .expect("a claim")
    }

    fn bound() -> PersistentVolumeClaim {
        claim(&json!({"phase": "Bound", "capacity": {"storage": "12Gi"}}))
    }

    #[test]
    fn the_class_is_the_drivers_default_or_its_only_one() {
        let ours = Keeper::Driver("disk".to_owned());
        let choose = |classes: &[VolumeSnapshotClass], wanted| {
            choose("orders-state", &ours, Some(classes), wanted)
                .map_err(|error| (error.kind(), format!("{error} {:?}", error.hints())))
        };
        let (a, b) = (class("a", "disk", false), class("b", "disk", true));
        let other = class("other", "nfs", true);
        let name = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(choose(&[a.clone(), b.clone(), other.clone()], None), name("b"));
        assert_eq!(choose(&[a.clone(), other.clone()], None), name("a"));
        assert_eq!(choose(&[a.clone(), b.clone()], Some("a")), name("a"));
        let refused = |classes: &[VolumeSnapshotClass], wanted, words: &str| {
            let (kind, said) = choose(classes, wanted).expect_err("refused");
            assert_eq!(kind, Kind::Preflight);
            assert!(said.contains(words), "{said}");
        };
        let second = class("c", "disk", false);
        refused(&[a.clone(), second], None, "Choose one with --class: a, c.");
        let twice = class("d", "disk", true);
        refused(&[b.clone(), twice], None, "more than one");
        refused(std::slice::from_ref(&other), None, "driver: disk");
        refused(&[a.clone(), other], Some("other"), "is for driver nfs");
        refused(&[a, b], Some("none"), "There are: a, b.");
    }

    #[test]
    fn who_may_not_look_leaves_the_choice_to_the_controller() {
        let classes = [class("a", "disk", false), class("b", "nfs", false)];
        let choose = |keeper, classes, wanted| {
            choose("orders-state", &keeper, classes, wanted).map_err(|error| error.kind())
        };
        let ours = || Keeper::Driver("disk".to_owned());
        assert_eq!(choose(ours(), None, None), Ok(None));
        assert_eq!(choose(ours(), None, Some("x")), Ok(Some("x".to_owned())));
        assert_eq!(choose(Keeper::Unknown, Some(&classes), None), Ok(None));
        assert_eq!(choose(Keeper::Other, Some(&classes), None), Err(Kind::Preflight));
    }

    #[test]
    fn a_claim_without_a_volume_has_nothing_to_take_a_snapshot_of() {
        assert_eq!(volume(&bound()).ok(), Some("pvc-1"));
        let pending = claim(&json!({"phase": "Pending"}));
        assert_eq!(volume(&pending).map_err(|e| e.kind()), Err(Kind::Preflight));
        let mut dying = bound();
        dying.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
        assert_eq!(volume(&dying).map_err(|e| e.kind()), Err(Kind::Conflict));
    }

    #[test]
    fn the_snapshot_says_whose_it_is_and_what_its_claim_was_like() {
        let claim = bound();
        let new = NewVolumeSnapshot {
            name: "s".to_owned(),
            claim: claim.name_any(),
            like: like(&claim),
            image: Some("flink:2.3.0".to_owned()),
            application: application(&claim, &Users::default()),
            class: Some("a".to_owned()),
            operation: crate::model::ids::OperationId::from_random([0; 8]),
        };
        let made = manifest::volume_snapshot("shop", &new);
        insta::assert_snapshot!(crate::yaml::to_string(&made).expect("YAML"), @r#"
        apiVersion: snapshot.storage.k8s.io/v1
        kind: VolumeSnapshot
        metadata:
          annotations:
            kubectl-flink.io/image: flink:2.3.0
            kubectl-flink.io/operation: "0000000000"
            kubectl-flink.io/storage: pvc:12Gi,class=fast,access=rwx
          labels:
            app.kubernetes.io/component: storage
            app.kubernetes.io/instance: orders
            app.kubernetes.io/managed-by: kubectl-flink
            app.kubernetes.io/name: flink
            kubectl-flink.io/application: orders
            kubectl-flink.io/component: storage
          name: s
          namespace: shop
        spec:
          source:
            persistentVolumeClaimName: orders-state
          volumeSnapshotClassName: a
        "#);
    }

    #[test]
    fn the_drivers_words_come_with_a_failure_and_a_silent_controller_is_named() {
        let with = |status: Value| -> VolumeSnapshot {
            serde_json::from_value(json!({"apiVersion": "v1", "kind": "VolumeSnapshot",
                "metadata": {"name": "s"}, "spec": {"source": {}}, "status": status}))
            .expect("a volume snapshot")
        };
        let failed = with(json!({"readyToUse": false, "error": {"message": "the pool is full"}}));
        let error = not_ready("s", Some(&failed));
        assert_eq!(error.kind(), Kind::Preflight);
        assert!(error.to_string().contains("the pool is full"), "{error}");
        let slow = not_ready("s", Some(&with(json!({"readyToUse": false}))));
        assert_eq!(slow.kind(), Kind::Timeout);
        assert!(!slow.to_string().contains("controller"), "{slow}");
        let unseen = not_ready("s", Some(&with(Value::Null)));
        assert!(unseen.to_string().contains("no snapshot controller"), "{unseen}");
    }
}
