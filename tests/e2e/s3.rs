//! Applications whose state is on S3 alone: no volume, no credentials on this machine.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};

use crate::support::records::exactly_once;
use crate::support::{App, PATIENCE, Proof, Sandbox, Store, eventually};

fn claims(sandbox: &Sandbox) -> Vec<String> {
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    let claims = sandbox.cluster.list(&claims, "");
    claims.into_iter().filter_map(|claim| claim.metadata.name).collect()
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn state_lives_on_s3_alone_and_comes_back_from_there() {
    let (sandbox, proof) = (Sandbox::new(), Proof::of("S3, presto", "2.3"));
    let store = Store::s3(&sandbox);
    store.profile(&sandbox, "s3", &[]);
    let app = App::new(&sandbox, "orders").with_output();
    app.deploy(&["--storage=s3"], &[]).success();
    app.wait_for_commits(50);
    proof.has("deploy");
    assert_eq!(claims(&sandbox), ["out"], "the job's output has a volume, and the state has none");

    let path = app.run("savepoint", &[]);
    path.success();
    assert!(path.last_line().starts_with(&format!("s3://{}/flink/", store.name)), "{path}");
    proof.has("savepoint");

    // The JobManager that comes back fetches its jar, and finds its checkpoints, by itself.
    app.kill_jvm("jobmanager");
    eventually("the JobManager is back", PATIENCE, || {
        (app.restarts("jobmanager") > 0 && app.is_running("jobmanager")).then_some(())
    });
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);

    app.run("stop", &[]).success();
    app.run("start", &[]).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);

    // An upgrade, whose jar is there already.
    app.deploy(&["--storage=s3"], &["--rate", "200"]).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);
    let used = sandbox.run(&["storage", "delete", "s3", "-y"]);
    used.fails(4, &["orders", "storage profile \"s3\""]);

    // Nothing is left in the cluster, not even the profile: what is in the bucket is enough.
    app.run("delete", &["-y"]).success();
    sandbox.run(&["storage", "delete", "s3", "-y"]).success();
    let secrets = sandbox.cluster.api::<Secret>(&sandbox.namespace);
    assert!(sandbox.cluster.list(&secrets, "").is_empty(), "the Secret went with its profile");
    store.profile(&sandbox, "s3", &[]);
    proof.check(&sandbox, "s3", proof.image());
    app.run("restore", &["--storage=s3"]).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);
    proof.has("restore");
    let objects = store.objects();
    for folder in ["catalogue/", "checkpoints/", "ha/", "jars/", "savepoints/"] {
        let place = format!("flink/{}/orders/{folder}", sandbox.namespace);
        assert!(objects.iter().any(|path| path.starts_with(&place)), "{folder}: {objects:?}");
    }
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_bucket_that_is_missing_is_found_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let store = Store::s3(&sandbox);
    store.profile(&sandbox, "s3", &[]);
    store.destroy();
    let app = App::new(&sandbox, "orders").with_output();
    let refused = app.deploy(&["--storage=s3"], &[]);
    refused.fails(8, &["cannot be used"]);
    sandbox.run(&["status", "orders"]).fails(3, &[]);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_store_that_fails_lets_the_job_run_and_says_what_to_do() {
    let sandbox = Sandbox::new();
    let store = Store::on_own_s3(&sandbox);
    store.profile(&sandbox, "s3", &[]);
    let app = App::new(&sandbox, "orders").with_output();
    // The job outlives some failed checkpoints, as it would in production.
    let patient =
        ["--storage=s3", "--set=execution.checkpointing.tolerable-failed-checkpoints=1000"];
    app.deploy(&patient, &[]).success();
    app.wait_for_commits(50);
    let key = store.server.fact("secret-key").to_owned();

    // Whoever had the key has it no more.
    store.serve("revoked");
    let failed = app.run("savepoint", &["--timeout=60s"]);
    failed.fails(7, &["The store refuses the job's credentials", "The job goes on running"]);
    let status = app.run("status", &[]);
    assert!(status.to_string().contains("RUNNING"), "{status}");
    store.serve(&key);
    eventually("a savepoint after the key is back", PATIENCE, || {
        (app.run("savepoint", &["--timeout=60s"]).code == 0).then_some(())
    });

    // The server takes its time: the command's is up before.
    store.stall(true);
    let slow = app.run("savepoint", &["--timeout=5s"]);
    slow.fails(124, &["is not complete yet", "It goes on", "--attach"]);
    store.stall(false);
    let attach = slow.stderr.split("--attach ").nth(1).unwrap();
    let attach = attach.split('`').next().unwrap();
    let followed = app.run("savepoint", &["--attach", attach]);
    assert!(followed.success().contains("s3://"), "the same one completed\n{followed}");

    // The server is down.
    store.server.control("kill");
    let failed = app.run("savepoint", &["--timeout=60s"]);
    assert!(failed.code != 0, "{failed}");
    store.serve(&key);
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);
}
