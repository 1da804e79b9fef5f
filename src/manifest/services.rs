//! The Services of an application.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::meta;
use crate::model::effective::{BLOB_PORT, JOBMANAGER_RPC_PORT, REST_PORT};
use crate::model::labels::{self, Component};
use crate::model::revision::Revision;

/// The Service of the generation's JobManager. It has an address of its own, made before the pods, and
/// lists a JobManager that is not ready yet: a name that does not resolve at first would be cached by the
/// JVMs that ask for it. Where others stand by, TaskManagers find the one that leads through Flink's high
/// availability; every one that is ready answers REST for it, and one that is not would only lose requests.
pub(super) fn jobmanager(revision: &Revision) -> Service {
    let name = revision.application.jobmanager(revision.generation);
    let ports = [("rpc", JOBMANAGER_RPC_PORT), ("blob", BLOB_PORT), ("rest", REST_PORT)];
    let mut service = Service {
        metadata: meta::of_generation(revision, name, Component::JobManager),
        spec: Some(spec(revision, &ports)),
        ..Service::default()
    };
    if let Some(spec) = &mut service.spec {
        spec.publish_not_ready_addresses = Some(revision.spec.jobmanagers() == 1);
    }
    service
}

/// The Service of the whole application, pointing at this generation's REST endpoint. Applying the one of
/// another generation moves it.
pub(super) fn rest(revision: &Revision) -> Service {
    let name = revision.application.rest_service();
    Service {
        metadata: meta::of_application(revision, name, Component::JobManager),
        spec: Some(spec(revision, &[("rest", REST_PORT)])),
        ..Service::default()
    }
}

fn spec(revision: &Revision, ports: &[(&str, u16)]) -> ServiceSpec {
    let port = |(name, port): &(&str, u16)| ServicePort {
        name: Some((*name).to_owned()),
        port: i32::from(*port),
        target_port: Some(IntOrString::Int(i32::from(*port))),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    };
    let selector = labels::selector_labels(
        &revision.application,
        Some(revision.generation),
        Some(Component::JobManager),
    );
    ServiceSpec {
        type_: Some("ClusterIP".to_owned()),
        selector: Some(selector),
        ports: Some(ports.iter().map(port).collect()),
        ..ServiceSpec::default()
    }
}
