//! What is checked before the first write, so that a deployment which cannot work does not begin.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, ServiceAccount};
use k8s_openapi::api::networking::v1::IngressClass;
use kube::ResourceExt;

use crate::cluster::survey::{self, NamespaceInfo};
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::local_storage;
use crate::model::name::ApplicationName;
use crate::model::process::Process;
use crate::model::quantity::Quantity;
use crate::model::storage::{AccessMode, NewClaim, StateStorage, StorageSpec};
use crate::ops::drift::Drifted;
use crate::ops::event::{Event, Observer};
use crate::ops::operation::record::Record;
use crate::ops::plan::{Plan, Step};
use crate::ops::{new_claim, ownership, permissions, profiles, quota};

/// Checks all that can be checked of a plan before its first write: permissions, whose the objects are, quotas. Gives
/// what others changed by hand and the plan sets back.
///
/// # Errors
/// [`Kind::Denied`], [`Kind::Conflict`] or [`Kind::Preflight`], each with all that is in the way.
pub async fn plan(cluster: &Cluster, record: &Record) -> Result<Vec<Drifted>> {
    permissions::check(cluster, record).await?;
    let (changed, (), ()) = tokio::try_join!(
        ownership::check(cluster, record),
        quota::check(cluster, record),
        pods_volumes(cluster, &record.plan)
    )?;
    Ok(changed)
}

/// The StorageClass of each volume that is made with a pod must be there: else the pods would wait for ever.
async fn pods_volumes(cluster: &Cluster, plan: &Plan) -> Result<()> {
    for step in &plan.steps {
        let Step::Start { revision, .. } = step else { continue };
        for process in Process::ALL {
            for (volume, claim) in local_storage::claims(&revision.spec.spec, process) {
                let servable = new_claim::servable(cluster, &claim).await;
                servable.map_err(|e| e.context(format!("volume {volume} of each {process}")))?;
            }
        }
    }
    Ok(())
}

/// Has the plan set back what others changed by hand, and says so.
pub fn take_over(plan: &mut Plan, changed: &[Drifted], observer: &mut dyn Observer) {
    // Setting back is all that a repair does, and it tells what it did.
    let repairs = plan.steps.iter().any(|step| matches!(step, Step::Repair { .. }));
    for drifted in changed.iter().filter(|_| !repairs) {
        observer.event(Event::Note(format!("{}; it is set back", drifted.words())));
    }
    plan.force |= !changed.is_empty();
}

/// What the preflight found out about the storage.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    /// The storage, bound to a claim's name and access mode.
    pub storage: StateStorage,
    /// The claim to create; `None` when it is there and fits.
    pub create: Option<StorageSpec>,
}

/// Checks namespace, claim, StorageClass, access mode and quota.
///
/// # Errors
/// [`Kind::NotFound`] for a missing namespace or claim, [`Kind::Preflight`] for a cluster that cannot
/// serve the request, each with what can be done.
pub async fn storage(
    cluster: &Cluster,
    application: &ApplicationName,
    spec: &StorageSpec,
    observer: &mut dyn Observer,
) -> Result<Storage> {
    let claim_name = match spec {
        StorageSpec::NewClaim(_) => application.claim(),
        StorageSpec::ExistingClaim { claim, .. } => claim.clone(),
        StorageSpec::Profile(_) | StorageSpec::Uri(_) => return store(cluster, spec).await,
    };
    let claims = cluster.api::<PersistentVolumeClaim>();
    let (namespace, claim) =
        tokio::try_join!(survey::namespace(cluster), read::get(cluster, &claims, &claim_name))?;
    if namespace == NamespaceInfo::Missing {
        return Err(no_namespace(cluster.namespace()));
    }
    let (access, create) = match (spec, &claim) {
        (StorageSpec::NewClaim(new), Some(found)) => {
            usable(found)?;
            fits(found, new, application)?;
            (access_of(found), None)
        }
        (_, Some(found)) => {
            usable(found)?;
            (access_of(found), None)
        }
        (StorageSpec::NewClaim(new), None) => {
            new_claim::servable(cluster, new).await?;
            (new.access, Some(spec.clone()))
        }
        (_, None) => return Err(no_claim(&claim_name)),
    };
    let bound = spec.claim(application, access).ok_or_else(|| no_claim(&claim_name))?;
    let storage = Storage { storage: StateStorage::Claim(bound), create };
    if access == AccessMode::Rwo
        && survey::schedulable_nodes(cluster).await?.is_some_and(|nodes| nodes > 1)
    {
        observer.event(Event::Note(format!(
            "claim {claim_name} can be on one node only (ReadWriteOnce): all pods of {application} are kept on one node"
        )));
    }
    Ok(storage)
}

/// The store behind a profile or a URI. What the profile names is checked once the Flink version is known:
/// [`profiles::check`].
async fn store(cluster: &Cluster, spec: &StorageSpec) -> Result<Storage> {
    if survey::namespace(cluster).await? == NamespaceInfo::Missing {
        return Err(no_namespace(cluster.namespace()));
    }
    let remote = profiles::resolve(cluster, spec).await?;
    let remote = remote.ok_or_else(|| Error::usage(format!("{spec} is not a store")))?;
    Ok(Storage { storage: StateStorage::Remote(Box::new(remote)), create: None })
}

