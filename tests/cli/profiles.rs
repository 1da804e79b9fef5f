//! Storage profiles: what is not secret in a ConfigMap, what is in a Secret, and none of it back.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::json;

use crate::support::Sandbox;

const SECRET: &str = "do-not-show-this-to-anybody";

fn create(name: &str) -> Vec<String> {
    let key = format!("--from-literal=AWS_SECRET_ACCESS_KEY={SECRET}");
    let words = [
        "storage",
        "create",
        name,
        "s3://flink/state",
        "--endpoint=http://minio:9000",
        "--from-literal=AWS_ACCESS_KEY_ID=me",
        &key,
    ];
    words.map(str::to_owned).to_vec()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_profile_is_made_shown_and_deleted_and_its_secret_never_comes_back() {
    let sandbox = Sandbox::new();
    let dry = sandbox.run(&[&create("minio")[..], &["--dry-run=server".to_owned()]].concat());
    assert!(dry.success().contains("flink-storage-minio"), "{dry}");
    let maps = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    let secrets = sandbox.cluster.api::<Secret>(&sandbox.namespace);
    let ours = "kubectl-flink.io/storage-profile";
    assert!(sandbox.cluster.list(&maps, ours).is_empty(), "a dry run writes nothing");
    let mut said = vec![dry];

    let made = sandbox.run(&create("minio"));
    assert!(made.success().contains("profile/minio created"), "{made}");
    let map = sandbox.cluster.list(&maps, ours).remove(0);
    let data = map.data.expect("data");
    assert_eq!(data["uri"], "s3://flink/state");
    assert_eq!(data["secret"], "flink-storage-minio");
    let secret = sandbox.cluster.list(&secrets, ours).remove(0);
    assert_eq!(secret.data.expect("values")["AWS_SECRET_ACCESS_KEY"].0, SECRET.as_bytes());
    said.push(made);

    let list = sandbox.run(&["storage", "list"]);
    assert!(list.success().contains("minio     s3     s3://flink/state"), "{list}");
    let names = sandbox.run(&["storage", "list", "-o", "name"]);
    assert_eq!(names.success(), "profile/minio\n");
    let described = sandbox.run(&["storage", "describe", "minio", "-o", "yaml"]);
    assert!(described.success().contains("credentials: secret flink-storage-minio"), "{described}");
    said.extend([list, names, described]);

    let again = sandbox.run(&create("minio"));
    again.fails(4, &["storage profile \"minio\" exists"]);
    let deleted = sandbox.run(&["storage", "delete", "minio"]);
    deleted.fails(9, &["s3://flink/state stays"]);
    let gone = sandbox.run(&["storage", "delete", "minio", "-y"]);
    assert!(gone.success().contains("profile/minio deleted"), "{gone}");
    assert!(sandbox.cluster.list(&maps, ours).is_empty());
    assert!(sandbox.cluster.list(&secrets, ours).is_empty(), "its Secret went along");
    said.extend([again, deleted, gone]);
    for outcome in said {
        assert!(!outcome.to_string().contains(SECRET), "a secret came back\n{outcome}");
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn what_a_profile_lacks_is_said_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let create = |more: &[&str]| {
        sandbox.run(&[&["storage", "create", "minio", "s3://flink/state"], more].concat())
    };
    create(&["--secret=nobodys"])
        .fails(3, &["secret \"nobodys\" not found", "kubectl create secret"]);
    create(&["--from-literal=AWS_ACCESS_KEY_ID=me"]).fails(2, &["AWS_SECRET_ACCESS_KEY as well"]);
    create(&["--service-account=ghost"]).fails(3, &["serviceaccount \"ghost\" not found"]);
    create(&["--hdfs-user=flink"]).fails(2, &["user means nothing to S3"]);
    create(&["--ca-bundle=/etc/ca.pem"]).fails(2, &["no name of an object", "secret/NAME"]);
    create(&["--ca-bundle=nobodys"])
        .fails(3, &["configmap \"nobodys\" not found", "kubectl create configmap nobodys"]);
    create(&["--ca-bundle=secret/nobodys"]).fails(3, &["kubectl create secret generic nobodys"]);
    create(&["--plugin-jar=./plugin.jar"]).fails(2, &["no URL that every pod can read"]);
    create(&["--plugin-jar=http://host/plugin.jar"]).fails(2, &["needs a checksum"]);
    create(&["--type=gcs"]).fails(2, &["contradict each other"]);
    let secrets = sandbox.cluster.api::<Secret>(&sandbox.namespace);
    sandbox.cluster.create(
        &secrets,
        json!({"metadata": {"name": "half"}, "stringData": {"AWS_ACCESS_KEY_ID": "me"}}),
    );
    // Only its metadata is read, where the names of its keys are.
    create(&["--secret=half"])
        .fails(3, &["has no AWS_SECRET_ACCESS_KEY", "It has AWS_ACCESS_KEY_ID"]);
    let maps = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    assert!(sandbox.cluster.list(&maps, "kubectl-flink.io/storage-profile").is_empty());

    let jar = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
    let deploy = |storage: &str| sandbox.run(&["deploy", "orders", jar, storage]);
    deploy("--storage=minio").fails(3, &["no storage profile \"minio\"", "storage create"]);
    deploy("--storage=swift://c.host/a").fails(2, &["with a delay"]);
    create(&[
        "--plugin=native",
        "--from-literal=AWS_ACCESS_KEY_ID=me",
        "--from-literal=AWS_SECRET_ACCESS_KEY=x",
    ])
    .success();
    let old = sandbox.run(&["deploy", "orders", jar, "--storage=minio", "--flink-version=1.20"]);
    old.fails(2, &["Flink 1.20 has no flink-s3-fs-native", "presto"]);
    assert!(sandbox.run(&["list", "-o", "name"]).success().is_empty());
}
