//! What the tests of this folder share: an application before a proxy, and commands that run into trouble.

use std::process::Command;
use std::time::Duration;

use crate::support::{Cut, Flink, Outcome, Proxy, Running, Sandbox, eventually, inventory};

pub(super) const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
pub(super) const LIMIT: Duration = Duration::from_secs(180);

pub(super) fn sandbox() -> (Sandbox, Proxy) {
    before(with_class(), Flink::default())
}

/// A sandbox with a storage class of its own.
pub(super) fn with_class() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    sandbox
}

/// The same before this Flink.
pub(super) fn before(sandbox: Sandbox, flink: Flink) -> (Sandbox, Proxy) {
    let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(flink));
    (sandbox, proxy)
}

/// `deploy orders` without waiting, straight to the API server.
pub(super) fn deploy(sandbox: &Sandbox, flags: &[&str]) -> Command {
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    patient(sandbox.command(&[&["deploy", "orders", JAR, &storage, "--no-wait"], flags].concat()))
}

/// A second of patience with the silent.
pub(super) fn patient(mut command: Command) -> Command {
    command.env("KUBECTL_FLINK_TEST_LEASE", "1");
    command
}

/// Starts `command` through the proxy, and lets it run into `cut`.
pub(super) fn run_into(proxy: &Proxy, mut command: Command, cut: Cut) -> Running {
    proxy.cut(cut);
    command.arg(format!("--server=http://{}", proxy.address));
    let running = Running::start(&mut command);
    eventually("the call to stop at", LIMIT, || proxy.has_stopped().then_some(()));
    running
}

/// Kills it there.
pub(super) fn killed_at(sandbox: &Sandbox, proxy: &Proxy, command: Command, cut: Cut) {
    let mut running = run_into(proxy, command, cut);
    running.kill();
    let outcome = sandbox.finish(running, LIMIT);
    assert_eq!(outcome.code, -1, "{outcome}");
    proxy.thaw();
}

pub(super) fn run(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    let outcome = sandbox.start(&mut patient(sandbox.command(args)));
    outcome
        .redact(r"\b[0-9a-z]{10}\b( on orders|: deploy|: stop)", "OPERATION$1")
        .redact(r"(?m)^(Operation: +)\S+", "${1}OPERATION")
        .redact("operation/[0-9a-z]{10}", "operation/OPERATION")
        .redact(r"\(\d+s ago\)", "(AGE ago)")
        .redact("by [a-z-]*admin[a-z-]*", "by USER")
        .redact(r"(?m)^(User: +)\S+", "${1}USER")
        .redact(r"(deploy +)[a-z-]*admin[a-z-]*", "${1}USER")
}

/// The kinds of what is there, each as often as it is there.
pub(super) fn kinds(sandbox: &Sandbox) -> String {
    let kind = |object: &String| {
        let object: serde_json::Value = serde_json::from_str(object).unwrap();
        object["kind"].as_str().unwrap().to_owned()
    };
    let mut kinds: Vec<_> = inventory(sandbox).iter().map(kind).collect();
    kinds.sort();
    kinds.join(" ")
}

/// An application of one generation, and nothing else.
pub(super) const WHOLE: &str = "ConfigMap ControllerRevision Deployment Deployment NetworkPolicy PersistentVolumeClaim \
     PodDisruptionBudget Role RoleBinding Service Service ServiceAccount";

/// `command` through the proxy, with a second of patience.
pub(super) fn through(sandbox: &Sandbox, proxy: &Proxy, args: &[&str]) -> Outcome {
    let mut command = patient(sandbox.command(args));
    command.arg(format!("--server=http://{}", proxy.address));
    sandbox.start(&mut command)
}

/// `deploy orders` through the proxy.
pub(super) fn deploy_through(sandbox: &Sandbox, proxy: &Proxy) -> Outcome {
    let mut command = deploy(sandbox, &[]);
    command.arg(format!("--server=http://{}", proxy.address));
    sandbox.start(&mut command)
}
