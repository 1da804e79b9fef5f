//! The objects of an application as documents, whatever their kind: to compare what is there with what would be.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::connect::Cluster;
use super::write::Mode;
use super::{failure, retry};
use crate::error::{Error, Kind, Result};
use crate::model::labels::FIELD_MANAGER;
use crate::model::volume_snapshot::VolumeSnapshot;

/// The kinds that this plugin writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectKind {
    /// State storage.
    PersistentVolumeClaim,
    /// The record of a generation.
    ControllerRevision,
    /// The pods' identity.
    ServiceAccount,
    /// The pods' permissions.
    Role,
    /// The pods' permissions, bound.
    RoleBinding,
    /// Configuration.
    ConfigMap,
    /// REST and RPC.
    Service,
    /// JobManager and TaskManagers.
    Deployment,
    /// How many pods may be evicted.
    PodDisruptionBudget,
    /// Who may reach the pods.
    NetworkPolicy,
    /// The way in from outside.
    Ingress,
    /// A snapshot of the volume with the state; part of no application, whose objects come and go.
    VolumeSnapshot,
}

impl ObjectKind {
    /// Those that an application consists of, in the order in which they are made.
    pub const ALL: [ObjectKind; 11] = [
        ObjectKind::PersistentVolumeClaim,
        ObjectKind::ControllerRevision,
        ObjectKind::ServiceAccount,
        ObjectKind::Role,
        ObjectKind::RoleBinding,
        ObjectKind::ConfigMap,
        ObjectKind::Service,
        ObjectKind::Deployment,
        ObjectKind::PodDisruptionBudget,
        ObjectKind::NetworkPolicy,
        ObjectKind::Ingress,
    ];

    /// How the API server serves it.
    pub fn resource(self) -> ApiResource {
        match self {
            ObjectKind::PersistentVolumeClaim => ApiResource::erase::<PersistentVolumeClaim>(&()),
            ObjectKind::ControllerRevision => ApiResource::erase::<ControllerRevision>(&()),
            ObjectKind::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            ObjectKind::Role => ApiResource::erase::<Role>(&()),
            ObjectKind::RoleBinding => ApiResource::erase::<RoleBinding>(&()),
            ObjectKind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            ObjectKind::Service => ApiResource::erase::<Service>(&()),
            ObjectKind::Deployment => ApiResource::erase::<Deployment>(&()),
            ObjectKind::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            ObjectKind::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            ObjectKind::Ingress => ApiResource::erase::<Ingress>(&()),
            ObjectKind::VolumeSnapshot => ApiResource::erase::<VolumeSnapshot>(&()),
        }
    }
}

/// One object of a namespace, printed as `deployment/orders-g1-jobmanager`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
}

impl ObjectId {
    /// The object that `document` describes.
    ///
    /// # Errors
    /// When it is of no kind that an application consists of, or has no name.
    pub fn of(document: &Value) -> Result<ObjectId> {
        let kind =
            ObjectKind::ALL.into_iter().find(|kind| document["kind"] == kind.resource().kind);
        match (kind, document["metadata"]["name"].as_str()) {
            (Some(kind), Some(name)) => Ok(ObjectId { kind, name: name.to_owned() }),
            _ => Err(Error::new(
                Kind::Other,
                format!("unexpected object of kind {}", document["kind"]),
            )),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.resource().kind.to_lowercase(), self.name)
    }
}

/// Reads one object; `None` when it does not exist.
///
/// # Errors
/// As [`super::read::get`].
pub async fn get(cluster: &Cluster, id: &ObjectId) -> Result<Option<Value>> {
    let (api, resource) = api(cluster, id.kind);
    let doing = format!("read {id}");
    let found = retry::idempotent(cluster, &doing, || api.get_opt(&id.name)).await?;
    found.map(|object| document(&object, &resource)).transpose()
}

/// The objects of one kind that a label selector matches.
///
/// # Errors
/// As [`super::read::list`].
pub async fn list(
    cluster: &Cluster,
    kind: ObjectKind,
    selector: &str,
) -> Result<BTreeMap<ObjectId, Value>> {
    let (api, resource) = api(cluster, kind);
    let (doing, params) =
        (format!("list {}", resource.plural), ListParams::default().labels(selector));
    let found = retry::idempotent(cluster, &doing, || api.list(&params)).await?;
    let documents = found.items.iter().map(|object| document(object, &resource));
    documents.map(|document| document.and_then(|d| Ok((ObjectId::of(&d)?, d)))).collect()
}

/// What the API server would make of `wanted`, after defaults and admission; nothing is stored.
///
/// # Errors
/// As [`super::write::apply`].
pub async fn dry_apply(cluster: &Cluster, wanted: &Value, mode: Mode) -> Result<Value> {
    let id = ObjectId::of(wanted)?;
    let (api, resource) = api(cluster, id.kind);
    let mut params = PatchParams::apply(FIELD_MANAGER).validation_strict();
    (params.dry_run, params.force) = (true, mode == Mode::Forced);
    let (doing, patch) = (format!("apply {id}"), Patch::Apply(wanted));
    let object =
        retry::idempotent(cluster, &doing, || api.patch(&id.name, &params, &patch)).await?;
    document(&object, &resource)
}

/// Removes the fields at these JSON pointers, one after the other, from an object that still has version
/// `version`.
///
/// # Errors
/// [`Kind::Usage`] (422) when the object changed in between.
pub async fn remove_fields(
    cluster: &Cluster,
    id: &ObjectId,
    version: &Value,
    pointers: &[String],
) -> Result<()> {
    let (api, _) = api(cluster, id.kind);
    let guard = json!({"op": "test", "path": "/metadata/resourceVersion", "value": version});
    let removals = pointers.iter().map(|path| json!({"op": "remove", "path": path}));
    let patch: Vec<Value> = [guard].into_iter().chain(removals).collect();
    let url = format!("{}/{}?fieldManager={FIELD_MANAGER}", api.resource_url(), id.name);
    let request = http::Request::patch(url)
        .header("content-type", "application/json-patch+json")
        .body(Value::Array(patch).to_string().into_bytes())
        .map_err(|e| Error::new(Kind::Other, "cannot write a JSON patch").caused_by(e))?;
    retry::once(cluster, || cluster.client().request::<Value>(request.clone()))
        .await
        .map(drop)
        .map_err(|e| failure::from_kube(e, format!("patch {id}")))
}

fn api(cluster: &Cluster, kind: ObjectKind) -> (Api<DynamicObject>, ApiResource) {
    let resource = kind.resource();
    let client = cluster.client().clone();
    (Api::namespaced_with(client, cluster.namespace(), &resource), resource)
}

/// Objects of a list do not name their kind.
fn document(object: &DynamicObject, resource: &ApiResource) -> Result<Value> {
    let mut document = serde_json::to_value(object)
        .map_err(|e| Error::new(Kind::Other, "cannot write a Kubernetes object").caused_by(e))?;
    document["apiVersion"] = Value::from(resource.api_version.as_str());
    document["kind"] = Value::from(resource.kind.as_str());
    Ok(document)
}
