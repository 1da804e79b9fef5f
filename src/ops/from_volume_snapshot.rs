//! A claim that has the content of a volume snapshot.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;

use crate::cluster::survey::StorageClassInfo;
use crate::cluster::volume_snapshots as served;
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::model::labels;
use crate::model::quantity::Quantity;
use crate::model::storage::{AccessMode, NewClaim, StorageSpec};
use crate::model::volume_snapshot::{VolumeSnapshot, VolumeSnapshotClass};
use crate::ops::volume_snapshots::{like, not_served};

/// Finds a volume snapshot that a claim can be made from.
///
/// # Errors
/// [`Kind::Preflight`] where the cluster serves none or this one is not ready; [`Kind::NotFound`]; [`Kind::Conflict`] when it is
/// being deleted.
pub async fn find(cluster: &Cluster, name: &str) -> Result<VolumeSnapshot> {
    if !served::is_served(cluster).await? {
        return Err(not_served());
    }
    let found = read::get::<VolumeSnapshot>(cluster, &cluster.api(), name).await?;
    let found = found.ok_or_else(|| {
        let namespace = cluster.namespace();
        let what = format!("volumesnapshot {name:?} not found in namespace {namespace:?}");
        Error::new(Kind::NotFound, what)
            .hint("List them with `kubectl get volumesnapshots`; a claim can only be made from one of its own namespace.")
    })?;
    usable(&found)?;
    Ok(found)
}

fn usable(snapshot: &VolumeSnapshot) -> Result<()> {
    let name = snapshot.name_any();
    if snapshot.metadata.deletion_timestamp.is_some() {
        let what = format!("volumesnapshot {name:?} is being deleted");
        return Err(Error::new(Kind::Conflict, what).hint("Take another one."));
    }
    if snapshot.is_ready() {
        return Ok(());
    }
    let what = format!("volumesnapshot {name:?} is not ready");
    let error = match snapshot.failure() {
        Some(why) => Error::new(Kind::Preflight, why).context(what),
        None => Error::new(Kind::Preflight, what),
    };
    Err(error.hint(format!(
        "Wait for it with `kubectl wait --for=jsonpath={{.status.readyToUse}}=true volumesnapshot/{name}`, or use another one."
    )))
}

/// A claim like the one that a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What the claim is to be.
    pub new: NewClaim,
    /// The image that wrote the content last, where somebody noted it.
    pub image: Option<String>,
}

/// What the claim is to be: `asked`, as far as it says anything; else like the claim that the snapshot is of.
///
/// # Errors
/// As [`of`].
pub async fn claim(
    cluster: &Cluster,
    snapshot: &VolumeSnapshot,
    asked: Option<NewClaim>,
) -> Result<Copy> {
    // A snapshot that somebody else took does not tell what its claim was like; the claim may still be there.
    let source = match (recorded(snapshot), snapshot.claim()) {
        (None, Some(source)) => {
            read::get::<PersistentVolumeClaim>(cluster, &cluster.api(), source).await?
        }
        _ => None,
    };
    let noted = source.as_ref().and_then(|source| source.annotations().get(labels::IMAGE));
    let image = snapshot.annotations().get(labels::IMAGE).or(noted).cloned();
    Ok(Copy { new: of(snapshot, source.as_ref(), asked)?, image })
}

/// What a snapshot of ours says of its claim.
fn recorded(snapshot: &VolumeSnapshot) -> Option<NewClaim> {
    match snapshot.annotations().get(labels::STORAGE)?.parse() {
        Ok(StorageSpec::NewClaim(claim)) => Some(claim),
        _ => None,
    }
}

/// The least size, where the driver says one.
fn least(snapshot: &VolumeSnapshot) -> Option<Quantity> {
    let size = snapshot.status.as_ref()?.restore_size.as_ref()?;
    size.0.parse().ok().filter(|size: &Quantity| !size.is_zero())
}

/// As [`claim`], once the claim of the snapshot, if it is there, is known.
///
/// # Errors
/// [`Kind::Usage`] for a size below what the snapshot needs, and where nobody says a size.
fn of(
    snapshot: &VolumeSnapshot,
    source: Option<&PersistentVolumeClaim>,
    asked: Option<NewClaim>,
) -> Result<NewClaim> {
    let (name, least) = (snapshot.name_any(), least(snapshot));
    let before = recorded(snapshot).or_else(|| source.and_then(like));
    let class = before.as_ref().and_then(|before| before.class.clone());
    let new = match (asked, before, least) {
        (Some(asked), _, _) => NewClaim { class: asked.class.or(class), ..asked },
        (None, Some(before), least) => NewClaim { size: least.unwrap_or(before.size), ..before },
        (None, None, Some(size)) => NewClaim { size, class: None, access: AccessMode::default() },
        (None, None, None) => {
            let what = format!("volumesnapshot {name:?} does not say how large a volume it needs");
            return Err(Error::usage(what).hint("Give the size: pvc:SIZE."));
        }
    };
    match least {
        Some(least) if new.size < least => {
            let what = format!("{} is too small: volumesnapshot {name:?} needs {least}", new.size);
            Err(Error::usage(what).hint(format!("Give pvc:{least} or more, or leave STORAGE out.")))
        }
        _ => Ok(new),
    }
}

