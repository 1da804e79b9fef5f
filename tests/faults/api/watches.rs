//! Watches that end, are refused or fall silent under a verb that waits for pods to go.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::scene::{LIMIT, deploy, kinds, patient, sandbox};
use crate::support::{
    EXPIRED, Outcome, Proxy, Running, Sandbox, TOO_OLD, Trouble, eventually, fault,
};

/// Runs `command` until it waits for a pod, whose watch meets `trouble` so many times; then the pod goes.
fn waiting(command: &[&str], times: usize, trouble: Trouble) -> (Sandbox, Proxy, Outcome) {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    pod(&sandbox);
    proxy.trouble("watch=true", times, trouble);
    let mut command = patient(sandbox.command(command));
    command.arg(format!("--server=http://{}", proxy.address));
    let mut running = Running::start(&mut command);
    let watches = || proxy.calls().iter().filter(|call| call.contains("watch=true")).count();
    eventually("the watches", LIMIT, || (watches() == times || running.has_ended()).then_some(()));
    sandbox.cluster.delete(&sandbox.cluster.api::<Pod>(&sandbox.namespace), "orders-g1-last");
    let outcome = sandbox.finish(running, LIMIT);
    assert_eq!(watches(), times, "{:#?}\n{outcome}", proxy.calls());
    // The one before the watch, and one after each that failed.
    let lists = proxy.calls().into_iter().filter(|call| {
        call.contains("/pods?") && call.contains("generation") && !call.contains("watch=true")
    });
    assert!(lists.count() > times, "it was not listed again\n{:#?}\n{outcome}", proxy.calls());
    (sandbox, proxy, outcome)
}

/// A pod of generation 1, which no node runs.
fn pod(sandbox: &Sandbox) {
    let secure = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    let labels = json!({"kubectl-flink.io/application": "orders", "kubectl-flink.io/generation": "1",
        "kubectl-flink.io/component": "taskmanager"});
    sandbox.cluster.create::<Pod>(
        &sandbox.cluster.api(&sandbox.namespace),
        json!({
            "metadata": {"name": "orders-g1-last", "labels": labels},
            "spec": {
                "automountServiceAccountToken": false,
                "containers": [{"name": "last", "image": "none", "securityContext": secure}],
            },
        }),
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f11_a_watch_that_is_refused_as_expired_is_begun_anew_with_a_list() {
    let gone = Trouble::Instead(410, "", EXPIRED);
    let (_, proxy, outcome) = waiting(&["stop", "orders"], 3, gone);
    assert!(outcome.success().contains("/savepoints/"), "{outcome}");
    assert_eq!(proxy.savepoints(), 1);
    fault::seen(11, "stop", "410 to three watches: exit 0, listed again after each");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f11_a_watch_that_ends_with_an_expired_event_is_begun_anew_with_a_list() {
    let (sandbox, _, outcome) = waiting(&["delete", "orders"], 2, Trouble::Events(TOO_OLD));
    outcome.success();
    assert_eq!(kinds(&sandbox), "PersistentVolumeClaim");
    fault::seen(11, "delete", "410 as an event in two watches: exit 0, listed again after each");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f11_a_watch_that_is_never_answered_is_not_waited_for() {
    let (_, proxy, outcome) = waiting(&["stop", "orders"], 1, Trouble::Silence);
    assert!(outcome.success().contains("/savepoints/"), "{outcome}");
    assert_eq!(proxy.savepoints(), 1);
    fault::seen(11, "stop", "no answer to a watch: exit 0, listed again after 35 s");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f11_a_watch_that_falls_silent_is_given_up() {
    let (sandbox, _, outcome) = waiting(&["delete", "orders"], 1, Trouble::Events(""));
    outcome.success();
    assert_eq!(kinds(&sandbox), "PersistentVolumeClaim");
    fault::seen(11, "delete", "a watch that tells nothing more: exit 0, listed again after 35 s");
}
