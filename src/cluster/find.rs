//! Locating the objects of an application by their labels.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::connect::Cluster;
use super::{read, write};
use crate::error::Result;
use crate::model::labels;
use crate::model::name::{ApplicationName, Generation};

/// The kinds that an application consists of, the claim excepted: state is nobody's by-catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnedKind {
    /// JobManager and TaskManagers.
    Deployment,
    /// TaskManagers with volumes of their own.
    StatefulSet,
    /// REST and RPC.
    Service,
    /// Configuration, and the running operation.
    ConfigMap,
    /// The record of a generation.
    ControllerRevision,
    /// The lock of an operation.
    Lease,
    /// Who may reach the pods.
    NetworkPolicy,
    /// How many pods may be evicted.
    PodDisruptionBudget,
    /// The pods' permissions, bound.
    RoleBinding,
    /// The pods' permissions.
    Role,
    /// The pods' identity.
    ServiceAccount,
    /// Helper pods; those of a Deployment go with it.
    Pod,
}

/// One object of an application, as far as deleting it needs.
#[derive(Debug, Clone)]
pub struct Owned {
    /// Its kind.
    pub kind: OwnedKind,
    /// Its metadata, with name and UID.
    pub metadata: ObjectMeta,
}

impl Owned {
    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// The generation it belongs to; `None` for objects of the whole application.
    pub fn generation(&self) -> Option<Generation> {
        self.label(labels::GENERATION)?.parse().ok()
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key).map(String::as_str)
    }
}

/// Every object of the application, or of one generation of it, except its claim. Pods that a
/// Deployment or StatefulSet owns are left out.
pub async fn owned(
    cluster: &Cluster,
    application: &ApplicationName,
    generation: Option<Generation>,
) -> Result<Vec<Owned>> {
    let selector = labels::selector(application, generation, None);
    let s = selector.as_str();
    let found = tokio::try_join!(
        listed::<Deployment>(cluster, s, OwnedKind::Deployment),
        listed::<StatefulSet>(cluster, s, OwnedKind::StatefulSet),
        listed::<Service>(cluster, s, OwnedKind::Service),
        listed::<ConfigMap>(cluster, s, OwnedKind::ConfigMap),
        listed::<ControllerRevision>(cluster, s, OwnedKind::ControllerRevision),
        listed::<Lease>(cluster, s, OwnedKind::Lease),
        listed::<NetworkPolicy>(cluster, s, OwnedKind::NetworkPolicy),
        listed::<PodDisruptionBudget>(cluster, s, OwnedKind::PodDisruptionBudget),
        listed::<RoleBinding>(cluster, s, OwnedKind::RoleBinding),
        listed::<Role>(cluster, s, OwnedKind::Role),
        listed::<ServiceAccount>(cluster, s, OwnedKind::ServiceAccount),
        listed::<Pod>(cluster, s, OwnedKind::Pod),
    )?;
    let (a, b, c, d, e, f, g, h, i, j, k, l) = found;
    let all = [a, b, c, d, e, f, g, h, i, j, k, l].into_iter().flatten();
    Ok(all.filter(|object| object.metadata.owner_references.is_none()).collect())
}

/// Deletes one such object, guarded by its UID; `Ok` when it is gone already.
pub async fn delete(cluster: &Cluster, object: &Owned, mode: write::Mode) -> Result<()> {
    match object.kind {
        OwnedKind::Deployment => delete_as::<Deployment>(cluster, object, mode).await,
        OwnedKind::StatefulSet => delete_as::<StatefulSet>(cluster, object, mode).await,
        OwnedKind::Service => delete_as::<Service>(cluster, object, mode).await,
        OwnedKind::ConfigMap => delete_as::<ConfigMap>(cluster, object, mode).await,
        OwnedKind::ControllerRevision => {
            delete_as::<ControllerRevision>(cluster, object, mode).await
        }
        OwnedKind::Lease => delete_as::<Lease>(cluster, object, mode).await,
        OwnedKind::NetworkPolicy => delete_as::<NetworkPolicy>(cluster, object, mode).await,
        OwnedKind::PodDisruptionBudget => {
            delete_as::<PodDisruptionBudget>(cluster, object, mode).await
        }
        OwnedKind::RoleBinding => delete_as::<RoleBinding>(cluster, object, mode).await,
        OwnedKind::Role => delete_as::<Role>(cluster, object, mode).await,
        OwnedKind::ServiceAccount => delete_as::<ServiceAccount>(cluster, object, mode).await,
        OwnedKind::Pod => delete_as::<Pod>(cluster, object, mode).await,
    }
}

/// The claims that carry the application's label.
pub async fn claims(
    cluster: &Cluster,
    application: &ApplicationName,
) -> Result<Vec<PersistentVolumeClaim>> {
    let selector = labels::selector(application, None, None);
    read::list(cluster, &cluster.api(), &selector).await
}

/// The ConfigMaps that Flink's Kubernetes HA wrote for a generation. Flink deletes them when the job
/// ends; those of a generation that was thrown away stay behind.
pub async fn ha_config_maps(
    cluster: &Cluster,
    application: &ApplicationName,
    generation: Generation,
) -> Result<Vec<ConfigMap>> {
    let selector = labels::ha_selector(application, generation);
    read::list(cluster, &cluster.api(), &selector).await
}

/// The names of all applications in the cluster's namespace, or in all of them: (namespace, name),
/// each with the highest generation that has a revision.
pub async fn applications(
    cluster: &Cluster,
    all_namespaces: bool,
) -> Result<BTreeMap<(String, ApplicationName), Generation>> {
    let api: Api<ControllerRevision> =
        if all_namespaces { cluster.api_all() } else { cluster.api() };
    let revisions: Vec<PartialObjectMeta<ControllerRevision>> =
        read::list_as(cluster, &api, labels::APPLICATION).await?;
    let mut found = BTreeMap::new();
    for revision in revisions {
        let Ok(name) =
            revision.labels().get(labels::APPLICATION).cloned().unwrap_or_default().parse()
        else {
            continue;
        };
        let generation: Option<Generation> =
            revision.labels().get(labels::GENERATION).and_then(|g| g.parse().ok());
        let Some(generation) = generation else { continue };
        let highest =
            found.entry((revision.namespace().unwrap_or_default(), name)).or_insert(generation);
        *highest = generation.max(*highest);
    }
    Ok(found)
}

async fn listed<K>(cluster: &Cluster, selector: &str, kind: OwnedKind) -> Result<Vec<Owned>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    let api = cluster.api::<K>();
    let objects: Vec<PartialObjectMeta<ConfigMap>> =
        read::list_as::<K, _>(cluster, &api, selector).await?;
    Ok(objects.into_iter().map(|o| Owned { kind, metadata: o.metadata }).collect())
}

async fn delete_as<K>(cluster: &Cluster, object: &Owned, mode: write::Mode) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Debug,
    K: Default,
{
    let mut target = K::default();
    *target.meta_mut() = object.metadata.clone();
    write::delete(cluster, &cluster.api::<K>(), &target, mode).await
}
