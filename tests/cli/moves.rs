//! `storage move` and `storage check` where no pod runs: what is refused.

use insta::assert_snapshot;

use crate::support::{Flink, Outcome, Proxy, Sandbox};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

/// An application on a claim, whose job the proxy plays, and a profile.
struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    fn new() -> Place {
        let sandbox = Sandbox::new();
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
        let place = Place { sandbox, proxy };
        let class = place.sandbox.storage_class("example.com/volumes");
        let storage = format!("--storage=pvc:1Gi,class={class}");
        place.run(&["deploy", "orders", JAR, &storage, "--no-wait"]).success();
        place
            .run(&["storage", "create", "hdfs", "hdfs://namenode/flink", "--hdfs-user=me"])
            .success();
        place
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = self.sandbox.command(words);
        command.arg(format!("--server=http://{}", self.proxy.address));
        self.sandbox.start(&mut command)
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_move_that_cannot_be_is_refused() {
    let place = Place::new();
    let to = |storage: &str| place.run(&["storage", "move", "orders", "--to", storage]);
    place.run(&["storage", "move", "orders"]).fails(2, &["--to"]);
    place.run(&["storage", "move", "nobody", "--to=hdfs"]).fails(3, &["nobody"]);
    to("minio").fails(3, &["no storage profile \"minio\""]);
    to("pvc:lots").fails(2, &["lots"]);
    to("cassandra://hosts").fails(2, &["no file system"]);
    assert_snapshot!(to("claim:orders-state"), @r"
    exit code: 4
    ---- stdout
    ---- stderr
    error: the state is on claim orders-state already
    hint: Nothing has to be done: `kubectl flink status orders` shows where it is.
    ");
    assert_snapshot!(to("pvc:2Gi"), @r#"
    exit code: 8
    ---- stdout
    ---- stderr
    error: persistentvolumeclaim "orders-state" exists and has 1Gi, less than the 2Gi that are asked for
    hint: Use it as it is with --storage claim:orders-state, or choose another name for the application.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_check_says_what_it_cannot_measure() {
    let sandbox = Sandbox::new();
    let check = |words: &[&str]| sandbox.run(&[&["storage", "check"], words].concat());
    assert_snapshot!(check(&["nobody"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: "nobody" is neither an application, a storage profile nor a claim: persistentvolumeclaim "nobody" not found in namespace "test-00000"
    hint: List the claims with `kubectl flink storage list`.
    "#);
    assert_snapshot!(check(&["pvc:1Gi"]), @r"
    exit code: 2
    ---- stdout
    ---- stderr
    error: pvc:1Gi cannot be checked
    hint: Name an application, a storage profile, a URI, or a claim (claim:NAME); make one first with `kubectl flink storage create`.
    ");
    check(&["claim:nobody"]).fails(3, &["nobody"]);
    check(&["s3://"]).fails(2, &["names no bucket"]);
    check(&["hbase://hosts"]).fails(2, &["no file system"]);
    check(&["minio", "--duration=1s"]).fails(2, &["between 5s and 10m"]);
    check(&["minio", "--streams=0"]).fails(2, &["streams"]);
    check(&["minio", "--files=100001"]).fails(2, &["files"]);
    check(&["minio", "--state-size=big"]).fails(2, &["big"]);
    // Nothing here runs pods.
    sandbox
        .run(&["storage", "create", "hdfs", "hdfs://namenode/flink", "--hdfs-user=me"])
        .success();
    let waited = check(&["hdfs", "--timeout=2s"]);
    assert_snapshot!(waited.redact(r"storage-check-helper-[0-9a-z]{10}", "HELPER"), @r"
    exit code: 124
    ---- stdout
    ---- stderr
    Checking profile hdfs (hdfs://namenode/flink): starting a pod that measures
    Checking profile hdfs (hdfs://namenode/flink): starting a pod that measures: waiting for a node for the pods
    error: the storage helper pod HELPER does not run: it still waits for a node for the pods
    hint: Allow more time with --timeout.
    ");
}
