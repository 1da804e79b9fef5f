//! Applications whose state is on a store alone, the same on each. A test's name starts its server.

use crate::support::records::exactly_once;
use crate::support::{App, GcsBucket, Proof, Sandbox, Server, Store};

/// From a deploy to a savepoint, a stop, a delete, and a restore by what the profile `store` reaches alone: each record
/// once. In between the store is measured.
fn counts_on(sandbox: &Sandbox, proof: Proof, uri: &str, image: &str) {
    let image = format!("--image={image}");
    let app = App::on_flink(sandbox, "orders", proof.flink).with_output();
    app.deploy(&["--storage=store", &image], &[]).success();
    app.wait_for_commits(30);
    proof.has("deploy");
    let saved = app.run("savepoint", &[]);
    saved.success();
    assert!(saved.last_line().starts_with(uri), "{saved}");
    proof.has("savepoint");
    let stopped = app.run("stop", &[]);
    stopped.success();
    assert!(stopped.last_line().starts_with(uri), "{stopped}");
    let left = stopped.last_line().to_owned();
    app.run("delete", &["-y"]).success();
    proof.check(sandbox, "store", &image["--image=".len()..]);
    let restored = app.run("restore", &["--storage=store", &image]);
    restored.success();
    assert!(restored.stderr.contains(&left), "not from {left}: {restored}");
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 50);
    proof.has("restore");
}

/// On S3 by this plugin.
fn counts_on_s3(proof: Proof, plugin: &str) {
    let sandbox = Sandbox::new();
    let store = Store::s3(&sandbox);
    store.profile(&sandbox, "store", &["--plugin", plugin]);
    counts_on(&sandbox, proof, &format!("s3://{}/flink/", store.name), proof.image());
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn s3_keeps_all_state_by_the_hadoop_plugin() {
    counts_on_s3(Proof::of("S3, hadoop", "2.3"), "hadoop");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn s3_keeps_all_state_by_the_native_plugin() {
    counts_on_s3(Proof::of("S3, native", "2.3"), "native");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn s3_keeps_all_state_of_flink_1_20_by_the_presto_plugin() {
    counts_on_s3(Proof::of("S3, presto", "1.20"), "presto");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn s3_keeps_all_state_of_flink_1_20_by_the_hadoop_plugin() {
    counts_on_s3(Proof::of("S3, hadoop", "1.20"), "hadoop");
}

fn counts_on_hdfs(proof: Proof) {
    let sandbox = Sandbox::new();
    let endpoint = Server::named("hdfs").fact("uri").to_owned();
    let uri = format!("{endpoint}/{}", sandbox.namespace);
    sandbox.run(&["storage", "create", "store", &uri, "--hdfs-user", "root"]).success();
    // Hadoop's client is on the class path of this image.
    counts_on(&sandbox, proof, &uri, &format!("{}-hadoop", proof.image()));
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn hdfs_keeps_all_state() {
    counts_on_hdfs(Proof::of("HDFS", "2.3"));
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn hdfs_keeps_all_state_of_flink_1_20() {
    counts_on_hdfs(Proof::of("HDFS", "1.20"));
}

fn counts_on_azure(proof: Proof) {
    let sandbox = Sandbox::new();
    let server = Server::named("azure");
    let account = server.fact("account");
    let uri = format!("wasb://{}@{account}.blob.core.windows.net/flink", sandbox.namespace);
    let key = format!("--from-literal=AZURE_STORAGE_KEY={}", server.fact("account-key"));
    sandbox.run(&["storage", "create", "store", &uri, &key]).success();
    counts_on(&sandbox, proof, &uri, proof.image());
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn azure_keeps_all_state() {
    counts_on_azure(Proof::of("Azure storage, wasb", "2.3"));
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn azure_keeps_all_state_of_flink_1_20() {
    counts_on_azure(Proof::of("Azure storage, wasb", "1.20"));
}

fn counts_on_gcs(proof: Proof) {
    let sandbox = Sandbox::new();
    let store = GcsBucket::new(&sandbox);
    let (uri, endpoint) = (format!("gs://{}/flink", store.name), store.server.fact("endpoint"));
    sandbox.run(&["storage", "create", "store", &uri, "--endpoint", endpoint]).success();
    counts_on(&sandbox, proof, &uri, proof.image());
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn gcs_keeps_all_state() {
    counts_on_gcs(Proof::of("Google Cloud Storage", "2.3"));
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn gcs_keeps_all_state_of_flink_1_20() {
    counts_on_gcs(Proof::of("Google Cloud Storage", "1.20"));
}

/// The jars of Flink's file systems, in the cache that the node shares with its machine (`xtask/src/images.rs`).
const NATIVE: &str = "/run/kt/share/jars/opt-2.3.0-*/flink-s3-fs-native-2.3.0.jar";

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn s3_over_tls_with_a_plugin_from_the_web_that_gcs_serves() {
    let sandbox = Sandbox::new();
    let store = Store::on_own_s3_over_tls(&sandbox);
    let (url, sha256) = GcsBucket::new(&sandbox).publish(NATIVE, "plugin.jar");
    let app = App::new(&sandbox, "orders").with_output();
    let profile = |name: &str, plugin_jar: &str, flags: &[&str]| {
        let flags = [&["--plugin=native", "--plugin-jar", plugin_jar], flags].concat();
        store.profile(&sandbox, name, &flags);
    };

    // Each thing that is missing is found before anything is written, and named.
    let right = format!("{url}#sha256={sha256}");
    profile("distrusted", &right, &[]);
    let refused = app.deploy(&["--storage=distrusted"], &[]);
    refused.fails(8, &["certification path"]);
    let wrong = format!("{url}#sha256={}", "0".repeat(64));
    profile("changed", &wrong, &["--ca-bundle=kube-root-ca.crt"]);
    app.deploy(&["--storage=changed"], &[]).fails(8, &["another SHA-256"]);
    sandbox.run(&["status", "orders"]).fails(3, &[]);

    profile("store", &right, &["--ca-bundle=kube-root-ca.crt"]);
    app.deploy(&["--storage=store"], &[]).success();
    app.wait_for_commits(30);
    let plugin = app.shell("readlink -f /opt/flink/plugins/flink-s3-fs-native/*");
    assert_eq!(plugin.trim(), "/flink/plugins/flink-s3-fs-native.jar");
    let saved = app.run("savepoint", &[]);
    saved.success();
    assert!(saved.last_line().starts_with(&format!("s3://{}/flink/", store.name)), "{saved}");
    // A container that comes back has the plugin still, whether or not the web is there.
    app.kill_jvm("taskmanager");
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 50);
}
