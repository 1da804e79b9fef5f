//! Why pods do not run, and what they wait for right now.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

mod observed;

pub use observed::Observed;

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

#[cfg(test)]
mod tests;
