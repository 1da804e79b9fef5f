//! A verb is killed, or cut off from the API server, at every single call it makes; the same command again
//! must come to exactly the state that an undisturbed run leaves.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{Cut, Flink, Outcome, Proxy, Running, Sandbox, eventually, fault, inventory};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
const LIMIT: Duration = Duration::from_secs(60);
/// Runs at the same time; each has a namespace of its own.
const WORKERS: usize = 6;

/// A verb under test.
struct Verb {
    /// What is there before: these commands are run undisturbed.
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
    /// Whether a job runs.
    job: bool,
}

/// A sandbox whose plugin talks to the API server through a proxy.
struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    fn new(verb: &Verb) -> Place {
        let sandbox = Sandbox::new();
        sandbox.storage_class("example.com/volumes");
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), verb.job.then(Flink::default));
        for command in verb.before {
            let command = sandbox.command(&arguments(&sandbox, command));
            sandbox.start(&mut with_test_settings(command)).success();
        }
        Place { sandbox, proxy }
    }

    fn command(&self, verb: &Verb) -> Command {
        let mut command = self.sandbox.command(&arguments(&self.sandbox, verb.command));
        command.arg(format!("--server=http://{}", self.proxy.address));
        with_test_settings(command)
    }

    fn run(&self, verb: &Verb) -> Outcome {
        self.sandbox.finish(Running::start(&mut self.command(verb)), LIMIT)
    }

    /// What is there, and how many savepoints it took.
    fn state(&self) -> (Vec<String>, usize) {
        (inventory(&self.sandbox), self.proxy.savepoints())
    }
}

/// The storage class is the sandbox's own.
fn arguments(sandbox: &Sandbox, command: &[&str]) -> Vec<String> {
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    command.iter().map(|word| word.replace("STORAGE", &storage)).collect()
}

/// A fixed time, so that records are alike, and a second of patience with the silent.
fn with_test_settings(mut command: Command) -> Command {
    command.env("KUBECTL_FLINK_TEST_NOW", "2026-01-01T00:00:00Z");
    command.env("KUBECTL_FLINK_TEST_LEASE", "1");
    command
}

/// One disturbance: what came of it, when it is not what an undisturbed run leaves.
fn disturb(verb: &Verb, cut: Cut, expected: &(Vec<String>, usize)) -> Result<(), String> {
    let place = Place::new(verb);
    place.proxy.cut(cut);
    let mut running = Running::start(&mut place.command(verb));
    if let Cut::Freeze(_) = cut {
        eventually("the call to die at", LIMIT, || {
            (place.proxy.has_stopped() || running.has_ended()).then_some(())
        });
        running.kill();
    }
    let first = place.sandbox.finish(running, LIMIT);
    place.proxy.thaw();
    let done = place.state() == *expected;
    // Once all is done, the same command begins something new, which this is not about.
    let again = (first.code != 0 && !done).then(|| place.run(verb));
    if let Some(again) = &again
        && again.code != 0
    {
        return Err(format!("{cut:?}\n---- first run\n{first}\n---- the same again\n{again}"));
    }
    let (objects, savepoints) = place.state();
    let missing: Vec<_> = expected.0.iter().filter(|object| !objects.contains(object)).collect();
    let strange: Vec<_> = objects.iter().filter(|object| !expected.0.contains(object)).collect();
    if missing.is_empty() && strange.is_empty() && savepoints == expected.1 {
        return Ok(());
    }
    Err(format!(
        "{cut:?}: {savepoints} savepoints\nmissing {missing:#?}\nstrange {strange:#?}\n---- first run\n{first}\n---- the same again\n{again:?}"
    ))
}

/// Kills the verb after every call, and cuts every call that writes before and after it was carried out.
///
/// What was done, for the table of faults.
fn everywhere(verb: &Verb) -> String {
    let place = Place::new(verb);
    place.proxy.cut(Cut::None);
    let undisturbed = place.run(verb);
    undisturbed.success();
    let (calls, expected) = (place.proxy.calls(), place.state());
    let record = |object: &String| object.contains("orders-operation");
    assert!(!expected.0.iter().any(record), "a record was left\n{undisturbed}");

    let mut cuts: Vec<Cut> = (0..calls.len()).map(Cut::Freeze).collect();
    let writes = calls.iter().enumerate().filter(|(_, call)| !call.starts_with("GET "));
    cuts.extend(writes.flat_map(|(i, _)| [Cut::Before(i), Cut::After(i)]));
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(why) = disturb(verb, *cut, &expected) {
                        failed.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let numbered = calls.iter().enumerate().map(|(i, call)| format!("{i} {call}\n"));
    assert!(
        failed.is_empty(),
        "{} of {} cut points left something else:\n{}\n---- calls\n{}",
        failed.len(),
        cuts.len(),
        failed.join("\n\n"),
        numbered.collect::<String>(),
    );
    format!("the same state after each of {} cut points in {} calls", cuts.len(), calls.len())
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn deploy_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[],
        command: &["deploy", "orders", JAR, "STORAGE", "--no-wait"],
        job: false,
    });
    fault::seen(2, "deploy", done);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn delete_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[&["deploy", "orders", JAR, "STORAGE", "--no-wait"]],
        command: &["delete", "orders"],
        job: false,
    });
    fault::seen(2, "delete", done);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn stop_survives_a_kill_at_every_call_and_takes_one_savepoint() {
    let done = everywhere(&Verb {
        before: &[&["deploy", "orders", JAR, "STORAGE", "--no-wait"]],
        // A stop whose answer is lost looks for the savepoint through a pod, which never comes here.
        command: &["stop", "orders", "--timeout=8s"],
        job: true,
    });
    fault::seen(2, "stop", done);
}
