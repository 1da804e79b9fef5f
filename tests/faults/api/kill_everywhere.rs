//! A verb is killed, or cut off from the API server, at every single call that changes something; the same command
//! again must come to exactly the state that an undisturbed run leaves. A kill after a read leaves what the call before
//! it left. At every fourth call a different command comes first once, and the way back is taken once. Of the verbs
//! that share most of their calls, only some are cut in all of the three ways at each; the others in one of them, in turn.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regex_lite::Regex;

use super::scene::JAR;
use crate::support::{Cut, Flink, Outcome, Proxy, Running, Sandbox, eventually, fault, inventory};

const LIMIT: Duration = Duration::from_secs(180);
/// Runs at the same time; each has a namespace of its own.
const WORKERS: usize = 4;

/// A verb under test.
struct Verb {
    /// What is there before: these commands are run undisturbed.
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
    /// A different command.
    other: &'static [&'static str],
    /// Whether it has a record, so that it is gone on with. What has none begins anew, and takes another savepoint.
    recorded: bool,
    /// In how many of the three ways each call is cut off: in all, or in one of them, in turn. The calls that start
    /// a generation are the same in several verbs.
    ways: usize,
}

const DEPLOY: &[&str] = &["deploy", "orders", JAR, "STORAGE", "--no-wait"];
const UPGRADE: &[&str] = &["deploy", "orders", JAR, "STORAGE", "--parallelism=2"];

/// What comes after the kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The same command.
    Same,
    /// A different one, and then the same.
    Other,
    /// The way back; where there is none, the same command.
    Abort,
}

/// What is there, and how many savepoints were taken.
type State = (Vec<String>, usize);

/// A sandbox whose plugin talks to the API server through a proxy.
struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    fn new(verb: &Verb) -> Place {
        let sandbox = Sandbox::new();
        sandbox.storage_class("example.com/volumes");
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
        let place = Place { sandbox, proxy };
        for command in verb.before {
            place.run(command).success();
        }
        place
    }

    fn command(&self, command: &[&str]) -> Command {
        // The storage class is the sandbox's own.
        let storage = format!("--storage=pvc:1Gi,class={}", self.sandbox.namespace);
        let words: Vec<_> = command.iter().map(|word| word.replace("STORAGE", &storage)).collect();
        let mut command = self.sandbox.command(&words);
        command.arg(format!("--server=http://{}", self.proxy.address));
        // A fixed time, so that records are alike, and a second of patience with the silent.
        command.env("KUBECTL_FLINK_TEST_NOW", "2026-01-01T00:00:00Z");
        command.env("KUBECTL_FLINK_TEST_LEASE", "1");
        command
    }

    fn run(&self, command: &[&str]) -> Outcome {
        self.sandbox.finish(Running::start(&mut self.command(command)), LIMIT)
    }

    /// A helper pod of a run that died ends by itself, which `e2e::storage_access` shows on a real node.
    fn state(&self) -> State {
        let mut objects = inventory(&self.sandbox);
        objects.retain(|object| !object.contains(r#""app.kubernetes.io/component":"helper""#));
        (objects, self.proxy.savepoints())
    }

    fn has_record(&self) -> bool {
        self.state().0.iter().any(|object| object.contains("orders-operation"))
    }
}

/// What an undisturbed run finds, does and leaves.
struct Undisturbed {
    before: State,
    calls: Vec<String>,
    after: State,
}

impl Undisturbed {
    fn of(verb: &Verb) -> Undisturbed {
        let place = Place::new(verb);
        let before = place.state();
        place.proxy.cut(Cut::None);
        let run = place.run(verb.command);
        run.success();
        let calls = place.proxy.calls();
        assert!(!place.has_record(), "a record was left\n{run}");
        assert_eq!(place.proxy.flink(Flink::violations), [""; 0]);
        Undisturbed { before, calls, after: place.state() }
    }

    /// Whether this call may change something. What is killed after a read leaves what the call before it left.
    fn changes(&self, call: usize) -> bool {
        let call = &self.calls[call];
        let asks = call.contains("/selfsubject") || call.contains("dryRun=");
        !asks && (!call.starts_with("GET ") || call.contains("/exec"))
    }
}

/// Where one run is disturbed, and what comes after it.
type Point = (Cut, Then);

/// One disturbance: what came of it, when it is not what it should be.
fn disturb(verb: &Verb, (cut, then): Point, whole: &Undisturbed) -> Result<&'static str, String> {
    let place = Place::new(verb);
    place.proxy.cut(cut);
    let mut running = Running::start(&mut place.command(verb.command));
    if let Cut::Freeze(_) = cut {
        eventually("the call to die at", LIMIT, || {
            (place.proxy.has_stopped() || running.has_ended()).then_some(())
        });
        running.kill();
    }
    let first = place.sandbox.finish(running, LIMIT);
    place.proxy.thaw();
    let mut told = format!("---- first run\n{first}");
    let came = match then {
        Then::Same => same(verb, &place, first.code == 0, whole, &mut told),
        Then::Other => other(verb, &place, whole, &mut told),
        Then::Abort => abort(verb, &place, whole, &mut told),
    };
    let violations = place.proxy.flink(Flink::violations);
    match came {
        Ok(what) if violations.is_empty() => Ok(what),
        came => Err(format!("{cut:?} {then:?}: {came:?} {violations:?}\n{told}")),
    }
}

