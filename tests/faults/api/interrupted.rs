//! Clients that are interrupted, die, or live in another time.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::scene::{
    LIMIT, WHOLE, deploy, killed_at, kinds, patient, run, run_into, sandbox, through,
};
use crate::support::{Cluster, Cut, Sandbox, fault};

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f01_ctrl_c_before_the_savepoint_leaves_the_job_alone() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let before = kinds(&sandbox);
    let stop = patient(sandbox.command(&["stop", "orders"]));
    // The record is being created: nothing of the plan has begun.
    let running = run_into(&proxy, stop, Cut::PauseAt("POST /api/v1/namespaces"));
    running.interrupt();
    std::thread::sleep(Duration::from_millis(300));
    proxy.thaw();
    let outcome = sandbox.finish(running, LIMIT);
    outcome.fails(130, &["interrupted: stop of orders stopped before step 1"]);
    assert_eq!(proxy.savepoints(), 0);
    // Whatever the record says, the way back is to do nothing.
    let _ = through(&sandbox, &proxy, &["stop", "orders", "--abort"]);
    assert_eq!((kinds(&sandbox), proxy.savepoints()), (before, 0));
    fault::seen(1, "stop", fault::told(&outcome));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f03_a_savepoint_that_nobody_noted_is_found_by_its_trigger_id() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let stop = patient(sandbox.command(&["stop", "orders"]));
    killed_at(&sandbox, &proxy, stop, Cut::FreezeAt("/stop"));
    let again = through(&sandbox, &proxy, &["stop", "orders"]);
    assert!(again.success().contains("/savepoints/"), "{again}");
    let stops = proxy.calls().iter().filter(|call| call.ends_with("/stop")).count();
    assert_eq!((stops, proxy.savepoints()), (0, 1), "it was sent again");
    fault::seen(3, "stop", "exit 0; the path is printed, and no second stop was sent");
}

/// Writes a renewal of the operation's lease by a clock that is wrong by `off`.
fn renew(cluster: &Cluster, namespace: &str, off: SignedDuration) {
    let time = format!("{:.6}", Timestamp::now() + off);
    let patch = Patch::Merge(json!({"spec": {"renewTime": time}}));
    let leases = cluster.api::<Lease>(namespace);
    let _ = cluster.wait(leases.patch("orders-operation", &PatchParams::default(), &patch));
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A record whose holder is dead.
fn left(cut: &'static str) -> (Sandbox, crate::support::Proxy) {
    let (sandbox, proxy) = sandbox();
    killed_at(&sandbox, &proxy, deploy(&sandbox, &[]), Cut::FreezeAt(cut));
    (sandbox, proxy)
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f27_a_dead_client_whose_clock_was_ahead_is_still_dead() {
    let (sandbox, _proxy) = left("PATCH /apis/apps/v1");
    renew(&sandbox.cluster, &sandbox.namespace, HOUR);
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(27, "deploy", "an hour ahead, and dead: exit 0, taken over at once");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f27_a_client_that_lives_an_hour_behind_is_not_robbed() {
    let (sandbox, _proxy) = left("PATCH /apis/apps/v1");
    let done = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            let cluster = Cluster::connect();
            while !done.load(Ordering::SeqCst) {
                renew(&cluster, &sandbox.namespace, -HOUR);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let outcome = sandbox.start(&mut deploy(&sandbox, &[]));
        done.store(true, Ordering::SeqCst);
        outcome
    });
    outcome.fails(4, &["another process works on orders"]);
    fault::seen(27, "deploy", format!("an hour behind, and alive: {}", fault::told(&outcome)));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f28_an_operation_ends_although_nobody_reads_what_it_says() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let mut stop = patient(sandbox.command(&["stop", "orders"]));
    stop.arg(format!("--server=http://{}", proxy.address));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let also = writer.try_clone().unwrap();
    let status = stop.stdout(writer).stderr(also).status().unwrap();
    assert!(status.success(), "{status}");
    let told = run(&sandbox, &["stop", "orders"]);
    assert!(told.success().contains("already stopped\nfile:///flink/state/"), "{told}");
    fault::seen(28, "stop", "a closed pipe: exit 0; stopped, and the path is told by the next one");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f28_an_operation_ends_although_its_output_cannot_be_written() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let mut stop = patient(sandbox.command(&["stop", "orders"]));
    stop.arg(format!("--server=http://{}", proxy.address));
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let status = stop.stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1), "the path was not printed, and the caller has to know");
    let told = run(&sandbox, &["stop", "orders"]);
    assert!(told.success().contains("already stopped\nfile:///flink/state/"), "{told}");
    assert_eq!(proxy.savepoints(), 1);
    fault::seen(28, "stop", "a full disk: exit 1; stopped, and the path is told by the next one");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f28_an_operation_ends_although_its_terminal_is_gone() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let stop = patient(sandbox.command(&["stop", "orders"]));
    let running = run_into(&proxy, stop, Cut::PauseAt("/stop"));
    running.hang_up();
    std::thread::sleep(Duration::from_millis(300));
    proxy.thaw();
    let outcome = sandbox.finish(running, LIMIT);
    assert!(outcome.success().contains("/savepoints/"), "{outcome}");
    assert_eq!(proxy.savepoints(), 1);
    fault::seen(28, "stop", "a terminal that is gone: exit 0; stopped, with one savepoint");
}
