//! The short-lived pod that mounts the claim when no pod of the job does.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, Pod, PodAffinity, PodAffinityTerm, PodAntiAffinity,
    PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile, SecurityContext,
    WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::error::Result;
use crate::manifest;
use crate::model::config::FlinkConfig;
use crate::model::data::Binding;
use crate::model::ids::OperationId;
use crate::model::labels::{Component, labels, selector_labels};
use crate::model::name::ApplicationName;
use crate::model::storage::{ClaimStorage, StateStorage};
use crate::model::store::{Profile, Wiring};

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
    /// The storage that it gives access to.
    pub storage: Option<StateStorage>,
    /// Another storage to read, of state that is moving.
    pub also: Option<StateStorage>,
    /// A data store to measure, which it reaches as a job does that is bound to it.
    pub data_store: Option<Binding>,
    /// Further keys of Flink's configuration, for stores.
    pub config: FlinkConfig,
    /// The account that it runs under, for stores that trust one.
    pub service_account: Option<String>,
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

    /// The claims to mount.
    pub fn claims(&self) -> Vec<String> {
        self.mounted().map(|storage| storage.claim.clone()).collect()
    }

    /// Whether files are reached by Flink's own file systems; else by a mount alone.
    pub fn needs_agent(&self) -> bool {
        self.stores().next().is_some() || self.data_store.is_some()
    }

    fn storages(&self) -> impl Iterator<Item = &StateStorage> {
        self.storage.iter().chain(&self.also)
    }

    fn mounted(&self) -> impl Iterator<Item = &ClaimStorage> {
        self.storages().filter_map(StateStorage::claim)
    }

    fn stores(&self) -> impl Iterator<Item = &Profile> {
        self.storages().filter_map(StateStorage::remote).map(|remote| &remote.store)
    }

    /// The pod.
    ///
    /// # Errors
    /// None in practice: a configuration can always be written.
    pub fn pod(&self) -> Result<Pod> {
        Ok(Pod {
            metadata: ObjectMeta {
                name: Some(self.name()),
                labels: Some(labels(&self.application, None, Component::Helper)),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec()?),
            status: None,
        })
    }

    /// The pod, on another node than other helper pods of the application, if it can be.
    ///
    /// # Errors
    /// See [`HelperSpec::pod`].
    pub fn pod_apart(&self) -> Result<Pod> {
        let selector = LabelSelector {
            match_labels: Some(selector_labels(&self.application, None, Some(Component::Helper))),
            ..LabelSelector::default()
        };
        let elsewhere = WeightedPodAffinityTerm {
            weight: 100,
            pod_affinity_term: PodAffinityTerm {
                label_selector: Some(selector),
                topology_key: "kubernetes.io/hostname".to_owned(),
                ..PodAffinityTerm::default()
            },
        };
        let apart = PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![elsewhere]),
            ..PodAntiAffinity::default()
        };
        let affinity = Affinity { pod_anti_affinity: Some(apart), ..Affinity::default() };
        let mut pod = self.pod()?;
        if let Some(spec) = pod.spec.as_mut() {
            spec.affinity = Some(affinity);
        }
        Ok(pod)
    }

    fn spec(&self) -> Result<PodSpec> {
        let like = self.like.clone().unwrap_or_default();
        let wiring = Wiring::of(self.stores());
        let claims = self.mounted().map(manifest::state_volume);
        let data = self.data_store.iter().filter_map(|store| store.volume(None));
        let volumes = claims.chain(wiring.volumes.clone()).chain(data).collect();
        Ok(PodSpec {
            containers: vec![self.container(&wiring)?],
            service_account_name: self.service_account.clone().or(wiring.service_account),
            volumes: Some(volumes),
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
        })
    }

    fn container(&self, wiring: &Wiring) -> Result<Container> {
        let mounts = self.mounted().map(|_| manifest::state_mount());
        let data = self.data_store.iter().filter(|store| store.volume(None).is_some());
        let mounts = mounts.chain(wiring.mounts.clone()).chain(data.map(Binding::mount)).collect();
        let mut env = match self.needs_agent() {
            true => manifest::agent_env(wiring, &self.config)?,
            false => Vec::new(),
        };
        env.extend(self.data_store.iter().flat_map(Binding::env));
        let quantities = |cpu: &str, memory: &str| {
            BTreeMap::from([
                ("cpu".to_owned(), Quantity(cpu.to_owned())),
                ("memory".to_owned(), Quantity(memory.to_owned())),
            ])
        };
        let small = ResourceRequirements {
            requests: Some(quantities("50m", "64Mi")),
            limits: Some(quantities("1", "256Mi")),
            ..ResourceRequirements::default()
        };
        Ok(Container {
            name: CONTAINER.to_owned(),
            env: Some(env).filter(|env| !env.is_empty()),
            image: Some(self.image.clone()),
            command: Some(["sh", "-c", COMMAND].map(str::to_owned).to_vec()),
            volume_mounts: Some(mounts),
            // Both, because a quota may demand both. The memory limit counts the page cache of what is
            // written, which the kernel gives back under pressure.
            resources: Some(match self.needs_agent() {
                true => manifest::agent_resources(),
                false => small,
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
        })
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