/// Whether the StorageClass is of the driver that keeps the snapshot, as far as one may look.
///
/// # Errors
/// [`Kind::Preflight`] when it is of another.
pub async fn fits(
    cluster: &Cluster,
    snapshot: &VolumeSnapshot,
    class: Option<&StorageClassInfo>,
) -> Result<()> {
    let classes = served::classes(cluster).await?.unwrap_or_default();
    same_driver(snapshot, &classes, class)
}

fn same_driver(
    snapshot: &VolumeSnapshot,
    classes: &[VolumeSnapshotClass],
    class: Option<&StorageClassInfo>,
) -> Result<()> {
    let name = snapshot.spec.volume_snapshot_class_name.as_deref();
    let taken_with = classes.iter().find(|class| Some(class.name_any().as_str()) == name);
    match (taken_with, class) {
        (Some(taken_with), Some(class)) if taken_with.driver != class.provisioner => {
            let what = format!(
                "volumesnapshot {:?} is kept by driver {}, and volumes of StorageClass {:?} by {}",
                snapshot.name_any(),
                taken_with.driver,
                class.name,
                class.provisioner
            );
            Err(Error::new(Kind::Preflight, what)
                .hint("Name a StorageClass of that driver: pvc:SIZE,class=NAME."))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn snapshot(storage: Option<&str>, status: &Value) -> VolumeSnapshot {
        let annotations = storage.map(|text| json!({"kubectl-flink.io/storage": text}));
        serde_json::from_value(json!({
            "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
            "metadata": {"name": "s", "annotations": annotations}, "status": status,
            "spec": {"volumeSnapshotClassName": "disks",
                "source": {"persistentVolumeClaimName": "orders-state"}},
        }))
        .expect("a volume snapshot")
    }

    fn ready(storage: Option<&str>, size: &str) -> VolumeSnapshot {
        snapshot(storage, &json!({"readyToUse": true, "restoreSize": size}))
    }

    fn pvc(text: &str) -> NewClaim {
        match text.parse() {
            Ok(StorageSpec::NewClaim(new)) => new,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_claim_is_never_smaller_than_the_snapshot_needs() {
        let snapshot = ready(Some("pvc:12Gi,class=fast"), "10Gi");
        let made = |asked: Option<&str>| {
            of(&snapshot, None, asked.map(pvc)).map(|new| StorageSpec::NewClaim(new).to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(made(None).ok(), is("pvc:10Gi,class=fast"));
        assert_eq!(made(Some("pvc:20Gi")).ok(), is("pvc:20Gi,class=fast"));
        assert_eq!(made(Some("pvc:10Gi,class=slow")).ok(), is("pvc:10Gi,class=slow"));
        let error = made(Some("pvc:9Gi")).expect_err("too small");
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("needs 10Gi"), "{error}");
    }

    #[test]
    fn a_driver_that_says_no_size_and_a_snapshot_of_somebody_else_are_borne() {
        let made = |snapshot: &VolumeSnapshot, source: Option<&PersistentVolumeClaim>| {
            of(snapshot, source, None).map(|new| StorageSpec::NewClaim(new).to_string())
        };
        let unsized_ = ready(Some("pvc:1Gi,class=dirs,access=rwx"), "0");
        assert_eq!(made(&unsized_, None).ok().as_deref(), Some("pvc:1Gi,class=dirs,access=rwx"));
        let source = serde_json::from_value(json!({
            "metadata": {"name": "orders-state"},
            "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "3Gi"}}},
        }))
        .expect("a claim");
        assert_eq!(
            made(&ready(None, "2Gi"), Some(&source)).ok().as_deref(),
            Some("pvc:2Gi,class=fast")
        );
        assert_eq!(made(&ready(None, "2Gi"), None).ok().as_deref(), Some("pvc:2Gi"));
        assert_eq!(made(&ready(None, "0"), None).map_err(|e| e.kind()), Err(Kind::Usage));
    }

    #[test]
    fn only_a_snapshot_that_is_ready_and_stays_is_used() {
        assert!(usable(&ready(None, "1Gi")).is_ok());
        let failed = snapshot(None, &json!({"readyToUse": false, "error": {"message": "no room"}}));
        let error = usable(&failed).expect_err("failed");
        assert_eq!(error.kind(), Kind::Preflight);
        assert!(error.to_string().contains("no room"), "{error}");
        assert!(usable(&snapshot(None, &Value::Null)).is_err());
        let mut dying = ready(None, "1Gi");
        dying.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
        assert_eq!(usable(&dying).map_err(|e| e.kind()), Err(Kind::Conflict));
    }

    #[test]
    fn the_volume_is_made_by_the_driver_that_keeps_the_snapshot() {
        let class = |provisioner: &str| StorageClassInfo {
            name: "fast".to_owned(),
            provisioner: provisioner.to_owned(),
            is_default: false,
            waits_for_consumer: false,
            expandable: false,
            deletes_with_claim: true,
        };
        let disks =
            serde_json::from_value(json!({"metadata": {"name": "disks"}, "driver": "disk"}));
        let disks: [VolumeSnapshotClass; 1] = [disks.expect("a class")];
        let fits = |class| same_driver(&ready(None, "1Gi"), &disks, class).is_ok();
        let (disk, nfs) = (class("disk"), class("nfs"));
        assert!(fits(Some(&disk)) && fits(None));
        assert!(!fits(Some(&nfs)));
        assert!(same_driver(&ready(None, "1Gi"), &[], Some(&nfs)).is_ok());
    }
}
