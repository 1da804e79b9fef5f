//! A pod in one line, as `kubectl get pods` shows it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use serde::Serialize;

use super::created;
use crate::cluster::condition;
use crate::model::labels;
use crate::ui::Tone;

/// A pod of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodView {
    /// Its name.
    pub name: String,
    /// `jobmanager`, `taskmanager` or `helper`.
    pub component: String,
    /// The generation it belongs to, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// kubectl's STATUS column: the phase, or the reason that keeps a container from running.
    pub status: String,
    /// Whether it takes part in the job.
    pub ready: bool,
    /// How often its containers were restarted.
    pub restarts: i32,
    /// The node it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

impl PodView {
    /// How the status is to be taken.
    pub fn tone(&self) -> Tone {
        match self.status.as_str() {
            "Running" if self.ready => Tone::Good,
            "Completed" | "Succeeded" => Tone::Good,
            "Running" | "Pending" | "ContainerCreating" | "PodInitializing" | "Terminating" => {
                Tone::Attention
            }
            _ => Tone::Bad,
        }
    }
}

impl From<&Pod> for PodView {
    fn from(pod: &Pod) -> Self {
        let label = |key: &str| pod.metadata.labels.as_ref().and_then(|all| all.get(key)).cloned();
        PodView {
            name: pod.metadata.name.clone().unwrap_or_default(),
            component: label(labels::COMPONENT).unwrap_or_default(),
            generation: label(labels::GENERATION),
            status: status(pod),
            ready: condition::pod_ready(pod),
            restarts: condition::container_statuses(pod).map(|status| status.restart_count).sum(),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            created: created(&pod.metadata),
        }
    }
}

/// The rules of kubectl's pod printer: what holds a container up says more than the phase.
fn status(pod: &Pod) -> String {
    if condition::pod_terminating(pod) {
        return "Terminating".to_owned();
    }
    let held_up = condition::container_statuses(pod).find_map(held_up);
    let reason = || pod.status.as_ref().and_then(|status| status.reason.clone());
    held_up.or_else(reason).unwrap_or_else(|| match condition::pod_phase(pod) {
        "" => "Unknown".to_owned(),
        phase => phase.to_owned(),
    })
}

/// Why a container does not run; `None` when it does, or has done its work.
fn held_up(container: &ContainerStatus) -> Option<String> {
    match container.state.as_ref()? {
        ContainerState { waiting: Some(waiting), .. } => {
            Some(waiting.reason.clone().unwrap_or_else(|| "Waiting".to_owned()))
        }
        ContainerState { terminated: Some(end), .. } if end.exit_code != 0 => {
            let reason = end.reason.clone().filter(|reason| !reason.is_empty());
            Some(reason.unwrap_or_else(|| format!("ExitCode:{}", end.exit_code)))
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A TaskManager with this status.
    pub(in crate::view) fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "orders-g1-taskmanager-0", "labels": {
                "kubectl-flink.io/component": "taskmanager", "kubectl-flink.io/generation": "1",
            }},
            "status": status,
        }))
        .expect("a pod")
    }

    fn container(state: &Value) -> Value {
        json!({"name": "flink-main-container", "image": "flink:2.3", "imageID": "", "ready": false,
            "restartCount": 3, "state": state})
    }

    #[test]
    fn a_container_that_is_held_up_says_more_than_the_phase() {
        for (phase, state, status) in [
            ("Running", json!({"waiting": {"reason": "CrashLoopBackOff"}}), "CrashLoopBackOff"),
            ("Pending", json!({"waiting": {"reason": "ImagePullBackOff"}}), "ImagePullBackOff"),
            (
                "Running",
                json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
                "OOMKilled",
            ),
            ("Failed", json!({"terminated": {"exitCode": 163}}), "ExitCode:163"),
        ] {
            let pod = PodView::from(&pod(&json!({
                "phase": phase, "containerStatuses": [container(&state)],
            })));
            assert_eq!((pod.status.as_str(), pod.tone(), pod.restarts), (status, Tone::Bad, 3));
        }
    }

    #[test]
    fn a_running_pod_is_well_once_it_is_ready() {
        let running = container(&json!({"running": {}}));
        let view = |ready: &str| {
            PodView::from(&pod(&json!({"phase": "Running", "containerStatuses": [running],
                "conditions": [{"type": "Ready", "status": ready}]})))
        };
        assert_eq!((view("True").status.as_str(), view("True").tone()), ("Running", Tone::Good));
        assert_eq!(
            (view("False").status.as_str(), view("False").tone()),
            ("Running", Tone::Attention)
        );
        assert_eq!(view("True").component, "taskmanager");
    }
}
