//! Applications whose state is on HDFS or Azure alone. A test's name starts its server.

use crate::support::records::exactly_once;
use crate::support::{App, Sandbox, Server};

/// From a deploy to a savepoint, a stop, a start, a delete and a restore from the store alone: each record once.
fn counts_on(sandbox: &Sandbox, flags: &[&str]) {
    let app = App::new(sandbox, "orders").with_output();
    app.deploy(&[&["--storage=store"], flags].concat(), &[]).success();
    app.wait_for_commits(50);
    app.run("savepoint", &[]).success();
    app.run("stop", &[]).success();
    app.run("start", &[]).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 50);
    app.run("delete", &["-y"]).success();
    let image = flags.iter().find(|flag| flag.starts_with("--image")).copied();
    app.run("restore", &[&["--storage=store"][..], image.as_slice()].concat()).success();
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 50);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn hdfs_keeps_all_state() {
    let sandbox = Sandbox::new();
    let endpoint = Server::named("hdfs").fact("uri").to_owned();
    let uri = format!("{endpoint}/{}", sandbox.namespace);
    // Hadoop's client is on the class path of this image.
    sandbox.run(&["storage", "create", "store", &uri, "--hdfs-user", "root"]).success();
    counts_on(&sandbox, &["--image=flink:2.3.0-hadoop"]);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn azure_keeps_all_state() {
    let sandbox = Sandbox::new();
    let server = Server::named("azure");
    let account = server.fact("account");
    let uri = format!("wasb://{}@{account}.blob.core.windows.net/flink", sandbox.namespace);
    let key = format!("--from-literal=AZURE_STORAGE_KEY={}", server.fact("account-key"));
    sandbox.run(&["storage", "create", "store", &uri, &key]).success();
    counts_on(&sandbox, &[]);
}
