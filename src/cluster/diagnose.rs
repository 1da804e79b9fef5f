//! Why pods do not run, and what they wait for right now: pure functions over what was observed.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use tokio::time::Instant;

use super::condition;

/// The objects around a workload at one moment.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The workload's pods.
    pub pods: Vec<Pod>,
    /// The ReplicaSets that should have made pods.
    pub replica_sets: Vec<ReplicaSet>,
    /// The claims that the pods mount.
    pub claims: Vec<PersistentVolumeClaim>,
    /// Events about any of these.
    pub events: Vec<Event>,
}

/// What a workload waits for, least advanced pod first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    /// No pod exists yet.
    Pods,
    /// A pod has no node yet.
    Scheduling,
    /// A volume is being provisioned, attached or mounted.
    Volume,
    /// An image is being pulled.
    ImagePull(String),
    /// Containers are being created.
    Containers,
    /// An init container runs.
    Init(String),
    /// The JVM is up but not ready: the process starts.
    Jvm,
    /// Nothing: every pod is ready.
    Nothing,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waiting::Pods => f.write_str("pods to be created"),
            Waiting::Scheduling => f.write_str("a node for the pods"),
            Waiting::Volume => f.write_str("the volume"),
            Waiting::ImagePull(image) => write!(f, "the pull of image {image}"),
            Waiting::Containers => f.write_str("the containers to be created"),
            Waiting::Init(container) => write!(f, "init container {container}"),
            Waiting::Jvm => f.write_str("the JVM to start"),
            Waiting::Nothing => f.write_str("nothing"),
        }
    }
}

/// Why a workload does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diagnosis {
    /// The API server refuses to create the pods: quota, pod security, an admission webhook.
    PodsRefused {
        /// The object that tried.
        owner: String,
        /// The refusal.
        message: String,
    },
    /// A container ends again and again.
    Crashing {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// How often it was restarted.
        restarts: i32,
        /// The exit code of its last end.
        exit_code: i32,
        /// The kubelet's reason for its last end: `OOMKilled`, `Error`, …
        reason: String,
    },
    /// The image cannot be had.
    ImageUnavailable {
        /// The pod.
        pod: String,
        /// The image.
        image: String,
        /// What the container runtime says.
        message: String,
    },
    /// The container cannot be created from its configuration, for example for want of a Secret.
    BadContainer {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// What the kubelet says.
        message: String,
    },
    /// A volume cannot be attached or mounted.
    MountFailed {
        /// The pod.
        pod: String,
        /// What the kubelet or the attach controller says.
        message: String,
    },
    /// No volume can be made for the claim.
    ClaimUnprovisioned {
        /// The claim.
        claim: String,
        /// What the provisioner says.
        message: String,
    },
    /// No node takes the pod.
    Unschedulable {
        /// The pod.
        pod: String,
        /// What the scheduler says.
        message: String,
    },
    /// The node threw the pod out.
    Evicted {
        /// The pod.
        pod: String,
        /// Why.
        message: String,
    },
}

/// How long an image that cannot be pulled may go on failing: two of the kubelet's back-offs (10 s, 20 s),
/// enough for a registry that restarts.
const PULL_PATIENCE: Duration = Duration::from_secs(30);

/// Tells when it is time to stop waiting for something that might pass by itself.
#[derive(Debug, Default)]
pub struct Patience {
    failing_since: Option<Instant>,
}

impl Patience {
    /// Whether `gravest`, the gravest diagnosis of each look, has lasted too long.
    pub fn is_over(&mut self, gravest: Option<&Diagnosis>) -> bool {
        match gravest {
            Some(diagnosis) if diagnosis.is_settled() => true,
            Some(Diagnosis::ImageUnavailable { .. }) => {
                self.failing_since.get_or_insert_with(Instant::now).elapsed() >= PULL_PATIENCE
            }
            _ => {
                self.failing_since = None;
                false
            }
        }
    }
}

