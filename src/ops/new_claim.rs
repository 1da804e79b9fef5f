//! Making a claim that no application has asked for yet.

use k8s_openapi::api::core::v1::{
    Event, PersistentVolumeClaim, ResourceQuota, TypedLocalObjectReference,
};
use kube::ResourceExt;

use crate::cluster::diagnose::Observed;
use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::cluster::observe::events_about;
use crate::cluster::survey::{self, NamespaceInfo, StorageClassInfo};
use crate::cluster::watch::Watched;
use crate::cluster::write::{self, Created, Mode};
use crate::cluster::{Cluster, condition, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::ids::OperationId;
use crate::model::labels;
use crate::model::provisioner;
use crate::model::quantity::Quantity;
use crate::model::storage::{AccessMode, NewClaim};
use crate::model::volume_snapshot;
use crate::ops::dry_run::{self, By, Change};
use crate::ops::preflight;

/// Checks all that can be checked before the claim is written; gives its StorageClass, if one may look.
///
/// # Errors
/// [`Kind::NotFound`] for a missing namespace, else as [`servable`].
pub async fn check(cluster: &Cluster, new: &NewClaim) -> Result<Option<StorageClassInfo>> {
    if survey::namespace(cluster).await? == NamespaceInfo::Missing {
        return Err(preflight::no_namespace(cluster.namespace()));
    }
    servable(cluster, new).await
}

/// Whether the cluster can serve the request; gives the StorageClass, if one may look.
///
/// # Errors
/// [`Kind::Preflight`] for a class that does not exist or cannot do what is asked, and for a full quota.
pub async fn servable(cluster: &Cluster, new: &NewClaim) -> Result<Option<StorageClassInfo>> {
    let (classes, quotas) =
        tokio::try_join!(survey::storage_classes(cluster), survey::quotas(cluster))?;
    has_room(new.class.as_deref(), new.size, true, &quotas.unwrap_or_default())?;
    // Whoever may not list StorageClasses finds out from the claim's events.
    let Some(classes) = classes else { return Ok(None) };
    let class = class(new, &classes)?;
    access(new, class)?;
    Ok(Some(class.clone()))
}

/// The StorageClass must exist; without one in the request there must be a default.
fn class<'a>(new: &NewClaim, classes: &'a [StorageClassInfo]) -> Result<&'a StorageClassInfo> {
    let known = || {
        let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
        match names.is_empty() {
            true => "The cluster has no StorageClass: ask its administrator for one.".to_owned(),
            false => format!("There are: {}.", names.join(", ")),
        }
    };
    match &new.class {
        Some(name) => classes.iter().find(|class| class.name == *name).ok_or_else(|| {
            Error::new(Kind::Preflight, format!("StorageClass {name:?} not found")).hint(known())
        }),
        None => classes.iter().find(|class| class.is_default).ok_or_else(|| {
            Error::new(Kind::Preflight, "the cluster has no default StorageClass")
                .hint("Name one: pvc:SIZE,class=NAME.")
                .hint(known())
        }),
    }
}

/// Whether the namespace's quotas leave room for `more` bytes of storage of a class, in a claim more if `new`.
///
/// # Errors
/// [`Kind::Preflight`] with the quota that does not.
pub(super) fn has_room(
    class: Option<&str>,
    more: Quantity,
    new: bool,
    quotas: &[ResourceQuota],
) -> Result<()> {
    let mut wanted = vec![("requests.storage".to_owned(), more)];
    if new {
        wanted.push(("persistentvolumeclaims".to_owned(), "1".parse()?));
    }
    if let Some(class) = class {
        wanted.push((format!("{class}.storageclass.storage.k8s.io/requests.storage"), more));
    }
    for quota in quotas {
        let status = quota.status.clone().unwrap_or_default();
        let (hard, used) = (status.hard.unwrap_or_default(), status.used.unwrap_or_default());
        for (resource, amount) in &wanted {
            let parse = |text: Option<&k8s_openapi::apimachinery::pkg::api::resource::Quantity>| {
                text.and_then(|text| text.0.parse::<Quantity>().ok())
            };
            let Some(limit) = parse(hard.get(resource)) else { continue };
            let taken = parse(used.get(resource)).unwrap_or(Quantity::from_bytes(0));
            if Quantity::from_bytes(taken.bytes().saturating_add(amount.bytes())) > limit {
                return Err(Error::new(
                    Kind::Preflight,
                    format!("quota {:?} allows {limit} of {resource}, of which {taken} are used, and {amount} more are asked for", quota.name_any()),
                )
                .hint("Ask for a smaller volume, delete what is not needed, or have the quota raised."));
            }
        }
    }
    Ok(())
}

