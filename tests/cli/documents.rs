//! `deploy -f` with documents as users of the Flink Kubernetes Operator have them.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::{Value, json};

use crate::support::{Outcome, Sandbox};

/// A document of the operator: this name, and these fields over the usual ones.
fn document(name: &str, spec: &Value) -> String {
    let mut all = json!({
        "image": "flink:2.2",
        "flinkVersion": "v2_2",
        "flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2},
        "jobManager": {"resources": {"requests": {"memory": "2048m", "cpu": "1"}}},
        "taskManager": {"resources": {"requests": {"memory": "2048m", "cpu": "1"}}},
        "job": {
            "jarURI": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "parallelism": 2,
            "upgradeMode": "stateless",
        },
    });
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    json!({
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name},
        "spec": all,
    })
    .to_string()
}

fn deploy(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    dry_run(sandbox, "--dry-run=server", args)
}

fn dry_run(sandbox: &Sandbox, mode: &str, args: &[&str]) -> Outcome {
    let storage =
        format!("--storage=pvc:1Gi,class={}", sandbox.storage_class("example.com/volumes"));
    let outcome = sandbox.run(&[&["deploy", mode, &storage], args].concat());
    let classes = sandbox.cluster.api_all::<k8s_openapi::api::storage::v1::StorageClass>();
    sandbox.cluster.delete(&classes, &sandbox.namespace);
    let (cluster, namespace) = (&sandbox.cluster, sandbox.namespace.as_str());
    assert!(cluster.list(&cluster.api::<Deployment>(namespace), "").is_empty(), "{outcome}");
    outcome
}

/// The features of the operator's examples, one a document: basic, high availability, reactive, pod templates
/// with init container and sidecar, custom logging.
#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn what_the_operators_examples_use_deploys_unchanged() {
    let sandbox = Sandbox::new();
    let accounts = sandbox.cluster.api::<ServiceAccount>(&sandbox.namespace);
    sandbox.cluster.create(&accounts, json!({"metadata": {"name": "flink"}}));
    let volume = json!({"spec": {
        "containers": [{
            "name": "flink-main-container",
            "volumeMounts": [{"name": "data", "mountPath": "/flink-data"}],
        }],
        "volumes": [{"name": "data", "emptyDir": {}}],
    }});
    let sidecar = json!({"spec": {
        "containers": [
            {"name": "flink-main-container", "volumeMounts": [{"name": "logs", "mountPath": "/opt/flink/log"}]},
            {
                "name": "shipper", "image": "shipper:1", "command": ["ship", "/logs"],
                "securityContext": RESTRICTED.clone(),
                "volumeMounts": [{"name": "logs", "mountPath": "/logs"}],
            },
        ],
        "volumes": [{"name": "logs", "emptyDir": {}}, {"name": "jars", "emptyDir": {}}],
    }});
    let init = json!({"spec": {"initContainers": [{
        "name": "fetch", "image": "fetch:1", "securityContext": RESTRICTED.clone(),
        "volumeMounts": [{"name": "jars", "mountPath": "/jars"}],
    }]}});
    let state = json!({"savepoints.dir": "file:///flink-data/savepoints", "checkpoints.dir": "file:///flink-data/checkpoints"});
    for (name, spec) in [
        ("basic", json!({"serviceAccount": "flink"})),
        (
            "checkpoint-ha",
            json!({
                "flinkConfiguration": {
                    "taskmanager.numberOfTaskSlots": 2,
                    "state": state,
                    "high-availability": {"type": "kubernetes", "storageDir": "file:///flink-data/ha"},
                },
                "podTemplate": volume,
            }),
        ),
        (
            "reactive",
            json!({
                "mode": "standalone",
                "flinkConfiguration": {
                    "scheduler-mode": "REACTIVE",
                    "high-availability": "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory",
                },
            }),
        ),
        ("templates", json!({"podTemplate": sidecar, "jobManager": {"podTemplate": init}})),
        (
            "ingress",
            json!({
                "ingress": {
                    "template": "/{{namespace}}/{{name}}(/|$)(.*)",
                    "className": "nginx",
                    "annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/$2"},
                },
                "jobManager": {"replicas": 2},
            }),
        ),
        (
            "logging",
            json!({"logConfiguration": {"log4j-console.properties": "rootLogger.level = DEBUG\n"}}),
        ),
    ] {
        sandbox.write(&format!("examples/{name}.json"), document(name, &spec));
    }
    let shown = deploy(&sandbox, &["-f", "examples", "-q"]).success();
    let answers: Vec<_> = shown.lines().filter(|line| line.ends_with("(server dry run)")).collect();
    assert_eq!(
        answers,
        [
            "application/basic created (server dry run)",
            "application/checkpoint-ha created (server dry run)",
            "application/ingress created (server dry run)",
            "application/logging created (server dry run)",
            "application/reactive created (server dry run)",
            "application/templates created (server dry run)",
        ]
    );
}

