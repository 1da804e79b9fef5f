//! Claims that hold state.

use insta::assert_snapshot;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Patch, PatchParams};
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

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_claim_grows_and_never_shrinks() {
    let sandbox = Sandbox::new();
    let class = sandbox.namespace.clone();
    sandbox.storage_class("example.com/volumes");
    allow_expansion(&sandbox, true);
    sandbox.run(&["storage", "create", "shared", &format!("pvc:10Gi,class={class}")]).success();
    let resize = |size: &str, more: &[&str]| {
        sandbox.run(&[&["storage", "resize", "shared", size], more].concat())
    };
    resize("20Gi", &[]).fails(8, &["has no volume yet"]);
    bind(&sandbox, "shared", "10Gi");
    for (size, code, reason) in
        [("9Gi", 2, "cannot shrink to 9Gi"), ("1gb", 2, "quantity"), ("0", 2, "cannot shrink")]
    {
        resize(size, &[]).fails(code, &[reason]);
        assert_eq!(requested(&sandbox, "shared"), "10Gi");
    }
    allow_expansion(&sandbox, false);
    resize("20Gi", &[]).fails(8, &["does not allow volume expansion", "example.com/volumes"]);
    assert_eq!(requested(&sandbox, "shared"), "10Gi", "refused before the write");
    allow_expansion(&sandbox, true);
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let plan = resize("20Gi", &[mode]).success();
        assert!(plan.contains("grow claim shared from 10Gi to 20Gi"), "{plan}");
        assert_eq!(requested(&sandbox, "shared"), "10Gi", "{mode}");
    }
    assert_snapshot!(resize("10Gi", &[]), @"
    exit code: 0
    ---- stdout
    persistentvolumeclaim/shared unchanged
    ---- stderr
    It has 10Gi already.
    ");
    assert_snapshot!(resize("20Gi", &["--no-wait"]), @"
    exit code: 0
    ---- stdout
    persistentvolumeclaim/shared resizing
    ---- stderr
    ");
    assert_eq!(requested(&sandbox, "shared"), "20Gi");
    // Nobody grows volumes here: the wait ends, and says that it can be taken up again.
    resize("20Gi", &["--timeout=1s"]).fails(124, &["has not grown yet", "run the same again"]);
    bind(&sandbox, "shared", "20Gi");
    let outcome = resize("20Gi", &[]).success();
    assert!(outcome.contains("unchanged"), "{outcome}");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn what_is_neither_claim_nor_application_cannot_grow() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["storage", "resize", "orders", "20Gi"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "orders" not found in namespace "test-00000"
    hint: List the claims with `kubectl flink storage list`.
    "#);
}

/// Says of the class named after the namespace whether its volumes can grow.
pub(super) fn allow_expansion(sandbox: &Sandbox, allow: bool) {
    let patch = Patch::Merge(json!({"allowVolumeExpansion": allow}));
    let classes = sandbox.cluster.api_all::<StorageClass>();
    let params = PatchParams::default();
    let patched = classes.patch(&sandbox.namespace, &params, &patch);
    sandbox.cluster.wait(patched).unwrap();
}

/// Gives the claim a volume of this size, as a driver and the kubelet would.
pub(super) fn bind(sandbox: &Sandbox, name: &str, size: &str) {
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    let params = PatchParams::default();
    let spec = json!({"spec": {"volumeName": "by-hand"}});
    sandbox.cluster.wait(claims.patch(name, &params, &Patch::Merge(&spec))).unwrap();
    let status = json!({"status": {"phase": "Bound", "capacity": {"storage": size}}});
    sandbox.cluster.wait(claims.patch_status(name, &params, &Patch::Merge(&status))).unwrap();
}

fn requested(sandbox: &Sandbox, name: &str) -> String {
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    let claim = sandbox.cluster.get(&claims, name).unwrap();
    claim.spec.unwrap().resources.unwrap().requests.unwrap()["storage"].0.clone()
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