/// Checks that the ServiceAccount that a spec names is there: a Deployment without it makes no pod, and says so in
/// an event only. A user who may not look is not held up.
///
/// # Errors
/// [`Kind::NotFound`] when it is missing.
pub async fn service_account(cluster: &Cluster, name: Option<&str>) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let accounts = cluster.api::<ServiceAccount>();
    match read::get(cluster, &accounts, name).await {
        Ok(Some(_)) => Ok(()),
        Err(e) if e.kind() == Kind::Denied => Ok(()),
        Err(e) => Err(e),
        Ok(None) => Err(Error::new(Kind::NotFound, format!("serviceaccount {name:?} not found")).hint(
            format!("Create it with `kubectl create serviceaccount {name}`, or remove spec.serviceAccount: then one is made with the permissions that Flink needs."),
        )),
    }
}

/// Says when the IngressClass that a spec names is not there: then nobody serves the Ingress, without a word.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn ingress_class(
    cluster: &Cluster,
    name: Option<&str>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    match read::get(cluster, &cluster.api_all::<IngressClass>(), name).await {
        Ok(Some(_)) => {}
        Err(e) if e.kind() == Kind::Denied => {}
        Err(e) => return Err(e),
        Ok(None) => observer.event(Event::Warning(format!(
            "there is no IngressClass {name:?}, so nobody may serve the Ingress (`kubectl get ingressclasses` lists them)"
        ))),
    }
    Ok(())
}

/// State of a newer Flink cannot be read by an older one (Flink promises it in the other direction only).
///
/// # Errors
/// [`Kind::Usage`] when `wanted` is older than the version that wrote the state.
pub fn no_downgrade(
    application: &ApplicationName,
    wrote: FlinkVersion,
    wanted: FlinkVersion,
) -> Result<()> {
    if wanted >= wrote {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the state of {application} was written by Flink {wrote}, and Flink {wanted} cannot read it"
    ))
    .hint(format!("Stay on Flink {wrote} or a later one."))
    .hint(format!(
        "To give up the state, `kubectl flink delete {application}` and deploy with --from none."
    )))
}

pub(super) fn no_namespace(name: &str) -> Error {
    Error::new(Kind::NotFound, format!("namespace {name:?} not found")).hint(format!(
        "Create it with `kubectl create namespace {name}`, or choose another with -n."
    ))
}

fn no_claim(name: &str) -> Error {
    Error::new(Kind::NotFound, format!("persistentvolumeclaim {name:?} not found"))
        .hint("List the claims with `kubectl flink storage list`, or let one be made with --storage pvc:SIZE.")
}

/// A claim that is going away, or has lost its volume, holds no new state.
fn usable(claim: &PersistentVolumeClaim) -> Result<()> {
    let name = claim.name_any();
    if claim.metadata.deletion_timestamp.is_some() {
        return Err(Error::new(
            Kind::Preflight,
            format!("persistentvolumeclaim {name:?} is being deleted"),
        )
        .hint("Wait until it is gone, or choose another."));
    }
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
    if phase == Some("Lost") {
        return Err(Error::new(
            Kind::Preflight,
            format!("persistentvolumeclaim {name:?} has lost its volume"),
        )
        .hint("Its data is gone or detached: choose another claim."));
    }
    Ok(())
}

fn access_of(claim: &PersistentVolumeClaim) -> AccessMode {
    let modes = claim.spec.as_ref().and_then(|spec| spec.access_modes.clone()).unwrap_or_default();
    match modes.iter().any(|mode| mode == AccessMode::Rwx.as_kubernetes()) {
        true => AccessMode::Rwx,
        false => AccessMode::Rwo,
    }
}

/// A claim of the right name is used only when it is what was asked for.
fn fits(
    claim: &PersistentVolumeClaim,
    new: &NewClaim,
    application: &ApplicationName,
) -> Result<()> {
    let name = claim.name_any();
    let unfit = |why: String| {
        Err(Error::new(Kind::Preflight, format!("persistentvolumeclaim {name:?} exists and {why}"))
            .hint(format!("Use it as it is with --storage claim:{name}, or choose another name for the application.")))
    };
    match claim.labels().get(labels::APPLICATION) {
        Some(owner) if owner != application.as_str() => {
            return unfit(format!("belongs to application {owner}"));
        }
        _ => {}
    }
    let spec = claim.spec.clone().unwrap_or_default();
    let requested = spec.resources.and_then(|resources| resources.requests).unwrap_or_default();
    let size = requested.get("storage").and_then(|size| size.0.parse::<Quantity>().ok());
    if size.is_none_or(|size| size < new.size) {
        let has = requested.get("storage").map_or("an unknown size", |size| &size.0);
        return unfit(format!("has {has}, less than the {} that are asked for", new.size));
    }
    let class = spec.storage_class_name;
    if new.class.is_some() && class != new.class {
        return unfit(format!("has StorageClass {}", class.unwrap_or_default()));
    }
    if new.access == AccessMode::Rwx && access_of(claim) != AccessMode::Rwx {
        return unfit("cannot be mounted on several nodes (ReadWriteMany)".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_older_flink_is_a_downgrade() {
        let name: ApplicationName = "orders".parse().expect("a name");
        use FlinkVersion::{V1_20, V2_0};
        assert!(
            no_downgrade(&name, V1_20, V1_20).is_ok() && no_downgrade(&name, V1_20, V2_0).is_ok()
        );
        let error = no_downgrade(&name, V2_0, V1_20).expect_err("older");
        assert_eq!(error.kind(), Kind::Usage);
    }
}
