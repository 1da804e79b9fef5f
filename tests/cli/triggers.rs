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
    assert_snapshot!(place.deploy("state: suspended", &["--no-wait"]), @"");
    assert_eq!(place.replicas(), [0, 0]);
    let list = place.run(&["list"]).success();
    assert!(list.contains("STOPPED"), "{list}");
    assert_snapshot!(place.deploy("state: suspended", &["--no-wait"]), @"");
    assert_snapshot!(place.deploy("state: running", &["--no-wait"]), @"");
    assert_eq!(place.replicas(), [1, 1]);
    assert_snapshot!(place.deploy("state: suspended", &["--dry-run=client", "-o", "jsonpath={.spec.job.state}"]), @"");
    let planned = place.deploy("state: suspended", &["--dry-run=server"]).success();
    assert_snapshot!(planned.lines().take(3).collect::<Vec<_>>().join("\n"), @"");
    assert_snapshot!(place.deploy("state: suspended", &[]), @"");
    assert_eq!(place.replicas(), [0, 0]);
    assert_snapshot!(place.deploy("state: suspended", &[]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_new_number_in_a_document_takes_a_snapshot_once() {
    let place = Place::new();
    place.deploy("savepointTriggerNonce: 1", &["--no-wait"]).success();
    assert_eq!(place.proxy.savepoints(), 0, "a first number asks for nothing");
    assert_snapshot!(place.deploy("savepointTriggerNonce: 2", &[]), @"");
    let planned = place.deploy("checkpointTriggerNonce: 7", &["--dry-run=client"]).success();
    assert_snapshot!(planned, @"");
    assert_snapshot!(place.deploy("savepointTriggerNonce: 2\ncheckpointTriggerNonce: 7", &[]), @"");
    assert_snapshot!(place.deploy("savepointTriggerNonce: 2\ncheckpointTriggerNonce: 7", &[]), @"");
    assert_eq!(place.proxy.savepoints(), 1);
    let elsewhere = "initialSavepointPath: file:///flink/state/savepoint-1-2";
    assert_snapshot!(place.deploy(elsewhere, &[]), @"");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn checkpoint_prints_its_path_or_all_that_flink_tells_of_it() {
    let place = Place::new();
    place.deploy("", &["--no-wait"]).success();
    assert_snapshot!(place.run(&["checkpoint", "orders"]), @"");
    let template = "jsonpath={.outcome} {.snapshot}";
    let answer = place.run(&["checkpoint", "orders", "-q", "-o", template]).success();
    assert!(answer.starts_with("saved file:///") && answer.ends_with("/chk-1"), "{answer}");
    let started = place.run(&["checkpoint", "orders", "--no-wait"]);
    assert_snapshot!(started, @"");
    let id = started.last_line().to_owned();
    assert_snapshot!(place.run(&["checkpoint", "orders", "--attach", &id, "-q"]), @"");
    place.run(&["stop", "orders"]).success();
    place.run(&["checkpoint", "orders"]).fails(4, &["orders is stopped", "savepoint-"]);
    place.run(&["checkpoint", "payments"]).fails(3, &["payments"]);
}
