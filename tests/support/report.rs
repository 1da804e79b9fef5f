//! What a failed test says about its namespace.

use std::fmt::Write;

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::LogParams;

use super::Cluster;

/// Lines of a container's log that are worth showing.
const LOG_LINES: i64 = 30;

/// Pods with their states, the last lines of their logs, and the events.
pub(crate) fn describe(cluster: &Cluster, namespace: &str) -> String {
    let mut text = format!("---- namespace {namespace}\n");
    let pods = cluster.api::<Pod>(namespace);
    for pod in cluster.list(&pods, "") {
        let name = pod.metadata.name.unwrap_or_default();
        let status = pod.status.unwrap_or_default();
        let _ = writeln!(text, "pod {name}: {}", status.phase.unwrap_or_default());
        for container in status.container_statuses.unwrap_or_default() {
            let state = serde_json::to_string(&container.state).unwrap_or_default();
            let _ =
                writeln!(text, "  {} restarts {} {state}", container.name, container.restart_count);
        }
        let last = LogParams { tail_lines: Some(LOG_LINES), ..LogParams::default() };
        if let Ok(log) = cluster.wait(pods.logs(&name, &last)) {
            let _ = writeln!(text, "{}", log.trim_end());
        }
    }
    for event in cluster.list(&cluster.api::<Event>(namespace), "") {
        let object = event.involved_object.name.unwrap_or_default();
        let (reason, message) =
            (event.reason.unwrap_or_default(), event.message.unwrap_or_default());
        let _ = writeln!(text, "event {object}: {reason}: {message}");
    }
    text
}
