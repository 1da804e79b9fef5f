//! `storage advise`: classes and profiles in one ranking.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::Sandbox;

fn profile(sandbox: &Sandbox, name: &str, flags: &[&str]) {
    let create = ["storage", "create", name, "s3://flink/state"];
    let keys = ["--from-literal=AWS_ACCESS_KEY_ID=me", "--from-literal=AWS_SECRET_ACCESS_KEY=x"];
    sandbox.run(&[&create[..], &keys, flags].concat()).success();
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn profiles_and_classes_are_ranked_together() {
    let sandbox = Sandbox::new();
    // Classes are the cluster's: other tests have theirs.
    let class = sandbox.storage_class("ebs.csi.aws.com");
    profile(&sandbox, "minio", &["--endpoint=http://minio:9000"]);
    profile(&sandbox, "native", &["--plugin=native"]);
    let ranked = |flags: &[&str]| -> Vec<Value> {
        let words = [&["storage", "advise", "-o", "json"], flags].concat();
        let answer: Value = serde_json::from_str(&sandbox.run(&words).success()).unwrap();
        let mine = |choice: &&Value| {
            ["minio", "native", class.as_str()].contains(&choice["name"].as_str().unwrap())
        };
        answer["choices"].as_array().unwrap().iter().filter(mine).cloned().collect()
    };
    let names = |ranked: &[Value]| -> Vec<String> {
        ranked.iter().map(|choice| choice["name"].as_str().unwrap().to_owned()).collect()
    };
    let spread = ranked(&["--spread", "--state-size=20Gi"]);
    assert_eq!(names(&spread), ["native", "minio", &class]);
    assert_eq!(spread[0]["storage"], "native");
    assert!(spread[1]["reasons"].to_string().contains("high availability"), "{spread:#?}");
    assert_eq!((&spread[2]["fit"], &spread[2]["storage"]), (&json!("unfit"), &Value::Null));

    let fit = |flags: &[&str], name: &str| {
        let ranked = ranked(flags);
        ranked.into_iter().find(|choice| choice["name"] == name).unwrap()["fit"].clone()
    };
    assert_eq!(fit(&["--state-size=20Gi", "--interval=10m"], &class), "good");
    assert_eq!(fit(&["--state-size=20Gi", "--interval=30s"], &class), "fair");
    assert_eq!(fit(&["--interval=1s"], "native"), "fair");

    // A document says which Flink, and how often.
    let document = "apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: orders}
spec:
  flinkVersion: v1_20
  flinkConfiguration: {execution.checkpointing.interval: 30 s}
  job: {jarURI: 'local:///opt/flink/examples/streaming/StateMachineExample.jar'}
";
    sandbox.write("orders.yaml", document);
    let of_document = ["-f", "orders.yaml", "--state-size=20Gi"];
    assert_eq!(fit(&of_document, "native"), "unfit");
    assert_eq!(fit(&of_document, &class), "fair");
    let longer = ["-f", "orders.yaml", "--state-size=20Gi", "--interval=10m"];
    assert_eq!(fit(&longer, &class), "good", "the flag wins");

    sandbox.run(&["storage", "advise", "nobody"]).fails(3, &["nobody"]);
    sandbox.run(&["storage", "advise", "--interval=soon"]).fails(2, &["soon"]);
    sandbox.run(&["storage", "advise", "--state-size=1gb"]).fails(2, &["1gb"]);
    sandbox
        .run(&["storage", "advise", "orders", "-f", "orders.yaml"])
        .fails(2, &["cannot be used"]);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn whoever_may_not_list_classes_gets_the_profiles() {
    let sandbox = Sandbox::new();
    profile(&sandbox, "minio", &["--endpoint=http://minio:9000"]);
    sandbox.write_user(
        "limited",
        &json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]),
    );
    assert_snapshot!(sandbox.run(&["storage", "advise", "--kubeconfig=limited", "--state-size=2Gi"]), @r"
    exit code: 0
    ---- stdout
    State:             2.00 GiB
    Volume:            7Gi (three copies, and room)
    Nodes:             not known

    minio (s3://flink/state)
      fair
      Pods on any node reach it, it outlives the cluster, and no volume is needed.
      It grows by itself, and takes more streams than Flink opens.
      Not every S3 server shows at once what was written last, and high availability needs one that does: ask its maker, and measure with `kubectl flink storage check`.
      --storage minio
    ---- stderr
    warning: The StorageClasses may not be listed, so that none of them is ranked.
    hint: Ask an administrator for `list storageclasses.storage.k8s.io`.
    ");
}