impl Diagnosis {
    /// Whether waiting longer is pointless, because somebody has to change something first. The others
    /// may pass by themselves: an autoscaler adds a node, a detach completes, a registry comes back.
    pub fn is_settled(&self) -> bool {
        match self {
            Diagnosis::PodsRefused { .. } | Diagnosis::BadContainer { .. } => true,
            Diagnosis::Crashing { restarts, reason, .. } => *restarts >= 2 || reason == "OOMKilled",
            Diagnosis::ImageUnavailable { message, .. } => {
                let words = [
                    "not found",
                    "denied",
                    "unauthorized",
                    "InvalidImageName",
                    "invalid reference",
                    "ErrImageNeverPull",
                    "no match for platform",
                ];
                words.iter().any(|word| message.contains(word))
            }
            Diagnosis::MountFailed { .. }
            | Diagnosis::ClaimUnprovisioned { .. }
            | Diagnosis::Unschedulable { .. }
            | Diagnosis::Evicted { .. } => false,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Diagnosis::PodsRefused { message, .. } if message.contains("exceeded quota") => {
                "Ask for a larger quota, or make the application smaller.".to_owned()
            }
            Diagnosis::PodsRefused { .. } => {
                "Change what the message names in podTemplate, or the namespace's policy.".to_owned()
            }
            Diagnosis::Crashing { reason, container, .. } if reason == "OOMKilled" => format!(
                "Give container {container} more memory: the process used more than its limit."
            ),
            Diagnosis::Crashing { pod, container, .. } => {
                format!("Read its last words with `kubectl logs {pod} -c {container} --previous`.")
            }
            Diagnosis::ImageUnavailable { .. } => {
                "Check --image, and imagePullSecrets in podTemplate for a private registry.".to_owned()
            }
            Diagnosis::BadContainer { .. } => {
                "Create what the message names, or take it out of podTemplate.".to_owned()
            }
            Diagnosis::MountFailed { .. } => {
                "A ReadWriteOnce volume can be on one node only: look for a pod that still uses it on another.".to_owned()
            }
            Diagnosis::ClaimUnprovisioned { claim, .. } => {
                format!("Look at the claim and its StorageClass with `kubectl describe pvc {claim}`.")
            }
            Diagnosis::Unschedulable { .. } => {
                "Make the pods smaller, add a node, or relax their affinity and tolerations.".to_owned()
            }
            Diagnosis::Evicted { .. } => {
                "Free the resource that the message names, or raise the pod's requests.".to_owned()
            }
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Diagnosis::PodsRefused { owner, message } => {
                write!(f, "the API server refuses the pods of {owner}: {message}")
            }
            Diagnosis::Crashing { pod, container, restarts, exit_code, reason } => {
                write!(
                    f,
                    "container {container} of pod {pod} ended with exit code {exit_code} ({reason})"
                )?;
                match restarts {
                    0 => Ok(()),
                    1 => f.write_str(" and was restarted once"),
                    n => write!(f, " and was restarted {n} times"),
                }
            }
            Diagnosis::ImageUnavailable { pod, image, message } => {
                write!(f, "image {image} of pod {pod} cannot be pulled: {message}")
            }
            Diagnosis::BadContainer { pod, container, message } => {
                write!(f, "container {container} of pod {pod} cannot be created: {message}")
            }
            Diagnosis::MountFailed { pod, message } => {
                write!(f, "a volume of pod {pod} cannot be mounted: {message}")
            }
            Diagnosis::ClaimUnprovisioned { claim, message } => {
                write!(f, "no volume can be made for claim {claim}: {message}")
            }
            Diagnosis::Unschedulable { pod, message } => {
                write!(f, "no node takes pod {pod}: {message}")
            }
            Diagnosis::Evicted { pod, message } => {
                write!(f, "pod {pod} was evicted: {message}")
            }
        }
    }
}

impl Observed {
    /// What the workload waits for: the least advanced pod decides.
    pub fn waiting(&self) -> Waiting {
        let live = self.live_pods().map(|pod| self.pod_waits_for(pod));
        live.min().unwrap_or(Waiting::Pods)
    }