/// Refuses a request for many nodes to a driver that is known to serve one.
///
/// # Errors
/// [`Kind::Preflight`]: the claim would stay pending for ever.
fn access(new: &NewClaim, class: &StorageClassInfo) -> Result<()> {
    if new.access == AccessMode::Rwo || !provisioner::is_for_one_node(&class.provisioner) {
        return Ok(());
    }
    let what = format!(
        "volumes of StorageClass {:?} ({}) can be mounted on one node only, not on many (ReadWriteMany)",
        class.name, class.provisioner
    );
    Err(Error::new(Kind::Preflight, what).hint(
        "Leave access=rwx out, so that all pods are kept on one node, or name a class of shared file systems (NFS, EFS, Azure Files, CephFS, …).",
    ))
}

/// A claim to be made.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is to be.
    pub new: &'a NewClaim,
    /// The VolumeSnapshot whose content it is to have; empty without one.
    pub from: Option<&'a str>,
    /// The image that wrote that content last, where it is known.
    pub image: Option<&'a str>,
    /// The operation that makes it.
    pub operation: &'a OperationId,
}

impl Request<'_> {
    fn object(&self, cluster: &Cluster) -> PersistentVolumeClaim {
        let mut claim = manifest::shared_claim(self.name, cluster.namespace(), self.new);
        let operation = (labels::OPERATION.to_owned(), self.operation.to_string());
        let image = self.image.map(|image| (labels::IMAGE.to_owned(), image.to_owned()));
        claim.metadata.annotations = Some(std::iter::once(operation).chain(image).collect());
        let source = self.from.map(|name| TypedLocalObjectReference {
            api_group: Some(volume_snapshot::GROUP.to_owned()),
            kind: volume_snapshot::KIND.to_owned(),
            name: name.to_owned(),
        });
        claim.spec.get_or_insert_default().data_source = source;
        claim
    }
}

/// Creates the claim.
///
/// # Errors
/// [`Kind::Conflict`] when there is one of that name.
pub async fn create(cluster: &Cluster, request: Request<'_>) -> Result<PersistentVolumeClaim> {
    let operation = request.operation.to_string();
    let ours = |found: &PersistentVolumeClaim| {
        found.annotations().get(labels::OPERATION) == Some(&operation)
    };
    let claim = request.object(cluster);
    match write::create(cluster, &cluster.api(), &claim, Mode::Real, ours).await? {
        Created::Ours(claim) => Ok(claim),
        Created::Exists(_) => Err(exists(request.name)),
    }
}

/// What [`create`] would make.
///
/// # Errors
/// [`Kind::Conflict`] when there is one of that name; what the API server refuses, when it is asked.
pub async fn dry_run(cluster: &Cluster, request: Request<'_>, by: By) -> Result<Change> {
    let (name, claim, api) = (request.name, request.object(cluster), cluster.api());
    let object = ObjectId { kind: ObjectKind::PersistentVolumeClaim, name: name.to_owned() };
    if read::get::<PersistentVolumeClaim>(cluster, &api, name).await?.is_some() {
        return Err(exists(name));
    }
    let made = match by {
        By::Client => claim,
        By::Server => match write::create(cluster, &api, &claim, Mode::DryRun, |_| false).await? {
            Created::Ours(made) => made,
            Created::Exists(_) => return Err(exists(name)),
        },
    };
    dry_run::of_one(object, None::<&PersistentVolumeClaim>, Some(&made))
}

fn exists(name: &str) -> Error {
    let what = format!("persistentvolumeclaim {name:?} exists already");
    Error::new(Kind::Conflict, what).hint(format!(
        "Look at it with `kubectl flink storage describe {name}`, or choose another name."
    ))
}

/// Waits until the claim has its volume.
///
/// # Errors
/// [`Kind::Timeout`] with the provisioner's reason.
pub async fn bound(cluster: &Cluster, name: &str, deadline: Deadline) -> Result<()> {
    let mut watched = Watched::<PersistentVolumeClaim>::named(cluster.api(), name);
    let bound = watched.wait_for(deadline, |claims| {
        claims.get(name).is_some_and(condition::claim_bound).then_some(())
    });
    if bound.await?.is_some() {
        return Ok(());
    }
    let claims = watched.objects().values().cloned().collect();
    Err(not_bound(name, claims, events_about(cluster, name).await?))
}

