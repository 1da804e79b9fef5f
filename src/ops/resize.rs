//! More room for a claim that is in use.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::cluster::observe::events_about;
use crate::cluster::survey::{self, StorageClassInfo};
use crate::cluster::watch::Watched;
use crate::cluster::write::{self, Mode};
use crate::cluster::{Cluster, condition, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::quantity::Quantity;
use crate::ops::claims;
use crate::ops::dry_run::{self, By, Change};
use crate::ops::new_claim;

/// Where a claim is on its way to a larger size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Growth {
    /// Whoever made the volume has to make it larger.
    Volume,
    /// The volume has its size; the file system on it gets it from the node that mounts it.
    FileSystem,
    /// It has the size.
    Done,
    /// The driver said that it cannot be.
    Infeasible,
}

/// What a resize comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The claim must be changed.
    Change,
    /// It asks for this size already, and does not have it yet.
    Asked,
    /// It has this size.
    Has,
}

/// Checks all that can be checked before the claim is written.
///
/// # Errors
/// [`Kind::Usage`] for a size below what there is; [`Kind::Preflight`] when the claim has no volume yet, its
/// StorageClass does not let volumes grow, or a quota leaves no room; [`Kind::Conflict`] when it is being deleted.
pub async fn check(
    cluster: &Cluster,
    claim: &PersistentVolumeClaim,
    size: Quantity,
) -> Result<Wanted> {
    let (classes, quotas) =
        tokio::try_join!(survey::storage_classes(cluster), survey::quotas(cluster))?;
    let wanted = wanted(claim, size)?;
    if wanted == Wanted::Change {
        // Whoever may not list StorageClasses is told by the API server, which asks the class too.
        classes.map_or(Ok(()), |classes| can_grow(claim, &classes))?;
        let more = Quantity::from_bytes(size.bytes().saturating_sub(requested(claim).bytes()));
        let class = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
        new_claim::has_room(class, more, false, &quotas.unwrap_or_default())?;
    }
    Ok(wanted)
}

fn wanted(claim: &PersistentVolumeClaim, size: Quantity) -> Result<Wanted> {
    let name = claim.name_any();
    if claim.metadata.deletion_timestamp.is_some() {
        let what = format!("persistentvolumeclaim {name:?} is being deleted");
        return Err(Error::new(Kind::Conflict, what)
            .hint(format!("See `kubectl flink storage describe {name}`.")));
    }
    if !condition::claim_bound(claim) {
        let what = format!("persistentvolumeclaim {name:?} has no volume yet, so it cannot grow");
        return Err(Error::new(Kind::Preflight, what).hint(format!(
            "Many volumes are made when the first pod mounts the claim. As long as there is none, delete it with `kubectl flink storage delete {name}` and make a larger one."
        )));
    }
    let (asked, has) = (requested(claim), capacity(claim));
    // What was asked for and cannot be had may be taken back (Kubernetes 1.34, KEP-1790), down to what there is.
    if size.bytes() < has.bytes() {
        let what =
            format!("persistentvolumeclaim {name:?} has {has}: a volume cannot shrink to {size}");
        return Err(Error::usage(what).hint(
            "Give a larger size. To save room, delete old snapshots, or move the application to a smaller claim.",
        ));
    }
    Ok(match (size == asked, size.bytes() <= has.bytes()) {
        (_, true) if asked.bytes() <= has.bytes() => Wanted::Has,
        (true, _) => Wanted::Asked,
        (false, _) => Wanted::Change,
    })
}

fn can_grow(claim: &PersistentVolumeClaim, classes: &[StorageClassInfo]) -> Result<()> {
    let name = claim.name_any();
    let class = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
    let refuse = |why: String| {
        let growing: Vec<&str> = classes
            .iter()
            .filter(|class| class.expandable)
            .map(|class| class.name.as_str())
            .collect();
        let others = match growing.is_empty() {
            true => "No StorageClass of this cluster lets volumes grow.".to_owned(),
            false => format!("Volumes of these classes can grow: {}.", growing.join(", ")),
        };
        let what = format!("persistentvolumeclaim {name:?} cannot grow: {why}");
        Error::new(Kind::Preflight, what).hint(others)
    };
    match class.filter(|class| !class.is_empty()) {
        None => Err(refuse("its volume was made by hand, without a StorageClass".to_owned())),
        Some(class) => match classes.iter().find(|known| known.name == class) {
            None => Err(refuse(format!("its StorageClass {class:?} is gone"))),
            Some(known) if !known.expandable => {
                Err(refuse(format!("StorageClass {class:?} does not allow volume expansion")).hint(
                    format!("If the driver {} can do it, an administrator may set allowVolumeExpansion: true on the class.", known.provisioner),
                ))
            }
            Some(_) => Ok(()),
        },
    }
}

