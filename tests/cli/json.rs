//! `-o json` of every command is one document, the one that `docs/json.md` describes, and nothing else.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Cut, Flink, Outcome, Proxy, Running, Sandbox, eventually, schema};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
const DEPLOY: &[&str] = &["deploy", "orders", JAR, "STORAGE", "--no-wait"];
const LIMIT: Duration = Duration::from_secs(60);

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

    fn command(&self, words: &[&str], format: &str) -> Command {
        let storage = format!("pvc:1Gi,class={}", self.sandbox.namespace);
        let flag = format!("--storage={storage}");
        let fill = |word: &&str| word.replace("STORAGE", &flag).replace("VOLUME", &storage);
        let words: Vec<String> = words.iter().map(fill).collect();
        let mut command = self.sandbox.command(&words);
        command.arg(format!("--server=http://{}", self.proxy.address)).args(["-o", format]);
        command.env("KUBECTL_FLINK_TEST_LEASE", "1");
        command
    }

    fn run(&self, words: &[&str], format: &str) -> Outcome {
        self.sandbox.start(&mut self.command(words, format))
    }

    /// Runs a command that prints a document of this type.
    #[track_caller]
    fn prints(&self, words: &[&str], name: &str) -> Value {
        let outcome = self.run(words, "json");
        let document = serde_json::from_str(&outcome.success());
        let document = document.unwrap_or_else(|e| panic!("{words:?}: {e}\n{outcome}"));
        schema::holds(name, &document);
        document
    }

    /// Runs a command that is killed at this call.
    fn killed(&self, words: &[&str], call: &'static str) {
        self.proxy.cut(Cut::FreezeAt(call));
        let mut running = Running::start(&mut self.command(words, "json"));
        eventually("the call to die at", LIMIT, || self.proxy.has_stopped().then_some(()));
        running.kill();
        drop(running);
        self.proxy.thaw();
        self.proxy.cut(Cut::None);
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn every_command_prints_the_document_it_promises() {
    let place = Place::new();
    place.prints(&["version"], "VersionView");
    place.prints(&["version", "--client"], "VersionView");
    place.prints(&["list"], "ApplicationList");
    let plan = place.prints(&[DEPLOY, &["--dry-run=server"]].concat(), "PlanView");
    let made = place.prints(DEPLOY, "OutcomeView");
    assert_eq!((&made["outcome"], &made["outcome"]), (&"created".into(), &plan["outcome"]));
    assert_eq!(place.prints(DEPLOY, "OutcomeView")["outcome"], "unchanged");
    let list = place.prints(&["list"], "ApplicationList");
    assert_eq!(list["items"][0]["state"], "RUNNING");
    let status = place.prints(&["status", "orders"], "StatusView");
    assert!(status["job"].is_object(), "{status:#}");
    let saved = place.prints(&["savepoint", "orders"], "OutcomeView");
    let path = saved["snapshot"].as_str().expect("a path");
    assert!(path.starts_with("file:///"), "{saved:#}");
    place.prints(&["checkpoint", "orders"], "OutcomeView");
    let begun = place.prints(&["savepoint", "orders", "--no-wait"], "OutcomeView");
    assert!(begun["snapshot"].is_null() && begun["operation"].is_string(), "{begun:#}");
    place.prints(&["storage", "list"], "StorageList");
    place.prints(&["storage", "describe", "orders-state"], "StorageView");
    place.prints(&["operation", "list"], "OperationList");
    place.prints(&["stop", "orders", "--dry-run=client"], "PlanView");
    let stopped = place.prints(&["stop", "orders"], "OutcomeView");
    assert_eq!((&stopped["outcome"], &stopped["generation"]), (&"stopped".into(), &1.into()));
    let again = place.prints(&["stop", "orders"], "OutcomeView");
    assert_eq!(
        (&again["outcome"], &again["snapshot"]),
        (&"unchanged".into(), &stopped["snapshot"])
    );
    let deleted = place.prints(&["delete", "orders"], "OutcomeView");
    assert_eq!(deleted["snapshot"], stopped["snapshot"], "what is kept");
    place.prints(&["storage", "create", "shared", "VOLUME", "--dry-run=client"], "PlanView");
    place.prints(&["storage", "create", "shared", "VOLUME"], "OutcomeView");
    place.prints(&["storage", "delete", "shared", "-y", "--no-wait"], "OutcomeView");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_operation_that_was_left_is_shown_finished_and_undone_as_data() {
    let place = Place::new();
    place.killed(DEPLOY, "PATCH ");
    let list = place.prints(&["operation", "list"], "OperationList");
    assert_eq!(list["items"][0]["application"], "orders");
    place.prints(&["operation", "show", "orders"], "OperationView");
    let done = place.prints(&["operation", "resume", "orders"], "OutcomeView");
    assert_eq!(
        (&done["outcome"], &done["target"]),
        (&"created".into(), &"application/orders".into())
    );
    let place = Place::new();
    place.killed(DEPLOY, "PATCH ");
    let undone = place.prints(&["operation", "abort", "orders"], "OutcomeView");
    assert_eq!(undone["outcome"], "aborted");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn yaml_is_the_same_document_and_names_can_be_handed_on() {
    let place = Place::new();
    assert_eq!(place.run(DEPLOY, "name").success(), "application/orders\n");
    for words in [&["list"][..], &["status", "orders"], &["storage", "list"]] {
        let yaml = place.run(words, "yaml").success();
        let yaml: Value = kubectl_flink::yaml::from_str(&yaml, "the answer").unwrap();
        let json: Value = serde_json::from_str(&place.run(words, "json").success()).unwrap();
        assert_eq!(yaml, json, "{words:?}");
    }
    let path = place.run(&["savepoint", "orders"], "jsonpath={.snapshot}").success();
    assert!(path.starts_with("file:///") && !path.contains('\n'), "{path:?}");
    assert_eq!(place.run(&["stop", "orders"], "jsonpath={.outcome}").success(), "stopped");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn several_documents_are_one_answer_also_when_one_of_them_fails() {
    let place = Place::new();
    let storage = format!("pvc:1Gi,class={}", place.sandbox.namespace);
    let document = |name: &str, storage: &str| {
        format!(
            "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata:\n  name: {name}\n  annotations: {{kubectl-flink.io/storage: '{storage}'}}\nspec:\n  flinkVersion: v2_3\n  job: {{jarURI: local:///opt/flink/examples/x.jar}}\n"
        )
    };
    let all = [("a", &*storage), ("b", &storage), ("c", "pvc:1Gi,class=none")];
    let all = all.map(|(name, storage)| document(name, storage)).join("---\n");
    place.sandbox.write("all.yaml", all);
    let outcome = place.run(&["deploy", "-f", "all.yaml", "--no-wait"], "json");
    assert_eq!(outcome.code, 8, "{outcome}");
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let items = answer["items"].as_array().expect("items");
    assert_eq!(items.len(), 2, "{outcome}");
    items.iter().for_each(|item| schema::holds("OutcomeView", item));
}
