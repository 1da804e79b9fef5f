//! What keeps others from a generation's pods: the network, and the drain of a node.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::meta;
use crate::model::config::FlinkConfig;
use crate::model::effective::REST_PORT;
use crate::model::labels::Component;
use crate::model::revision::Revision;

/// At most one pod at a time leaves a node by request: a drain goes on, and the job recovers once for each
/// pod instead of losing them all together.
pub(super) fn disruption_budget(revision: &Revision) -> PodDisruptionBudget {
    let name = revision.application.cluster_id(revision.generation);
    PodDisruptionBudget {
        metadata: meta::of_generation(revision, name, Component::Support),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(meta::selector(&revision.application, Some(revision.generation), None)),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}

/// RPC, blobs and data for the application's own pods alone: Flink's RPC runs what it is sent. REST, the
/// ports of metric reporters and those that the pod templates declare are open.
pub(super) fn network_policy(
    revision: &Revision,
    config: &FlinkConfig,
    templates: &[&PodTemplateSpec],
) -> NetworkPolicy {
    let name = revision.application.cluster_id(revision.generation);
    let own_pods = NetworkPolicyIngressRule {
        from: Some(vec![NetworkPolicyPeer {
            pod_selector: Some(meta::selector(&revision.application, None, None)),
            ..NetworkPolicyPeer::default()
        }]),
        ports: None,
    };
    let anybody =
        NetworkPolicyIngressRule { from: None, ports: Some(open_ports(config, templates)) };
    NetworkPolicy {
        metadata: meta::of_generation(revision, name, Component::Support),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(meta::selector(
                &revision.application,
                Some(revision.generation),
                None,
            )),
            ingress: Some(vec![own_pods, anybody]),
            policy_types: Some(vec!["Ingress".to_owned()]),
            egress: None,
        }),
    }
}

fn open_ports(config: &FlinkConfig, templates: &[&PodTemplateSpec]) -> Vec<NetworkPolicyPort> {
    let mut ranges = BTreeSet::from([(i32::from(REST_PORT), None, "TCP".to_owned())]);
    for (key, value) in config.iter() {
        if key.starts_with("metrics.reporter.") && key.ends_with(".port") {
            ranges.extend(port_range(value).map(|(first, last)| (first, last, "TCP".to_owned())));
        }
    }
    let containers =
        templates.iter().filter_map(|t| t.spec.as_ref()).flat_map(|spec| &spec.containers);
    for port in containers.flat_map(|container| container.ports.iter().flatten()) {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        ranges.insert((port.container_port, None, protocol));
    }
    let port = |(first, last, protocol)| NetworkPolicyPort {
        port: Some(IntOrString::Int(first)),
        end_port: last,
        protocol: Some(protocol),
    };
    ranges.into_iter().map(port).collect()
}

/// `9249` or `9250-9260`.
fn port_range(text: &str) -> Option<(i32, Option<i32>)> {
    match text.trim().split_once('-') {
        Some((first, last)) => Some((first.trim().parse().ok()?, Some(last.trim().parse().ok()?))),
        None => Some((text.trim().parse().ok()?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_reporters_can_be_reached() {
        let mut config = FlinkConfig::default();
        config.set("metrics.reporter.prom.port", "9250-9260");
        config.set("metrics.reporter.jmx.port", "8789");
        let ports: Vec<_> =
            open_ports(&config, &[]).into_iter().map(|p| (p.port, p.end_port)).collect();
        assert_eq!(
            ports,
            [
                (Some(IntOrString::Int(8081)), None),
                (Some(IntOrString::Int(8789)), None),
                (Some(IntOrString::Int(9250)), Some(9260)),
            ]
        );
    }
}