    /// Everything that keeps the workload from running, gravest first.
    pub fn diagnoses(&self) -> Vec<Diagnosis> {
        let mut found: Vec<Diagnosis> = self.refusals().collect();
        for pod in self.live_pods().filter(|pod| !condition::pod_ready(pod)) {
            found.extend(self.container_diagnoses(pod));
            found.extend(self.pod_diagnoses(pod));
        }
        found.extend(self.claim_diagnoses());
        found.sort_by_key(Diagnosis::rank);
        found
    }

    fn live_pods(&self) -> impl Iterator<Item = &Pod> {
        let over =
            |pod: &Pod| condition::pod_terminating(pod) || condition::pod_phase(pod) == "Succeeded";
        self.pods.iter().filter(move |pod| !over(pod))
    }

    fn pod_waits_for(&self, pod: &Pod) -> Waiting {
        if condition::pod_ready(pod) {
            return Waiting::Nothing;
        }
        let bound = self.claims.iter().all(condition::claim_bound);
        if !condition::pod_scheduled(pod) {
            return if bound { Waiting::Scheduling } else { Waiting::Volume };
        }
        let state = |status: &ContainerStatus| status.state.clone().unwrap_or_default();
        let init = pod.status.as_ref().and_then(|s| s.init_container_statuses.as_ref());
        let running = init.into_iter().flatten().find(|s| state(s).running.is_some());
        if let Some(init) = running {
            return Waiting::Init(init.name.clone());
        }
        if condition::container_statuses(pod).any(|s| state(s).running.is_some()) {
            return Waiting::Jvm;
        }
        self.creation_step(pod)
    }

    /// While containers are created only the events tell the steps apart: the last one counts.
    fn creation_step(&self, pod: &Pod) -> Waiting {
        let image = |message: &str| message.split('"').nth(1).unwrap_or_default().to_owned();
        let steps = self.events_of("Pod", &pod.name_any());
        let last = steps.iter().rev().find_map(|event| {
            let message = event.message.as_deref().unwrap_or_default();
            match event.reason.as_deref()? {
                "Pulling" => Some(Waiting::ImagePull(image(message))),
                "FailedMount" | "FailedAttachVolume" => Some(Waiting::Volume),
                "Pulled" | "Created" | "Started" | "SuccessfulAttachVolume" => {
                    Some(Waiting::Containers)
                }
                _ => None,
            }
        });
        last.unwrap_or(Waiting::Containers)
    }

    fn refusals(&self) -> impl Iterator<Item = Diagnosis> {
        self.replica_sets.iter().filter_map(|set| {
            let conditions = set.status.as_ref()?.conditions.as_deref()?;
            let failed =
                conditions.iter().find(|c| c.type_ == "ReplicaFailure" && c.status == "True")?;
            Some(Diagnosis::PodsRefused {
                owner: format!("ReplicaSet {}", set.name_any()),
                message: failed.message.clone().unwrap_or_default(),
            })
        })
    }

    fn container_diagnoses(&self, pod: &Pod) -> Vec<Diagnosis> {
        condition::container_statuses(pod)
            .filter(|status| !status.ready)
            .filter_map(|status| {
                self.stuck_container(pod, status).or_else(|| crashed_container(pod, status))
            })
            .collect()
    }

