//! A job that has ended before anybody wanted it to.

use crate::support::records::exactly_once;
use crate::support::{App, PATIENCE, Sandbox, eventually, fault};

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_job_that_failed_for_good_goes_on_from_its_latest_checkpoint_only() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    // It lives long enough for some checkpoints.
    app.deploy(&["--set=restart-strategy.type=none"], &["--fail-after", "15"]).success();
    app.wait_for_job("FAILED");

    let refused = app.run("savepoint", &[]);
    refused.fails(4, &["the job of orders is FAILED", "Its latest snapshot is file:", "/chk-"]);
    let stopped = app.run("stop", &[]);
    stopped.success();
    assert!(stopped.last_line().contains("/chk-"), "{stopped}");
    app.is_at_rest();
    // Under a spec that does not fail.
    app.deploy(&[], &[]).success();
    assert_eq!(app.restored_from(), stopped.last_line());
    app.is_whole();
    fault::seen(
        23,
        "savepoint",
        "exit 4: the job of orders is FAILED; its latest checkpoint is offered",
    );
    fault::seen(
        23,
        "stop",
        "exit 0, and the path of the latest checkpoint, from which the next deploy goes on; every record once",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_job_that_came_to_its_end_is_not_started_again() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &["--records", "800"]).success();
    app.wait_for_job("FINISHED");

    let what = "the job of orders is FINISHED";
    app.deploy(&[], &["--records", "900"]).fails(4, &[what, "kubectl flink delete orders"]);
    app.run("stop", &[]).fails(4, &[what]);
    app.run("savepoint", &[]).fails(4, &[what]);

    // Its JobManager is started again, and does not know it any more.
    app.kill_jvm("jobmanager");
    eventually("a JobManager that came back", PATIENCE, || {
        (app.restarts("jobmanager") > 0 && app.jobs(1).is_some()).then_some(())
    });
    app.deploy(&[], &["--records", "900"]).fails(4, &[what]);
    app.run("stop", &["--discard"]).fails(4, &[what]);
    let same = app.deploy(&[], &["--records", "800"]);
    assert!(same.success().contains("unchanged"), "{same}");
    assert_eq!(app.generation(), 1);
    assert_eq!(exactly_once(&app.committed()), 800);
    fault::seen(
        23,
        "deploy",
        "exit 4: the job of orders is FINISHED: it has processed all of its input, and left no state to go on from; nothing is started",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn without_its_high_availability_config_maps_a_stopped_job_goes_on_from_the_checkpoint_on_record() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);
    app.run("stop", &["--discard"]).success();
    app.forget_leaders();
    app.run("start", &[]).success();
    app.is_whole();
    fault::seen(
        26,
        "start",
        "of a stopped application: it goes on from the checkpoint that the stop wrote down, every record once",
    );
}
