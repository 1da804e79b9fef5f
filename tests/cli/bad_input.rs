//! The bad inputs of `docs/bad-input.md` that these verbs can meet and no other test has: each is refused with
//! the code of that table, names what is wrong, says what to do, and writes nothing.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim};
use serde_json::json;

use crate::support::Sandbox;

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

/// Runs it, and checks the code, that every one of `says` is said, that there is a remedy, and that nothing was
/// written.
fn refused(sandbox: &Sandbox, args: &[&str], code: i32, says: &[&str]) {
    let outcome = sandbox.run(args);
    assert_eq!(outcome.code, code, "{outcome}");
    for text in says {
        assert!(outcome.stderr.contains(text), "does not say {text:?}\n{outcome}");
    }
    assert!(outcome.stdout.is_empty(), "{outcome}");
    assert!(!outcome.stderr.contains('\u{1b}'), "a control sequence\n{outcome}");
    let (cluster, namespace) = (&sandbox.cluster, sandbox.namespace.as_str());
    let untouched = cluster.list(&cluster.api::<PersistentVolumeClaim>(namespace), "").is_empty()
        && cluster.list(&cluster.api::<Deployment>(namespace), "").is_empty();
    assert!(untouched, "something was written\n{outcome}");
}

/// Deploys a document with this spec.
fn spec(sandbox: &Sandbox, spec: &str, says: &[&str]) {
    sandbox.write("orders.yaml", format!(
        "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata:\n  name: orders\nspec:\n{spec}"
    ));
    refused(sandbox, &["deploy", "-f", "orders.yaml"], 2, says);
}

