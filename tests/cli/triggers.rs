//! What a document asks for beside a spec: that the job rests, that a snapshot is taken, that it starts again from
//! a savepoint. And `checkpoint`, the verb for one of them.

use std::process::Command;

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;

use crate::support::{Flink, Outcome, Proxy, Sandbox};

/// A sandbox whose plugin talks to the API server through a proxy, with jobs that run until they are stopped.
struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    fn new() -> Place {
        let sandbox = Sandbox::new();
        sandbox.storage_class("example.com/volumes");
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
        Place { sandbox, proxy }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command(args);
        command.arg(format!("--server=http://{}", self.proxy.address));
        command.env("KUBECTL_FLINK_TEST_SEED", "7");
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.sandbox.start(&mut self.command(args))
    }

    /// Deploys `orders` with this in `spec.job`, beginning with empty state so that nothing looks for any.
    fn deploy(&self, job: &str, flags: &[&str]) -> Outcome {
        let text = format!(
            "apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {{name: orders}}
spec:
  job:
    jarURI: local:///opt/flink/examples/streaming/StateMachineExample.jar
    upgradeMode: stateless
{}",
            job.lines().map(|line| format!("    {}\n", line.trim())).collect::<String>()
        );
        self.sandbox.write("orders.yaml", text);
        let storage = format!("--storage=pvc:1Gi,class={}", self.sandbox.namespace);
        self.run(&[&["deploy", "-f", "orders.yaml", &storage], flags].concat())
    }

    /// Pods that each Deployment is to have.
    fn replicas(&self) -> Vec<i32> {
        let api = self.sandbox.cluster.api::<Deployment>(&self.sandbox.namespace);
        let found = self.sandbox.cluster.list(&api, "");
        found.into_iter().map(|found| found.spec.unwrap().replicas.unwrap()).collect()
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_document_says_whether_the_job_rests() {
    let place = Place::new();
    assert_snapshot!(place.deploy("state: suspended", &["--no-wait"]), @"
    exit code: 0
    ---- stdout
    application/orders created
    ---- stderr
    persistentvolumeclaim/orders-state created
    Deploying orders: making generation 1
    deployment/orders-g1-jobmanager created
    hint: It is stopped. Start it with `kubectl flink start orders`.
    ");
    assert_eq!(place.replicas(), [0, 0]);
    let list = place.run(&["list"]).success();
    assert!(list.contains("STOPPED"), "{list}");
    assert_snapshot!(place.deploy("state: suspended", &["--no-wait"]), @"
    exit code: 0
    ---- stdout
    application/orders unchanged
    ---- stderr
    ");
    assert_snapshot!(place.deploy("state: running", &["--no-wait"]), @"
    exit code: 0
    ---- stdout
    application/orders upgraded
    ---- stderr
    Deploying orders: starting generation 2
    deployment/orders-g2-jobmanager created
    Deploying orders: removing generation 1
    hint: Follow it with `kubectl flink status orders -w`.
    ");
    assert_eq!(place.replicas(), [1, 1]);
    let document = ["--dry-run=client", "-o", "jsonpath={.spec.job.state}"];
    assert_eq!(place.deploy("state: suspended", &document).success(), "suspended");
    let planned = place.deploy("state: suspended", &["--dry-run=server"]).success();
    for step in
        ["1. stop generation 2 with a savepoint", "2. scale generation 2 to zero", "3. mark"]
    {
        assert!(planned.contains(step), "{planned}");
    }
    let stopped = place.deploy("state: suspended", &[]);
    assert!(stopped.success().starts_with("application/orders stopped\nfile:"), "{stopped}");
    assert!(stopped.last_line().contains("/savepoint-"), "{stopped}");
    assert_eq!(place.replicas(), [0, 0]);
    let again = place.deploy("state: suspended", &[]);
    assert_eq!(again.success(), "application/orders unchanged\n");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_new_number_in_a_document_takes_a_snapshot_once() {
    let place = Place::new();
    place.deploy("savepointTriggerNonce: 1", &["--no-wait"]).success();
    assert_eq!(place.proxy.savepoints(), 0, "a first number asks for nothing");
    let saved = place.deploy("savepointTriggerNonce: 2", &[]);
    assert!(saved.success().starts_with("application/orders saved\nfile:"), "{saved}");
    assert!(saved.last_line().contains("/savepoint-"), "{saved}");
    let planned = place.deploy("checkpointTriggerNonce: 7", &["--dry-run=client"]).success();
    assert_snapshot!(planned, @r#"
    1. take a checkpoint of generation 1, which goes on running
    2. note that the trigger nonces are honoured

    --- service/orders-rest
    +++ service/orders-rest
    @@ -3,6 +3,7 @@
     metadata:
       annotations:
         kubectl-flink.io/active-generation: "1"
    +    kubectl-flink.io/checkpoint-trigger-nonce: "7"
         kubectl-flink.io/run: running
         kubectl-flink.io/savepoint-trigger-nonce: "2"
       labels:

    application/orders saved (dry run)
    "#);
    assert_snapshot!(place.deploy("savepointTriggerNonce: 2\ncheckpointTriggerNonce: 7", &[]), @"
    exit code: 0
    ---- stdout
    application/orders saved
    file:///flink/state/test-00000/orders/checkpoints/00000000000000000000000000job-id/chk-2
    ---- stderr
    Deploying orders: waiting for Flink
    checkpoint completed
    ");
    assert_snapshot!(place.deploy("savepointTriggerNonce: 2\ncheckpointTriggerNonce: 7", &[]), @"
    exit code: 0
    ---- stdout
    application/orders unchanged
    ---- stderr
    ");
    assert_eq!(place.proxy.savepoints(), 1);
    let elsewhere = "initialSavepointPath: file:///flink/state/savepoint-1-2";
    assert_snapshot!(place.deploy(elsewhere, &[]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: spec.job.initialSavepointPath of orders is another one, and an application that is there does not start from it
    hint: To start again from it, give spec.job.savepointRedeployNonce a new number: what runs is saved first.
    hint: To leave the state as it is, write the path that was there before, or none; `kubectl flink restore orders --from …` goes back to any snapshot.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn checkpoint_prints_its_path_or_an_id_to_follow_it_by() {
    let place = Place::new();
    place.deploy("", &["--no-wait"]).success();
    assert_snapshot!(place.run(&["checkpoint", "orders"]), @"
    exit code: 0
    ---- stdout
    file:///flink/state/test-00000/orders/checkpoints/00000000000000000000000000job-id/chk-1
    ---- stderr
    Checkpoint of orders: waiting for Flink
    checkpoint of orders completed
    hint: Flink deletes it when newer ones have taken its place. To keep one, run `kubectl flink savepoint orders`.
    ");
    let template = "jsonpath={.outcome} {.snapshot}";
    let answer = place.run(&["checkpoint", "orders", "-q", "-o", template]).success();
    assert!(answer.starts_with("saved file:///") && answer.ends_with("/chk-1"), "{answer}");
    let started = place.run(&["checkpoint", "orders", "--no-wait"]);
    assert_snapshot!(started, @"
    exit code: 0
    ---- stdout
    7000000000
    ---- stderr
    checkpoint of orders started
    hint: Follow it with `kubectl flink checkpoint orders --attach 7000000000`.
    ");
    let id = started.last_line().to_owned();
    assert_snapshot!(place.run(&["checkpoint", "orders", "--attach", &id, "-q"]), @"
    exit code: 0
    ---- stdout
    file:///flink/state/test-00000/orders/checkpoints/00000000000000000000000000job-id/chk-1
    ---- stderr
    ");
    place.run(&["stop", "orders"]).success();
    place.run(&["checkpoint", "orders"]).fails(4, &["orders is stopped", "savepoint-"]);
    place.run(&["checkpoint", "payments"]).fails(3, &["payments"]);
}
