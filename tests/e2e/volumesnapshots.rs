//! Snapshots of the volume with the state, by a real driver and Kubernetes' own controller. The word in this file's name has
//! `cargo xtask test` start them.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kubectl_flink::model::volume_snapshot::VolumeSnapshot;

use crate::support::records::{exactly_once, jumps};
use crate::support::{App, PATIENCE, Sandbox, eventually};

/// Takes a snapshot of the application's volume.
fn take(sandbox: &Sandbox, name: &str) {
    let taken = sandbox.run_for(PATIENCE, &["storage", "snapshot", "orders", "--name", name]);
    assert_eq!(taken.success(), format!("volumesnapshot/{name} ready\n"));
}

/// Deletes the application and its volume, for good.
fn lose(sandbox: &Sandbox, app: &App<'_>) {
    app.run("delete", &["--delete-storage", "-y"]).success();
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    eventually("no claim is left", Duration::from_secs(60), || {
        sandbox.cluster.list(&claims, "").is_empty().then_some(())
    });
}

/// Makes claim `name` from a snapshot and the application from that; the path of what it was restored from.
fn bring_back(sandbox: &Sandbox, app: &App<'_>, name: &str, from: &[&str]) -> String {
    sandbox.run(&[&["storage", "create", name], from].concat()).success();
    let storage = format!("--storage=claim:{name}");
    let restored = app.run("restore", &[&storage, "-o", "jsonpath={.restoredFrom}"]);
    restored.success().trim().to_owned()
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn an_application_comes_back_from_a_snapshot_of_its_volume_with_every_record_once() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&["--storage=pvc:400Mi,class=sized"], &[]).success();
    let saved = app.wait_for_commits(50);

    // While the job runs, and goes on.
    take(&sandbox, "running");
    let committed = exactly_once(&app.committed());
    app.wait_for_commits(committed + 50);
    assert_eq!((app.restarts("jobmanager"), app.restarts("taskmanager")), (0, 0));
    let logs = app.run("logs", &["--component", "taskmanager"]).success();

    // What the driver refuses is told in its words.
    let args = ["storage", "snapshot", "orders", "--name=never", "--class=refused"];
    let refused = sandbox.run_for(PATIENCE, &args);
    refused.fails(8, &["\"never\" failed", "parameter color of the VolumeSnapshotClass"]);
    // It would be tried for ever, and hold the claim as long.
    let api = sandbox.cluster.api::<VolumeSnapshot>(&sandbox.namespace);
    sandbox.cluster.delete(&api, "never");

    // After a savepoint: nothing is newer.
    let stopped = app.run("stop", &[]);
    stopped.success();
    let savepoint = stopped.last_line().to_owned();
    take(&sandbox, "stopped");
    let described = sandbox.run(&["storage", "describe", "orders-state"]).success();
    assert!(described.contains("Volume snapshots") && described.contains("400Mi"), "{described}");
    lose(&sandbox, &app);

    let restored = bring_back(&sandbox, &app, "again", &["--from-snapshot=stopped"]);
    assert_eq!(restored, savepoint);
    let before = exactly_once(&app.committed());
    assert!(before >= committed + 50, "{before} records of {committed} and more");
    assert_eq!(jumps(&app.lines()), [], "no record came twice");
    app.wait_for_commits(before + 50);
    lose(&sandbox, &app);

    // The older one, on a larger volume: the job goes on from the checkpoint that was complete at that instant.
    let from = ["pvc:500Mi", "--from-snapshot=running"];
    let restored = bring_back(&sandbox, &app, "earlier", &from);
    assert!(restored.contains("/chk-"), "{restored}");
    let counted = app.counted_by(&logs, &restored);
    assert!(counted >= saved, "{restored}: a newer checkpoint was complete, of {saved} records");
    app.wait_for_commits(counted + 50);
    let [(_, first)] = jumps(&app.lines())[..] else { panic!("{:?}", jumps(&app.lines())) };
    assert_eq!(first, counted, "the first record after {restored}");
    let size = app.shell("df -k --output=size /flink/state | tail -1");
    // More than all of the old volume; XFS keeps 64 MiB for itself.
    assert!(size.trim().parse::<u64>().unwrap() > 400 * 1024, "{size} KiB of 500 MiB");
}
