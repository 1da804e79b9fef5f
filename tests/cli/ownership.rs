//! Objects, and fields of objects, that somebody else manages: never overwritten silently, shown as drift, set back by
//! `deploy`, and left alone by `delete` once they are somebody else's.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::Role;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::{Cut, Flink, Outcome, Proxy, Running, Sandbox, eventually, inventory};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
const LIMIT: Duration = Duration::from_secs(60);
const TASKMANAGER: &str = "orders-g1-taskmanager";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    sandbox
}

/// Deploys `orders` without waiting for what cannot come.
fn deploy(sandbox: &Sandbox, flags: &[&str]) -> Outcome {
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    sandbox.run(&[&["deploy", "orders", JAR, &storage, "--no-wait"], flags].concat())
}

/// Somebody else declares that nobody may do anything with ConfigMaps, by server-side apply.
fn declare_role(sandbox: &Sandbox, manager: &str) {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "orders"}, "rules": []});
    let api = sandbox.cluster.api::<Role>(&sandbox.namespace);
    let params = PatchParams::apply(manager).force();
    sandbox.cluster.wait(api.patch("orders", &params, &Patch::Apply(&role))).unwrap();
}

/// Somebody changes a Deployment by hand, if it is still there.
fn edit(sandbox: &Sandbox, name: &str, patch: &Value) -> bool {
    let api = sandbox.cluster.api::<Deployment>(&sandbox.namespace);
    let params =
        PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    sandbox.cluster.wait(api.patch(name, &params, &Patch::Strategic(patch))).is_ok()
}

fn rules(sandbox: &Sandbox) -> usize {
    let role =
        sandbox.cluster.get(&sandbox.cluster.api::<Role>(&sandbox.namespace), "orders").unwrap();
    role.rules.map_or(0, |rules| rules.len())
}

fn status(sandbox: &Sandbox) -> Value {
    let outcome = sandbox.run(&["status", "orders", "-o", "json"]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}\n{outcome}"))
}

/// The drift that `status` tells, as `change object field manager`.
fn drift(sandbox: &Sandbox) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |drift: &Value| {
        ["change", "object", "field", "manager"].map(|key| text(&drift[key])).join(" ")
    };
    status(sandbox)["drift"].as_array().unwrap().iter().map(line).collect()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_object_of_somebody_else_is_named_before_anything_is_written() {
    let sandbox = sandbox();
    let accounts = sandbox.cluster.api::<ServiceAccount>(&sandbox.namespace);
    let labels = json!({"app.kubernetes.io/managed-by": "Helm"});
    sandbox.cluster.create(&accounts, json!({"metadata": {"name": "orders", "labels": labels}}));
    let before = inventory(&sandbox);
    for flags in [&[][..], &["--force-conflicts"]] {
        deploy(&sandbox, flags).fails(
            4,
            &[
                "serviceaccount/orders exists already and belongs to Helm, so nothing was written",
                "Choose another name",
            ],
        );
    }
    assert_eq!(inventory(&sandbox), before, "something was written");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_field_that_somebody_declares_is_taken_over_only_when_told_to() {
    let sandbox = sandbox();
    let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
    let through = format!("--server=http://{}", proxy.address);
    deploy(&sandbox, &[]).success();
    declare_role(&sandbox, "argocd");
    let before = inventory(&sandbox);
    deploy(&sandbox, &[&through]).fails(
        4,
        &[
            "somebody else manages what deploy would change, so nothing was written: role/orders .rules (owned by argocd)",
            "--force-conflicts",
        ],
    );
    assert_eq!((inventory(&sandbox), rules(&sandbox)), (before, 0), "something was written");
    let taken = deploy(&sandbox, &[&through, "--force-conflicts"]);
    taken.success();
    assert!(
        taken.stderr.contains("set back: role/orders: .rules was removed by argocd"),
        "{taken}"
    );
    assert_eq!(rules(&sandbox), 1);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn what_was_changed_by_hand_is_shown_and_the_same_deploy_sets_it_back() {
    let sandbox = sandbox();
    let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
    let through = format!("--server=http://{}", proxy.address);
    deploy(&sandbox, &[]).success();
    assert_eq!(drift(&sandbox), [""; 0]);

    let container =
        json!({"name": "flink-main-container", "env": [{"name": "FOO", "value": "bar"}]});
    assert!(edit(
        &sandbox,
        TASKMANAGER,
        &json!({"spec": {"replicas": 3, "template": {"spec": {"containers": [container]}}}}),
    ));
    let budgets = sandbox.cluster.api::<PodDisruptionBudget>(&sandbox.namespace);
    sandbox.cluster.delete(&budgets, "orders-g1");
    assert_eq!(
        drift(&sandbox),
        [
            "changed deployment/orders-g1-taskmanager .spec.replicas kubectl-edit",
            "added deployment/orders-g1-taskmanager .spec.template.spec.containers[name=flink-main-container].env[name=FOO] kubectl-edit",
            "missing poddisruptionbudget/orders-g1 - -",
        ]
    );
    let shown = sandbox.run(&["status", "orders"]).stdout;
    assert!(
        shown.contains(
            "deployment/orders-g1-taskmanager: .spec.replicas is 3 instead of 1, changed by kubectl-edit"
        ),
        "{shown}"
    );

    let repaired = deploy(&sandbox, &[&through]);
    assert!(repaired.success().contains("application/orders repaired"), "{repaired}");
    assert!(
        repaired.stderr.contains("set back: poddisruptionbudget/orders-g1 is gone"),
        "{repaired}"
    );
    assert_eq!(drift(&sandbox), [""; 0], "{repaired}");

    // Nothing is left to do, and nothing is written.
    proxy.cut(Cut::None);
    let again = deploy(&sandbox, &[&through]);
    assert!(again.success().contains("application/orders unchanged"), "{again}");
    let writes: Vec<_> =
        proxy.calls().into_iter().filter(|call| !call.starts_with("GET ")).collect();
    assert_eq!(writes, [""; 0]);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_delete_leaves_alone_what_became_somebody_elses_meanwhile() {
    for (patch, survivors) in [
        (json!({"metadata": {"annotations": {"seen": "yes"}}}), 0),
        (json!({"metadata": {"labels": {"kubectl-flink.io/application": "payments"}}}), 1),
    ] {
        let sandbox = sandbox();
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), None);
        deploy(&sandbox, &[]).success();
        proxy.cut(Cut::PauseAt("DELETE /apis/apps/v1"));
        let through = format!("--server=http://{}", proxy.address);
        let running = Running::start(&mut sandbox.command(&["delete", "orders", &through]));
        eventually("the delete to come", LIMIT, || proxy.has_stopped().then_some(()));
        let deployments = sandbox.cluster.api::<Deployment>(&sandbox.namespace);
        for deployment in sandbox.cluster.list(&deployments, "") {
            // The other one of the two may be gone by now.
            edit(&sandbox, deployment.metadata.name.as_deref().unwrap(), &patch);
        }
        proxy.thaw();
        let outcome = sandbox.finish(running, LIMIT);
        match survivors {
            0 => drop(outcome.success()),
            _ => outcome.fails(
                4,
                &["failed to delete Deployment", "it belongs to application payments by now"],
            ),
        }
        let left = sandbox.cluster.list(&deployments, "").len();
        assert!(left >= survivors && left <= 2 * survivors, "{left} are left\n{outcome}");
        let record = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
        assert!(sandbox.cluster.get(&record, "orders-operation").is_none(), "{outcome}");
    }
}
