//! The snapshot of a volume with state.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::ids::OperationId;
use crate::model::labels::{self, Component};
use crate::model::storage::{NewClaim, StorageSpec};
use crate::model::volume_snapshot::{VolumeSnapshot, VolumeSnapshotSource, VolumeSnapshotSpec};

/// What a VolumeSnapshot is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVolumeSnapshot {
    /// Its name.
    pub name: String,
    /// The claim that it is of.
    pub claim: String,
    /// What that claim is like: a claim that is made from the snapshot will be the same.
    pub like: Option<NewClaim>,
    /// The image that wrote to that claim last.
    pub image: Option<String>,
    /// The application whose state is on it.
    pub application: Option<String>,
    /// The VolumeSnapshotClass; the driver's default when absent.
    pub class: Option<String>,
    /// The operation that makes it.
    pub operation: OperationId,
}

/// The object. It has no owner: neither the application nor the claim takes it along.
pub fn volume_snapshot(namespace: &str, new: &NewVolumeSnapshot) -> VolumeSnapshot {
    let mut labels = labels::shared(Component::Storage);
    if let Some(application) = &new.application {
        labels.insert("app.kubernetes.io/instance".to_owned(), application.clone());
        labels.insert(labels::APPLICATION.to_owned(), application.clone());
    }
    let operation = (labels::OPERATION.to_owned(), new.operation.to_string());
    let mut annotations = BTreeMap::from([operation]);
    annotations.extend(
        new.like
            .clone()
            .map(|like| (labels::STORAGE.to_owned(), StorageSpec::NewClaim(like).to_string())),
    );
    annotations.extend(new.image.clone().map(|image| (labels::IMAGE.to_owned(), image)));
    let metadata = ObjectMeta {
        name: Some(new.name.clone()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    let source = VolumeSnapshotSource {
        persistent_volume_claim_name: Some(new.claim.clone()),
        ..VolumeSnapshotSource::default()
    };
    let spec = VolumeSnapshotSpec { source, volume_snapshot_class_name: new.class.clone() };
    VolumeSnapshot::new(metadata, spec)
}
