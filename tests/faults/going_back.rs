//! Operations that go back, are stopped by the user, or are left to somebody else, on real Flink.

use std::time::{Duration, Instant};

use crate::support::{App, PATIENCE, Sandbox, fault};

/// Each snapshot takes so long that an interrupt finds it under way.
const SLOW: [&str; 2] = ["--slow-snapshot-ms", "1000"];

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn an_upgrade_that_goes_back_survives_kills() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);

    let broken = app.deploy_args(&[], &["--fail-main"]);
    for step in ["back quiesce", "back start", "back prove", "back catalogue", "back retire"] {
        app.killed_at(&broken, step);
    }
    let last = app.again(&broken);
    let reason = "main() fails because --fail-main was given";
    last.fails(7, &[reason, "orders was not upgraded and runs its old spec again"]);
    assert_eq!(app.generation(), 3, "the third runs the first one's spec");
    app.is_whole();
    assert_eq!(app.savepoints().len(), 1, "it came back from what the stop left");
    fault::seen(
        2,
        "deploy",
        "killed at the steps quiesce, start, prove, catalogue and retire of going back: the old spec runs as generation 3, one savepoint, every record once",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn ctrl_c_leaves_an_upgrade_to_be_finished_or_undone() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &SLOW).success();
    app.wait_for_commits(50);

    let upgrade = app.deploy_args(&[], &[&SLOW[..], &["--rate", "200"]].concat());
    // Once: it stops at the next safe point. The savepoint goes on, and ends the job.
    let run = app.reaches(app.begin(&upgrade), "stop");
    app.wait_for_snapshot("SYNC_SAVEPOINT");
    run.interrupt();
    let told = [
        "interrupted: deploy of orders stopped before step ",
        "A savepoint that is under way goes on, and ends the job when it is complete.",
        "running the same command again",
        "kubectl flink operation resume orders",
        "kubectl flink operation abort orders",
    ];
    sandbox.finish(run, Duration::from_secs(30)).fails(130, &told);
    app.wait_for_job("FINISHED");

    // Twice, as soon as the same command has gone on: it leaves at once.
    let run = app.reaches(app.begin(&upgrade), "prove");
    let pressed = Instant::now();
    run.interrupt();
    run.interrupt();
    let left = sandbox.finish(run, PATIENCE);
    assert_eq!(left.code, 130, "{left}");
    assert!(pressed.elapsed() < Duration::from_secs(5), "{:?}\n{left}", pressed.elapsed());
    app.again(&upgrade).success();
    assert_eq!(app.generation(), 2);
    app.is_whole();
    assert_eq!(app.savepoints().len(), 1);

    // A kill with the old job stopped; another command, and the way back.
    let another = app.deploy_args(&[], &[&SLOW[..], &["--rate", "150"]].concat());
    app.killed_at(&another, "start");
    let refused = app.again(&["stop", "orders"]);
    refused.fails(
        4,
        &["is not finished: deploy by ", "operation resume orders", "operation abort orders"],
    );
    let aborted = app.again(&[&another[..3], &["--abort".to_owned()]].concat());
    assert!(aborted.success().contains(" aborted\n"), "{aborted}");
    assert_eq!(app.generation(), 4, "the spec of generation 2, from what its stop left");
    app.is_whole();
    assert_eq!(app.rate(), 200);
    assert_eq!(app.savepoints().len(), 2);
}
