//! An API server, or what stands before it, in trouble.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::scene::{LIMIT, WHOLE, deploy, deploy_through, kinds, run, run_into, sandbox, through};
use crate::support::{Cut, EXPIRED, Proxy, Sandbox, Trouble, fault};

/// As often as it is asked.
const EVER: usize = usize::MAX;
/// The first list of `list`, and what `deploy` reads last.
const LIST: &str = "GET /apis/apps/v1/namespaces/";
/// As API Priority and Fairness says it: in a header, beside plain text.
const BUSY: Trouble = Trouble::Instead(429, "retry-after: 2", "Too many requests");

/// An application, and what `list` says of it.
fn deployed() -> (Sandbox, Proxy, String) {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let listed = run(&sandbox, &["list", "-o", "name"]).success();
    assert_eq!(listed, "application/orders\n");
    (sandbox, proxy, listed)
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f06_a_record_that_somebody_touched_is_read_again() {
    let (sandbox, proxy) = sandbox();
    let first = run_into(&proxy, deploy(&sandbox, &[]), Cut::PauseAt("PUT /api/v1/namespaces"));
    let maps = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    let note = Patch::Merge(json!({"metadata": {"annotations": {"example.com/note": "seen"}}}));
    sandbox.cluster.wait(maps.patch("orders-operation", &PatchParams::default(), &note)).unwrap();
    proxy.thaw();
    sandbox.finish(first, LIMIT).success();
    let puts = |call: &&String| call.starts_with("PUT /api/v1/namespaces");
    assert!(proxy.calls().iter().any(|call| puts(&call)), "it was not written again");
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(6, "deploy", "exit 0; the record was read and written again");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f07_retry_after_is_honoured() {
    let (sandbox, proxy) = sandbox();
    // A read, and a write that must not be done twice: it certainly was not done at all.
    proxy.trouble(LIST, 1, BUSY);
    proxy.trouble("POST /api/v1/namespaces", 1, BUSY);
    let began = Instant::now();
    deploy_through(&sandbox, &proxy).success();
    assert!(began.elapsed() >= Duration::from_secs(4), "it did not wait: {:?}", began.elapsed());
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(7, "deploy", "exit 0, after two waits as long as asked for");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f07_retry_after_does_not_go_beyond_the_deadline() {
    let (sandbox, proxy, _) = deployed();
    proxy.trouble("GET ", EVER, Trouble::Instead(429, "retry-after: 30", "Too many requests"));
    let began = Instant::now();
    let outcome = through(&sandbox, &proxy, &["stop", "orders", "--timeout=3s"]);
    outcome.fails(5, &["overloaded", "Try again in a while"]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    fault::seen(7, "stop", fault::told(&outcome));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f08_what_was_created_in_spite_of_a_500_is_recognised() {
    let (sandbox, proxy) = sandbox();
    let created = ["/configmaps?", "/leases?", "/persistentvolumeclaims?", "/controllerrevisions?"];
    for (status, kind) in [500, 504, 500, 504].into_iter().zip(created) {
        // The same path is listed: only a POST has these parameters.
        let text: &'static str = Box::leak(format!("{kind}&fieldManager=").into_boxed_str());
        proxy.trouble(text, 1, Trouble::AfterAll(status));
    }
    // What is applied may be applied again.
    proxy.trouble("PATCH /apis/apps/v1", 1, Trouble::AfterAll(500));
    deploy_through(&sandbox, &proxy).success();
    let posts: Vec<_> =
        proxy.calls().into_iter().filter(|call| call.starts_with("POST ")).collect();
    for kind in created {
        let times = posts.iter().filter(|call| call.contains(kind)).count();
        assert_eq!(times, 1, "{kind} {posts:#?}");
    }
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(8, "deploy", "exit 0; each of 4 objects was sent once, and found by its name");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f08_what_was_not_created_is_not_taken_for_created() {
    let (sandbox, proxy) = sandbox();
    proxy.trouble("/configmaps?&fieldManager=", 1, Trouble::Instead(500, "", "no"));
    let outcome = deploy_through(&sandbox, &proxy);
    outcome.fails(1, &["failed to create ConfigMap \"orders-operation\""]);
    assert_eq!(kinds(&sandbox), "", "something was written");
    deploy_through(&sandbox, &proxy).success();
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(8, "deploy", fault::told(&outcome));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f09_a_stop_whose_answer_was_lost_is_not_sent_twice() {
    let (sandbox, proxy, _) = deployed();
    proxy.trouble("/stop", 1, Trouble::AfterAll(504));
    through(&sandbox, &proxy, &["stop", "orders"]).success();
    let calls = proxy.calls();
    let stops = calls.iter().filter(|call| call.ends_with("/stop")).count();
    assert_eq!((stops, proxy.savepoints()), (1, 1), "{calls:#?}");
    fault::seen(9, "stop", "504 after all: exit 0, one stop sent, one savepoint");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f09_a_stop_that_did_not_arrive_is_sent_again_only_after_a_look_at_the_job() {
    let (sandbox, proxy, _) = deployed();
    proxy.trouble("/stop", 1, Trouble::Instead(503, "", "upstream connect error"));
    // Flink does not know it, and nothing of it is on the storage; the job still runs.
    let outcome = through(&sandbox, &proxy, &["stop", "orders"]);
    outcome.success();
    assert!(outcome.stderr.contains("stopping it again"), "{outcome}");
    let calls = proxy.calls();
    let at: Vec<_> = (0..calls.len()).filter(|call| calls[*call].ends_with("/stop")).collect();
    assert_eq!((at.len(), proxy.savepoints()), (2, 1), "{calls:#?}");
    let looked = calls[at[0]..at[1]].iter().any(|call| call.ends_with("/exec"));
    assert!(looked, "it was sent again without a look\n{calls:#?}");
    fault::seen(9, "stop", "503 instead: exit 0, sent again after a look; one savepoint");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f10_a_list_that_is_cut_is_read_again_and_never_shown_in_part() {
    let (sandbox, proxy, listed) = deployed();
    proxy.trouble(LIST, 3, Trouble::Half);
    let outcome = through(&sandbox, &proxy, &["list", "-o", "name"]);
    assert_eq!(outcome.success(), listed);
    proxy.trouble(LIST, EVER, Trouble::Half);
    let outcome = through(&sandbox, &proxy, &["list", "-o", "name"]);
    outcome.fails(5, &["cannot reach the API server"]);
    assert_eq!(outcome.stdout, "");
    fault::seen(10, "list", format!("cut three times: exit 0; ever: {}", fault::told(&outcome)));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f10_a_list_that_drips_ends_with_the_request_timeout() {
    let (sandbox, proxy, listed) = deployed();
    let command = ["list", "-o", "name", "--request-timeout=1s"];
    proxy.trouble(LIST, 2, Trouble::Drip);
    assert_eq!(through(&sandbox, &proxy, &command).success(), listed);
    proxy.trouble(LIST, EVER, Trouble::Drip);
    let outcome = through(&sandbox, &proxy, &command);
    outcome.fails(5, &["no answer within the request timeout"]);
    assert_eq!(outcome.stdout, "");
    fault::seen(10, "list", format!("a byte now and then: {}", fault::told(&outcome)));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f12_an_expired_continue_token_starts_the_list_again() {
    let (sandbox, proxy, listed) = deployed();
    proxy.trouble("&continue=", 1, Trouble::Instead(410, "", EXPIRED));
    proxy.trouble(LIST, 1, Trouble::OneMorePage);
    let outcome = through(&sandbox, &proxy, &["list", "-o", "name"]);
    assert_eq!(outcome.success(), listed, "once, although it was read twice");
    let lists = proxy.calls().iter().filter(|call| call.contains("/controllerrevisions?")).count();
    assert_eq!(lists, 3, "{:#?}", proxy.calls());
    fault::seen(12, "list", "exit 0; every application once");
}
