//! The Kubernetes writes of the executor's steps: creating, scaling to zero and deleting the objects of a
//! generation, of an application, and (only where that is the purpose) its claim.

use std::fmt::Debug;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cluster::watch::Watched;
use crate::cluster::write::{self, Created, Mode};
use crate::cluster::{Cluster, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::labels;
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::Revision;
use crate::model::storage::{ClaimStorage, StorageSpec};
use crate::ops::anchor::Anchor;
use crate::ops::claims;
use crate::ops::event::{Event, Observer};
use crate::ops::plan::Plan;

/// How long the pods of a job that has ended may take to go.
const PODS_GONE: Duration = Duration::from_secs(120);

/// Creates the application's claim.
///
/// # Errors
/// [`Kind::Conflict`] when somebody made one of that name in the meantime.
pub async fn create_claim(
    cluster: &Cluster,
    plan: &Plan,
    name: &str,
    request: &StorageSpec,
    observer: &mut dyn Observer,
) -> Result<()> {
    let StorageSpec::NewClaim(new) = request else { return Ok(()) };
    let claim = manifest::claim(&plan.application, &plan.namespace, new);
    let ours = |found: &PersistentVolumeClaim| {
        found.labels().get(labels::APPLICATION).map(String::as_str)
            == Some(plan.application.as_str())
    };
    match write::create(cluster, &cluster.api(), &claim, Mode::Real, ours).await? {
        Created::Ours(_) => {
            observer.event(Event::Changed(format!("persistentvolumeclaim/{name} created")));
            Ok(())
        }
        Created::Exists(_) => Err(Error::new(
            Kind::Conflict,
            format!("persistentvolumeclaim {name:?} was made by somebody else in the meantime"),
        )
        .hint(format!("Use it with --storage claim:{name}, or choose another name."))),
    }
}

/// Records the generation and creates its objects.
///
/// # Errors
/// [`Kind::Conflict`] when another client made this generation.
pub async fn create_generation(
    cluster: &Cluster,
    revision: &Revision,
    anchor: &Anchor,
    mode: Mode,
    observer: &mut dyn Observer,
) -> Result<()> {
    record(cluster, revision).await?;
    apply_generation(cluster, revision, anchor, mode).await?;
    observer.event(Event::Changed(format!(
        "deployment/{} created",
        revision.application.jobmanager(revision.generation)
    )));
    Ok(())
}

/// Applies the objects of a generation, and those that all generations share.
///
/// # Errors
/// [`Kind::Conflict`] when somebody else manages a field, unless it is forced.
pub async fn apply_generation(
    cluster: &Cluster,
    revision: &Revision,
    anchor: &Anchor,
    mode: Mode,
) -> Result<()> {
    let shared = manifest::application(revision);
    let own = manifest::generation(revision)?;
    let mut rest = manifest::rest_service(revision);
    anchor.annotate(&mut rest);
    // The pods need the account and the configuration; everything else can come in any order. But a claim
    // that changes while the scheduler binds it costs its pod a second: kube-scheduler's write conflicts, and
    // it backs off.
    // Who may not bind any role at all may bind one whose permissions they have, so it has to be there first.
    let permissions = async {
        apply(cluster, &shared.role, mode).await?;
        apply(cluster, &shared.role_binding, mode).await
    };
    tokio::try_join!(
        note_image(cluster, revision),
        apply_some(cluster, shared.service_account.as_ref(), mode),
        permissions,
        apply(cluster, &own.config_map, mode),
        apply(cluster, &own.service, mode),
    )?;
    tokio::try_join!(
        apply(cluster, &own.jobmanager, mode),
        apply(cluster, &own.taskmanager, mode),
        apply(cluster, &rest, mode),
        apply(cluster, &own.disruption_budget, mode),
        apply(cluster, &own.network_policy, mode),
        apply_some(cluster, own.ingress.as_ref(), mode),
    )?;
    Ok(())
}

/// Leaves the image on the claim. The claim may be the user's own, so nothing else of it is touched.
async fn note_image(cluster: &Cluster, revision: &Revision) -> Result<()> {
    let Some(ClaimStorage { claim, .. }) = revision.storage.claim() else { return Ok(()) };
    let note = serde_json::json!({"metadata": {"annotations": {labels::IMAGE: revision.image}}});
    write::merge(cluster, &cluster.api::<PersistentVolumeClaim>(), claim, &note, Mode::Real)
        .await
        .map(drop)
}

/// Creating the record decides which client makes the generation.
async fn record(cluster: &Cluster, revision: &Revision) -> Result<()> {
    let record = manifest::controller_revision(revision)?;
    let ours = |found: &ControllerRevision| {
        let found = manifest::read_revision(found.clone()).ok();
        found.is_some_and(|found| found.job_id == revision.job_id)
    };
    match write::create(cluster, &cluster.api(), &record, Mode::Real, ours).await? {
        Created::Ours(_) => Ok(()),
        Created::Exists(_) => Err(Error::new(
            Kind::Conflict,
            format!(
                "somebody else is making generation {} of {}",
                revision.generation, revision.application
            ),
        )
        .hint(format!(
            "See what came of it with `kubectl flink status {}`, then try again.",
            revision.application
        ))),
    }
}

/// Writes the anchor of `revision`'s application.
///
/// # Errors
/// As server-side apply.
pub async fn write_anchor(
    cluster: &Cluster,
    revision: &Revision,
    anchor: &Anchor,
    mode: Mode,
) -> Result<()> {
    let mut rest = manifest::rest_service(revision);
    anchor.annotate(&mut rest);
    apply(cluster, &rest, mode).await
}

/// Makes the generation of `revision`, which is there, the active one again.
///
/// # Errors
/// As server-side apply.
pub async fn reinstate(
    cluster: &Cluster,
    revision: &Revision,
    anchor: &Anchor,
    mode: Mode,
) -> Result<()> {
    let ingress = manifest::ingress(revision)?;
    write_anchor(cluster, revision, anchor, mode).await?;
    apply_some(cluster, ingress.as_ref(), mode).await
}

/// Scales a generation to zero and waits until no pod of it is left. Its job has ended, so nobody who manages its
/// Deployments, such as an autoscaler, may keep pods of it alive.
///
/// # Errors
/// [`Kind::Timeout`] when a pod stays: then nothing may be started beside it.
pub async fn quiesce(
    cluster: &Cluster,
    revision: &Revision,
    deadline: Deadline,
    observer: &mut dyn Observer,
) -> Result<()> {
    let generation = revision.generation;
    observer.event(Event::Phase(format!("removing the pods of generation {generation}")));
    let mut own = manifest::generation(revision)?;
    for deployment in [&mut own.jobmanager, &mut own.taskmanager] {
        if let Some(spec) = &mut deployment.spec {
            spec.replicas = Some(0);
        }
    }
    tokio::try_join!(
        apply(cluster, &own.jobmanager, Mode::Forced),
        apply(cluster, &own.taskmanager, Mode::Forced)
    )?;
    pods_gone(cluster, &revision.application, Some(generation), deadline).await
}

async fn pods_gone(
    cluster: &Cluster,
    application: &ApplicationName,
    generation: Option<Generation>,
    deadline: Deadline,
) -> Result<()> {
    let selector = labels::selector(application, generation, None);
    let mut pods = Watched::<Pod>::selected(cluster.api(), &selector);
    let of_flink = |pod: &Pod| {
        pod.labels().get(labels::COMPONENT).is_some_and(|component| {
            component == labels::Component::JobManager.as_str()
                || component == labels::Component::TaskManager.as_str()
        })
    };
    let gone = pods
        .wait_for(deadline.at_most(PODS_GONE), |pods| (!pods.values().any(of_flink)).then_some(()))
        .await?;
    gone.ok_or_else(|| {
        Error::new(Kind::Timeout, format!("pods of {application} do not go away"))
            .hint("Nothing was started beside them. Look for a node that is down with `kubectl get pods -o wide`.")
    })
}

/// Deletes the objects of a generation and the ConfigMaps that Flink's high availability left; an Ingress only
/// where there may be one, which not everybody may list. Its record stays: it is the history.
///
/// # Errors
/// As deletion.
pub async fn retire(
    cluster: &Cluster,
    application: &ApplicationName,
    generation: Generation,
    has_ingress: bool,
    observer: &mut dyn Observer,
) -> Result<()> {
    observer.event(Event::Phase(format!("removing generation {generation}")));
    let own = labels::selector(application, Some(generation), None);
    if has_ingress {
        delete_all::<Ingress>(cluster, &own).await?;
    }
    tokio::try_join!(
        delete_all::<Deployment>(cluster, &own),
        delete_all::<Service>(cluster, &own),
        delete_all::<ConfigMap>(cluster, &own),
        delete_all::<PodDisruptionBudget>(cluster, &own),
        delete_all::<NetworkPolicy>(cluster, &own),
    )?;
    // Flink writes these as long as a JobManager lives, so they go last.
    pods_gone(cluster, application, Some(generation), Deadline::after(PODS_GONE)).await?;
    delete_all::<ConfigMap>(cluster, &labels::ha_selector(application, generation)).await
}

/// Deletes what all generations share, the records included. Claims and snapshots stay.
///
/// # Errors
/// As deletion.
pub async fn retire_application(
    cluster: &Cluster,
    application: &ApplicationName,
    has_ingress: bool,
    observer: &mut dyn Observer,
) -> Result<()> {
    let all = labels::selector(application, None, None);
    // The record of the operation outlives all that it is about.
    let (key, operation) = (labels::COMPONENT, labels::Component::Operation.as_str());
    let settings = format!("{all},{key}!={operation}");
    if has_ingress {
        delete_all::<Ingress>(cluster, &all).await?;
    }
    // The anchor goes last: as long as it stands, the application exists and can be deleted again.
    tokio::try_join!(
        delete_all::<Deployment>(cluster, &all),
        delete_all::<ConfigMap>(cluster, &settings),
        delete_all::<PodDisruptionBudget>(cluster, &all),
        delete_all::<NetworkPolicy>(cluster, &all),
        delete_all::<ControllerRevision>(cluster, &all),
        delete_all::<RoleBinding>(cluster, &all),
        delete_all::<Role>(cluster, &all),
        delete_all::<ServiceAccount>(cluster, &all),
    )?;
    observer.event(Event::Phase("removing what the generations share".to_owned()));
    delete_all::<Service>(cluster, &all).await
}

/// Deletes a claim, and with it all snapshots on it. The caller has the user's consent.
///
/// # Errors
/// As deletion; [`Kind::Timeout`] when a pod still holds it.
pub async fn delete_claim(
    cluster: &Cluster,
    name: &str,
    deadline: Deadline,
    observer: &mut dyn Observer,
) -> Result<()> {
    let api = cluster.api::<PersistentVolumeClaim>();
    let Some(claim) = read::get(cluster, &api, name).await? else { return Ok(()) };
    if !claims::delete(cluster, &claim, Some(deadline.at_most(PODS_GONE))).await? {
        return Err(Error::new(
            Kind::Timeout,
            format!("persistentvolumeclaim {name:?} is still there"),
        )
        .hint(format!(
            "A pod still uses it, or a volume snapshot that is not ready: see `kubectl flink storage describe {name}`. It goes when nothing does."
        )));
    }
    observer.event(Event::Changed(format!("persistentvolumeclaim/{name} deleted")));
    Ok(())
}

async fn apply_some<K>(cluster: &Cluster, object: Option<&K>, mode: Mode) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Serialize
        + DeserializeOwned
        + Debug,
{
    match object {
        Some(object) => apply(cluster, object, mode).await,
        None => Ok(()),
    }
}

async fn apply<K>(cluster: &Cluster, object: &K, mode: Mode) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Serialize
        + DeserializeOwned
        + Debug,
{
    write::apply(cluster, &cluster.api::<K>(), object, mode).await.map(drop)
}

async fn delete_all<K>(cluster: &Cluster, selector: &str) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Serialize
        + DeserializeOwned
        + Debug,
{
    let api = cluster.api::<K>();
    let found = read::list::<K>(cluster, &api, selector).await?;
    let deletions = found.iter().map(|object| write::delete(cluster, &api, object, Mode::Real));
    try_join_all(deletions).await.map(drop)
}
