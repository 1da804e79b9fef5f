//! Claims that hold state.

use insta::assert_snapshot;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::json;

use crate::support::Sandbox;

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_empty_namespace_holds_no_state() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["storage", "list"]), @r#"
    exit code: 0
    ---- stdout
    ---- stderr
    No storage found in namespace "test-00000".
    hint: Make some with `kubectl flink storage create NAME pvc:10Gi`, or let deploy make it.
    "#);
    assert_snapshot!(sandbox.run(&["storage", "list", "-o", "yaml"]), @r#"
    exit code: 0
    ---- stdout
    items: []
    ---- stderr
    No storage found in namespace "test-00000".
    hint: Make some with `kubectl flink storage create NAME pvc:10Gi`, or let deploy make it.
    "#);
    assert_snapshot!(sandbox.run(&["storage", "describe", "orders-state"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "orders-state" not found in namespace "test-00000"
    hint: List the claims with `kubectl flink storage list`.
    "#);
    assert_snapshot!(sandbox.run(&["storage", "delete", "orders-state", "-y"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "orders-state" not found in namespace "test-00000"
    hint: List the claims with `kubectl flink storage list`.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_claim_that_is_not_ours_is_left_alone() {
    let sandbox = Sandbox::new();
    claim(&sandbox, "somebody-elses");
    assert_snapshot!(sandbox.run(&["storage", "list"]), @r#"
    exit code: 0
    ---- stdout
    ---- stderr
    No storage found in namespace "test-00000".
    hint: Make some with `kubectl flink storage create NAME pvc:10Gi`, or let deploy make it.
    "#);
    assert_snapshot!(sandbox.run(&["storage", "describe", "somebody-elses"]), @"
    exit code: 0
    ---- stdout
    Claim:             somebody-elses
    Namespace:         test-00000
    Status:            Pending
    Capacity:          <none>
    Requested:         1Gi
    Access:            ReadWriteOnce
    Volume:            <none>
    Made for:          <none>
    Used by:           <none>
    Mounted by:        <none>
    Age:               AGE
    ---- stderr
    ");
    assert_snapshot!(sandbox.run(&["storage", "delete", "somebody-elses", "-y"]), @r#"
    exit code: 4
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "somebody-elses" was not made by kubectl flink
    hint: If it is yours, delete it with `kubectl delete pvc somebody-elses`.
    "#);
    assert!(exists(&sandbox, "somebody-elses"));
}

fn claim(sandbox: &Sandbox, name: &str) {
    sandbox.cluster.create::<PersistentVolumeClaim>(
        &sandbox.cluster.api(&sandbox.namespace),
        json!({
            "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }),
    );
}

fn exists(sandbox: &Sandbox, name: &str) -> bool {
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    sandbox
        .cluster
        .get(&claims, name)
        .is_some_and(|claim| claim.metadata.deletion_timestamp.is_none())
}
