//! `deploy` that writes nothing: dry runs and refusals.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;

use crate::support::{Outcome, Sandbox};

/// A jar in the image, so that nothing has to be uploaded.
const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

/// Deploys `orders` with these flags, which must not go well, and checks that nothing was written.
fn refused(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    let outcome = sandbox.run(&[&["deploy"], args].concat());
    assert_ne!(outcome.code, 0, "{outcome}");
    assert!(is_untouched(sandbox), "something was written\n{outcome}");
    outcome
}

fn is_untouched(sandbox: &Sandbox) -> bool {
    let (cluster, namespace) = (&sandbox.cluster, sandbox.namespace.as_str());
    cluster.list(&cluster.api::<PersistentVolumeClaim>(namespace), "").is_empty()
        && cluster.list(&cluster.api::<Deployment>(namespace), "").is_empty()
}

/// A StorageClass with a random name, which goes with the test; claims in tests ask for it by name.
fn storage_class(sandbox: &Sandbox) -> String {
    let name = sandbox.namespace.clone();
    sandbox.cluster.create::<StorageClass>(
        &sandbox.cluster.api_all(),
        json!({
            "metadata": {"name": name},
            "provisioner": "example.com/volumes",
            "volumeBindingMode": "WaitForFirstConsumer",
        }),
    );
    name
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_dry_run_prints_the_document_which_deploys_the_same() {
    let sandbox = Sandbox::new();
    let storage = format!("--storage=pvc:1Gi,class={}", storage_class(&sandbox));
    let flags = [JAR, &storage, "--parallelism=2", "--set=state.backend.type=rocksdb"];
    let dry = ["deploy", "orders", "--dry-run=client", "-o", "yaml"];
    let document = sandbox.run(&[&dry[..], &flags, &["--", "--rate", "5"]].concat());
    assert_snapshot!(document, @"");
    assert!(is_untouched(&sandbox));

    sandbox.write("orders.yaml", document.success());
    let again = sandbox.run(&["deploy", "-f", "orders.yaml", "--dry-run=client", "-o", "yaml"]);
    assert_eq!(again.success(), document.stdout, "the document does not stand for itself");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_dry_run_shows_the_plan() {
    let sandbox = Sandbox::new();
    let storage = format!("--storage=pvc:1Gi,class={}", storage_class(&sandbox));
    assert_snapshot!(sandbox.run(&["deploy", "orders", JAR, &storage, "--dry-run=client"]), @"");
    assert!(is_untouched(&sandbox));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn the_api_server_accepts_every_object() {
    let sandbox = Sandbox::new();
    let storage = format!("--storage=pvc:1Gi,class={}", storage_class(&sandbox));
    let outcome = sandbox.run(&["deploy", "orders", JAR, &storage, "--dry-run=server", "-o", "name"]);
    assert_snapshot!(outcome, @"");
    assert!(is_untouched(&sandbox));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn bad_arguments() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["orders"]), @"");
    assert_snapshot!(refused(&sandbox, &["Orders", JAR]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--taskmanager-memory=1gb2"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--taskmanager-memory=300m"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--jobmanager-memory=200m"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--parallelism=0"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--flink-version=1.12"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=pvc:lots"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--set=no-equals-sign"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--timeout=soon"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn bad_jars() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=missing.jar"]), @"");
    sandbox.write("text.jar", "this is no jar");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=text.jar"]), @"");
    sandbox.write("empty.jar", "");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=empty.jar"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=."]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=http://example.com/job.jar"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_unknown_namespace() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=pvc:1Gi", "-n", "no-such-namespace"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn storage_that_cannot_be() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=pvc:1Gi,class=no-such-class"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=pvc:1Gi"]), @"");
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=claim:no-such-claim"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn documents_that_are_none() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["-f", "missing.yaml"]), @"");
    sandbox.write("broken.yaml", "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nspec: [\n");
    assert_snapshot!(refused(&sandbox, &["-f", "broken.yaml"]), @"");
    sandbox.write("other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: orders}\n");
    assert_snapshot!(refused(&sandbox, &["-f", "other.yaml"]), @"");
    sandbox.write("binary.yaml", [0xff_u8, 0xfe, 0x00]);
    assert_snapshot!(refused(&sandbox, &["-f", "binary.yaml"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn every_violation_of_a_document_is_shown_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.yaml", WRONG);
    assert_snapshot!(refused(&sandbox, &["-f", "orders.yaml"]), @"");
}

/// Five mistakes: an unsupported version, no memory to speak of, a parallelism of 0, a field that does not
/// exist, and a configuration key that the plugin owns.
const WRONG: &str = "\
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: orders
spec:
  image: flink:2.3.0
  flinkVersion: v1_12
  flinkConfiguration:
    high-availability.cluster-id: mine
  jobManager:
    resource: {cpu: 1, memory: 100m}
  taskManager:
    resource: {cpu: 1, memory: 1728m}
    replica: 2
  job:
    jarURI: local:///opt/flink/examples/streaming/StateMachineExample.jar
    parallelism: 0
";

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_user_without_rights_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let storage = format!("--storage=pvc:1Gi,class={}", storage_class(&sandbox));
    sandbox.write_user(
        "reader",
        &json!([{"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]),
    );
    let outcome = refused(&sandbox, &["orders", JAR, &storage, "--kubeconfig", "reader"]);
    assert_eq!(outcome.code, 6, "{outcome}");
}
