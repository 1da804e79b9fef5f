//! What cannot work says why, in one paragraph that names the culprit.

use crate::support::{App, Sandbox};

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn an_image_that_cannot_be_pulled_is_named() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let outcome = app.deploy(&["--image=registry.invalid/missing:1", "--timeout=60s"], &[]);
    assert_ne!(outcome.code, 0, "{outcome}");
    for part in ["registry.invalid/missing:1", "pull"] {
        assert!(outcome.stderr.contains(part), "{part} is missing\n{outcome}");
    }
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_claim_that_cannot_bind_is_named() {
    let sandbox = Sandbox::new();
    // A class whose provisioner nobody runs.
    let class = sandbox.storage_class("example.com/nobody");
    let app = App::new(&sandbox, "orders");
    let storage = format!("--storage=pvc:1Gi,class={class}");
    let outcome = app.deploy(&[&storage, "--timeout=40s"], &[]);
    assert_ne!(outcome.code, 0, "{outcome}");
    for part in ["orders-state", "example.com/nobody"] {
        assert!(outcome.stderr.contains(part), "{part} is missing\n{outcome}");
    }
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_main_that_fails_is_quoted() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let outcome = app.deploy(&[], &["--fail-main"]);
    outcome.fails(7, &["main() fails because --fail-main was given"]);
}
