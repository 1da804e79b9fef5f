//! Completion: what kubectl and the shells are answered, and whether it arrives in a real command line.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::support::{Sandbox, Terminal, setting};

/// A sandbox whose home has the plugin in `bin`, as krew would have it, and applications to complete.
struct Place {
    sandbox: Sandbox,
}

impl Place {
    fn new() -> Place {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.path("bin")).unwrap();
        let plugin = PathBuf::from(sandbox.command::<&str>(&[]).get_program());
        symlink(plugin, sandbox.path("bin/kubectl-flink")).unwrap();
        Place { sandbox }
    }

    fn with_applications() -> Place {
        let place = Place::new();
        place.sandbox.storage_class("example.com/volumes");
        let storage = format!("--storage=pvc:1Gi,class={}", place.sandbox.namespace);
        let jar = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
        for name in ["orders", "payments"] {
            place.sandbox.run(&["deploy", name, jar, &storage, "--no-wait"]).success();
        }
        place
    }

    /// A command in this place. Names may take long: this is about what is answered.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let surroundings = self.sandbox.command::<&str>(&[]);
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(self.sandbox.path(""));
        for (name, value) in surroundings.get_envs() {
            command.env(name, value.unwrap());
        }
        command.env("PATH", format!("{}:/usr/bin:/bin", self.sandbox.path("bin").display()));
        command.env("KUBECTL_FLINK_COMPLETION_TIMEOUT", "20s");
        command
    }

    fn complete(&self, words: &[&str]) -> String {
        let words = [&["__complete"], words].concat();
        let outcome = self.sandbox.start(&mut self.command("kubectl-flink", &words));
        assert_eq!(outcome.stderr, "", "{outcome}");
        outcome.success()
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn names_come_from_the_cluster() {
    let place = Place::with_applications();
    let namespace = &place.sandbox.namespace;
    assert_eq!(place.complete(&["savepoint", ""]), "orders\trunning\npayments\trunning\n:4\n");
    assert_eq!(place.complete(&["status", "p"]), "payments\trunning\n:4\n");
    assert_eq!(place.complete(&["status", "-n", "kube-system", ""]), ":4\n");
    assert_eq!(place.complete(&["list", "--context", "t"]).lines().count(), 2);
    assert_eq!(place.complete(&["list", &format!("-n={namespace}")]), format!("{namespace}\n:4\n"));
    assert_eq!(
        place.complete(&["storage", "delete", "orders"]),
        "orders-state\tstate of orders\n:4\n"
    );
    let profile = ["storage", "create", "minio", "hdfs://namenode/flink", "--hdfs-user=flink"];
    place.sandbox.run(&profile).success();
    let minio = "minio\thdfs://namenode/flink\n:4\n";
    for words in [
        &["storage", "delete", "m"][..],
        &["storage", "describe", "m"],
        &["storage", "check", "m"],
        &["storage", "move", "orders", "--to", "m"],
        &["deploy", "--storage=m"],
    ] {
        assert_eq!(place.complete(words), minio, "{words:?}");
    }
    assert_eq!(
        place.complete(&["storage", "check", ""]),
        "orders\trunning\npayments\trunning\nminio\thdfs://namenode/flink\n\
         claim:orders-state\tstate of orders\nclaim:payments-state\tstate of payments\n:4\n"
    );
    place.sandbox.run(&["storage", "create", "rows", "hbase://zookeeper:2181"]).success();
    for words in [
        &["storage", "delete", "r"][..],
        &["storage", "describe", "r"],
        &["storage", "check", "r"],
        &["deploy", "--data-store=r"],
    ] {
        assert_eq!(place.complete(words), "rows\thbase://zookeeper:2181\n:4\n", "{words:?}");
    }
    assert_eq!(
        place.complete(&["deploy", "--storage", "claim:o"]),
        "claim:orders-state\tstate of orders\n:4\n"
    );
    assert_eq!(
        place.complete(&["storage", "create", "x", &format!("pvc:3Gi,class={namespace}")]),
        format!("pvc:3Gi,class={namespace}\texample.com/volumes\n:4\n")
    );
    assert_eq!(
        place.complete(&["restore", "orders", "--from", ""]),
        "latest\tthe newest snapshot\n:4\n"
    );
    assert_eq!(place.complete(&["deploy", "--jar", "./o"]), ":0\n");
    stop(&place, "orders", "file:///flink/state/orders/savepoints/savepoint-83c1d4-1f2e3d4c5b6a");
    assert_eq!(
        place.complete(&["restore", "orders", "--from", "s"]),
        "savepoint-83c1d4-1f2e3d4c5b6a\twhat it was stopped with\n:4\n"
    );
    assert_eq!(place.complete(&["start", "o"]), "orders\tstopped\n:4\n");
}

/// Says of an application that it was stopped, as `stop` does where pods run.
fn stop(place: &Place, application: &str, snapshot: &str) {
    let services = place.sandbox.cluster.api::<Service>(&place.sandbox.namespace);
    let stopped = Patch::Merge(json!({"metadata": {"annotations": {
        "kubectl-flink.io/run": "stopped",
        "kubectl-flink.io/snapshot": snapshot,
    }}}));
    let (name, params) = (format!("{application}-rest"), PatchParams::default());
    let patched = services.patch(&name, &params, &stopped);
    place.sandbox.cluster.wait(patched).unwrap();
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn whatever_goes_wrong_the_answer_is_silence_in_time() {
    let place = Place::new();
    let sandbox = &place.sandbox;
    sandbox.write("broken", "apiVersion: v1\nclusters: [\n");
    sandbox.write_user("powerless", &json!([]));
    for flags in [
        &["--kubeconfig", "broken"][..],
        &["--kubeconfig", "missing"],
        &["--kubeconfig", "powerless"],
        &["--context", "nowhere"],
        &["--server", "https://127.0.0.1:1"],
        &["--no-such-flag"],
    ] {
        assert_eq!(place.complete(&[flags, &["status", ""]].concat()), ":4\n", "{flags:?}");
    }
    // An API server that takes the connection and says nothing, and a credential plugin that hangs.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    sandbox.edit_kubeconfig("hangs", |config| {
        let user = config.auth_infos[0].auth_info.as_mut().unwrap();
        *user = serde_json::from_value(json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sleep",
            "args": ["60"],
            "interactiveMode": "Never",
        }}))
        .unwrap();
    });
    for flags in [["--server", &silent], ["--kubeconfig", "hangs"]] {
        let words = [&["__complete"], &flags[..], &["status", ""]].concat();
        let mut command = place.command("kubectl-flink", &words);
        command.env_remove("KUBECTL_FLINK_COMPLETION_TIMEOUT");
        let started = Instant::now();
        let outcome = sandbox.start(&mut command);
        // A quarter of a second for names; the rest is for a debug build on a busy machine.
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "{flags:?} took {took:?}");
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), (":4\n", ""), "{flags:?}");
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn kubectl_completes_the_plugin_once_it_is_installed() {
    let place = Place::with_applications();
    let kubectl = setting("KUBECTL_FLINK_TEST_KUBECTL");
    let complete = |words: &[&str]| {
        let words = [&["__complete", "flink"], words].concat();
        place.sandbox.start(&mut place.command(&kubectl, &words)).success()
    };
    assert!(!complete(&["status", ""]).contains("orders"), "it is not installed yet");
    let install = |args: &[&str]| {
        let args = [&["completion", "install"], args].concat();
        place.sandbox.start(&mut place.command("kubectl-flink", &args))
    };
    assert_snapshot!(install(&[]), @"
    exit code: 0
    ---- stdout
    $HOME/bin/kubectl_complete-flink created
    ---- stderr
    hint: kubectl asks it where its own completion is loaded, such as by `source <(kubectl completion bash)`.
    ");
    assert_snapshot!(install(&[]), @"
    exit code: 0
    ---- stdout
    $HOME/bin/kubectl_complete-flink unchanged
    ---- stderr
    hint: kubectl asks it where its own completion is loaded, such as by `source <(kubectl completion bash)`.
    ");
    let answer = complete(&["status", ""]);
    assert!(answer.starts_with("orders\trunning\npayments\trunning\n:4\n"), "{answer}");
    assert!(complete(&["sav"]).starts_with("savepoint\tTake a savepoint\n"));
    assert!(complete(&["deploy", "--jar", ""]).starts_with(":0\n"));
    std::fs::write(place.sandbox.path("bin/kubectl_complete-flink"), "#!/bin/sh\n").unwrap();
    assert_snapshot!(install(&[]), @"
    exit code: 4
    ---- stdout
    ---- stderr
    error: $HOME/bin/kubectl_complete-flink exists and is not ours
    hint: Remove it, or choose another folder of your PATH with --dir.
    ");
    assert_snapshot!(install(&["--dir", "nowhere"]), @"
    exit code: 1
    ---- stdout
    ---- stderr
    error: cannot write nowhere/kubectl_complete-flink: No such file or directory (os error 2)
    hint: Choose a folder of your PATH that you may write to with --dir.
    ");
}

/// Types into a shell, presses Tab, and has the shell say what then stands on its command line.
fn tab(terminal: &mut Terminal, typed: &str, expected: &str) {
    terminal.keys(&format!("{typed}\t"));
    // The shell shows what it completed before it is asked for more.
    terminal.shows(expected.rsplit([' ', '=', ':']).next().unwrap());
    terminal.keys("\x01echo li''ne: \x05\r");
    terminal.shows(&format!("line: {expected}"));
}

fn types(shell: &str, prepare: &str) {
    let place = Place::with_applications();
    place.sandbox.write("only-file.jar", "");
    let mut terminal = Terminal::start(shell, &place.command("true", &[]));
    terminal.keys(&format!("{prepare}\r"));
    terminal.keys("echo re''ady\r");
    terminal.shows("ready");
    tab(&mut terminal, "kubectl-flink savep", "kubectl-flink savepoint");
    tab(&mut terminal, "kubectl-flink savepoint pay", "kubectl-flink savepoint payments");
    tab(&mut terminal, "kubectl-flink list --context=te", "kubectl-flink list --context=test");
    let storage = "kubectl-flink deploy x --storage claim:ord";
    tab(&mut terminal, storage, &format!("{storage}ers-state"));
    tab(
        &mut terminal,
        "kubectl-flink deploy --jar only",
        "kubectl-flink deploy --jar only-file.jar",
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn bash_completes() {
    types("bash --norc --noprofile -i", "source <(kubectl-flink completion bash)");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn zsh_completes() {
    types(
        "zsh -f -i",
        "bindkey -e; autoload -U compinit; compinit -u; source <(kubectl-flink completion zsh)",
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn fish_completes() {
    types("fish --no-config --private -i", "kubectl-flink completion fish | source");
}
