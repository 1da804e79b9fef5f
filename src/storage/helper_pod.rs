//! The short-lived pod that mounts the claim when no pod of the job does.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, Pod, PodAffinity, PodAffinityTerm, PodSecurityContext,
    PodSpec, ResourceRequirements, SeccompProfile, SecurityContext, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::manifest;
use crate::model::ids::OperationId;
use crate::model::labels::{Component, labels, selector_labels};
use crate::model::name::ApplicationName;
use crate::model::storage::StateStorage;

/// The helper's only container.
pub const CONTAINER: &str = "storage";

/// Flink's user and group in the official images.
const FLINK_ID: i64 = 9999;

/// The kubelet ends the pod after this many seconds, whatever happens.
const DEADLINE_SECONDS: i64 = 3600;

/// The pod ends by itself when no command of ours has run in it for half a minute, so that a client that
/// died leaves no pod that holds the volume. A process that `exec` starts has parent 0, as process 1 has.
const COMMAND: &str = r#"
trap 'exit 0' TERM
idle=0
while [ "$idle" -lt 30 ]; do
  sleep 1 & wait $!
  idle=$((idle + 1))
  for stat in /proc/[0-9]*/stat; do
    read -r pid name state parent rest < "$stat" || continue
    if [ "$parent" = 0 ] && [ "$pid" != 1 ]; then idle=0; fi
  done 2>/dev/null
done
"#;

/// What a helper pod is made from.
#[derive(Debug, Clone)]
pub struct HelperSpec {
    /// The application.
    pub application: ApplicationName,
    /// The operation it serves: one helper per operation.
    pub operation: OperationId,
    /// What it gives access to.
    pub storage: StateStorage,
    /// The job's image: it is on the nodes already, and holds the tools.
    pub image: String,
    /// The job's pod, to take from it what a cluster demands of pods: pull secrets, node selector,
    /// tolerations, priority and runtime class.
    pub like: Option<PodSpec>,
}

impl HelperSpec {
    /// The pod's name.
    pub fn name(&self) -> String {
        format!("{}-helper-{}", self.application, self.operation)
    }

    /// The pod.
    pub fn pod(&self) -> Pod {
        Pod {
            metadata: ObjectMeta {
                name: Some(self.name()),
                labels: Some(labels(&self.application, None, Component::Helper)),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec()),
            status: None,
        }
    }

    fn spec(&self) -> PodSpec {
        let like = self.like.clone().unwrap_or_default();
        PodSpec {
            containers: vec![self.container()],
            volumes: self.storage.claim().map(|claim| vec![manifest::state_volume(claim)]),
            restart_policy: Some("Never".to_owned()),
            active_deadline_seconds: Some(DEADLINE_SECONDS),
            termination_grace_period_seconds: Some(1),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(FLINK_ID),
                run_as_group: Some(FLINK_ID),
                fs_group: Some(FLINK_ID),
                fs_group_change_policy: Some("OnRootMismatch".to_owned()),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            affinity: Some(self.near_the_application()),
            image_pull_secrets: like.image_pull_secrets,
            node_selector: like.node_selector,
            tolerations: like.tolerations,
            priority_class_name: like.priority_class_name,
            runtime_class_name: like.runtime_class_name,
            ..PodSpec::default()
        }
    }

    fn container(&self) -> Container {
        let quantities = |cpu: &str, memory: &str| {
            BTreeMap::from([
                ("cpu".to_owned(), Quantity(cpu.to_owned())),
                ("memory".to_owned(), Quantity(memory.to_owned())),
            ])
        };
        Container {
            name: CONTAINER.to_owned(),
            image: Some(self.image.clone()),
            command: Some(["sh", "-c", COMMAND].map(str::to_owned).to_vec()),
            volume_mounts: self.storage.claim().map(|_| vec![manifest::state_mount()]),
            // Both, because a quota may demand both. The memory limit counts the page cache of what is
            // written, which the kernel gives back under pressure.
            resources: Some(ResourceRequirements {
                requests: Some(quantities("50m", "64Mi")),
                limits: Some(quantities("1", "256Mi")),
                ..ResourceRequirements::default()
            }),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(false),
                capabilities: Some(Capabilities {
                    drop: Some(vec!["ALL".to_owned()]),
                    ..Capabilities::default()
                }),
                ..SecurityContext::default()
            }),
            ..Container::default()
        }
    }

    /// A ReadWriteOnce volume can be on one node only: where the application's pods are, if it has any.
    fn near_the_application(&self) -> Affinity {
        let selector = LabelSelector {
            match_labels: Some(selector_labels(&self.application, None, None)),
            ..LabelSelector::default()
        };
        Affinity {
            pod_affinity: Some(PodAffinity {
                preferred_during_scheduling_ignored_during_execution: Some(vec![
                    WeightedPodAffinityTerm {
                        weight: 100,
                        pod_affinity_term: PodAffinityTerm {
                            label_selector: Some(selector),
                            topology_key: "kubernetes.io/hostname".to_owned(),
                            ..PodAffinityTerm::default()
                        },
                    },
                ]),
                ..PodAffinity::default()
            }),
            ..Affinity::default()
        }
    }
}