fn amount(amounts: Option<&BTreeMap<String, Amount>>) -> Quantity {
    let text = amounts.and_then(|all| all.get("storage"));
    text.and_then(|text| text.0.parse().ok()).unwrap_or(Quantity::from_bytes(0))
}

/// What the claim asks for.
pub fn requested(claim: &PersistentVolumeClaim) -> Quantity {
    amount(claim.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.as_ref()))
}

/// What its volume and file system have.
pub fn capacity(claim: &PersistentVolumeClaim) -> Quantity {
    amount(claim.status.as_ref().and_then(|status| status.capacity.as_ref()))
}

fn patch(size: Quantity) -> Value {
    json!({"spec": {"resources": {"requests": {"storage": size.to_string()}}}})
}

/// Asks for the size. Asking twice is the same as once.
///
/// # Errors
/// As the API server gives them.
pub async fn grow(cluster: &Cluster, name: &str, size: Quantity) -> Result<PersistentVolumeClaim> {
    write::merge(cluster, &cluster.api(), name, &patch(size), Mode::Real).await
}

/// What [`grow`] would do.
///
/// # Errors
/// What the API server refuses, when it is asked.
pub async fn dry_run(
    cluster: &Cluster,
    claim: &PersistentVolumeClaim,
    size: Quantity,
    by: By,
) -> Result<Change> {
    let name = claim.name_any();
    let after = match by {
        By::Server => {
            write::merge(cluster, &cluster.api(), &name, &patch(size), Mode::DryRun).await?
        }
        By::Client => {
            let mut after = claim.clone();
            let resources = after.spec.get_or_insert_default().resources.get_or_insert_default();
            let requests = resources.requests.get_or_insert_default();
            requests.insert("storage".to_owned(), Amount(size.to_string()));
            after
        }
    };
    let object = ObjectId { kind: ObjectKind::PersistentVolumeClaim, name };
    dry_run::of_one(object, Some(claim), Some(&after))
}

/// How far the claim is, by its own status.
pub fn growth(claim: &PersistentVolumeClaim, size: Quantity) -> Growth {
    let status = claim.status.as_ref();
    let resizing = status.and_then(|s| s.allocated_resource_statuses.as_ref()?.get("storage"));
    let pending = |kind: &str| {
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        conditions.iter().any(|c| c.type_ == kind && c.status == "True")
    };
    if resizing.is_some_and(|state| state.ends_with("Infeasible")) {
        return Growth::Infeasible;
    }
    if pending("FileSystemResizePending") {
        return Growth::FileSystem;
    }
    match capacity(claim).bytes() >= size.bytes() && !pending("Resizing") {
        true => Growth::Done,
        false => Growth::Volume,
    }
}

/// Waits until the claim has its size, and tells `reached` of each new stage. Gives the last one:
/// [`Growth::FileSystem`] when no pod mounts the claim, as then the file system grows with the next mount.
///
/// # Errors
/// [`Kind::Timeout`] and [`Kind::Preflight`] with the reason that the claim's events give.
pub async fn finished(
    cluster: &Cluster,
    name: &str,
    size: Quantity,
    deadline: Deadline,
    mut reached: impl FnMut(&Growth),
) -> Result<Growth> {
    let mut watched = Watched::<PersistentVolumeClaim>::named(cluster.api(), name);
    let mut last = None;
    loop {
        let changed = watched.wait_for(deadline, |claims| match claims.get(name) {
            None => Some(None),
            Some(claim) => {
                let now = Some(growth(claim, size));
                (now != last).then_some(now)
            }
        });
        let stage = match changed.await? {
            Some(Some(stage)) => stage,
            Some(None) => {
                let what = format!("persistentvolumeclaim {name:?} is gone");
                return Err(Error::new(Kind::NotFound, what));
            }
            None => {
                let events = events_about(cluster, name).await?;
                return Err(late(name, size, last.as_ref(), &events));
            }
        };
        reached(&stage);
        match stage {
            Growth::Done => return Ok(stage),
            Growth::FileSystem if !is_mounted(cluster, name).await? => return Ok(stage),
            Growth::Infeasible => {
                return Err(infeasible(name, size, &events_about(cluster, name).await?));
            }
            Growth::Volume | Growth::FileSystem => last = Some(stage),
        }
    }
}

