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
use crate::model::effective::{
    BLOB_PORT, DATA_PORT, JOBMANAGER_RPC_PORT, REST_PORT, TASKMANAGER_RPC_PORT,
};
use crate::model::labels::Component;
use crate::model::revision::Revision;

/// At most one pod at a time leaves a node by request: a drain goes on, and the job recovers once for each
/// pod instead of losing them all together.
///
/// With a volume for one node all may leave at once. There an evicted pod cannot come back before the last
/// one has left the old node, which a budget of one would forbid: the drain would never end.
pub(super) fn disruption_budget(revision: &Revision) -> PodDisruptionBudget {
    let name = revision.application.cluster_id(revision.generation);
    let at_once = match revision.storage.is_for_one_node() {
        true => IntOrString::String("100%".to_owned()),
        false => IntOrString::Int(1),
    };
    PodDisruptionBudget {
        metadata: meta::of_generation(revision, name, Component::Support),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(at_once),
            // A pod that does not run anyway must not hold a drain up.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            selector: Some(meta::selector(&revision.application, Some(revision.generation), None)),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}

/// RPC, blobs and data for the application's own pods alone: Flink's RPC runs what it is sent, so a pod
/// template that declares one of those ports does not open it. REST, the ports of metric reporters and
/// the others that the pod templates declare are open.
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

/// The ports that only the application's own pods may reach.
const CLOSED: [i32; 4] =
    [JOBMANAGER_RPC_PORT as i32, BLOB_PORT as i32, TASKMANAGER_RPC_PORT as i32, DATA_PORT as i32];

fn open_ports(config: &FlinkConfig, templates: &[&PodTemplateSpec]) -> Vec<NetworkPolicyPort> {
    let mut ranges = BTreeSet::from([(i32::from(REST_PORT), None, "TCP".to_owned())]);
    for (key, value) in config.iter() {
        if key.starts_with("metrics.reporter.") && key.ends_with(".port") {
            // A list too is Flink's: it takes the first port that is free.
            let found = value.split(',').filter_map(port_range);
            ranges.extend(found.map(|(first, last)| (first, last, "TCP".to_owned())));
        }
    }
    let containers =
        templates.iter().filter_map(|t| t.spec.as_ref()).flat_map(|spec| &spec.containers);
    let declared = containers.flat_map(|container| container.ports.iter().flatten());
    for port in declared.filter(|port| !CLOSED.contains(&port.container_port)) {
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
    use crate::model::storage::{AccessMode, StateStorage};

    #[test]
    fn metric_reporters_can_be_reached() {
        let mut config = FlinkConfig::default();
        config.set("metrics.reporter.prom.port", "9250-9260");
        config.set("metrics.reporter.jmx.port", "8789, 8791");
        let ports: Vec<_> =
            open_ports(&config, &[]).into_iter().map(|p| (p.port, p.end_port)).collect();
        assert_eq!(
            ports,
            [
                (Some(IntOrString::Int(8081)), None),
                (Some(IntOrString::Int(8789)), None),
                (Some(IntOrString::Int(8791)), None),
                (Some(IntOrString::Int(9250)), Some(9260)),
            ]
        );
    }

    #[test]
    fn a_template_cannot_open_rpc() {
        let template = serde_json::json!({"spec": {"containers": [
            {"name": "a", "ports": [{"containerPort": 6123}, {"containerPort": 6122}]},
            {"name": "b", "ports": [{"containerPort": 2020, "protocol": "UDP"}]},
        ]}});
        let template: PodTemplateSpec = serde_json::from_value(template).expect("a template");
        let ports: Vec<_> =
            open_ports(&FlinkConfig::default(), &[&template]).into_iter().map(|p| p.port).collect();
        assert_eq!(ports, [Some(IntOrString::Int(2020)), Some(IntOrString::Int(8081))]);
    }

    #[test]
    fn a_drain_always_ends_and_never_takes_all_pods_that_could_stay() {
        let mut revision = crate::model::testing::revision();
        let at_once = |revision: &Revision| {
            disruption_budget(revision).spec.expect("a spec").max_unavailable.expect("a number")
        };
        assert_eq!(at_once(&revision), IntOrString::String("100%".to_owned()));
        let StateStorage::Claim(claim) = &mut revision.storage else { panic!("no claim") };
        claim.access = AccessMode::Rwx;
        assert_eq!(at_once(&revision), IntOrString::Int(1));
    }
}
