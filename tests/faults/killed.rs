//! A verb is killed at one step of its operation after the other, on real Flink: the same command again goes
//! on, and in the end there is one job (or none), every record was committed once, and nothing is left over.

use crate::support::{App, Sandbox, fault};

/// Each snapshot takes so long that a kill finds it under way.
const SLOW: [&str; 2] = ["--slow-snapshot-ms", "1000"];

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_first_deploy_survives_kills() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let deploy = app.deploy_args(&[], &[]);
    for step in ["upload", "start", "prove", "catalogue"] {
        app.killed_at(&deploy, step);
    }
    let last = app.again(&deploy);
    assert!(last.success().contains("application/orders created"), "{last}");
    assert!(last.stderr.contains("going on with operation"), "{last}");
    assert_eq!(app.generation(), 1);
    app.is_whole();
    fault::seen(
        2,
        "deploy",
        "killed at the steps upload, start, prove and catalogue of one deploy: generation 1 runs, every record once, nothing left over",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn an_upgrade_survives_kills() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &SLOW).success();
    app.wait_for_commits(50);

    let upgrade = app.deploy_args(&[], &[&SLOW[..], &["--rate", "200"]].concat());
    let run = app.reaches(app.begin(&upgrade), "stop");
    app.wait_for_snapshot("SYNC_SAVEPOINT");
    app.kill(run);
    for step in ["quiesce", "start", "prove", "catalogue", "retire"] {
        app.killed_at(&upgrade, step);
    }
    let last = app.again(&upgrade);
    assert!(last.success().contains("application/orders upgraded"), "{last}");
    assert_eq!(app.generation(), 2);
    app.is_whole();
    assert_eq!(app.savepoints().len(), 1, "the stop was sent once");
    fault::seen(
        2,
        "deploy",
        "an upgrade killed within its savepoint and at the steps quiesce, start, prove, catalogue and retire: generation 2 runs, one savepoint, every record once, nothing left over",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn stop_and_start_survive_kills() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &SLOW).success();
    app.wait_for_commits(50);

    let stop = ["stop", "orders"];
    app.killed_at(&stop, "stop");
    let run = app.reaches(app.begin(&stop), "stop");
    app.wait_for_snapshot("SYNC_SAVEPOINT");
    app.kill(run);
    app.killed_at(&stop, "quiesce");
    let stopped = app.again(&stop);
    stopped.success();
    app.is_at_rest();

    let start = ["start", "orders"];
    for step in ["verify", "start", "prove", "catalogue"] {
        app.killed_at(&start, step);
    }
    app.again(&start).success();
    app.is_whole();
    assert_eq!(app.savepoints(), [stopped.last_line()], "the only one is the one that stop named");
    fault::seen(
        2,
        "stop",
        "killed before its savepoint, within it and at the step quiesce: stopped with one savepoint, whose path is printed",
    );
    fault::seen(
        2,
        "start",
        "killed at the steps verify, start, prove and catalogue: generation 2 runs, every record once, nothing left over",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn delete_and_restore_survive_kills() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);
    app.run("savepoint", &[]).success();
    let savepoints = app.savepoints();

    let delete = ["delete", "orders"];
    for step in ["catalogue", "stop", "retire"] {
        app.killed_at(&delete, step);
    }
    app.again(&delete).success();
    app.is_gone();

    // From the latest checkpoint, so that the sink goes on without a gap.
    let restore = ["restore", "orders"];
    for step in ["verify", "start", "prove", "catalogue"] {
        app.killed_at(&restore, step);
    }
    app.again(&restore).success();
    app.is_whole();
    assert_eq!(app.savepoints(), savepoints, "delete keeps what is on the claim");
    fault::seen(
        2,
        "delete",
        "killed at the steps catalogue, stop and retire: only the claim is left, with its savepoint",
    );
    fault::seen(
        2,
        "restore",
        "killed at the steps verify, start, prove and catalogue: it runs again from its latest checkpoint, every record once, nothing left over",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_savepoint_survives_kills() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &SLOW).success();
    app.wait_for_commits(50);

    let savepoint = ["savepoint", "orders"];
    // Before it is triggered.
    app.kill(app.begin(&savepoint));
    // While it is under way: it goes on without its client.
    let run = app.begin(&savepoint);
    app.wait_for_snapshot("SAVEPOINT");
    app.kill(run);
    app.wait_for_savepoints(1);
    // When it is complete, and its path is not printed yet.
    let run = app.begin(&savepoint);
    app.wait_for_snapshot("SAVEPOINT");
    run.pause();
    app.wait_for_savepoints(2);
    app.kill(run);
    let last = app.again(&savepoint);
    last.success();
    app.is_whole();
    let savepoints = app.savepoints();
    assert_eq!(savepoints.len(), 3, "each is complete: {savepoints:?}");
    assert!(savepoints.iter().any(|found| found == last.last_line()), "{savepoints:?}\n{last}");
    fault::seen(
        2,
        "savepoint",
        "killed before it is triggered, while it is under way, and when it is complete: each that was triggered is complete, and the job never stopped",
    );
}
