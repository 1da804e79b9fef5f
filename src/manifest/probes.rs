//! When a process counts as started, ready and alive.

use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::effective::{JOBMANAGER_RPC_PORT, REST_PORT, TASKMANAGER_RPC_PORT};
use crate::model::process::Process;

/// Seconds that a start may take before the container is restarted: a JobManager answers REST only after
/// leader election, which waits for a dead leader's lease, and after reading its jobs back.
const START_SECONDS: i32 = 600;

/// Sets the probes that the user's template does not.
pub(super) fn set(container: &mut Container, process: Process) {
    let (started, ready, alive) = match process {
        // As the operator probes it: /config answers as soon as REST does.
        Process::JobManager => (http(), Some(http()), tcp(JOBMANAGER_RPC_PORT)),
        Process::TaskManager => (tcp(TASKMANAGER_RPC_PORT), None, tcp(TASKMANAGER_RPC_PORT)),
    };
    container.startup_probe.get_or_insert(Probe {
        period_seconds: Some(1),
        timeout_seconds: Some(5),
        failure_threshold: Some(START_SECONDS),
        ..started
    });
    if let Some(ready) = ready {
        container.readiness_probe.get_or_insert(Probe {
            period_seconds: Some(1),
            timeout_seconds: Some(5),
            failure_threshold: Some(3),
            ..ready
        });
    }
    container.liveness_probe.get_or_insert(Probe {
        period_seconds: Some(10),
        timeout_seconds: Some(5),
        failure_threshold: Some(6),
        ..alive
    });
}

fn http() -> Probe {
    let get = HTTPGetAction {
        path: Some("/config".to_owned()),
        port: IntOrString::Int(i32::from(REST_PORT)),
        ..HTTPGetAction::default()
    };
    Probe { http_get: Some(get), ..Probe::default() }
}

fn tcp(port: u16) -> Probe {
    let socket = TCPSocketAction { port: IntOrString::Int(i32::from(port)), host: None };
    Probe { tcp_socket: Some(socket), ..Probe::default() }
}
