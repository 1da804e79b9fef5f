//! `spec.ingress`: made with the application, changed and removed with its spec, gone with the application.

use insta::assert_snapshot;
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::Value;

use crate::support::{Flink, Outcome, Proxy, Sandbox};

/// Deploys `orders` with this `spec.ingress`, beginning with empty state so that nothing looks for any.
fn deploy(sandbox: &Sandbox, ingress: &str, flags: &[&str]) -> Outcome {
    let text = format!(
        "apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {{name: orders}}
spec:
  ingress: {ingress}
  job: {{jarURI: 'local:///opt/flink/examples/streaming/StateMachineExample.jar', upgradeMode: stateless}}
"
    );
    sandbox.write("orders.yaml", text);
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    sandbox.run(&[&["deploy", "-f", "orders.yaml", &storage], flags].concat())
}

/// Name, generation and host of each Ingress.
fn ingresses(sandbox: &Sandbox) -> Vec<(String, String, Value)> {
    let found = sandbox.cluster.list(&sandbox.cluster.api::<Ingress>(&sandbox.namespace), "");
    let row = |ingress: &Ingress| {
        let ingress = serde_json::to_value(ingress).unwrap();
        let text = |pointer: &str| ingress.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let generation = text("/metadata/labels/kubectl-flink.io~1generation");
        (text("/metadata/name"), generation, ingress["spec"]["rules"][0]["host"].clone())
    };
    found.iter().map(row).collect()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_ingress_follows_the_spec() {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    let one = |generation: &str, host: &str| {
        vec![("orders".to_owned(), generation.to_owned(), Value::from(host))]
    };
    let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
    let server = format!("--server=http://{}", proxy.address);
    let deploy = |ingress: &str, flag: &str| deploy(&sandbox, ingress, &[&server, flag]).success();
    let stop = || sandbox.run(&["stop", "orders", &server]).success();
    deploy("{template: '{{name}}.example.com'}", "--no-wait");
    assert_eq!(ingresses(&sandbox), one("1", "orders.example.com"));
    let drifted = sandbox.run(&["status", "orders", "-o", "json"]).stdout.to_string();
    let drifted: Value = serde_json::from_str(&drifted).unwrap();
    assert_eq!(drifted["drift"], serde_json::json!([]));

    stop();
    deploy("{template: '{{name}}.example.org'}", "--no-wait");
    assert_eq!(ingresses(&sandbox), one("2", "orders.example.org"));

    let api = sandbox.cluster.api::<Ingress>(&sandbox.namespace);
    sandbox.cluster.delete(&api, "orders");
    let drifted = sandbox.run(&["status", "orders"]).stdout.to_string();
    assert!(drifted.contains("ingress/orders is gone"), "{drifted}");

    stop();
    deploy("{template: '{{name}}.example.net'}", "--no-wait");
    let dry = deploy("null", "--dry-run=server");
    assert!(dry.contains("--- ingress/orders\n+++ /dev/null\n"), "{dry}");
    stop();
    deploy("null", "--no-wait");
    assert_eq!(ingresses(&sandbox), []);

    stop();
    deploy("{template: '{{name}}.example.com'}", "--no-wait");
    assert_eq!(ingresses(&sandbox), one("5", "orders.example.com"));
    sandbox.run(&["delete", "orders"]).success();
    assert_eq!(ingresses(&sandbox), []);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_ingress_of_somebody_else_and_a_class_that_is_not_there_are_told() {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    let dry =
        deploy(&sandbox, "{template: /x, className: fast}", &["--dry-run=server", "-o", "name"]);
    assert_snapshot!(dry, @r#"
    exit code: 0
    ---- stdout
    application/orders
    ---- stderr
    warning: there is no IngressClass "fast", so nobody may serve the Ingress (`kubectl get ingressclasses` lists them)
    "#);
    sandbox.cluster.create(
        &sandbox.cluster.api::<Ingress>(&sandbox.namespace),
        serde_json::json!({
            "metadata": {"name": "orders", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
            "spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}},
        }),
    );
    assert_snapshot!(deploy(&sandbox, "{template: /x}", &["--no-wait"]), @"
    exit code: 4
    ---- stdout
    ---- stderr
    error: ingress/orders exists already and belongs to Helm, so nothing was written
    hint: Choose another name for the application, or remove what is in its way.
    ");
}
