//! `version`

use insta::assert_snapshot;

use crate::support::Sandbox;

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn versions_of_plugin_and_cluster() {
    let sandbox = Sandbox::new();
    let run = |args: &[&str]| {
        let outcome = sandbox.run(&[&["version"], args].concat());
        outcome
            .redact(&env!("CARGO_PKG_VERSION").replace('.', r"\."), "VERSION")
            .redact(r"v1\.\d+\.\d+\S*", "vKUBERNETES")
    };
    assert_snapshot!(run(&["--client"]), @"
    exit code: 0
    ---- stdout
    Client Version: vVERSION
    Flink Versions: 1.17 to 2.3
    ---- stderr
    ");
    assert_snapshot!(run(&["--client", "-o", "json"]), @r#"
    exit code: 0
    ---- stdout
    {
      "clientVersion": {
        "version": "VERSION",
        "platform": "linux/amd64",
        "flinkVersions": "1.17 to 2.3"
      }
    }
    ---- stderr
    "#);
    assert_snapshot!(run(&[]), @"
    exit code: 0
    ---- stdout
    Client Version: vVERSION
    Flink Versions: 1.17 to 2.3
    Server Version: vKUBERNETES
    ---- stderr
    ");
    assert_snapshot!(run(&["-o", "yaml"]), @r#"
    exit code: 0
    ---- stdout
    clientVersion:
      version: "VERSION"
      platform: linux/amd64
      flinkVersions: 1.17 to 2.3
    serverVersion:
      gitVersion: vKUBERNETES
      platform: linux/amd64
    ---- stderr
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn the_plugins_own_version_needs_no_cluster() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(&["version", "--client", "--server", "https://127.0.0.1:1"]);
    outcome.success();
    let outcome = sandbox.run(&["version", "--server", "https://127.0.0.1:1"]);
    assert_eq!(outcome.code, 5, "{outcome}");
}
