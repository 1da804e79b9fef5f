//! VolumeSnapshots on an API server without a node: the kinds come and go with the tests that use them, and what the driver
//! and its controller would write is written by hand.

use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{Patch, PatchParams};
use kubectl_flink::model::volume_snapshot::VolumeSnapshot;
use serde_json::{Value, json};

use super::{Sandbox, eventually, setting};

const LIMIT: Duration = Duration::from_secs(60);
const SERVED: &str = "/apis/snapshot.storage.k8s.io/v1";

/// Tests run side by side on one API server: many may want the kinds, or one that there are none.
static KINDS: RwLock<()> = RwLock::new(());

/// The kinds are served as long as this lives.
pub(crate) struct Served {
    _kinds: RwLockReadGuard<'static, ()>,
}

/// They are not.
pub(crate) struct Absent {
    _kinds: RwLockWriteGuard<'static, ()>,
}

/// The upstream CustomResourceDefinitions, as arguments of kubectl.
fn definitions() -> Vec<String> {
    let files = setting("KUBECTL_FLINK_TEST_SNAPSHOT_DEFINITIONS");
    std::env::split_paths(&files).map(|file| format!("-f={}", file.display())).collect()
}

fn kubectl(sandbox: &Sandbox, args: &[&str]) {
    let mut kubectl = Command::new(setting("KUBECTL_FLINK_TEST_KUBECTL"));
    kubectl.args(args).env("KUBECONFIG", sandbox.path("kubeconfig")).env("HOME", sandbox.path(""));
    sandbox.start(&mut kubectl).success();
}

/// Has the kinds served.
pub(crate) fn served(sandbox: &Sandbox) -> Served {
    let kinds = KINDS.read().unwrap_or_else(PoisonError::into_inner);
    let files = definitions();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    kubectl(sandbox, &[&["apply", "--server-side"], &files[..]].concat());
    kubectl(sandbox, &[&["wait", "--for=condition=Established"], &files[..]].concat());
    // Established is said a little before each kind can be listed.
    for kind in ["volumesnapshots", "volumesnapshotclasses"] {
        eventually(kind, LIMIT, || sandbox.cluster.raw(&format!("{SERVED}/{kind}")).map(drop));
    }
    Served { _kinds: kinds }
}

/// Has the cluster serve no such kinds.
pub(crate) fn absent(sandbox: &Sandbox) -> Absent {
    let kinds = KINDS.write().unwrap_or_else(PoisonError::into_inner);
    let files = definitions();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    kubectl(sandbox, &[&["delete", "--ignore-not-found"], &files[..]].concat());
    eventually("no VolumeSnapshots", LIMIT, || sandbox.cluster.raw(SERVED).is_none().then_some(()));
    Absent { _kinds: kinds }
}

/// The driver of this test's volumes.
pub(crate) fn driver(sandbox: &Sandbox) -> String {
    format!("{}.example.com", sandbox.namespace)
}

/// Makes a VolumeSnapshotClass for `driver`; its name is the test's own. It outlives the test, for whose driver alone it is.
pub(crate) fn class(sandbox: &Sandbox, name: &str, driver: &str, is_default: bool) -> String {
    let name = format!("{}-{name}", sandbox.namespace);
    let key = "snapshot.storage.kubernetes.io/is-default-class";
    let class = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass",
        "metadata": {"name": name, "annotations": {key: is_default.to_string()}},
        "driver": driver, "deletionPolicy": "Delete",
    });
    let file = sandbox.write(&format!("{name}.json"), class.to_string());
    kubectl(sandbox, &["apply", "-f", &file.display().to_string()]);
    name
}

/// Gives the claim a volume of this size, which `source` (of a PersistentVolume) keeps.
pub(crate) fn bind(sandbox: &Sandbox, claim: &str, size: &str, source: &Value) {
    let volume = format!("{}-{claim}", sandbox.namespace);
    let mut spec = json!({"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"]});
    spec.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    let volumes = sandbox.cluster.api_all::<PersistentVolume>();
    sandbox.cluster.create(&volumes, json!({"metadata": {"name": volume}, "spec": spec}));
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    let params = PatchParams::default();
    let spec = json!({"spec": {"volumeName": volume}});
    sandbox.cluster.wait(claims.patch(claim, &params, &Patch::Merge(&spec))).unwrap();
    let status = json!({"status": {"phase": "Bound", "capacity": {"storage": size}}});
    sandbox.cluster.wait(claims.patch_status(claim, &params, &Patch::Merge(&status))).unwrap();
}

/// A volume of the test's own CSI driver.
pub(crate) fn by_driver(sandbox: &Sandbox) -> Value {
    json!({"csi": {"driver": driver(sandbox), "volumeHandle": "1"}})
}

/// The snapshots of the test's namespace.
pub(crate) fn all(sandbox: &Sandbox) -> Vec<VolumeSnapshot> {
    let api = sandbox.cluster.api::<VolumeSnapshot>(&sandbox.namespace);
    sandbox.cluster.list(&api, "")
}

/// Writes a snapshot's status, as the controller would.
pub(crate) fn write_status(sandbox: &Sandbox, name: &str, status: &Value) {
    let api = sandbox.cluster.api::<VolumeSnapshot>(&sandbox.namespace);
    let patch = Patch::Merge(json!({"status": status}));
    sandbox.cluster.wait(api.patch_status(name, &PatchParams::default(), &patch)).unwrap();
}
