//! What is told about an operation that was cut off, and the two ways out of it.

use insta::assert_snapshot;

use super::scene::{
    JAR, LIMIT, WHOLE, deploy, killed_at, kinds, patient, run, run_into, sandbox, through,
};
use crate::support::{Cut, Flink, fault, inventory};

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn nothing_unfinished_is_said_to_be_so() {
    let (sandbox, _proxy) = sandbox();
    assert_snapshot!(run(&sandbox, &["operation", "list"]), @r"
    exit code: 0
    ---- stdout
    ---- stderr
    No operation is unfinished.
    ");
    assert_snapshot!(run(&sandbox, &["op", "resume", "orders"]), @r"
    exit code: 3
    ---- stdout
    ---- stderr
    error: no operation on orders is unfinished
    hint: List those of all namespaces with `kubectl flink operation list -A`.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn a_different_command_is_told_what_is_unfinished_and_abort_undoes_it() {
    let (sandbox, proxy) = sandbox();
    killed_at(&sandbox, &proxy, deploy(&sandbox, &[]), Cut::FreezeAt("PATCH /apis/apps/v1"));
    assert_snapshot!(run(&sandbox, &["delete", "orders"]), @r"
    exit code: 4
    ---- stdout
    ---- stderr
    error: operation OPERATION on orders is not finished: deploy by USER, begun TIME (AGE ago)
    hint: See where it stands with `kubectl flink operation show orders`.
    hint: Finish it with `kubectl flink operation resume orders`, or undo it with `kubectl flink operation abort orders` (the same as this command with --abort); then run this again.
    ");
    let other = sandbox.start(&mut deploy(&sandbox, &["--parallelism=2"]));
    other.fails(4, &["is not finished: deploy by "]);
    assert_snapshot!(run(&sandbox, &["operation", "list"]), @r"
    exit code: 0
    ---- stdout
    APPLICATION   VERB     USER               GOING     STEP                                      AGE
    orders        deploy   USER   forward   2/2 start generation 1 from empty state   AGE
    ---- stderr
    ");
    assert_snapshot!(run(&sandbox, &["operation", "show", "orders"]), @r"
    exit code: 0
    ---- stdout
    Application:       orders
    Namespace:         test-00000
    Operation:         OPERATION
    Verb:              deploy
    User:              USER
    Going:             forward
    Age:               AGE

    Steps
      done 1. create claim orders-state (pvc:1Gi,class=test-00000)
      here 2. start generation 1 from empty state
    ---- stderr
    ");
    assert_snapshot!(run(&sandbox, &["operation", "abort", "orders"]), @r"
    exit code: 0
    ---- stdout
    operation/OPERATION aborted
    ---- stderr
    Undoing deploy of orders: waiting up to 1 s to see whether the run that began this still works
    Undoing deploy of orders: undoing what was begun
    Undoing deploy of orders: removing generation 1
    Undoing deploy of orders: removing what the generations share
    claim orders-state and what is on it are kept
    ");
    assert_eq!(kinds(&sandbox), "PersistentVolumeClaim", "the claim stays, and nothing else");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn every_verb_that_changes_an_application_can_give_up_instead() {
    let commands: [&[&str]; 7] = [
        &["deploy", "orders", JAR, "--no-wait"],
        &["deploy", "orders"],
        &["deploy", "-f", "orders.yaml"],
        &["stop", "orders", "--drain"],
        &["start", "orders"],
        &["restore", "orders"],
        &["delete", "orders"],
    ];
    for command in commands {
        let abort = [command, &["--abort"]].concat();
        let (sandbox, proxy) = sandbox();
        let document = sandbox.start(&mut deploy(&sandbox, &["--dry-run=client", "-o", "yaml"]));
        sandbox.write("orders.yaml", document.success());
        killed_at(&sandbox, &proxy, deploy(&sandbox, &[]), Cut::FreezeAt("PATCH /apis/apps/v1"));
        let outcome = run(&sandbox, &abort);
        assert!(outcome.success().contains(" aborted\n"), "{command:?}\n{outcome}");
        assert_eq!(kinds(&sandbox), "PersistentVolumeClaim", "{command:?}\n{outcome}");
        let nothing = run(&sandbox, &abort);
        nothing.fails(3, &["no operation on orders is unfinished"]);
        assert_eq!(kinds(&sandbox), "PersistentVolumeClaim", "it did something\n{nothing}");
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn abort_of_documents_gives_up_what_is_unfinished_among_them() {
    let (sandbox, proxy) = sandbox();
    let document = sandbox.start(&mut deploy(&sandbox, &["--dry-run=client", "-o", "yaml"]));
    let bills = document.success().replace("name: orders", "name: bills");
    sandbox.write("all.yaml", format!("{}---\n{bills}", document.stdout));
    let abort = ["deploy", "-f", "all.yaml", "--abort"];
    assert_snapshot!(run(&sandbox, &abort), @r"
    exit code: 0
    ---- stdout
    ---- stderr
    No operation on these applications is unfinished.
    ");
    killed_at(&sandbox, &proxy, deploy(&sandbox, &[]), Cut::FreezeAt("PATCH /apis/apps/v1"));
    run(&sandbox, &abort).success();
    assert_eq!(kinds(&sandbox), "PersistentVolumeClaim");
    run(&sandbox, &["deploy", "-f", "all.yaml", "--abort", "--dry-run=client"])
        .fails(2, &["--abort", "--dry-run"]);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn anybody_can_finish_what_somebody_else_began() {
    let (sandbox, proxy) = sandbox();
    killed_at(&sandbox, &proxy, deploy(&sandbox, &[]), Cut::FreezeAt("/persistentvolumeclaims?"));
    assert_snapshot!(run(&sandbox, &["operation", "resume", "orders"]), @r"
    exit code: 0
    ---- stdout
    application/orders created
    ---- stderr
    Finishing deploy of orders: waiting up to 1 s to see whether the run that began this still works
    persistentvolumeclaim/orders-state created
    Finishing deploy of orders: starting generation 1
    deployment/orders-g1-jobmanager created
    hint: Follow it with `kubectl flink status orders -w`.
    ");
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(5, "deploy", "operation resume: exit 0; all objects are there, and no record");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn of_two_clients_one_wins_and_the_other_names_it() {
    let (sandbox, proxy) = sandbox();
    // The first one hangs in a write, and goes on to show that it lives.
    let pause = Cut::PauseAt("PATCH /apis/apps/v1");
    let first = run_into(&proxy, deploy(&sandbox, &[]), pause);
    let second = sandbox.start(&mut deploy(&sandbox, &[]));
    second.fails(4, &["another process works on orders: deploy by ", "operation show orders"]);
    proxy.thaw();
    sandbox.finish(first, LIMIT).success();
    assert_eq!(kinds(&sandbox), WHOLE, "nothing is left of the record");
    fault::seen(4, "deploy", format!("the first: exit 0; the other: {}", fault::told(&second)));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn a_client_that_was_taken_for_dead_stops_before_its_next_step() {
    let (sandbox, proxy) = sandbox();
    let first = run_into(&proxy, deploy(&sandbox, &[]), Cut::FreezeAt("/persistentvolumeclaims?"));
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let finished = inventory(&sandbox);
    proxy.thaw();
    sandbox.finish(first, LIMIT).fails(4, &["another run took this deploy of orders over"]);
    assert_eq!(inventory(&sandbox), finished, "it wrote on");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn ctrl_c_stops_at_the_next_safe_point_and_the_same_command_goes_on() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let stop = patient(sandbox.command(&["stop", "orders"]));
    let running = run_into(&proxy, stop, Cut::PauseAt("/stop"));
    running.interrupt();
    let outcome = sandbox.finish(running, LIMIT);
    proxy.thaw();
    outcome.fails(
        130,
        &["the same command again", "operation resume orders", "operation abort orders"],
    );
    let mut again = patient(sandbox.command(&["stop", "orders"]));
    again.arg(format!("--server=http://{}", proxy.address));
    let again = sandbox.start(&mut again);
    assert!(again.stderr.contains("going on with operation"), "{again}");
    assert!(again.success().contains("/savepoints/"), "{again}");
    assert_eq!(proxy.savepoints(), 1);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn a_stop_is_undone_only_before_it_was_sent() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let stop = || patient(sandbox.command(&["stop", "orders"]));
    let through = format!("--server=http://{}", proxy.address);
    let abort = ["operation", "abort", "orders", &through];

    killed_at(&sandbox, &proxy, stop(), Cut::FreezeAt("PATCH /api/v1/namespaces"));
    run(&sandbox, &abort).success();
    assert_eq!(proxy.savepoints(), 0, "the job was not stopped");

    killed_at(&sandbox, &proxy, stop(), Cut::FreezeAt("/stop"));
    assert_snapshot!(run(&sandbox, &abort), @r"
    exit code: 4
    ---- stdout
    ---- stderr
    Undoing stop of orders: waiting up to 1 s to see whether the run that began this still works
    error: stop of orders cannot be undone any more: the job is being stopped
    hint: Finish it with `kubectl flink operation resume orders`: nothing is lost.
    hint: Then go on with `kubectl flink start orders`.
    ");
    run(&sandbox, &["operation", "resume", "orders", &through]).success();
    assert_eq!(proxy.savepoints(), 1);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn what_was_committed_before_it_was_given_up_is_not_done_once_more() {
    let (sandbox, proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    let upgrade = patient(sandbox.command(&["deploy", "orders", JAR, &storage, "--parallelism=2"]));
    // Its first checkpoint is complete, and nobody has heard of it.
    killed_at(&sandbox, &proxy, upgrade, Cut::FreezeAt("/checkpoints/details/"));
    let abort = through(&sandbox, &proxy, &["operation", "abort", "orders"]);
    abort.success();
    assert!(abort.stderr.contains("generation 2 got as far as file:///flink/state/"), "{abort}");
    let third = inventory(&sandbox).into_iter().find(|object| {
        object.contains(r#""kind":"ControllerRevision""#) && object.contains(r#""generation":3"#)
    });
    let third = third.unwrap_or_else(|| panic!("the old spec does not run again\n{abort}"));
    assert!(third.contains("/checkpoints/"), "it began from where it was stopped: {third}");
    assert_eq!(proxy.flink(Flink::states), ["RUNNING"]);
    assert_eq!(proxy.flink(Flink::violations), [""; 0]);
}
