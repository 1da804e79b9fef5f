//! A stop whose client dies: its savepoint completes behind everybody's back, and has to be found.

use crate::support::{App, PATIENCE, Sandbox, eventually, fault};

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn killed_after_the_stop_before_its_savepoint_is_noted() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &["--slow-snapshot-ms", "1000"]).success();
    app.wait_for_commits(50);

    // The JobManager lives, and knows the result by its trigger id.
    left(&app);
    found(&app, 1);

    // It was restarted since: only the operation's own directory tells.
    left(&app);
    app.kill_jvm("jobmanager");
    let generation = app.generation();
    eventually("a JobManager that knows nothing of the savepoint", PATIENCE, || {
        let restarts = app.restarts("jobmanager") > 0;
        let jobs = app.jobs(generation)?;
        (restarts && jobs.iter().all(|(_, state)| state != "RUNNING")).then_some(())
    });
    found(&app, 2);
    fault::seen(
        3,
        "stop",
        "found by the trigger id, and after a kill of the JobManager in the operation's directory; one savepoint a stop, every record once",
    );
}

/// Kills a stop whose savepoint is under way, and waits until Flink has finished it.
fn left(app: &App<'_>) {
    let run = app.reaches(app.begin(&["stop", "orders"]), "stop");
    app.wait_for_snapshot("SYNC_SAVEPOINT");
    app.kill(run);
    app.wait_for_job("FINISHED");
    assert_eq!(app.step().as_deref(), Some("stop"), "nothing was noted");
}

/// The same command again ends with the savepoint that was left, and the job goes on from it.
fn found(app: &App<'_>, savepoints: usize) {
    let stopped = app.again(&["stop", "orders"]);
    stopped.success();
    app.is_at_rest();
    app.run("start", &[]).success();
    app.is_whole();
    let all = app.savepoints();
    assert_eq!(all.len(), savepoints, "one a stop");
    assert!(all.iter().any(|path| path == stopped.last_line()), "{all:?}\n{stopped}");
}
