//! What a document can say that only pods prove.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::support::records::exactly_once;
use crate::support::{App, Outcome, PATIENCE, Sandbox, eventually};

/// Deploys the counter job with these fields in the document's spec.
fn deploy(app: &App<'_>, sandbox: &Sandbox, spec: &Value) -> Outcome {
    let document = json!({
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "orders"},
        "spec": spec,
    });
    let file = sandbox.write("orders.json", document.to_string());
    app.deploy(&["-f", file.to_str().unwrap()], &[])
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_document_suspends_saves_and_starts_again() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let job = |job: Value| json!({"job": job});
    let made = deploy(&app, &sandbox, &job(json!({"state": "suspended"})));
    assert!(made.success().contains("application/orders created"), "{made}");
    assert!(app.pods("jobmanager").is_empty() && app.pods("taskmanager").is_empty());

    let nonce = |number: u32| json!({"state": "running", "savepointTriggerNonce": number});
    deploy(&app, &sandbox, &job(nonce(1))).success();
    app.wait_for_commits(50);
    assert_eq!(app.savepoints(), [""; 0]);
    let saved = deploy(&app, &sandbox, &job(nonce(2)));
    saved.success();
    let savepoint = saved.last_line().to_owned();
    assert_eq!(app.savepoints(), [savepoint.as_str()], "{saved}");
    let checkpoint = app.run("checkpoint", &[]);
    assert!(checkpoint.success().contains("/chk-"), "{checkpoint}");

    let resting = json!({"state": "suspended", "savepointTriggerNonce": 2});
    let stopped = deploy(&app, &sandbox, &job(resting));
    assert!(stopped.success().contains("application/orders stopped"), "{stopped}");
    assert!(stopped.last_line().contains("savepoint-"), "{stopped}");
    eventually("the pods are gone", Duration::from_secs(60), || {
        (app.pods("jobmanager").is_empty() && app.pods("taskmanager").is_empty()).then_some(())
    });
    deploy(&app, &sandbox, &job(nonce(2))).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);

    let mut again = nonce(2);
    again["initialSavepointPath"] = savepoint.as_str().into();
    deploy(&app, &sandbox, &job(again.clone())).fails(2, &["savepointRedeployNonce"]);
    again["savepointRedeployNonce"] = 1.into();
    let redeployed = deploy(&app, &sandbox, &job(again));
    redeployed.success();
    assert!(redeployed.stderr.contains(&format!("restored from {savepoint}")), "{redeployed}");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_jobmanager_that_stands_by_takes_over() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    deploy(&app, &sandbox, &json!({"jobManager": {"replicas": 2}})).success();
    app.wait_for_commits(50);
    eventually("both JobManagers are ready", PATIENCE, || {
        let pods = app.pods("jobmanager");
        (pods.len() == 2 && pods.iter().all(is_ready)).then_some(())
    });
    // Whichever of them the Service leads to answers for the one that leads.
    for _ in 0..6 {
        let list = sandbox.run(&["list"]).success();
        assert!(list.contains("RUNNING"), "{list}");
        app.run("checkpoint", &[]).success();
    }
    let leader = leader(&sandbox).expect("one leads");
    let pods = app.pods("jobmanager");
    let is_leader = |pod: &&Pod| pod.status.as_ref().unwrap().pod_ip.as_ref() == Some(&leader);
    // Its pod goes, not only its JVM: started again at once, that one could lead again.
    let pod = pods.iter().find(is_leader).expect("the leader's pod");
    sandbox.cluster.delete(&sandbox.cluster.api::<Pod>(&sandbox.namespace), &pod.name_any());
    eventually("another one leads", PATIENCE, || {
        self::leader(&sandbox).filter(|now| *now != leader)
    });
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 100);
    let status = app.run("status", &[]).success();
    assert!(status.contains("RUNNING"), "{status}");
    let stopped = app.run("stop", &[]);
    stopped.success();
    assert!(stopped.last_line().contains("savepoint-"), "{stopped}");
    eventually("the pods are gone", Duration::from_secs(60), || {
        app.pods("jobmanager").is_empty().then_some(())
    });
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// The address of the JobManager that leads, by Flink's own record; none while nobody does.
fn leader(sandbox: &Sandbox) -> Option<String> {
    let api = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    let map =
        sandbox.cluster.get(&api, "orders-g1-cluster-config-map").expect("a record of leaders");
    let data = map.data.unwrap_or_default();
    let (_, address) = data.get("org.apache.flink.k8s.leader.dispatcher")?.split_once('@')?;
    address.split(':').next().map(str::to_owned)
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn reactive_mode_takes_its_parallelism_from_the_taskmanagers() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    let spec = json!({
        "mode": "standalone",
        "flinkConfiguration": {"scheduler-mode": "REACTIVE"},
        "taskManager": {"replicas": 2},
        "job": {"parallelism": 1, "upgradeMode": "savepoint", "savepointTriggerNonce": 0},
    });
    deploy(&app, &sandbox, &spec).success();
    let parallelism = || {
        let status =
            app.run("status", &["-o", "jsonpath={.job.vertices[*].parallelism}"]).success();
        status.split_whitespace().filter_map(|n| n.parse::<u32>().ok()).max()
    };
    // One slot each, and parallelism 1 counts for nothing. The one that comes second comes after the job began.
    eventually("parallelism 2", PATIENCE, || parallelism().filter(|&found| found == 2));
    let stopped = app.run("stop", &[]);
    assert!(stopped.success().contains("savepoint-"), "{stopped}");
}