fn not_bound(name: &str, claims: Vec<PersistentVolumeClaim>, events: Vec<Event>) -> Error {
    let observed = Observed { claims, events, ..Observed::default() };
    let what = format!("persistentvolumeclaim {name:?} was created, but has no volume yet");
    let error = match observed.diagnoses().first() {
        Some(why) => Error::new(Kind::Timeout, why.to_string()).hint(why.hint()).context(what),
        None => Error::new(Kind::Timeout, what),
    };
    error.hint(format!("Look again with `kubectl flink storage describe {name}`."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::storage::StorageSpec;

    fn request(text: &str) -> NewClaim {
        match text.parse() {
            Ok(StorageSpec::NewClaim(new)) => new,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn served_by(provisioner: &str) -> StorageClassInfo {
        StorageClassInfo {
            name: "gp3".to_owned(),
            provisioner: provisioner.to_owned(),
            is_default: true,
            waits_for_consumer: true,
            expandable: true,
            deletes_with_claim: true,
        }
    }

    #[test]
    fn many_nodes_are_refused_where_they_can_never_be() {
        let (one, many) = (request("pvc:1Gi"), request("pvc:1Gi,access=rwx"));
        assert!(access(&one, &served_by("ebs.csi.aws.com")).is_ok());
        assert!(access(&many, &served_by("efs.csi.aws.com")).is_ok());
        let error = access(&many, &served_by("ebs.csi.aws.com")).expect_err("never");
        assert_eq!(error.kind(), Kind::Preflight);
        assert!(error.to_string().contains("\"gp3\" (ebs.csi.aws.com)"), "{error}");
    }

    #[test]
    fn the_class_must_exist_and_without_one_there_must_be_a_default() {
        let classes = [served_by("ebs.csi.aws.com")];
        let named = |text| class(&request(text), &classes).map(|class| class.name.clone());
        assert_eq!(named("pvc:1Gi").ok().as_deref(), Some("gp3"));
        assert_eq!(named("pvc:1Gi,class=gp3").ok().as_deref(), Some("gp3"));
        let error = named("pvc:1Gi,class=fast").expect_err("not there");
        assert_eq!(error.hints(), ["There are: gp3."]);
        let none = [StorageClassInfo { is_default: false, ..served_by("ebs.csi.aws.com") }];
        assert!(class(&request("pvc:1Gi"), &none).is_err());
        assert!(class(&request("pvc:1Gi,class=gp3"), &none).is_ok());
    }

    #[test]
    fn a_claim_must_fit_what_is_left_of_the_quota() {
        let quota_of = |resource: &str, hard: &str, used: &str| -> ResourceQuota {
            serde_json::from_value(json!({"metadata": {"name": "team"},
                "status": {"hard": {resource: hard}, "used": {resource: used}}}))
            .expect("a quota")
        };
        let fits = |text, resource, hard, used| {
            let new = request(text);
            let quotas = [quota_of(resource, hard, used)];
            has_room(new.class.as_deref(), new.size, true, &quotas).is_ok()
        };
        assert!(fits("pvc:1Gi", "requests.storage", "10Gi", "9Gi"));
        assert!(!fits("pvc:2Gi", "requests.storage", "10Gi", "9Gi"));
        assert!(!fits("pvc:1Gi", "persistentvolumeclaims", "3", "3"));
        assert!(fits("pvc:1Gi", "persistentvolumeclaims", "4", "3"));
        let by_class = "gp3.storageclass.storage.k8s.io/requests.storage";
        assert!(!fits("pvc:2Gi,class=gp3", by_class, "1Gi", "0"));
        assert!(fits("pvc:2Gi,class=slow", by_class, "1Gi", "0"));
    }

    #[test]
    fn a_claim_that_is_never_bound_ends_with_the_provisioners_reason() {
        let claim = json!({"metadata": {"name": "shared"}, "status": {"phase": "Pending"}});
        let event = json!({
            "metadata": {"name": "shared.1"}, "reason": "ProvisioningFailed", "type": "Warning",
            "involvedObject": {"kind": "PersistentVolumeClaim", "name": "shared"},
            "message": "no space on any node",
        });
        let from = |value| serde_json::from_value(value).expect("an object");
        let error = not_bound(
            "shared",
            vec![from(claim)],
            vec![serde_json::from_value(event).expect("an event")],
        );
        assert_eq!(error.kind(), Kind::Timeout);
        assert!(error.to_string().contains("no space on any node"), "{error}");
        assert_eq!(not_bound("shared", Vec::new(), Vec::new()).kind(), Kind::Timeout);
    }
}