static RESTRICTED: std::sync::LazyLock<Value> = std::sync::LazyLock::new(
    || json!({"allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}}),
);

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn what_belongs_to_the_operator_is_refused_with_its_reason() {
    let sandbox = Sandbox::new();
    let session = json!({"job": null, "mode": "native"});
    let operators = json!({
        "flinkConfiguration": {"kubernetes.operator.savepoint.format.type": "NATIVE", "job.autoscaler.enabled": true},
        "jobManager": {"replicas": 0},
    });
    let session_job = json!({
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkSessionJob",
        "metadata": {"name": "job"},
        "spec": {"deploymentName": "session", "job": {"jarURI": "https://example.com/x.jar"}},
    });
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\n";
    sandbox.write(
        "all.yaml",
        [
            document("session", &session),
            document("operators", &operators),
            session_job.to_string(),
            claim.to_owned(),
            document(
                "operators",
                &json!({"job": {"autoscalerResetNonce": 1, "savepointRedeployNonce": 0}}),
            ),
        ]
        .join("\n---\n"),
    );
    assert_snapshot!(deploy(&sandbox, &["-f", "all.yaml"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: 5 documents have 11 problems, and nothing was written:
      all.yaml:1:343: spec.job: it is missing, which makes this a session cluster, and those are not run by the direct engine. Add spec.job with jarURI, entryClass and parallelism.
      all.yaml:1:354: spec.mode: the direct engine makes the TaskManagers itself, so that they start beside the JobManager. Remove it, or write standalone.
      all.yaml:3:171: spec.flinkConfiguration.kubernetes.operator.savepoint.format.type: it configures the operator, which does not run this application. Remove it.
      all.yaml:3:224: spec.flinkConfiguration.job.autoscaler.enabled: it configures the operator, which does not run this application. Remove it.
      all.yaml:3:269: spec.jobManager.replicas: 0 JobManagers cannot run a job. Give at least 1, or remove it.
      all.yaml:5:42: kind: the direct engine runs applications, each on a cluster of its own, and no session jobs. Write a FlinkDeployment with this spec.job.
      all.yaml:8:1: kind: deploy makes no PersistentVolumeClaim. Leave it out here, and apply it with `kubectl apply`.
      all.yaml:11:345: spec.job.jarURI: it is missing, and the job's code is looked for nowhere else. Name the jar: --jar PATH, or local:///PATH for one in the image.
      all.yaml:11:352: spec.job.autoscalerResetNonce: it resets the operator's autoscaler, which does not run this application. Remove it, and set spec.job.parallelism.
      all.yaml:11:377: spec.job.savepointRedeployNonce: it starts the job from a savepoint, and none is named. Name it in spec.job.initialSavepointPath, or remove this.
      all.yaml:11:79: metadata.name: an earlier document is about "operators" too. Keep one of them.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_list_that_a_dry_run_prints_deploys_again() {
    let sandbox = Sandbox::new();
    sandbox.write("two/a.json", document("first", &json!({})));
    sandbox.write("two/below/b.json", document("second", &json!({})));
    let args = ["-f", "two", "-R", "--parallelism=4", "-o", "yaml"];
    let list = dry_run(&sandbox, "--dry-run=client", &args).success();
    assert!(list.starts_with("apiVersion: v1\nkind: List\nitems:\n"), "{list}");
    assert_eq!(list.matches("parallelism: 4").count(), 2, "{list}");
    sandbox.write("list.yaml", &list);
    let again = dry_run(&sandbox, "--dry-run=client", &["-f", "list.yaml", "-o", "yaml"]);
    assert_eq!(again.success(), list);
    assert_snapshot!(deploy(&sandbox, &["one-name", "-f", "two", "-R"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the name one-name is given, and there are 2 documents
    hint: Leave the name out: each document has its own.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_service_account_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.json", document("orders", &json!({"serviceAccount": "flink"})));
    assert_snapshot!(deploy(&sandbox, &["-f", "orders.json"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: serviceaccount "flink" not found
    hint: Create it with `kubectl create serviceaccount flink`, or remove spec.serviceAccount: then one is made with the permissions that Flink needs.
    "#);
}

/// Nothing runs here, so that each would wait for ever; one after the other, the second would never begin.
#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn several_applications_come_up_at_the_same_time() {
    let sandbox = Sandbox::new();
    let storage = sandbox.storage_class("example.com/volumes");
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let all: Vec<String> = names.iter().map(|name| document(name, &json!({}))).collect();
    sandbox.write("all.yaml", all.join("\n---\n"));
    let storage = format!("--storage=pvc:1Gi,class={storage}");
    let outcome = sandbox.run(&["deploy", "-f", "all.yaml", &storage, "--timeout=20s"]);
    outcome.fails(124, &["error: a: ", "error: h: ", "Not begun: i, j."]);
    for name in &names[..8] {
        assert!(outcome.stderr.contains(&format!("{name}: waiting")), "{name}\n{outcome}");
    }
    let begun = sandbox.run(&["list", "-o", "name"]).success();
    assert_eq!(begun.lines().count(), 8, "{begun}");
}