fn same(
    verb: &Verb,
    place: &Place,
    succeeded: bool,
    whole: &Undisturbed,
    told: &mut String,
) -> Result<&'static str, String> {
    let done = place.state() == whole.after;
    // Once all is done, the same command begins something new, which this is not about.
    if !verb.recorded || (!succeeded && !done) {
        let again = place.run(verb.command);
        told.push_str(&format!("---- the same again\n{again}"));
        if again.code != 0 {
            return Err("the same command again failed".to_owned());
        }
    }
    let (objects, savepoints) = &whole.after;
    let expected = match verb.recorded {
        false if done => (objects.clone(), savepoints + 1),
        _ => (objects.clone(), *savepoints),
    };
    differs(&place.state(), &expected).map_or(Ok("finished"), Err)
}

/// A different command is refused and changes nothing, or there was nothing unfinished and it does its own work.
fn other(
    verb: &Verb,
    place: &Place,
    whole: &Undisturbed,
    told: &mut String,
) -> Result<&'static str, String> {
    // What was on its way when the client was killed arrives first.
    let before = eventually("what was sent to arrive", LIMIT, || {
        let state = place.state();
        std::thread::sleep(Duration::from_millis(300));
        (place.state() == state).then_some(state)
    });
    let unfinished = place.has_record();
    let other = place.run(verb.other);
    told.push_str(&format!("---- a different one\n{other}"));
    match (unfinished, other.code) {
        (true, 4) => {
            let named = other.stderr.contains("is not finished");
            if let Some(what) = differs(&place.state(), &before).filter(|_| named) {
                return Err(format!("refused, and yet: {what}"));
            }
            same(verb, place, false, whole, told).map(|_| "refused")
        }
        // Some of these commands make no sense before the verb, or after it.
        (false, 0 | 3 | 4) if !place.has_record() => Ok("not begun"),
        (_, code) => Err(format!("exit {code}")),
    }
}

