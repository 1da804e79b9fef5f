//! Volumes under a running application: more room, and one for each TaskManager.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

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
