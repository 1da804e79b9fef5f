//! Commands on an application whose pods never start, because nothing here starts pods.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::support::{Outcome, Sandbox};

/// Deploys `orders` without waiting for what cannot come.
fn deploy(sandbox: &Sandbox, flags: &[&str]) -> Outcome {
    let jar = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    sandbox.run(&[&["deploy", "orders", jar, &storage, "--no-wait"], flags].concat())
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    sandbox
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_deploy_that_does_not_wait_says_how_to_go_on() {
    let sandbox = sandbox();
    assert_snapshot!(deploy(&sandbox, &[]), @"
    exit code: 0
    ---- stdout
    application/orders created
    ---- stderr
    persistentvolumeclaim/orders-state created
    Deploying orders: starting generation 1
    deployment/orders-g1-jobmanager created
    hint: Follow it with `kubectl flink status orders -w`.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_deploy_that_waits_in_vain_says_what_for() {
    let sandbox = sandbox();
    assert_snapshot!(deploy(&sandbox, &["--wait", "--timeout=3s"]), @"
    exit code: 124
    ---- stdout
    ---- stderr
    persistentvolumeclaim/orders-state created
    Deploying orders: starting generation 1
    deployment/orders-g1-jobmanager created
    Deploying orders: waiting for pods to be created
    error: generation 1 of orders does not run yet: it still waits for pods to be created
    hint: It goes on starting: follow it with `kubectl flink status orders -w`, or run the same command again to wait on.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_application_without_pods_is_shown_as_it_is() {
    let sandbox = sandbox();
    deploy(&sandbox, &[]).success();
    assert_snapshot!(sandbox.run(&["list"]), @r#"
    exit code: 0
    ---- stdout
    NAME     STATE         FLINK   PARALLELISM   LAST-CHECKPOINT   STORAGE        GENERATION   AGE
    orders   UNREACHABLE   2.3     1             <none>            orders-state   1            AGE
    ---- stderr
    warning: orders: failed to call Flink's REST API (GET /jobs/00000000000000000000000000job-id/status): services "orders-g1-jobmanager" not found
    "#);
    assert_snapshot!(sandbox.run(&["list", "-o", "wide"]), @r#"
    exit code: 0
    ---- stdout
    NAME     STATE         FLINK   PARALLELISM   LAST-CHECKPOINT   STORAGE        GENERATION   AGE   STATE-SIZE   JOB-ID                             IMAGE
    orders   UNREACHABLE   2.3     1             <none>            orders-state   1            AGE   <none>       00000000000000000000000000job-id   flink:2.3.0
    ---- stderr
    warning: orders: failed to call Flink's REST API (GET /jobs/00000000000000000000000000job-id/status): services "orders-g1-jobmanager" not found
    "#);
    assert_snapshot!(sandbox.run(&["list", "-o", "name"]), @r#"
    exit code: 0
    ---- stdout
    application/orders
    ---- stderr
    warning: orders: failed to call Flink's REST API (GET /jobs/00000000000000000000000000job-id/status): services "orders-g1-jobmanager" not found
    "#);
    assert_snapshot!(sandbox.run(&["status", "orders"]), @r#"
    exit code: 5
    ---- stdout
    Application:       orders
    Namespace:         test-00000
    State:             UNREACHABLE
    Generation:        1
    Flink:             2.3 (flink:2.3.0)
    Jar:               StateMachineExample.jar
    Age:               AGE

    Storage
      Claim:           orders-state
      Status:          Pending
      Volume:          1Gi, RWO, class test-00000

    Not available
      flink:           failed to call Flink's REST API (GET /jobs/00000000000000000000000000job-id/status): services "orders-g1-jobmanager" not found
    ---- stderr
    error: cannot tell how the job of orders is: failed to call Flink's REST API (GET /jobs/00000000000000000000000000job-id/status): services "orders-g1-jobmanager" not found
    hint: Read its log with `kubectl flink logs orders`.
    "#);
    assert_snapshot!(sandbox.run(&["logs", "orders"]), @"
    exit code: 3
    ---- stdout
    ---- stderr
    error: orders has no pods, so there is no log
    hint: See how it is with `kubectl flink status orders`.
    ");
    assert_snapshot!(sandbox.run(&["storage", "list"]), @"
    exit code: 0
    ---- stdout
    NAME           STATUS    CAPACITY   ACCESS   CLASS        USED-BY   AGE
    orders-state   Pending   1Gi        RWO      test-00000   orders    AGE
    ---- stderr
    ");
    assert_snapshot!(sandbox.run(&["storage", "describe", "orders-state"]), @"
    exit code: 0
    ---- stdout
    Claim:             orders-state
    Namespace:         test-00000
    Status:            Pending, until the first pod mounts it
    Capacity:          <none>
    Requested:         1Gi
    Access:            ReadWriteOnce
    Volume:            <none>
    Made for:          orders
    Used by:           orders
    Mounted by:        <none>
    Age:               AGE

    StorageClass
      Name:            test-00000
      Provisioner:     example.com/volumes
      Makes volumes:   when the first pod mounts it
      Can grow:        no
    ---- stderr
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_savepoint_of_a_job_that_does_not_answer_is_refused() {
    let sandbox = sandbox();
    deploy(&sandbox, &[]).success();
    // Without controllers the Service has no endpoints, which this API server calls not found.
    assert_snapshot!(sandbox.run(&["savepoint", "orders", "--timeout=5s"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    Savepoint of orders: waiting for Flink
    error: failed to call Flink's REST API (POST /jobs/00000000000000000000000000job-id/savepoints): services "orders-g1-jobmanager" not found
    hint: See what there is with `kubectl flink list` and `kubectl flink storage list`.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn verbs_on_an_application_that_does_not_exist() {
    let sandbox = sandbox();
    for verb in ["savepoint", "stop", "start", "delete"] {
        let outcome = sandbox.run(&[verb, "orders"]);
        assert_eq!(outcome.code, 3, "{verb}\n{outcome}");
    }
    assert_snapshot!(sandbox.run(&["restore", "orders"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "orders-state" not found
    hint: List the claims with `kubectl flink storage list`, or let one be made with --storage pvc:SIZE.
    hint: There is no application of that name either. Name the claim that holds its state with --storage claim:NAME.
    "#);
    assert_snapshot!(sandbox.run(&["delete", "orders", "--delete-storage", "-y"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: application "orders" not found in namespace "test-00000"
    hint: List the applications with `kubectl flink list`, those of all namespaces with -A.
    hint: If it was deleted and its storage was kept, bring it back with `kubectl flink restore orders`.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn delete_keeps_the_claim_and_asks_before_it_takes_it() {
    let sandbox = sandbox();
    deploy(&sandbox, &[]).success();
    assert_snapshot!(sandbox.run(&["delete", "orders", "--delete-storage"]), @"
    exit code: 9
    ---- stdout
    ---- stderr
    error: this needs consent, and there is no terminal to ask on: Delete application orders and claim orders-state with every savepoint and checkpoint on it?
    hint: Add -y to consent.
    ");
    assert_eq!((deployments(&sandbox), claims(&sandbox)), (2, 1), "nothing was touched");
    assert_snapshot!(sandbox.run(&["storage", "delete", "orders-state", "-y"]), @r#"
    exit code: 4
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "orders-state" holds the state of application orders
    hint: To give up the application and its state, run `kubectl flink delete orders --delete-storage`.
    "#);
    assert_eq!((deployments(&sandbox), claims(&sandbox)), (2, 1), "nothing was touched");

    assert_snapshot!(sandbox.run(&["delete", "orders"]), @"
    exit code: 0
    ---- stdout
    application/orders deleted
    ---- stderr
    Deleting orders: removing generation 1
    Deleting orders: removing what the generations share
    claim orders-state and the snapshots on it are kept
    hint: Bring it back with `kubectl flink restore orders`.
    ");
    assert_eq!((deployments(&sandbox), claims(&sandbox)), (0, 1), "the claim stays");
    assert_snapshot!(sandbox.run(&["storage", "delete", "orders-state"]), @r#"
    exit code: 9
    ---- stdout
    ---- stderr
    error: this needs consent, and there is no terminal to ask on: Delete persistentvolumeclaim "orders-state" (1Gi) in namespace "test-00000" and, for good, every checkpoint, savepoint and job jar of application orders on it?
    hint: Add -y to consent.
    "#);
    assert_eq!(claims(&sandbox), 1, "nobody agreed");
    assert_snapshot!(sandbox.run(&["storage", "delete", "orders-state", "-y", "--no-wait"]), @"
    exit code: 0
    ---- stdout
    persistentvolumeclaim/orders-state deleted
    ---- stderr
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_claim_made_beforehand() {
    let sandbox = sandbox();
    let storage = format!("pvc:1Gi,class={}", sandbox.namespace);
    assert_snapshot!(sandbox.run(&["storage", "create", "shared", &storage]), @"
    exit code: 0
    ---- stdout
    persistentvolumeclaim/shared created
    ---- stderr
    Its volume is made when the first pod mounts it.
    hint: Use it with `kubectl flink deploy NAME --jar PATH --storage claim:shared`.
    ");
    assert_snapshot!(sandbox.run(&["storage", "create", "shared", &storage]), @r#"
    exit code: 4
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "shared" exists already
    hint: Look at it with `kubectl flink storage describe shared`, or choose another name.
    "#);
    assert_snapshot!(sandbox.run(&["storage", "create", "Shared", &storage]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: "Shared" is not the name of a claim
    hint: Use lowercase letters, digits, '-' and '.'.
    "#);
    assert_snapshot!(sandbox.run(&["storage", "describe", "shared"]), @"
    exit code: 0
    ---- stdout
    Claim:             shared
    Namespace:         test-00000
    Status:            Pending, until the first pod mounts it
    Capacity:          <none>
    Requested:         1Gi
    Access:            ReadWriteOnce
    Volume:            <none>
    Made for:          <none>
    Used by:           <none>
    Mounted by:        <none>
    Age:               AGE

    StorageClass
      Name:            test-00000
      Provisioner:     example.com/volumes
      Makes volumes:   when the first pod mounts it
      Can grow:        no
    ---- stderr
    ");
}

fn deployments(sandbox: &Sandbox) -> usize {
    let api = sandbox.cluster.api::<Deployment>(&sandbox.namespace);
    sandbox.cluster.list(&api, "").len()
}

fn claims(sandbox: &Sandbox) -> usize {
    let api = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    let claims = sandbox.cluster.list(&api, "");
    claims.iter().filter(|claim| claim.metadata.deletion_timestamp.is_none()).count()
}
