//! `stop`, `start`, `list`, `status`, `logs`, `delete` on a real application.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::support::records::{exactly_once, jumps};
use crate::support::{App, MOUNT, Sandbox, eventually};

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
fn a_drained_job_has_come_to_its_end_and_committed_everything() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let drained = format!("{MOUNT}/out/drained");
    app.deploy(&[], &["--drained", &drained]).success();
    app.wait_for_commits(50);
    app.run("stop", &[]).success();
    app.run("start", &[]).success();
    let shell = format!("cat {drained} 2>/dev/null | sort -u | wc -l");
    assert_eq!(app.shell(&shell).trim(), "0", "a plain stop is not the end of event time");

    let stopped = app.run("stop", &["--drain"]);
    stopped.success();
    assert!(stopped.last_line().contains("savepoint-"), "{stopped}");
    app.run("start", &[]).success();
    assert_eq!(app.shell(&shell).trim(), "10", "the timers of every key have fired");
    let before = exactly_once(&app.committed());
    assert_eq!(jumps(&app.lines()), [], "no record came twice");
    app.wait_for_commits(before + 100);
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
