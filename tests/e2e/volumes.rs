//! Volumes under a running application: more room, and one for each TaskManager.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::support::records::exactly_once;
use crate::support::{App, MOUNT, PATIENCE, Sandbox, eventually};

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn volumes_grow_and_come_with_each_taskmanager_while_the_job_counts() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let flags = [
        "--storage=pvc:400Mi,class=sized",
        "--taskmanager-storage=pvc:320Mi,class=sized,access=rwop",
    ];
    app.deploy(&flags, &[]).success();

    // The file system under the running job grows, and nothing restarts.
    let size = |path: &str| -> u64 {
        let line = app.shell(&format!("df -k --output=size {path} | tail -1"));
        line.trim().parse().unwrap()
    };
    let (before, committed) = (size(MOUNT), app.wait_for_commits(1));
    let resized = sandbox.run_for(PATIENCE, &["storage", "resize", "orders", "600Mi"]).success();
    assert_eq!(resized.trim(), "persistentvolumeclaim/orders-state resized");
    assert!(size(MOUNT) > before + 150 * 1024, "{} KiB after {before} KiB", size(MOUNT));
    app.wait_for_commits(committed + 20);
    assert_eq!((app.restarts("jobmanager"), app.restarts("taskmanager")), (0, 0));

    // Each TaskManager works on a volume of its own, and a JVM that comes back finds it again.
    let claims = || {
        let api = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
        let names = sandbox.cluster.list(&api, "").into_iter().filter_map(|c| c.metadata.name);
        names.collect::<Vec<_>>()
    };
    let taskmanager = app.pods("taskmanager")[0].metadata.name.clone().unwrap();
    let local = format!("{taskmanager}-flink-local");
    assert!(claims().contains(&local), "{:?}", claims());
    // What Flink writes beside the local copy of each task's state (TaskLocalStateStoreImpl).
    let copy = "find /flink/local -name _task_state_snapshot 2>/dev/null | head -1";
    eventually("a local copy of the state", PATIENCE, || {
        (!app.shell(copy).is_empty()).then_some(())
    });
    app.shell("touch /flink/local/mark");
    app.kill_jvm("taskmanager");
    eventually("the TaskManager is back", PATIENCE, || {
        (app.restarts("taskmanager") == 1 && app.is_running("taskmanager")).then_some(())
    });
    app.shell("test -e /flink/local/mark");
    app.wait_for_commits(committed + 60);

    // The claim of the pod goes with it; the claim with the state stays.
    app.run("delete", &["-y"]).success();
    eventually("the TaskManager's claim is gone", Duration::from_secs(60), || {
        (!claims().contains(&local)).then_some(())
    });
    assert_eq!(claims(), ["orders-state"]);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_full_claim_lets_the_job_run_and_growing_it_brings_savepoints_back() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders").with_output();
    let patient = "--set=execution.checkpointing.tolerable-failed-checkpoints=1000";
    app.deploy(&["--storage=pvc:320Mi,class=sized", patient], &[]).success();
    app.wait_for_commits(30);

    // The last block is taken.
    app.shell(&format!("cat /dev/zero > {MOUNT}/fill 2>/dev/null; sync; true"));
    let failed = app.run("savepoint", &["--timeout=60s"]);
    failed.fails(7, &["The storage is full", "The job goes on running"]);
    let stopped = app.run("stop", &["--timeout=60s"]);
    stopped.fails(7, &["The storage is full", "The job goes on running"]);
    let status = app.run("status", &[]);
    assert!(status.to_string().contains("RUNNING"), "{status}");

    sandbox.run_for(PATIENCE, &["storage", "resize", "orders", "500Mi"]).success();
    app.run("savepoint", &[]).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 30);
    assert_eq!((app.restarts("jobmanager"), app.restarts("taskmanager")), (0, 0));
}
