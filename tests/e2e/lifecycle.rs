//! `stop`, `start`, `list`, `status`, `logs`, `delete` on a real application.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::support::records::{exactly_once, jumps};
use crate::support::{App, Sandbox, eventually};

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn stop_and_start_go_on_exactly_once() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);

    let stopped = app.run("stop", &[]);
    stopped.success();
    assert!(stopped.last_line().contains("savepoint-"), "{stopped}");
    eventually("the pods are gone", Duration::from_secs(60), || {
        (app.pods("jobmanager").is_empty() && app.pods("taskmanager").is_empty()).then_some(())
    });
    let list = sandbox.run(&["list"]);
    assert!(list.success().to_lowercase().contains("stopped"), "{list}");

    app.run("start", &[]).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_running_application_shows_itself() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();

    let list = sandbox.run(&["list"]).success();
    assert!(list.contains("orders") && list.contains("RUNNING"), "{list}");
    let names = sandbox.run(&["list", "-o", "name"]).success();
    assert!(names.contains("orders"), "{names}");
    let status = app.run("status", &[]).success();
    assert!(status.contains("RUNNING") && status.contains("checkpoint"), "{status}");
    let status = app.run("status", &["-o", "json"]).success();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(status.is_object(), "{status}");
    let logs = app.run("logs", &[]).success();
    assert!(logs.contains("counter="), "the job prints its counter\n{logs}");
    let claims = sandbox.run(&["storage", "list"]).success();
    assert!(claims.contains("orders-state"), "{claims}");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn delete_storage_removes_the_claim_after_consent_only() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();

    let refused = app.run("delete", &["--delete-storage"]);
    assert_eq!(refused.code, 9, "{refused}");
    assert_eq!(app.pods("jobmanager").len(), 1, "nothing was touched\n{refused}");

    app.run("delete", &["--delete-storage", "-y"]).success();
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    eventually("the claim is gone", Duration::from_secs(60), || {
        sandbox.cluster.list(&claims, "").is_empty().then_some(())
    });
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_drained_job_has_committed_everything() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);
    let stopped = app.run("stop", &["--drain"]);
    stopped.success();
    assert!(stopped.last_line().contains("savepoint-"), "{stopped}");

    // A drained source has come to its end, so the job that goes on from there is done at once.
    app.run("start", &[]).success();
    let status = app.run("status", &[]).success();
    assert!(status.contains("FINISHED"), "{status}");
    let passed = app.lines();
    assert_eq!(jumps(&passed), [], "no record came twice");
    assert_eq!(exactly_once(&app.committed()), passed.len() as u64, "nothing is left uncommitted");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_job_stopped_with_discard_goes_on_from_its_latest_checkpoint() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);
    let stopped = app.run("stop", &["--discard"]);
    stopped.success();
    assert!(!stopped.stdout.contains("savepoint-"), "{stopped}");

    app.run("start", &[]).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);
}
