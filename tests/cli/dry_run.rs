//! `--dry-run` of every verb that changes something: the plan that would run, and every object before and after.

use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, LimitRange, ResourceQuota};
use serde_json::{Value, json};

use crate::support::{Cut, Flink, Outcome, Proxy, Running, Sandbox, eventually, inventory};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
const LIMIT: Duration = Duration::from_secs(60);

/// A sandbox whose plugin talks to the API server through a proxy, with a job that runs.
struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    fn new() -> Place {
        let sandbox = Sandbox::new();
        sandbox.storage_class("example.com/volumes");
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
        Place { sandbox, proxy }
    }

    /// The command, always under the same operation id and at the same time.
    fn command(&self, args: &[&str]) -> Command {
        let storage = format!("--storage=pvc:1Gi,class={}", self.sandbox.namespace);
        let mut command = self.sandbox.command(args);
        if args[0] == "deploy" {
            command.args([JAR, &storage]);
        }
        command.arg(format!("--server=http://{}", self.proxy.address));
        command.env("KUBECTL_FLINK_TEST_SEED", "7").env("KUBECTL_FLINK_TEST_LEASE", "1");
        command.env("KUBECTL_FLINK_TEST_NOW", "2026-01-01T00:00:00Z");
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.sandbox.start(&mut self.command(args))
    }

    /// A run that must change nothing, and write nothing but what the API server forgets at once.
    fn dry(&self, args: &[&str]) -> Outcome {
        let before = inventory(&self.sandbox);
        self.proxy.cut(Cut::None);
        let outcome = self.run(args);
        outcome.success();
        let harmless =
            ["GET ", "POST /apis/authorization.k8s.io/", "POST /apis/authentication.k8s.io/"];
        // The client says in the body of a DELETE that it is a dry run; that nothing is gone is seen below.
        let is_write = |call: &String| {
            !harmless.iter().any(|start| call.starts_with(start))
                && !call.contains("dryRun=All")
                && !call.starts_with("DELETE ")
        };
        let writes: Vec<_> = self.proxy.calls().into_iter().filter(is_write).collect();
        assert_eq!(writes, [""; 0], "{outcome}");
        assert_eq!(inventory(&self.sandbox), before, "{outcome}");
        outcome
    }

    /// The plan that a run of this command keeps in the cluster; the run is killed then.
    fn recorded(&self, args: &[&str]) -> Value {
        self.proxy.cut(Cut::FreezeAt("POST /apis/coordination.k8s.io/"));
        let mut running = Running::start(&mut self.command(args));
        eventually("the record", LIMIT, || self.proxy.has_stopped().then_some(()));
        running.kill();
        let killed = self.sandbox.finish(running, LIMIT);
        assert_eq!(killed.code, -1, "{killed}");
        self.proxy.thaw();
        let api = self.sandbox.cluster.api::<ConfigMap>(&self.sandbox.namespace);
        let record = self.sandbox.cluster.get(&api, "orders-operation").expect("a record");
        let record: Value = serde_json::from_str(&record.data.unwrap()["operation.json"]).unwrap();
        record["plan"].clone()
    }
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}\n{outcome}"))
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn the_plan_that_is_shown_is_the_one_that_runs() {
    let place = Place::new();
    for (command, then) in [
        (&["deploy", "orders", "--no-wait"][..], &["deploy", "orders", "--no-wait"][..]),
        (&["stop", "orders"], &["stop", "orders"]),
        (&["start", "orders"], &["operation", "abort", "orders"]),
        (&["delete", "orders"], &["delete", "orders"]),
    ] {
        let dry = place.dry(&[command, &["--dry-run=server", "-o", "json"]].concat());
        let dry = json(&dry);
        let shown = dry["plan"].clone();
        let steps = |of: &Value| of["steps"].as_array().expect("steps").len();
        assert_eq!(steps(&dry), steps(&shown), "a line for each step of {shown:#}");
        assert_eq!(shown, place.recorded(command), "{command:?}");
        place.run(then).success();
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn every_object_is_shown_as_it_is_and_as_it_would_be() {
    let place = Place::new();
    let new = place.dry(&["deploy", "orders", "--dry-run=client"]).stdout;
    for part in [
        "2. start generation 1 from empty state\n",
        "--- /dev/null\n+++ persistentvolumeclaim/orders-state\n",
        "+++ deployment/orders-g1-taskmanager\n",
        "+  replicas: 1\n",
        "\napplication/orders created (dry run)\n",
    ] {
        assert!(new.contains(part), "{part:?} is missing\n{new}");
    }
    let default = "terminationMessagePath";
    assert!(!new.contains(default), "what the API server adds is not ours\n{new}");
    let server = place.dry(&["deploy", "orders", "--dry-run=server"]).stdout;
    assert!(server.contains(default) && server.contains("(server dry run)"), "{server}");

    place.run(&["deploy", "orders", "--no-wait"]).success();
    for by in ["client", "server"] {
        let mode = format!("--dry-run={by}");
        let upgrade = place.dry(&["deploy", "orders", "--parallelism=2", &mode]).stdout;
        let changed =
            "--- deployment/orders-g1-taskmanager\n+++ deployment/orders-g2-taskmanager\n";
        assert!(upgrade.contains(changed), "{upgrade}");
        assert!(upgrade.contains("-  replicas: 1\n+  replicas: 2\n"), "{upgrade}");
        assert!(!upgrade.contains(default), "what stays the same is no difference\n{upgrade}");
        let unchanged = place.dry(&["deploy", "orders", &mode]).stdout;
        assert!(
            unchanged.starts_with("nothing to do\napplication/orders unchanged"),
            "{unchanged}"
        );
    }
    let stop = place.dry(&["stop", "orders", "--dry-run=client"]).stdout;
    assert!(stop.contains("-  replicas: 1\n+  replicas: 0\n"), "{stop}");
    assert!(stop.contains("+    kubectl-flink.io/run: stopped\n"), "{stop}");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn the_plan_as_data_says_what_each_step_writes_proves_and_undoes() {
    let place = Place::new();
    place.run(&["deploy", "orders", "--no-wait"]).success();
    let plan = json(&place.dry(&["delete", "orders", "--dry-run=client", "-o", "json"]));
    assert_eq!((&plan["dryRun"], &plan["outcome"]), (&json!("client"), &json!("deleted")));
    let steps = plan["steps"].as_array().unwrap();
    let retire =
        steps.iter().find(|step| step["does"] == "delete the objects of generation 1").unwrap();
    assert!(
        retire["writes"].as_array().unwrap().contains(&json!("deployment/orders-g1-jobmanager"))
    );
    assert!(retire["undo"].as_str().unwrap().starts_with("cannot be undone"), "{retire}");
    assert_eq!(retire["proves"], "they are deleted, and the pods are gone");
    let changes = plan["changes"].as_array().unwrap();
    assert!(changes.iter().all(|change| change["action"] == "delete"), "{changes:#?}");
    let objects: Vec<_> = changes.iter().map(|change| change["object"].as_str().unwrap()).collect();
    assert!(objects.contains(&"service/orders-rest"), "{objects:?}");
    assert!(!objects.contains(&"persistentvolumeclaim/orders-state"), "{objects:?}");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn secrets_are_never_shown() {
    let place = Place::new();
    let flags = [
        "deploy",
        "orders",
        "--set=s3.secret-key=hunter22hunter",
        "--env=DB_PASSWORD=correcthorse",
    ];
    for more in
        [&["--dry-run=client"][..], &["--dry-run=server"], &["--dry-run=server", "-o", "json"]]
    {
        let outcome = place.dry(&[&flags[..], more].concat());
        assert!(outcome.stdout.contains("*** (1)"), "{outcome}");
        for secret in ["hunter22", "correcthorse"] {
            assert!(!outcome.stdout.contains(secret), "{outcome}");
        }
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn claims_are_shown_before_they_are_made_and_deleted() {
    let place = Place::new();
    let storage = format!("pvc:1Gi,class={}", place.sandbox.namespace);
    for by in ["--dry-run=client", "--dry-run=server"] {
        let create = place.dry(&["storage", "create", "shared", &storage, by]).stdout;
        assert!(create.contains("--- /dev/null\n+++ persistentvolumeclaim/shared\n"), "{create}");
        assert!(create.contains("persistentvolumeclaim/shared created ("), "{create}");
    }
    place.run(&["storage", "create", "shared", &storage]).success();
    let delete = place.dry(&["storage", "delete", "shared", "--dry-run=server"]).stdout;
    assert!(delete.contains("--- persistentvolumeclaim/shared\n+++ /dev/null\n"), "{delete}");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_plan_that_cannot_finish_does_not_start() {
    let place = Place::new();
    let (cluster, namespace) = (&place.sandbox.cluster, place.sandbox.namespace.as_str());
    let quotas = cluster.api::<ResourceQuota>(namespace);
    let hard = json!({"pods": "1", "requests.memory": "20Gi"});
    cluster.create(&quotas, json!({"metadata": {"name": "team"}, "spec": {"hard": hard}}));
    let before = inventory(&place.sandbox);
    for dry in ["--dry-run=none", "--dry-run=server"] {
        place.run(&["deploy", "orders", "--no-wait", dry]).fails(
            8,
            &[
                "quota \"team\" allows 1 of pods, of which 0 are used, and 2 more are needed",
                "have the limit raised",
            ],
        );
    }
    assert_eq!(inventory(&place.sandbox), before, "something was written");

    cluster.delete(&quotas, "team");
    let limits = json!([{"type": "Container", "max": {"memory": "512Mi"}}]);
    cluster.create::<LimitRange>(
        &cluster.api(namespace),
        json!({"metadata": {"name": "small"}, "spec": {"limits": limits}}),
    );
    place
        .run(&["deploy", "orders", "--no-wait"])
        .fails(8, &["limit range \"small\" allows a Container at most 512Mi of memory"]);
    assert_eq!(inventory(&place.sandbox), before, "something was written");
}
