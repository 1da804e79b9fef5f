//! A new generation that does not come up, or loses a part of itself while it does.

use crate::support::{App, PATIENCE, Sandbox, eventually, fault};

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn an_image_that_cannot_be_pulled_brings_the_old_generation_back() {
    comes_back(&["--image=registry.invalid/missing:1"], &["registry.invalid/missing:1", "pull"]);
    fault::seen(
        18,
        "deploy",
        "exit 7, naming the image; the old spec runs again as generation 3 from its savepoint, every record once",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_job_that_is_killed_again_and_again_after_the_restore_brings_the_old_generation_back() {
    // More memory than its container may have, touched at once.
    let greedy = "--set=env.java.opts.taskmanager=-Xms2g -Xmx2g -XX:+AlwaysPreTouch";
    comes_back(&[greedy], &["OOMKilled"]);
    fault::seen(
        19,
        "deploy",
        "exit 7, naming OOMKilled; the old spec runs again as generation 3 from its savepoint, every record once",
    );
}

/// An upgrade with these flags fails, telling `why`; the old spec runs again with its state.
fn comes_back(flags: &[&str], why: &[&str]) {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);

    let failed = app.deploy(flags, &[]);
    failed.fails(7, &[why, &["orders was not upgraded and runs its old spec again"]].concat());
    assert_eq!(app.generation(), 3, "the third runs the first one's spec\n{failed}");
    app.is_whole();
    assert_eq!(app.savepoints().len(), 1);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_taskmanager_that_is_lost_during_the_restore_is_waited_for() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);
    app.run("stop", &[]).success();

    let run = app.reaches(app.begin(&["start", "orders"]), "prove");
    eventually("a JVM to kill", PATIENCE, || app.is_running("taskmanager").then_some(()));
    app.kill_jvm("taskmanager");
    sandbox.finish(run, PATIENCE).success();
    assert!(app.restarts("taskmanager") > 0, "it was lost too late");
    app.is_whole();
    fault::seen(24, "start", "exit 0 after the TaskManager came back; every record once");
}
