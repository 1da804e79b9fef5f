//! Pure conditions on single objects: what "ready" means for each kind.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, PersistentVolumeClaim, Pod};

/// Whether a volume is bound to the claim.
pub fn claim_bound(claim: &PersistentVolumeClaim) -> bool {
    claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound")
}

/// Whether the pod passes its readiness probes (condition `Ready`).
pub fn pod_ready(pod: &Pod) -> bool {
    pod_condition(pod, "Ready") == Some("True")
}

/// Whether the pod has a node (condition `PodScheduled`).
pub fn pod_scheduled(pod: &Pod) -> bool {
    pod_condition(pod, "PodScheduled") == Some("True")
}

/// Whether the pod has ended, one way or the other.
pub fn pod_ended(pod: &Pod) -> bool {
    matches!(pod_phase(pod), "Succeeded" | "Failed")
}

/// Whether the pod is on its way out.
pub fn pod_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// The pod's phase; empty before the API server has set one.
pub fn pod_phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// Whether a container, init container or not, runs right now.
pub fn container_running(pod: &Pod, container: &str) -> bool {
    container_statuses(pod)
        .filter(|status| status.name == container)
        .any(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
}

/// The statuses of init containers, then of the others.
pub fn container_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|s| s.init_container_statuses.as_deref()).unwrap_or_default();
    let main = status.and_then(|s| s.container_statuses.as_deref()).unwrap_or_default();
    init.iter().chain(main)
}

/// Whether all replicas of the latest spec are available.
pub fn deployment_available(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    deployment.status.as_ref().is_some_and(|status| {
        status.observed_generation >= deployment.metadata.generation
            && status.updated_replicas.unwrap_or(0) >= wanted
            && status.available_replicas.unwrap_or(0) >= wanted
    })
}

/// Whether all replicas of the latest spec are ready.
pub fn stateful_set_ready(set: &StatefulSet) -> bool {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    set.status.as_ref().is_some_and(|status| {
        status.observed_generation >= set.metadata.generation
            && status.updated_replicas.unwrap_or(0) >= wanted
            && status.ready_replicas.unwrap_or(0) >= wanted
    })
}

fn pod_condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a str> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|condition| condition.type_ == kind).map(|c| c.status.as_str())
}