    fn stuck_container(&self, pod: &Pod, status: &ContainerStatus) -> Option<Diagnosis> {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        let said = waiting.message.clone().unwrap_or_else(|| reason.to_owned());
        match reason {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                let failed = self.last_event(pod, &["Failed"], "pull image");
                let message = match reason {
                    "ImagePullBackOff" => failed.unwrap_or(said),
                    "ErrImagePull" => said,
                    other => format!("{other}: {said}"),
                };
                Some(Diagnosis::ImageUnavailable {
                    pod: pod.name_any(),
                    image: status.image.clone(),
                    message,
                })
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Some(Diagnosis::BadContainer {
                    pod: pod.name_any(),
                    container: status.name.clone(),
                    message: said,
                })
            }
            _ => None,
        }
    }

    fn pod_diagnoses(&self, pod: &Pod) -> Vec<Diagnosis> {
        let mut found = Vec::new();
        let status = pod.status.as_ref();
        if let Some(status) = status.filter(|s| s.reason.as_deref() == Some("Evicted")) {
            let message = status.message.clone().unwrap_or_default();
            found.push(Diagnosis::Evicted { pod: pod.name_any(), message });
        }
        let conditions = status.and_then(|s| s.conditions.as_deref()).unwrap_or_default();
        let unschedulable = conditions
            .iter()
            .find(|c| c.type_ == "PodScheduled" && c.reason.as_deref() == Some("Unschedulable"));
        if let Some(condition) = unschedulable {
            let message = condition.message.clone().unwrap_or_default();
            found.push(Diagnosis::Unschedulable { pod: pod.name_any(), message });
        }
        let started = condition::container_statuses(pod)
            .any(|s| s.started == Some(true) || s.restart_count > 0);
        if !started
            && let Some(message) =
                self.last_event(pod, &["FailedMount", "FailedAttachVolume", "FailedMapVolume"], "")
        {
            found.push(Diagnosis::MountFailed { pod: pod.name_any(), message });
        }
        found
    }

    fn claim_diagnoses(&self) -> Vec<Diagnosis> {
        let unbound = self.claims.iter().filter(|claim| !condition::claim_bound(claim));
        unbound
            .filter_map(|claim| {
                let name = claim.name_any();
                let events = self.events_of("PersistentVolumeClaim", &name);
                // WaitForFirstConsumer and ExternalProvisioning are progress, not failures.
                let failed = events.iter().rev().find(|event| {
                    matches!(event.reason.as_deref(), Some("ProvisioningFailed" | "FailedBinding"))
                })?;
                let message = failed.message.clone().unwrap_or_default();
                Some(Diagnosis::ClaimUnprovisioned { claim: name, message })
            })
            .collect()
    }

    fn last_event(&self, pod: &Pod, reasons: &[&str], text: &str) -> Option<String> {
        let events = self.events_of("Pod", &pod.name_any());
        let fits = |event: &&&Event| {
            event.reason.as_deref().is_some_and(|reason| reasons.contains(&reason))
                && event.message.as_deref().is_some_and(|message| message.contains(text))
        };
        events.iter().rev().find(fits).and_then(|event| event.message.clone())
    }

    /// The events about one object, oldest first.
    fn events_of(&self, kind: &str, name: &str) -> Vec<&Event> {
        let about = |event: &&Event| {
            event.involved_object.kind.as_deref() == Some(kind)
                && event.involved_object.name.as_deref() == Some(name)
        };
        let mut events: Vec<&Event> = self.events.iter().filter(about).collect();
        events.sort_by_key(|event| last_seen(event));
        events
    }
}

impl Diagnosis {
    /// The order of graveness: what explains the others comes first.
    fn rank(&self) -> u8 {
        match self {
            Diagnosis::PodsRefused { .. } => 0,
            Diagnosis::Crashing { .. } => 1,
            Diagnosis::ImageUnavailable { .. } => 2,
            Diagnosis::BadContainer { .. } => 3,
            Diagnosis::ClaimUnprovisioned { .. } => 4,
            Diagnosis::MountFailed { .. } => 5,
            Diagnosis::Unschedulable { .. } => 6,
            Diagnosis::Evicted { .. } => 7,
        }
    }
}

/// The last end of a container that is not ready, unless it ended well.
fn crashed_container(pod: &Pod, status: &ContainerStatus) -> Option<Diagnosis> {
    let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    let before = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let end = now.or(before)?;
    if end.exit_code == 0 && now.is_some() {
        return None;
    }
    Some(Diagnosis::Crashing {
        pod: pod.name_any(),
        container: status.name.clone(),
        restarts: status.restart_count,
        exit_code: end.exit_code,
        reason: end.reason.clone().unwrap_or_else(|| "Error".to_owned()),
    })
}

/// When the event last happened; the API has three places for it.
fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|s| s.last_observed_time.as_ref()).map(|t| t.0);
    let newest = event.last_timestamp.as_ref().map(|t| t.0);
    let single = event.event_time.as_ref().map(|t| t.0);
    series.or(newest).or(single).or_else(|| event.first_timestamp.as_ref().map(|t| t.0))
}

#[cfg(test)]
mod tests;
