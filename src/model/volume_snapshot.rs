//! VolumeSnapshots and their classes: kinds that a cluster serves only where somebody added them
//! (<https://kubernetes.io/docs/concepts/storage/volume-snapshots/>). Only what is used here is read of them.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::{ClusterResourceScope, Metadata, NamespaceResourceScope, Resource};
use serde::{Deserialize, Serialize};

/// The API group, which a claim's `dataSource` names too.
pub const GROUP: &str = "snapshot.storage.k8s.io";
/// The group and version that this plugin speaks.
pub const API_VERSION: &str = "snapshot.storage.k8s.io/v1";
/// The kind, which a claim's `dataSource` names too.
pub const KIND: &str = "VolumeSnapshot";
const CLASS_KIND: &str = "VolumeSnapshotClass";

/// The annotation that marks the default class of a driver.
const DEFAULT_CLASS: &str = "snapshot.storage.kubernetes.io/is-default-class";

/// A snapshot of the volume of a claim, in the claim's namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshot {
    api_version: String,
    kind: String,
    /// Its name, labels and annotations.
    pub metadata: ObjectMeta,
    /// What it is to be of.
    pub spec: VolumeSnapshotSpec,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<VolumeSnapshotStatus>,
}

/// What a snapshot is to be of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotSpec {
    /// The volume.
    pub source: VolumeSnapshotSource,
    /// How to take it; the default class of the volume's driver when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_class_name: Option<String>,
}

/// Where a snapshot comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotSource {
    /// The claim, for a snapshot that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim_name: Option<String>,
    /// The VolumeSnapshotContent, for one that was there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_content_name: Option<String>,
}

/// What became of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotStatus {
    /// The instant that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Time>,
    /// Whether a volume can be made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_to_use: Option<bool>,
    /// The least size of a volume that is made from it; zero or absent where the driver does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_size: Option<Quantity>,
    /// What went wrong last; gone when it went well after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<VolumeSnapshotError>,
}

/// What went wrong while a snapshot was taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VolumeSnapshotError {
    /// The words of the controller or the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl VolumeSnapshot {
    /// A snapshot to be taken.
    pub fn new(metadata: ObjectMeta, spec: VolumeSnapshotSpec) -> Self {
        let (api_version, kind) = (API_VERSION.to_owned(), KIND.to_owned());
        VolumeSnapshot { api_version, kind, metadata, spec, status: None }
    }

    /// The claim that it is of; `None` for one that was not taken by this cluster.
    pub fn claim(&self) -> Option<&str> {
        self.spec.source.persistent_volume_claim_name.as_deref()
    }

    /// Whether a volume can be made from it.
    pub fn is_ready(&self) -> bool {
        self.status.as_ref().and_then(|status| status.ready_to_use) == Some(true)
    }

    /// What went wrong, in the words of the controller or the driver.
    pub fn failure(&self) -> Option<&str> {
        let error = self.status.as_ref()?.error.as_ref()?;
        Some(error.message.as_deref().unwrap_or("no reason was given"))
    }
}

impl Resource for VolumeSnapshot {
    const API_VERSION: &'static str = API_VERSION;
    const GROUP: &'static str = GROUP;
    const KIND: &'static str = KIND;
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "volumesnapshots";
    type Scope = NamespaceResourceScope;
}

impl Metadata for VolumeSnapshot {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// How snapshots of one driver's volumes are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolumeSnapshotClass {
    /// Its name and annotations.
    pub metadata: ObjectMeta,
    /// The driver whose volumes it is for.
    pub driver: String,
}

impl VolumeSnapshotClass {
    /// Whether it is the default of its driver.
    pub fn is_default(&self) -> bool {
        let annotations = self.metadata.annotations.as_ref();
        annotations.and_then(|all| all.get(DEFAULT_CLASS)).is_some_and(|value| value == "true")
    }
}

impl Resource for VolumeSnapshotClass {
    const API_VERSION: &'static str = API_VERSION;
    const GROUP: &'static str = GROUP;
    const KIND: &'static str = CLASS_KIND;
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "volumesnapshotclasses";
    type Scope = ClusterResourceScope;
}

impl Metadata for VolumeSnapshotClass {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_controller_says_is_read() {
        let read = |status: serde_json::Value| -> VolumeSnapshot {
            serde_json::from_value(json!({
                "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
                "metadata": {"name": "s"}, "status": status,
                "spec": {"source": {"persistentVolumeClaimName": "orders-state"}},
            }))
            .expect("a volume snapshot")
        };
        let failed = read(
            json!({"readyToUse": false, "error": {"message": "no room", "time": "2026-01-01T00:00:00Z"}}),
        );
        assert_eq!((failed.is_ready(), failed.failure()), (false, Some("no room")));
        assert_eq!(failed.claim(), Some("orders-state"));
        let ready = read(json!({"readyToUse": true, "restoreSize": "10Gi"}));
        assert_eq!((ready.is_ready(), ready.failure()), (true, None));
        assert!(!read(json!({})).is_ready() && !read(json!(null)).is_ready());
    }
}
