//! `deploy` that writes nothing: dry runs and refusals.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::json;

use crate::support::{Outcome, Sandbox};

/// A jar in the image, so that nothing has to be uploaded.
const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

/// Deploys `orders` with these flags, which must not go well, and checks that nothing was written.
fn refused(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    let outcome = sandbox.run(&[&["deploy"], args].concat());
    assert_ne!(outcome.code, 0, "{outcome}");
    assert!(is_untouched(sandbox), "something was written\n{outcome}");
    outcome
}

fn is_untouched(sandbox: &Sandbox) -> bool {
    let (cluster, namespace) = (&sandbox.cluster, sandbox.namespace.as_str());
    cluster.list(&cluster.api::<PersistentVolumeClaim>(namespace), "").is_empty()
        && cluster.list(&cluster.api::<Deployment>(namespace), "").is_empty()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_dry_run_prints_the_document_which_deploys_the_same() {
    let sandbox = Sandbox::new();
    let storage =
        format!("--storage=pvc:1Gi,class={}", sandbox.storage_class("example.com/volumes"));
    let flags = [JAR, &storage, "--parallelism=2", "--set=state.backend.type=rocksdb"];
    let dry = ["deploy", "orders", "--dry-run=client", "-o", "yaml"];
    let document = sandbox.run(&[&dry[..], &flags, &["--", "--rate", "5"]].concat());
    assert_snapshot!(document, @r#"
    exit code: 0
    ---- stdout
    apiVersion: flink.apache.org/v1beta1
    kind: FlinkDeployment
    metadata:
      name: orders
      namespace: test-00000
      annotations:
        kubectl-flink.io/storage: pvc:1Gi,class=test-00000
    spec:
      flinkVersion: v2_3
      flinkConfiguration:
        state.backend.type: rocksdb
      job:
        jarURI: local:///opt/flink/examples/streaming/StateMachineExample.jar
        args:
        - --rate
        - "5"
        parallelism: 2
    ---- stderr
    "#);
    assert!(is_untouched(&sandbox));

    sandbox.write("orders.yaml", document.success());
    let again = sandbox.run(&["deploy", "-f", "orders.yaml", "--dry-run=client", "-o", "yaml"]);
    assert_eq!(again.success(), document.stdout, "the document does not stand for itself");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_dry_run_shows_the_plan() {
    let sandbox = Sandbox::new();
    let storage =
        format!("--storage=pvc:1Gi,class={}", sandbox.storage_class("example.com/volumes"));
    let shown = sandbox.run(&["deploy", "orders", JAR, &storage, "--dry-run=client"]).success();
    let plan = format!(
        "1. create claim orders-state (pvc:1Gi,class={})\n2. start generation 1 from empty state\n\
         3. wait until generation 1 runs, restored as asked, and has completed a checkpoint\n\
         4. record generation 1 beside its state\n\n--- /dev/null\n+++ persistentvolumeclaim/orders-state\n",
        sandbox.namespace
    );
    assert!(shown.starts_with(&plan), "{shown}");
    assert!(shown.ends_with("\napplication/orders created (dry run)\n"), "{shown}");
    assert!(is_untouched(&sandbox));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn the_api_server_accepts_every_object() {
    let sandbox = Sandbox::new();
    let storage =
        format!("--storage=pvc:1Gi,class={}", sandbox.storage_class("example.com/volumes"));
    let outcome =
        sandbox.run(&["deploy", "orders", JAR, &storage, "--dry-run=server", "-o", "name"]);
    assert_snapshot!(outcome, @"
    exit code: 0
    ---- stdout
    application/orders
    ---- stderr
    ");
    assert!(is_untouched(&sandbox));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn bad_arguments() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["orders"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the following required arguments were not provided:
      --jar <JAR>

    Usage: kubectl flink deploy --jar <JAR> <NAME> [-- <ARG>...]

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(&sandbox, &["Orders", JAR]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "Orders" has a problem, and nothing was written:
      metadata.name: "Orders" is not a valid application name. Use at most 45 lowercase letters, digits and '-', starting with a letter and not ending with '-'.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--taskmanager-memory=1gb2"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "orders" has a problem, and nothing was written:
      spec.taskManager.resource.memory: "1gb2" is not a memory size. Write a whole number and a unit, such as 1600m or 2g (mebibytes and gibibytes).
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--taskmanager-memory=300m"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "orders" has a problem, and nothing was written:
      spec.taskManager.resource.memory: taskmanager.memory.process.size (300m) is less than JVM metaspace (256m) and JVM overhead (192m) together. Give taskmanager.memory.process.size at least 982m, or make its parts smaller.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--jobmanager-memory=200m"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "orders" has a problem, and nothing was written:
      spec.jobManager.resource.memory: jobmanager.memory.process.size (200m) is less than JVM metaspace (256m) and JVM overhead (192m) together. Give jobmanager.memory.process.size at least 577m, or make its parts smaller.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--parallelism=0"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "orders" has a problem, and nothing was written:
      spec.job.parallelism: it is 0. Give at least 1.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--flink-version=1.12"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: "1.12" is not a Flink version that is supported
    hint: Use one of 1.17, 1.18, 1.19, 1.20, 2.0, 2.1, 2.2, 2.3.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=pvc:lots"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: --storage "pvc:lots": "lots" is not a Kubernetes quantity
    hint: Write a non-negative number and a suffix, such as 10Gi, 512Mi, 0.5 or 500m.
    hint: Write pvc:SIZE[,class=NAME][,access=rwo|rwx], claim:NAME[/path], the name of a storage profile, or a URI such as s3://bucket/flink.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--set=no-equals-sign"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: --set "no-equals-sign" is not KEY=VALUE
    hint: Write --set execution.checkpointing.interval=30s.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--timeout=soon"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value 'soon' for '--timeout <DURATION>': give a duration such as 90s, 1m30s or 2h, or a number of seconds

    For more information, try '--help'.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn bad_jars() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=missing.jar"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: cannot read missing.jar: No such file or directory (os error 2)
    hint: Check --jar.
    ");
    sandbox.write("text.jar", "this is no jar");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=text.jar"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: text.jar is not a jar: invalid Zip archive: Could not find EOCD
    hint: Give the jar that the job's build made, not a source file or an archive of it.
    ");
    sandbox.write("empty.jar", "");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=empty.jar"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: empty.jar is not a jar: invalid Zip archive: Could not find EOCD
    hint: Give the jar that the job's build made, not a source file or an archive of it.
    ");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=."]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: . is a folder, not a jar
    hint: Check --jar.
    ");
    assert_snapshot!(refused(&sandbox, &["orders", "--jar=http://example.com/job.jar"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "orders" has a problem, and nothing was written:
      spec.job.jarURI: "http://example.com/job.jar" is not a place that the direct engine takes a jar from. Use local:///PATH for a jar in the image or https://… for one to be fetched; a jar on this machine goes with --jar.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_unknown_namespace() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=pvc:1Gi", "-n", "no-such-namespace"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: namespace "no-such-namespace" not found
    hint: Create it with `kubectl create namespace no-such-namespace`, or choose another with -n.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn storage_that_cannot_be() {
    let sandbox = Sandbox::new();
    let outcome = refused(&sandbox, &["orders", JAR, "--storage=pvc:1Gi,class=no-such-class"]);
    // The names are those of this cluster, and of tests that run beside this one.
    assert_snapshot!(outcome.redact("There are: .*", "There are: NAMES."), @r#"
    exit code: 8
    ---- stdout
    ---- stderr
    error: StorageClass "no-such-class" not found
    hint: There are: NAMES.
    "#);
    assert_snapshot!(refused(&sandbox, &["orders", JAR, "--storage=claim:no-such-claim"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "no-such-claim" not found
    hint: List the claims with `kubectl flink storage list`, or let one be made with --storage pvc:SIZE.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn documents_that_are_none() {
    let sandbox = Sandbox::new();
    assert_snapshot!(refused(&sandbox, &["-f", "missing.yaml"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: cannot read missing.yaml: No such file or directory (os error 2)
    hint: Check the path given with -f.
    ");
    sandbox.write(
        "broken.yaml",
        "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nspec: [\n",
    );
    assert_snapshot!(refused(&sandbox, &["-f", "broken.yaml"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: cannot read broken.yaml: error: line 3 column 7: unclosed bracket '['
     --> <input>:3:7
      |
    1 | apiVersion: flink.apache.org/v1beta1
    2 | kind: FlinkDeployment
    3 | spec: [
      |       ^ unclosed bracket '['
    ");
    sandbox.write("other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: orders}\n");
    assert_snapshot!(refused(&sandbox, &["-f", "other.yaml"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the document has a problem, and nothing was written:
      other.yaml:2:1: kind: deploy makes no ConfigMap. Leave it out here, and apply it with `kubectl apply`.
    ");
    sandbox.write("binary.yaml", [0xff_u8, 0xfe, 0x00]);
    assert_snapshot!(refused(&sandbox, &["-f", "binary.yaml"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: binary.yaml is not UTF-8 text: invalid utf-8 sequence of 1 bytes from index 0
    hint: Save it as UTF-8, or check that it is the right file.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn every_violation_of_a_document_is_shown_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.yaml", WRONG);
    assert_snapshot!(refused(&sandbox, &["-f", "orders.yaml"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "orders" has 4 problems, and nothing was written:
      orders.yaml:9:5: spec.flinkConfiguration.high-availability.cluster-id: kubectl-flink sets it: each generation has an identity of its own, so that no two jobs write the same state. Remove it.
      orders.yaml:11:24: spec.jobManager.resource.memory: jobmanager.memory.process.size (100m) is less than JVM metaspace (256m) and JVM overhead (192m) together. Give jobmanager.memory.process.size at least 577m, or make its parts smaller.
      orders.yaml:13:24: spec.taskManager.resource.memory: taskmanager.memory.process.size (200m) is less than JVM metaspace (256m) and JVM overhead (192m) together. Give taskmanager.memory.process.size at least 982m, or make its parts smaller.
      orders.yaml:16:5: spec.job.parallelism: it is 0. Give at least 1.
    "#);
}

/// Four mistakes: two memory sizes, a parallelism, and a configuration key that the plugin owns.
const WRONG: &str = "\
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: orders
spec:
  image: flink:2.3.0
  flinkVersion: v2_3
  flinkConfiguration:
    high-availability.cluster-id: mine
  jobManager:
    resource: {cpu: 1, memory: 100m}
  taskManager:
    resource: {cpu: 1, memory: 200m}
  job:
    jarURI: local:///opt/flink/examples/streaming/StateMachineExample.jar
    parallelism: 0
";

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_field_that_does_not_exist_is_shown_in_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.yaml", WRONG.replace("parallelism: 0", "paralelism: 1"));
    assert_snapshot!(refused(&sandbox, &["-f", "orders.yaml"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the spec of "orders" has 4 problems, and nothing was written:
      orders.yaml:9:5: spec.flinkConfiguration.high-availability.cluster-id: kubectl-flink sets it: each generation has an identity of its own, so that no two jobs write the same state. Remove it.
      orders.yaml:11:24: spec.jobManager.resource.memory: jobmanager.memory.process.size (100m) is less than JVM metaspace (256m) and JVM overhead (192m) together. Give jobmanager.memory.process.size at least 577m, or make its parts smaller.
      orders.yaml:13:24: spec.taskManager.resource.memory: taskmanager.memory.process.size (200m) is less than JVM metaspace (256m) and JVM overhead (192m) together. Give taskmanager.memory.process.size at least 982m, or make its parts smaller.
      orders.yaml:16:5: spec.job.paralelism: there is no such field. Did you mean parallelism?
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_user_who_may_not_do_all_of_it_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let storage =
        format!("--storage=pvc:1Gi,class={}", sandbox.storage_class("example.com/volumes"));
    // The claim, which comes first, could be made.
    let read =
        json!({"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "watch"]});
    let claims = json!({
        "apiGroups": [""],
        "resources": ["persistentvolumeclaims"],
        "verbs": ["create", "patch"],
    });
    sandbox.write_user("deployer", &json!([read, claims]));
    let outcome = refused(&sandbox, &["orders", JAR, &storage, "--kubeconfig", "deployer"]);
    assert_snapshot!(outcome, @r#"
    exit code: 6
    ---- stdout
    ---- stderr
    error: this user lacks permissions that deploy needs in namespace "test-00000", so nothing was written: create configmaps, delete configmaps, patch configmaps, update configmaps, create pods, delete pods, create pods/exec, create serviceaccounts, patch serviceaccounts, create services, patch services, create services/proxy, create controllerrevisions.apps, create deployments.apps, patch deployments.apps, create leases.coordination.k8s.io, delete leases.coordination.k8s.io, get leases.coordination.k8s.io, update leases.coordination.k8s.io, create networkpolicies.networking.k8s.io, get networkpolicies.networking.k8s.io, patch networkpolicies.networking.k8s.io, create poddisruptionbudgets.policy, get poddisruptionbudgets.policy, patch poddisruptionbudgets.policy, create rolebindings.rbac.authorization.k8s.io, get rolebindings.rbac.authorization.k8s.io, patch rolebindings.rbac.authorization.k8s.io, create roles.rbac.authorization.k8s.io, get roles.rbac.authorization.k8s.io, patch roles.rbac.authorization.k8s.io
    hint: Ask an administrator for these permissions, or use another --context or --as.
    hint: `kubectl flink rbac VERB` prints a Role that has all that a verb needs.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn the_examples_are_sound() {
    let sandbox = Sandbox::new();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            sandbox.run(&["deploy", "-f", path.to_str().unwrap(), "--dry-run=server"]).success();
            seen += 1;
        }
    }
    assert!(seen >= 2, "{examples} has become empty");
}
