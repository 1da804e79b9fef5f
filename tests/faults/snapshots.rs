//! Savepoints that fail, and restores that cannot work.

use std::time::Duration;

use crate::support::{App, Running, Sandbox};

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_failed_savepoint_is_reported_and_the_job_goes_on() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let flag = "/flink/state/out/fail";
    let tolerate = "--set=execution.checkpointing.tolerable-failed-checkpoints=1000";
    app.deploy(&[tolerate], &["--fail-snapshots", flag]).success();
    let before = app.wait_for_commits(50);

    app.shell(&format!("touch {flag}"));
    let failed = app.run("savepoint", &[]);
    failed.fails(7, &["fails because --fail-snapshots was given"]);
    assert_eq!(failed.stdout, "", "no path is printed for a savepoint that is none\n{failed}");

    app.shell(&format!("rm {flag}"));
    app.wait_for_commits(before + 100);
    app.run("savepoint", &[]).success();
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_restore_from_a_missing_path_touches_nothing() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    let before = app.wait_for_commits(50);
    let pods: Vec<_> = app.pods("jobmanager").into_iter().map(|pod| pod.metadata.uid).collect();

    let missing = "file:///flink/state/savepoints/savepoint-none";
    let refused = app.run("restore", &["--from", missing]);
    refused.fails(3, &[missing]);
    app.wait_for_commits(before + 100);
    let still: Vec<_> = app.pods("jobmanager").into_iter().map(|pod| pod.metadata.uid).collect();
    assert_eq!(pods, still, "the old job was touched\n{refused}");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn an_interrupted_savepoint_goes_on_and_says_how_to_follow_it() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &["--slow-snapshot-ms", "4000"]).success();
    let running = Running::start(&mut sandbox.command(&["savepoint", "orders"]));
    std::thread::sleep(Duration::from_secs(2));
    running.interrupt();
    let outcome = sandbox.finish(running, Duration::from_secs(20));
    outcome.fails(130, &["kubectl flink savepoint orders"]);
}
