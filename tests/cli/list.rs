//! `list --show-labels`, as `kubectl get` has it.

use crate::support::Sandbox;

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

fn deploy(sandbox: &Sandbox, name: &str, flags: &[&str]) {
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    sandbox.run(&[&["deploy", name, JAR, &storage, "--no-wait"], flags].concat()).success();
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    deploy(&sandbox, "orders", &["--label=team=shop"]);
    sandbox
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn labels_are_the_last_column() {
    let sandbox = sandbox();
    let table = sandbox.run(&["list", "--show-labels"]).success();
    let (head, row) = table.split_once('\n').unwrap();
    assert!(head.ends_with("   LABELS"), "{table}");
    let labels = row.split_whitespace().next_back().unwrap();
    assert!(labels.contains("app.kubernetes.io/instance=orders,"), "{table}");
    assert!(labels.ends_with("team=shop"), "{table}");
    let json = sandbox.run(&["list", "-l", "team=shop", "-o", "jsonpath={.items[0].labels.team}"]);
    assert_eq!(json.success(), "shop");
}