async fn is_mounted(cluster: &Cluster, name: &str) -> Result<bool> {
    let pods = read::list::<Pod>(cluster, &cluster.api(), "").await?;
    Ok(pods.iter().any(|pod| !condition::pod_ended(pod) && claims::mounts(pod, name)))
}

/// What the driver said last.
fn reason(events: &[Event]) -> Option<String> {
    let warnings = events.iter().filter(|event| event.type_.as_deref() == Some("Warning"));
    let resizes =
        warnings.filter(|event| event.reason.as_ref().is_some_and(|r| r.contains("Resize")));
    resizes.max_by_key(|event| event.last_timestamp.clone()).and_then(|event| event.message.clone())
}

fn late(name: &str, size: Quantity, stage: Option<&Growth>, events: &[Event]) -> Error {
    let what = match stage {
        Some(Growth::FileSystem) => "its volume has grown, and its file system has not yet",
        _ => "its volume has not grown yet",
    };
    let what = format!("persistentvolumeclaim {name:?} was asked to grow to {size}, but {what}");
    let error = match reason(events) {
        Some(reason) => Error::new(Kind::Timeout, reason).context(what),
        None => Error::new(Kind::Timeout, what),
    };
    error.hint("It goes on without this command; run the same again to wait for it.")
}

fn infeasible(name: &str, size: Quantity, events: &[Event]) -> Error {
    let why = reason(events).unwrap_or_else(|| "the driver gave no reason".to_owned());
    let what = format!("persistentvolumeclaim {name:?} cannot grow to {size}");
    Error::new(Kind::Preflight, why).context(what).hint(
        "Ask for a size that the driver can give: what was asked for may be taken back, down to what there is.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(requested: &str, status: &Value) -> PersistentVolumeClaim {
        let value = json!({
            "metadata": {"name": "orders-state"},
            "spec": {
                "storageClassName": "fast",
                "resources": {"requests": {"storage": requested}},
            },
            "status": status,
        });
        serde_json::from_value(value).expect("a claim")
    }

    fn bound(requested: &str, capacity: &str) -> PersistentVolumeClaim {
        claim(requested, &json!({"phase": "Bound", "capacity": {"storage": capacity}}))
    }

    fn size(text: &str) -> Quantity {
        text.parse().expect(text)
    }

    #[test]
    fn a_volume_never_shrinks() {
        let ask = |claim: &PersistentVolumeClaim, to| wanted(claim, size(to)).map_err(|e| e.kind());
        let claim = bound("10Gi", "10Gi");
        assert_eq!(ask(&claim, "20Gi"), Ok(Wanted::Change));
        assert_eq!(ask(&claim, "10Gi"), Ok(Wanted::Has));
        assert_eq!(ask(&claim, "9Gi"), Err(Kind::Usage));
        // The driver gave more than was asked for.
        let larger = bound("10Gi", "12Gi");
        assert_eq!(ask(&larger, "11Gi"), Err(Kind::Usage));
        assert_eq!(ask(&larger, "12Gi"), Ok(Wanted::Has));
    }

    #[test]
    fn what_was_asked_for_and_never_came_may_be_waited_for_or_taken_back() {
        let ask = |to| wanted(&bound("100Gi", "10Gi"), size(to)).map_err(|e| e.kind());
        assert_eq!(ask("100Gi"), Ok(Wanted::Asked));
        assert_eq!(ask("50Gi"), Ok(Wanted::Change));
        assert_eq!(ask("10Gi"), Ok(Wanted::Change));
        assert_eq!(ask("9Gi"), Err(Kind::Usage));
    }

    #[test]
    fn a_claim_without_a_volume_or_on_its_way_out_does_not_grow() {
        let pending = claim("10Gi", &json!({"phase": "Pending"}));
        assert_eq!(wanted(&pending, size("20Gi")).map_err(|e| e.kind()), Err(Kind::Preflight));
        let mut dying = bound("10Gi", "10Gi");
        dying.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
        assert_eq!(wanted(&dying, size("20Gi")).map_err(|e| e.kind()), Err(Kind::Conflict));
    }

    #[test]
    fn the_class_has_to_allow_it() {
        let class = |name: &str, expandable| StorageClassInfo {
            name: name.to_owned(),
            provisioner: "example.com/disk".to_owned(),
            is_default: false,
            waits_for_consumer: false,
            expandable,
            deletes_with_claim: true,
        };
        let claim = bound("10Gi", "10Gi");
        assert!(can_grow(&claim, &[class("fast", true)]).is_ok());
        let refused = |classes: &[StorageClassInfo]| {
            let error = can_grow(&claim, classes).expect_err("refused");
            assert_eq!(error.kind(), Kind::Preflight);
            (error.to_string(), error.hints().join(" "))
        };
        let (what, hints) = refused(&[class("fast", false), class("slow", true)]);
        assert!(what.contains("does not allow volume expansion"), "{what}");
        assert!(hints.contains("classes can grow: slow"), "{hints}");
        assert!(refused(&[class("slow", false)]).0.contains("is gone"));
        let mut by_hand = claim.clone();
        by_hand.spec.get_or_insert_default().storage_class_name = Some(String::new());
        assert!(can_grow(&by_hand, &[class("fast", true)]).is_err());
    }

    #[test]
    fn each_stage_is_told_from_the_status() {
        let with = |capacity: &str, condition: &str, state: Option<&str>| {
            let mut status = json!({"phase": "Bound", "capacity": {"storage": capacity}});
            if !condition.is_empty() {
                status["conditions"] = json!([{"type": condition, "status": "True"}]);
            }
            if let Some(state) = state {
                status["allocatedResourceStatuses"] = json!({"storage": state});
            }
            growth(&claim("20Gi", &status), size("20Gi"))
        };
        assert_eq!(with("10Gi", "", None), Growth::Volume);
        assert_eq!(with("10Gi", "Resizing", Some("ControllerResizeInProgress")), Growth::Volume);
        let waiting = with("10Gi", "FileSystemResizePending", Some("NodeResizePending"));
        assert_eq!(waiting, Growth::FileSystem);
        assert_eq!(
            with("10Gi", "Resizing", Some("ControllerResizeInfeasible")),
            Growth::Infeasible
        );
        assert_eq!(with("20Gi", "Resizing", None), Growth::Volume);
        assert_eq!(with("20Gi", "", None), Growth::Done);
    }

    #[test]
    fn the_drivers_reason_comes_with_the_failure() {
        let event = |kind: &str, reason: &str, message: &str, time: &str| -> Event {
            serde_json::from_value(json!({
                "metadata": {"name": "e"}, "type": kind, "reason": reason, "message": message,
                "lastTimestamp": time, "involvedObject": {},
            }))
            .expect("an event")
        };
        let events = [
            event("Warning", "VolumeResizeFailed", "the pool is full", "2026-01-01T00:00:02Z"),
            event("Warning", "VolumeResizeFailed", "try later", "2026-01-01T00:00:01Z"),
            event("Normal", "Resizing", "resizing", "2026-01-01T00:00:03Z"),
        ];
        for error in [
            late("orders-state", size("20Gi"), Some(&Growth::Volume), &events),
            infeasible("orders-state", size("20Gi"), &events),
        ] {
            assert!(error.to_string().contains("the pool is full"), "{error}");
            assert!(!error.hints().is_empty());
        }
        let silent = late("orders-state", size("20Gi"), Some(&Growth::FileSystem), &[]);
        assert_eq!(silent.kind(), Kind::Timeout);
        assert!(silent.to_string().contains("file system has not yet"), "{silent}");
    }
}
