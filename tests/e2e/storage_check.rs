//! `storage check` and `storage advise` on real claims, from real pods.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kubectl_flink::cluster::diagnose::Waiting;
use kubectl_flink::cluster::{self, ConnectOptions};
use kubectl_flink::deadline::Deadline;
use kubectl_flink::model::config::FlinkConfig;
use kubectl_flink::model::storage::{AccessMode, ClaimStorage, StateStorage};
use kubectl_flink::storage::access;
use kubectl_flink::storage::helper_pod::HelperSpec;
use serde_json::Value;

use crate::support::{Running, Sandbox, eventually, schema};

const CLAIM: &[&str] = &["storage", "create", "shared", "pvc:1Gi"];
const CHECK: &[&str] = &[
    "storage",
    "check",
    "claim:shared",
    "--state-size=64Mi",
    "--duration=6s",
    "--files=200",
    "--streams=1,2",
];
const LIMIT: Duration = Duration::from_secs(180);

fn no_pods(sandbox: &Sandbox) {
    eventually("the pods of the check to go", Duration::from_secs(60), || {
        let pods: Vec<Pod> = sandbox.cluster.list(&sandbox.cluster.api(&sandbox.namespace), "");
        pods.is_empty().then_some(())
    });
}

/// What is on the claim.
fn left(sandbox: &Sandbox) -> Vec<String> {
    let options = ConnectOptions {
        kubeconfig: Some(sandbox.path("kubeconfig")),
        ..ConnectOptions::default()
    };
    let storage = StateStorage::Claim(ClaimStorage {
        claim: "shared".into(),
        path: String::new(),
        access: AccessMode::Rwo,
    });
    let spec = HelperSpec {
        application: "looker".parse().unwrap(),
        operation: "0123456789".parse().unwrap(),
        storage: Some(storage.clone()),
        also: None,
        data_store: None,
        config: FlinkConfig::default(),
        service_account: None,
        image: "flink:2.3.0".into(),
        like: None,
    };
    sandbox.cluster.wait(async {
        let cluster = cluster::Cluster::connect(&options).await.unwrap();
        let deadline = Deadline::after(LIMIT);
        let open = access::open(&cluster, &spec, deadline, &mut |_: &Waiting| ()).await.unwrap();
        let found = open.store().list(&storage.root(), 1, &[]).await.unwrap();
        open.close().await.unwrap();
        found.into_iter().map(|entry| entry.uri).collect()
    })
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_claim_is_measured_judged_and_left_as_it_was() {
    let sandbox = Sandbox::new();
    sandbox.run(CLAIM).success();
    let page = sandbox.path("report.html");
    let html = format!("--html={}", page.display());
    let words = [CHECK, &["-o", "json", &html]].concat();
    let answer: Value = serde_json::from_str(&sandbox.run_for(LIMIT, &words).success()).unwrap();
    schema::holds("CheckView", &answer);
    let measured = &answer["measured"];
    assert_eq!(measured["failures"], serde_json::json!([]), "{answer:#}");
    assert!(measured["consistency"]["rounds"].as_u64().unwrap() > 0);
    assert_eq!(measured["secondPod"]["consistency"]["read"]["never"], 0);
    assert_eq!(measured["commit"]["right"], true);
    assert_eq!(measured["throughput"].as_array().unwrap().len(), 4);
    assert!(measured["space"]["free"].as_u64().unwrap() > 0);
    assert_eq!(answer["verdicts"].as_array().unwrap().len(), 5);
    assert!(answer["pods"][1]["node"].is_string());
    eprintln!("the agent started in {} ms", measured["agentStartMillis"]);
    assert!(std::fs::read_to_string(page).unwrap().contains("Throughput by streams"));
    no_pods(&sandbox);

    // Interrupted, it cleans up, too.
    let running = Running::start(&mut sandbox.command(CHECK));
    running.wait_to_say("measuring latency", LIMIT);
    running.interrupt();
    sandbox.finish(running, LIMIT).fails(130, &["interrupted"]);
    no_pods(&sandbox);

    assert_eq!(left(&sandbox), Vec::<String>::new());

    let ranked: Value = serde_json::from_str(
        &sandbox.run(&["storage", "advise", "--state-size=2Gi", "-o", "json"]).success(),
    )
    .unwrap();
    schema::holds("RankingView", &ranked);
    assert_eq!(ranked["size"], "7Gi");
    assert!(ranked["choices"].as_array().unwrap().iter().any(|choice| choice["fit"] != "unfit"));
    sandbox.run_for(LIMIT, &["storage", "check", "nobody"]).fails(3, &["neither an application"]);
}
