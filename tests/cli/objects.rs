//! Commands on an application whose pods never start, because nothing here starts pods.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::support::{Outcome, Sandbox};

/// Deploys `orders` without waiting for what cannot come.
fn deploy(sandbox: &Sandbox, flags: &[&str]) -> Outcome {
    let jar = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    sandbox.run(&[&["deploy", "orders", jar, &storage, "--no-wait"], flags].concat())
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    sandbox
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_deploy_that_does_not_wait_says_how_to_go_on() {
    let sandbox = sandbox();
    assert_snapshot!(deploy(&sandbox, &[]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_deploy_that_waits_in_vain_says_what_for() {
    let sandbox = sandbox();
    assert_snapshot!(deploy(&sandbox, &["--wait", "--timeout=3s"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_application_without_pods_is_shown_as_it_is() {
    let sandbox = sandbox();
    deploy(&sandbox, &[]).success();
    assert_snapshot!(sandbox.run(&["list"]), @"");
    assert_snapshot!(sandbox.run(&["list", "-o", "wide"]), @"");
    assert_snapshot!(sandbox.run(&["list", "-o", "name"]), @"");
    assert_snapshot!(sandbox.run(&["status", "orders"]), @"");
    assert_snapshot!(sandbox.run(&["logs", "orders"]), @"");
    assert_snapshot!(sandbox.run(&["storage", "list"]), @"");
    assert_snapshot!(sandbox.run(&["storage", "describe", "orders-state"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_savepoint_of_a_job_that_does_not_answer_is_refused() {
    let sandbox = sandbox();
    deploy(&sandbox, &[]).success();
    assert_snapshot!(sandbox.run(&["savepoint", "orders", "--timeout=5s"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn verbs_on_an_application_that_does_not_exist() {
    let sandbox = sandbox();
    for verb in ["savepoint", "stop", "start", "delete"] {
        let outcome = sandbox.run(&[verb, "orders"]);
        assert_eq!(outcome.code, 3, "{verb}\n{outcome}");
    }
    assert_snapshot!(sandbox.run(&["restore", "orders"]), @"");
    assert_snapshot!(sandbox.run(&["delete", "orders", "--delete-storage", "-y"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn delete_keeps_the_claim_and_asks_before_it_takes_it() {
    let sandbox = sandbox();
    deploy(&sandbox, &[]).success();
    assert_snapshot!(sandbox.run(&["delete", "orders", "--delete-storage"]), @"");
    assert_eq!((deployments(&sandbox), claims(&sandbox)), (2, 1), "nothing was touched");
    assert_snapshot!(sandbox.run(&["storage", "delete", "orders-state", "-y"]), @"");
    assert_eq!((deployments(&sandbox), claims(&sandbox)), (2, 1), "nothing was touched");

    assert_snapshot!(sandbox.run(&["delete", "orders"]), @"");
    assert_eq!((deployments(&sandbox), claims(&sandbox)), (0, 1), "the claim stays");
    assert_snapshot!(sandbox.run(&["storage", "delete", "orders-state"]), @"");
    assert_eq!(claims(&sandbox), 1, "nobody agreed");
    assert_snapshot!(sandbox.run(&["storage", "delete", "orders-state", "-y", "--no-wait"]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_claim_made_beforehand() {
    let sandbox = sandbox();
    let storage = format!("pvc:1Gi,class={}", sandbox.namespace);
    assert_snapshot!(sandbox.run(&["storage", "create", "shared", &storage]), @"");
    assert_snapshot!(sandbox.run(&["storage", "create", "shared", &storage]), @"");
    assert_snapshot!(sandbox.run(&["storage", "create", "Shared", &storage]), @"");
    assert_snapshot!(sandbox.run(&["storage", "describe", "shared"]), @"");
}

fn deployments(sandbox: &Sandbox) -> usize {
    let api = sandbox.cluster.api::<Deployment>(&sandbox.namespace);
    sandbox.cluster.list(&api, "").len()
}

fn claims(sandbox: &Sandbox) -> usize {
    let api = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    let claims = sandbox.cluster.list(&api, "");
    claims.iter().filter(|claim| claim.metadata.deletion_timestamp.is_none()).count()
}
