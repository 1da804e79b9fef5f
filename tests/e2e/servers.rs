//! The storage servers of the local cluster: real Flink, without this plugin, keeps its checkpoints on each.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Sandbox, Store, eventually};

const IMAGE: &str = "flink:2.3.0";

/// A pod with a JobManager and a TaskManager that count, and take a checkpoint each second.
fn counting(image: &str, plugin: &str, properties: &[(&str, &str)]) -> Value {
    let mut flink = vec![
        ("jobmanager.rpc.address", "localhost"),
        ("jobmanager.memory.process.size", "640m"),
        ("taskmanager.memory.process.size", "640m"),
        ("taskmanager.memory.managed.size", "16m"),
        ("taskmanager.memory.network.min", "8m"),
        ("taskmanager.memory.network.max", "8m"),
        ("taskmanager.memory.jvm-metaspace.size", "128m"),
        ("jobmanager.memory.jvm-metaspace.size", "128m"),
        ("cluster.registration.error-delay", "500ms"),
        ("execution.checkpointing.interval", "1s"),
    ];
    flink.extend(properties);
    let flink: String = flink.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    let container = |name: &str, command: &str| {
        json!({
            "name": name, "image": image, "args": ["bash", "-c", command],
            "env": [
                {"name": "FLINK_PROPERTIES", "value": flink},
                {"name": "ENABLE_BUILT_IN_PLUGINS", "value": plugin},
            ],
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}
            },
        })
    };
    // Both have the same class path, as in an image of a user's own.
    let entry = "mkdir usrlib; ln -s $PWD/examples/streaming/counter.jar usrlib/; exec /docker-entrypoint.sh";
    let job = "--job-classname jobs.CounterJob";
    json!({
        "metadata": {"name": "counting"},
        "spec": {
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 9999, "seccompProfile": {"type": "RuntimeDefault"}
            },
            "containers": [
                container("jobmanager", &format!("{entry} standalone-job {job}")),
                container("taskmanager", &format!("{entry} taskmanager")),
            ],
        },
    })
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn s3_holds_the_checkpoints_of_flink() {
    let sandbox = Sandbox::new();
    let store = Store::s3(&sandbox);
    let checkpoints = format!("s3://{}/checkpoints", store.name);
    let pod = counting(
        IMAGE,
        "flink-s3-fs-presto-2.3.0.jar",
        &[
            ("s3.endpoint", store.server.fact("endpoint")),
            ("s3.path.style.access", "true"),
            ("s3.access-key", store.server.fact("access-key")),
            ("s3.secret-key", store.server.fact("secret-key")),
            ("execution.checkpointing.dir", &checkpoints),
        ],
    );
    sandbox.cluster.create(&sandbox.cluster.api::<Pod>(&sandbox.namespace), pod);
    eventually("a completed checkpoint on S3", PATIENCE, || {
        store
            .objects()
            .into_iter()
            .find(|path| path.starts_with("checkpoints/") && path.ends_with("/_metadata"))
    });
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn s3_of_a_test_can_be_taken_down() {
    let sandbox = Sandbox::new();
    let store = Store::on_own_s3(&sandbox);
    assert!(store.server.answers());
    store.server.control("kill");
    assert!(!store.server.answers());
    store.serve("another-secret");
    assert!(store.server.answers());
    assert_eq!(store.objects(), [""; 0], "the bucket is still there, and empty");
    store.destroy();
}
