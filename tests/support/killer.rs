//! `kill -9` for the processes of a container.
//!
//! A container's first process ignores SIGKILL from inside, so this comes from outside: from a pod
//! in the node's own process namespace, which works on any cluster that permits one.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::PostParams;
use serde_json::json;

use super::{Cluster, eventually};

/// Holds the killers: it must not enforce a PodSecurity level.
const NAMESPACE: &str = "kubectl-flink-test-killer";

/// Sends SIGKILL to every process of the pod's first container.
pub(crate) fn kill(cluster: &Cluster, victim: &Pod) {
    let spec = victim.spec.as_ref().unwrap();
    let status = &victim.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0];
    let (_, id) = status.container_id.as_deref().unwrap().split_once("://").unwrap();
    let script = format!(
        "killed=1; for p in /proc/[0-9]*; do grep -qs {id} $p/cgroup && kill -9 ${{p#/proc/}} && killed=0; done; exit $killed"
    );
    let namespace = json!({"metadata": {"name": NAMESPACE}});
    // Another test may have made it.
    let _ = cluster.wait(
        cluster
            .api_all::<Namespace>()
            .create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()),
    );
    let pods = cluster.api::<Pod>(NAMESPACE);
    wait_for_service_account(cluster);
    let pod = cluster.create(
        &pods,
        json!({
            "metadata": {"generateName": "kill-"},
            "spec": {
                "hostPID": true,
                "restartPolicy": "Never",
                "nodeName": spec.node_name,
                "containers": [{
                    "name": "kill",
                    "image": spec.containers[0].image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", script],
                    "securityContext": {"privileged": true, "runAsUser": 0},
                }],
            },
        }),
    );
    let name = pod.metadata.name.unwrap();
    let phase = eventually("the killer has run", Duration::from_secs(60), || {
        let phase = cluster.get(&pods, &name)?.status?.phase?;
        ["Succeeded", "Failed"].contains(&phase.as_str()).then_some(phase)
    });
    cluster.delete(&pods, &name);
    assert_eq!(phase, "Succeeded", "no process of {:?} was found", victim.metadata.name);
}

/// Pods cannot be created before the namespace's default service account exists.
fn wait_for_service_account(cluster: &Cluster) {
    let accounts = cluster.api::<k8s_openapi::api::core::v1::ServiceAccount>(NAMESPACE);
    eventually("a default service account", Duration::from_secs(30), || {
        cluster.get(&accounts, "default")
    });
}
