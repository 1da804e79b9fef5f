//! Through the real kubectl: the plugin is found, speaks of itself as `kubectl flink`, and its exit codes arrive.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use insta::assert_snapshot;
use k8s_openapi::api::core::v1::Event;
use kubectl_flink::exit_code;
use serde_json::json;

use crate::support::{Outcome, Running, Sandbox, eventually, setting};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

/// A sandbox with the plugin on the `PATH`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    std::fs::create_dir(sandbox.path("bin")).unwrap();
    let plugin = PathBuf::from(sandbox.command::<&str>(&[]).get_program());
    symlink(plugin, sandbox.path("bin/kubectl-flink")).unwrap();
    sandbox
}

/// `kubectl flink ARGS`.
fn kubectl(sandbox: &Sandbox, args: &[&str]) -> Command {
    let surroundings = sandbox.command::<&str>(&[]);
    let mut command = Command::new(setting("KUBECTL_FLINK_TEST_KUBECTL"));
    command.arg("flink").args(args).env_clear().current_dir(sandbox.path(""));
    command.envs(surroundings.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", sandbox.path("bin"));
    command
}

fn run(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    sandbox.start(&mut kubectl(sandbox, args))
}

fn storage(sandbox: &Sandbox) -> String {
    format!("--storage=pvc:1Gi,class={}", sandbox.namespace)
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn it_is_found_and_speaks_of_itself_as_kubectl_flink() {
    let sandbox = sandbox();
    for args in [&["-h"][..], &["--help"], &[]] {
        let outcome = run(&sandbox, args);
        let text = [&*outcome.stdout, &*outcome.stderr].concat();
        assert!(text.contains("Usage: kubectl flink <COMMAND>"), "{outcome}");
        assert!(!text.contains("kubectl-flink "), "{outcome}");
    }
    let outcome = run(&sandbox, &["storage", "list", "-h"]);
    assert!(outcome.success().contains("Usage: kubectl flink storage list [OPTIONS]"), "{outcome}");
    assert_snapshot!(run(&sandbox, &["list", "--context", "test", "-n", "default"]), @r#"
    exit code: 0
    ---- stdout
    ---- stderr
    No applications found in namespace "default".
    hint: Deploy one with `kubectl flink deploy NAME --jar PATH`.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn every_exit_code_arrives() {
    let sandbox = sandbox();
    let storage = storage(&sandbox);
    let deploy = ["deploy", "orders", JAR, &storage];
    let run = |args: &[&str]| run(&sandbox, args);
    run(&["version"]).success();
    run(&[&deploy[..], &["--no-wait"]].concat()).success();
    let mut seen = vec![exit_code::OK];
    for (code, args) in [
        (exit_code::FAILURE, &["completion", "install", "--dir", "nowhere"][..]),
        (exit_code::USAGE, &["lst"]),
        (exit_code::NOT_FOUND, &["status", "payments"]),
        (exit_code::CONFLICT, &["storage", "delete", "orders-state", "-y"]),
        (exit_code::UNREACHABLE, &["list", "--server", "https://127.0.0.1:1"]),
        (exit_code::DENIED, &["list", "--as", "ann"]),
        (exit_code::PREFLIGHT, &["deploy", "rides", JAR, "--storage=pvc:1Gi,class=none"]),
        (exit_code::DECLINED, &["delete", "orders", "--delete-storage"]),
        (exit_code::TIMEOUT, &[&deploy[..], &["--timeout=2s"]].concat()),
    ] {
        run(args).fails(code.into(), &[]);
        seen.push(code);
    }
    fail_provisioning(&sandbox);
    run(&["status", "orders"]).fails(exit_code::FLINK_FAILED.into(), &["does not run"]);
    seen.push(exit_code::FLINK_FAILED);
    interrupted(&sandbox).fails(exit_code::INTERRUPTED.into(), &["hint: "]);
    seen.push(exit_code::INTERRUPTED);
    seen.sort_unstable();
    let code = |line: &str| line.split_once(": u8 = ")?.1.trim_end_matches(';').parse().ok();
    let all: Vec<u8> = include_str!("../../src/exit_code.rs").lines().filter_map(code).collect();
    assert_eq!(seen, all, "each code has a case here");
}

/// Lets the application's claim look as one whose volume cannot be made.
fn fail_provisioning(sandbox: &Sandbox) {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    sandbox.cluster.create::<Event>(
        &sandbox.cluster.api(&sandbox.namespace),
        json!({
            "metadata": {"name": "e"},
            "involvedObject": {"kind": "PersistentVolumeClaim", "name": "orders-state", "namespace": sandbox.namespace},
            "type": "Warning", "reason": "ProvisioningFailed", "message": "no room on the array",
            "count": 1, "firstTimestamp": now, "lastTimestamp": now,
        }),
    );
}

/// kubectl becomes the plugin, so a Ctrl-C reaches it.
fn interrupted(sandbox: &Sandbox) -> Outcome {
    let storage = storage(sandbox);
    let deployments =
        sandbox.cluster.api::<k8s_openapi::api::apps::v1::Deployment>(&sandbox.namespace);
    let running = Running::start(&mut kubectl(sandbox, &["deploy", "late", JAR, &storage]));
    eventually("the deploy is under way", Duration::from_secs(60), || {
        sandbox.cluster.get(&deployments, "late-g1-taskmanager").map(drop)
    });
    running.interrupt();
    sandbox.finish(running, Duration::from_secs(60))
}
