//! The volumes of an application's pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, ConfigMapVolumeSource, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource, PodAffinity, PodAffinityTerm, Volume, VolumeMount,
    VolumeResourceRequirements, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::meta;
use crate::model::labels::{self, Component};
use crate::model::name::{ApplicationName, Generation};
use crate::model::storage::{ClaimStorage, MOUNT_PATH, NewClaim, StateStorage};

/// Name of the volume with the state.
pub const STATE_VOLUME: &str = "flink-state";
/// Name of the volume with Flink's configuration.
pub(super) const CONFIG_VOLUME: &str = "flink-config";
/// Where the configuration is mounted, and `FLINK_CONF_DIR`.
pub(super) const CONFIG_PATH: &str = "/opt/flink/conf";

/// The claim of an application. It has no owner: deleting the application leaves it.
pub fn claim(
    application: &ApplicationName,
    namespace: &str,
    new: &NewClaim,
) -> PersistentVolumeClaim {
    let labels = labels::labels(application, None, Component::Storage);
    claim_with(application.claim(), namespace, labels, new)
}

/// A claim that no application has asked for yet: several may share it.
pub fn shared_claim(name: &str, namespace: &str, new: &NewClaim) -> PersistentVolumeClaim {
    claim_with(name.to_owned(), namespace, labels::shared(Component::Storage), new)
}

fn claim_with(
    name: String,
    namespace: &str,
    labels: BTreeMap<String, String>,
    new: &NewClaim,
) -> PersistentVolumeClaim {
    let size = BTreeMap::from([("storage".to_owned(), new.size.into())]);
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![new.access.as_kubernetes().to_owned()]),
            resources: Some(VolumeResourceRequirements { requests: Some(size), limits: None }),
            storage_class_name: new.class.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// The volume with the state.
pub fn state_volume(storage: &ClaimStorage) -> Volume {
    Volume {
        name: STATE_VOLUME.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: storage.claim.clone(),
            read_only: None,
        }),
        ..Volume::default()
    }
}

/// Mounts [`state_volume`] where every [`StateLayout`](crate::model::storage::StateLayout) says.
pub fn state_mount() -> VolumeMount {
    VolumeMount {
        name: STATE_VOLUME.to_owned(),
        mount_path: MOUNT_PATH.to_owned(),
        ..VolumeMount::default()
    }
}

/// The volume with Flink's configuration.
pub(super) fn config_volume(config_map: String) -> Volume {
    Volume {
        name: CONFIG_VOLUME.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: config_map,
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

pub(super) fn config_mount() -> VolumeMount {
    VolumeMount {
        name: CONFIG_VOLUME.to_owned(),
        mount_path: CONFIG_PATH.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

/// Keeps JobManagers that stand by away from the node of the one that leads, where there is another node for them.
pub(super) fn apart(
    application: &ApplicationName,
    generation: Generation,
    component: Component,
) -> WeightedPodAffinityTerm {
    WeightedPodAffinityTerm {
        weight: 100,
        pod_affinity_term: PodAffinityTerm {
            label_selector: Some(meta::selector(application, Some(generation), Some(component))),
            topology_key: "kubernetes.io/hostname".to_owned(),
            ..PodAffinityTerm::default()
        },
    }
}

/// Keeps every pod of the application, of all generations and helpers, on one node when the volume can be
/// mounted on one node only. The first pod is not held up: the scheduler lets a pod through that matches
/// its own term while nothing else does.
pub fn affinity(application: &ApplicationName, storage: &StateStorage) -> Option<Affinity> {
    if !storage.is_for_one_node() {
        return None;
    }
    let term = PodAffinityTerm {
        label_selector: Some(meta::selector(application, None, None)),
        topology_key: "kubernetes.io/hostname".to_owned(),
        ..PodAffinityTerm::default()
    };
    let together = PodAffinity {
        required_during_scheduling_ignored_during_execution: Some(vec![term]),
        ..PodAffinity::default()
    };
    Some(Affinity { pod_affinity: Some(together), ..Affinity::default() })
}