const JOB: &str = "  job:\n    jarURI: local:///opt/flink/examples/x.jar\n";

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n01_n02_names() {
    let sandbox = Sandbox::new();
    let long = "a".repeat(46);
    for name in ["Orders", &long, "", "../orders", "orders/x", "1orders"] {
        let says = ["is not a valid application name", "at most 45 lowercase letters"];
        refused(&sandbox, &["deploy", name, JAR], 2, &says);
        for verb in ["savepoint", "stop", "start", "delete", "restore", "status", "logs"] {
            refused(&sandbox, &[verb, name], 2, &["is not a valid application name"]);
        }
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n07_a_key_that_is_given_twice() {
    let sandbox = Sandbox::new();
    let text = format!("{JOB}    parallelism: 1\n    parallelism: 2\n  image: a\n  image: b\n");
    spec(
        &sandbox,
        &text,
        &[
            "orders.yaml:8:5: spec.job.parallelism: it is given twice, in line 8 and line 9",
            "orders.yaml:10:3: spec.image: it is given twice",
        ],
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n08_a_kind_or_version_of_something_else() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "old.yaml",
        "apiVersion: flink.apache.org/v1alpha1\nkind: FlinkDeployment\n---\nspec: {}\n",
    );
    refused(
        &sandbox,
        &["deploy", "-f", "old.yaml"],
        2,
        &[
            "old.yaml:2:1: kind: flink.apache.org/v1alpha1 is not known",
            "old.yaml:4:1: kind: the document has no kind",
        ],
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n09_a_manifest_of_20_megabytes() {
    let sandbox = Sandbox::new();
    sandbox.write("large.yaml", "# padding\n".repeat(2 << 20));
    refused(
        &sandbox,
        &["deploy", "-f", "large.yaml"],
        2,
        &["large.yaml is larger than 1048576 bytes"],
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n11_parallelism() {
    let sandbox = Sandbox::new();
    for (text, says) in [
        ("0", "Give at least 1"),
        ("-3", "Give at least 1"),
        ("40000", "Give at most 32768"),
        ("99999999999", "it is no whole number"),
        ("2.5", "it is no whole number"),
        ("two", "it is no whole number"),
    ] {
        spec(
            &sandbox,
            &format!("{JOB}    parallelism: {text}\n"),
            &["orders.yaml:8:5: spec.job.parallelism", says],
        );
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n12_n13_sizes() {
    let sandbox = Sandbox::new();
    refused(
        &sandbox,
        &["deploy", "orders", JAR, "--storage=pvc:1gb"],
        2,
        &["\"1gb\" is not a Kubernetes quantity"],
    );
    let text = format!("{JOB}  taskManager:\n    resource: {{cpu: 1gb, memory: 1gq}}\n");
    spec(
        &sandbox,
        &text,
        &[
            "orders.yaml:9:16: spec.taskManager.resource.cpu",
            "orders.yaml:9:26: spec.taskManager.resource.memory",
        ],
    );
    let text = format!("{JOB}  taskManager:\n    resources: {{limits: {{memory: 300m}}}}\n");
    spec(
        &sandbox,
        &text,
        &[
            "orders.yaml:9:26: spec.taskManager.resources.limits.memory",
            "Give taskmanager.memory.process.size at least 982m",
        ],
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n16_n18_places_that_the_pods_do_not_have() {
    let sandbox = Sandbox::new();
    let text = format!(
        "{JOB}    initialSavepointPath: file:///data/savepoint-1\n  flinkConfiguration:\n    state.savepoints.dir: s3://bucket/savepoints\n"
    );
    spec(
        &sandbox,
        &text,
        &[
            "orders.yaml:8:5: spec.job.initialSavepointPath: no volume is mounted at /data/savepoint-1",
            "orders.yaml:10:5: spec.flinkConfiguration.state.savepoints.dir: the image flink:2.3.0 does not enable the plugin for s3:",
            "ENABLE_BUILT_IN_PLUGINS",
        ],
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n19_n22_paths_that_are_none() {
    let sandbox = Sandbox::new();
    for path in [
        "file:///flink/state/a\nb",
        "file:///flink/state/\u{1b}[2J",
        "file:///flink/state/../../etc/x",
    ] {
        for args in [
            vec!["deploy", "orders", JAR, "--from", path],
            vec!["restore", "orders", "--from", path],
        ] {
            refused(&sandbox, &args, 2, &["is not a snapshot path"]);
        }
    }
    refused(
        &sandbox,
        &["deploy", "orders", "--jar=file:///flink/state/../../etc/x.jar"],
        2,
        &["spec.job.jarURI", "is not a place"],
    );
    refused(
        &sandbox,
        &["deploy", "orders", JAR, "--storage=claim:shared/../other"],
        2,
        &["--storage"],
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n23_n24_n25_what_flink_cannot_do() {
    let sandbox = Sandbox::new();
    spec(
        &sandbox,
        &format!("{JOB}  flinkVersion: v1_16\n"),
        &["orders.yaml:8:3: spec.flinkVersion", "Use one of 1.17"],
    );
    let text = format!(
        "{JOB}    upgradeMode: last-state\n  flinkConfiguration: {{high-availability: none}}\n"
    );
    spec(
        &sandbox,
        &text,
        &[
            "orders.yaml:8:5: spec.job.upgradeMode: last-state goes on from what high availability records",
        ],
    );
    let text = format!(
        "{JOB}  flinkConfiguration:\n    rest: {{port: 80}}\n    $internal.pipeline.job-id: abc\n    security.ssl.rest.enabled: true\n"
    );
    spec(
        &sandbox,
        &text,
        &[
            "orders.yaml:9:12: spec.flinkConfiguration.rest.port: kubectl-flink sets it",
            "orders.yaml:10:5: spec.flinkConfiguration.$internal.pipeline.job-id",
            "orders.yaml:11:5: spec.flinkConfiguration.security.ssl.rest.enabled",
        ],
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n26_n28_flags_that_contradict() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.yaml", format!("apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {{name: orders, namespace: other}}\nspec:\n{JOB}"));
    refused(
        &sandbox,
        &["deploy", "payments", "-f", "orders.yaml"],
        2,
        &["the document is about \"orders\", not \"payments\""],
    );
    refused(
        &sandbox,
        &["deploy", "-f", "orders.yaml"],
        2,
        &["the document is for namespace \"other\"", "Say -n other"],
    );
    refused(&sandbox, &["deploy", "orders", JAR, "-R"], 2, &["--filename"]);
    refused(
        &sandbox,
        &["deploy", "orders", JAR, "--mount=secret/x"],
        2,
        &["--mount", "Write --mount secret/NAME:/etc/credentials."],
    );
    for timeout in ["-1", "99999999999999999999", "1e9", "5x"] {
        refused(
            &sandbox,
            &["deploy", "orders", JAR, &format!("--timeout={timeout}")],
            2,
            &["--timeout", "give a duration"],
        );
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn n27_a_secret_in_plain_text_is_told() {
    let sandbox = Sandbox::new();
    let storage =
        format!("--storage=pvc:1Gi,class={}", sandbox.storage_class("example.com/volumes"));
    let outcome = sandbox.run(&[
        "deploy",
        "orders",
        JAR,
        &storage,
        "--dry-run=client",
        "--set=s3.secret-key=hunter22",
        "--env=DB_PASSWORD=opensesame",
        "--env-from=secret/s3",
        "--",
        "--api-token=abcdefgh",
    ]);
    outcome.success();
    for path in ["flinkConfiguration.s3.secret-key", "env[DB_PASSWORD]", "spec.job.args[0]"] {
        let warned =
            outcome.stderr.lines().any(|line| line.starts_with("warning: ") && line.contains(path));
        assert!(warned, "{path}\n{outcome}");
    }
    assert!(outcome.stderr.contains("--env-from secret/NAME"), "{outcome}");
    for secret in ["hunter22", "opensesame", "abcdefgh"] {
        assert!(!outcome.stderr.contains(secret), "{outcome}");
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn text_of_the_cluster_cannot_command_the_terminal() {
    let sandbox = Sandbox::new();
    let storage =
        format!("--storage=pvc:1Gi,class={}", sandbox.storage_class("example.com/volumes"));
    sandbox.run(&["deploy", "orders", JAR, &storage, "--no-wait"]).success();
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}gnp.exe\r\nFAKE   RUNNING";
    sandbox.cluster.create::<Event>(
        &sandbox.cluster.api(&sandbox.namespace),
        json!({
            "metadata": {"name": "hostile"},
            "involvedObject": {"kind": "PersistentVolumeClaim", "name": "orders-state", "namespace": sandbox.namespace},
            "type": "Warning", "reason": "ProvisioningFailed", "message": hostile,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 1,
        }),
    );
    let mut shown = false;
    for args in [
        vec!["list"],
        vec!["list", "-o", "wide"],
        vec!["status", "orders"],
        vec!["status", "orders", "-o", "json"],
        vec!["logs", "orders"],
        vec!["storage", "list", "-o", "wide"],
        vec!["storage", "describe", "orders-state"],
    ] {
        let outcome = sandbox.run(&args);
        for text in [&outcome.stdout, &outcome.stderr] {
            let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert_eq!(bad, None, "{args:?}\n{outcome}");
            shown |= text.contains("owned");
        }
    }
    assert!(shown, "the hostile event was never shown: the test tests nothing");
}
