//! Savepoints that fail, and restores that cannot work.

use std::time::Duration;

use crate::support::{App, MOUNT, Running, Sandbox, fault};

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
    app.is_whole();
    fault::seen(
        20,
        "savepoint",
        "exit 7 with Flink's reason, and no path; the job goes on, every record once",
    );
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_full_disk_fails_the_savepoint_and_nothing_else() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let flags = [
        "--storage=pvc:400Mi,class=sized",
        "--set=execution.checkpointing.tolerable-failed-checkpoints=1000",
        "--set=execution.checkpointing.num-retained=1",
    ];
    // A snapshot of about 20 MB.
    app.deploy(&flags, &["--padding", "2000000"]).success();
    let before = app.wait_for_commits(50);

    // Room for the records, not for a snapshot. The last of it is taken quickly, and again where a checkpoint that was
    // being written wanted some of it, too.
    app.shell(&format!(
        "fill() {{ free=$(df -Pk {MOUNT} | awk 'NR==2 {{print $4}}'); \
                  dd if=/dev/zero of={MOUNT}/ballast-$1 bs=64k count=$(((free - $2) / 64)); }}; \
         fill most 60000; \
         for try in 1 2 3 4 5; do fill rest 8000 && exit 0; rm {MOUNT}/ballast-rest; sleep 1; done; exit 1"
    ));
    app.wait_for_job("RUNNING");
    for verb in ["savepoint", "stop"] {
        let failed = app.run(verb, &[]);
        failed.fails(7, &["No space left on device", "The job goes on running"]);
    }
    app.wait_for_job("RUNNING");
    app.shell(&format!(
        "ls -lR {MOUNT}/{}/orders/savepoints >&2; rm {MOUNT}/ballast-*",
        sandbox.namespace
    ));
    app.wait_for_commits(before + 300);
    app.run("savepoint", &[]).success();
    app.is_whole();
    fault::seen(
        21,
        "savepoint",
        "exit 7: IOException: No space left on device; the job goes on, every record once",
    );
    fault::seen(
        21,
        "stop",
        "exit 7: IOException: No space left on device; the job goes on, every record once",
    );
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

    let late = app.run("savepoint", &["--timeout=1s"]);
    late.fails(124, &["the savepoint is not complete yet", "It goes on. Follow it with"]);
    app.wait_for_savepoints(2);
    app.is_whole();
}