/// What is given up leaves what was there before, or the same spec as a further generation, and nothing else.
fn abort(
    verb: &Verb,
    place: &Place,
    whole: &Undisturbed,
    told: &mut String,
) -> Result<&'static str, String> {
    let unfinished = place.has_record();
    let abort = place.run(&["operation", "abort", "orders"]);
    told.push_str(&format!("---- abort\n{abort}"));
    match (unfinished, abort.code) {
        (false, 3) => Ok("not begun"),
        (true, 4) => same(verb, place, false, whole, told).map(|_| "only forward"),
        (true, 0) if place.has_record() => Err("a record is left".to_owned()),
        (true, 0) => {
            let mut now = place.state();
            let is_kind = |object: &str, kind| object.contains(&format!(r#""kind":"{kind}""#));
            let mut undone = whole.before.clone();
            // What a first deploy makes of storage stays, as it does in delete; so does the record of a further
            // generation that was given up.
            let stays = match undone.0.is_empty() {
                true => "PersistentVolumeClaim",
                false => "ControllerRevision",
            };
            undone.0.retain(|object| !is_kind(object, stays));
            undone.0.extend(now.0.iter().filter(|object| is_kind(object, stays)).cloned());
            // What is started later goes on from where the one that was given up got to.
            let got_to = Regex::new(r#","kubectl-flink.io/snapshot":"[^"]*""#).unwrap();
            if now.0.iter().any(|object| {
                got_to.find(object).is_some_and(|m| m.as_str().contains("/checkpoints/"))
            }) {
                for object in now.0.iter_mut().chain(&mut undone.0) {
                    *object = got_to.replace_all(object, "").into_owned();
                }
            }
            if differs(&now, &undone).is_none() {
                return Ok("undone");
            }
            let (jobs, kinds) = (place.proxy.flink(Flink::states), kinds(&now.0));
            let runs = jobs == ["RUNNING"] && kinds == self::kinds(&whole.before.0);
            let how = format!("{jobs:?} {kinds:?} {:?}", differs(&now, &undone));
            runs.then_some("came back").ok_or(how)
        }
        (_, code) => Err(format!("exit {code}")),
    }
}

/// How many there are of each kind, but for the records of generations.
fn kinds(objects: &[String]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for object in objects {
        let object: serde_json::Value = serde_json::from_str(object).unwrap();
        *kinds.entry(object["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    kinds.remove("ControllerRevision");
    kinds
}

fn differs((objects, savepoints): &State, expected: &State) -> Option<String> {
    let missing: Vec<_> = expected.0.iter().filter(|object| !objects.contains(object)).collect();
    let strange: Vec<_> = objects.iter().filter(|object| !expected.0.contains(object)).collect();
    if missing.is_empty() && strange.is_empty() && *savepoints == expected.1 {
        return None;
    }
    Some(format!("{savepoints} savepoints\nmissing {missing:#?}\nstrange {strange:#?}"))
}

/// Kills the verb after every call that writes, and cuts each before and after it was carried out.
///
/// What was done, for the table of faults.
fn everywhere(verb: &Verb) -> String {
    let whole = Undisturbed::of(verb);
    let calls = whole.calls.len();
    let writes: Vec<usize> = (0..calls).filter(|call| whole.changes(*call)).collect();
    let cuts = writes.iter().enumerate().flat_map(|(turn, &i)| {
        let mut all = [Cut::Freeze(i), Cut::Before(i), Cut::After(i)];
        all.rotate_left(turn % 3);
        all.into_iter().take(verb.ways)
    });
    let recorded = || writes.iter().filter(|_| verb.recorded);
    let others = recorded().step_by(4).map(|&i| (Cut::Freeze(i), Then::Other));
    let ways = recorded().skip(2).step_by(4).map(|&i| (Cut::Freeze(i), Then::Abort));
    let points: Vec<Point> = cuts.map(|cut| (cut, Then::Same)).chain(others).chain(ways).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let came = Mutex::new(BTreeMap::<&str, usize>::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                    match disturb(verb, *point, &whole) {
                        Ok(what) => *came.lock().unwrap().entry(what).or_default() += 1,
                        Err(why) => failed.lock().unwrap().push(why),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let numbered = whole.calls.iter().enumerate().map(|(i, call)| format!("{i} {call}\n"));
    assert!(
        failed.is_empty(),
        "{} of {} cut points left something else:\n{}\n---- calls\n{}",
        failed.len(),
        points.len(),
        failed.join("\n\n"),
        numbered.collect::<String>(),
    );
    eprintln!("{:?}: {:?}", verb.command, came.lock().unwrap());
    let count = |which| points.iter().filter(|(_, then)| *then == which).count();
    let (same, other, back) = (count(Then::Same), count(Then::Other), count(Then::Abort));
    let mut told = format!("the same state after each of {same} cut points in {calls} calls");
    if verb.recorded {
        told.push_str(&format!(
            ", {other} times with a different command between; and {back} times the way back"
        ));
    }
    told
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn deploy_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[],
        command: DEPLOY,
        other: &["delete", "orders"],
        recorded: true,
        ways: 3,
    });
    fault::seen(2, "deploy", done);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn an_upgrade_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[DEPLOY],
        command: UPGRADE,
        other: &["stop", "orders"],
        recorded: true,
        ways: 1,
    });
    fault::seen(2, "deploy", format!("an upgrade: {done}"));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn delete_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[DEPLOY],
        command: &["delete", "orders"],
        other: &["stop", "orders"],
        recorded: true,
        ways: 3,
    });
    fault::seen(2, "delete", done);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn stop_survives_a_kill_at_every_call_and_takes_one_savepoint() {
    let done = everywhere(&Verb {
        before: &[DEPLOY],
        command: &["stop", "orders"],
        other: UPGRADE,
        recorded: true,
        ways: 3,
    });
    fault::seen(2, "stop", done);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn start_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[DEPLOY, &["stop", "orders"]],
        command: &["start", "orders"],
        other: &["delete", "orders"],
        recorded: true,
        ways: 1,
    });
    fault::seen(2, "start", done);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn restore_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[DEPLOY, &["savepoint", "orders"]],
        command: &["restore", "orders"],
        other: &["stop", "orders"],
        recorded: true,
        ways: 1,
    });
    fault::seen(2, "restore", done);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn savepoint_survives_a_kill_at_every_call() {
    let done = everywhere(&Verb {
        before: &[DEPLOY],
        command: &["savepoint", "orders"],
        other: &[],
        recorded: false,
        ways: 3,
    });
    fault::seen(2, "savepoint", done);
}
