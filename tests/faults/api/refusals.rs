//! Clusters that refuse: policies, webhooks, quotas, permissions, credentials, somebody else's objects.

use std::process::Command;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Event, PersistentVolumeClaim, ResourceQuota, Service};
use k8s_openapi::api::rbac::v1::Role;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::scene::{
    JAR, LIMIT, WHOLE, deploy, deploy_through, kinds, patient, run, run_into, sandbox,
};
use crate::support::{Cut, Outcome, Proxy, Sandbox, Trouble, eventually, fault, inventory};

/// Whether the API server would create a Deployment now; policies and webhooks take effect a little later.
fn would_create(sandbox: &Sandbox) -> bool {
    let pod = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": pod});
    let probe = json!({"metadata": {"name": "probe"}, "spec": spec});
    let probe: Deployment = serde_json::from_value(probe).unwrap();
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let api = sandbox.cluster.api::<Deployment>(&sandbox.namespace);
    sandbox.cluster.wait(api.create(&dry, &probe)).is_ok()
}

fn wait_until_refused(sandbox: &Sandbox) {
    eventually("the refusal to take effect", LIMIT, || (!would_create(sandbox)).then_some(()));
}

/// Which objects of the namespace: Deployments.
fn rules(operations: &[&str]) -> Value {
    json!([{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": operations, "resources": ["deployments"]}])
}

fn selector(sandbox: &Sandbox) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}})
}

/// What is refused midway is told verbatim, and nothing is left unfinished.
fn refused(sandbox: &Sandbox, message: &str) -> Outcome {
    let outcome = sandbox.start(&mut deploy(sandbox, &[]));
    outcome.fails(8, &[message]);
    let record = |object: &String| object.contains("orders-operation");
    assert!(!inventory(sandbox).iter().any(record), "an intent is left\n{outcome}");
    outcome
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f13_a_policy_that_refuses_is_told_in_its_own_words() {
    let (sandbox, _proxy) = sandbox();
    let (cluster, name) = (&sandbox.cluster, sandbox.namespace.as_str());
    let policies = cluster.api_all::<ValidatingAdmissionPolicy>();
    let bindings = cluster.api_all::<ValidatingAdmissionPolicyBinding>();
    let message = "deployments need a cost centre";
    cluster.create(
        &policies,
        json!({"metadata": {"name": name}, "spec": {
            "matchConstraints": {"resourceRules": rules(&["CREATE"])},
            "validations": [{"expression": "'cost-centre' in object.metadata.labels", "message": message}],
        }}),
    );
    cluster.create(
        &bindings,
        json!({"metadata": {"name": name}, "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector(&sandbox)},
        }}),
    );
    wait_until_refused(&sandbox);
    let outcome = refused(&sandbox, message);
    cluster.delete(&bindings, name);
    cluster.delete(&policies, name);
    outcome.fails(8, &["ValidatingAdmissionPolicy"]);
    fault::seen(
        13,
        "deploy",
        format!("exit 8: the policy's message ({message}); no record is left"),
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f13_a_webhook_that_does_not_answer_is_named() {
    let (sandbox, _proxy) = sandbox();
    let (cluster, name) = (&sandbox.cluster, sandbox.namespace.as_str());
    let hooks = cluster.api_all::<ValidatingWebhookConfiguration>();
    cluster.create(
        &hooks,
        json!({"metadata": {"name": name}, "webhooks": [{
            "name": "cost.example.com",
            // Port 1 of the loopback interface: nobody listens there.
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": rules(&["CREATE"]),
            "namespaceSelector": selector(&sandbox),
            "failurePolicy": "Fail",
            "timeoutSeconds": 1,
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }]}),
    );
    wait_until_refused(&sandbox);
    let _ = refused(&sandbox, "failed calling webhook \"cost.example.com\"");
    cluster.delete(&hooks, name);
    fault::seen(
        13,
        "deploy",
        "exit 8: failed calling webhook \"cost.example.com\"; no record is left",
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f14_a_quota_for_claims_is_checked_before_anything_is_written() {
    let (sandbox, _proxy) = sandbox();
    let quotas = sandbox.cluster.api::<ResourceQuota>(&sandbox.namespace);
    let hard = json!({"persistentvolumeclaims": "0"});
    sandbox.cluster.create(&quotas, json!({"metadata": {"name": "q"}, "spec": {"hard": hard}}));
    let patch = Patch::Merge(json!({"status": {"hard": hard, "used": hard}}));
    sandbox.cluster.wait(quotas.patch_status("q", &PatchParams::default(), &patch)).unwrap();
    let outcome = sandbox.start(&mut deploy(&sandbox, &[]));
    outcome.fails(8, &["quota"]);
    assert_eq!(kinds(&sandbox), "", "something was written\n{outcome}");
    fault::seen(14, "deploy", fault::told(&outcome));
}

/// All that `deploy` needs, but not `verb` on Deployments.
fn rights(without: &str) -> Value {
    let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let rest: Vec<_> = all.into_iter().filter(|verb| *verb != without).collect();
    json!([
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": rest},
        {"apiGroups": ["apps"], "resources": ["controllerrevisions", "statefulsets", "replicasets"], "verbs": all},
        {"apiGroups": [""], "verbs": all, "resources": [
            "configmaps", "persistentvolumeclaims", "pods", "services", "serviceaccounts", "events", "resourcequotas",
        ]},
        {"apiGroups": ["coordination.k8s.io", "networking.k8s.io", "policy"], "resources": ["*"], "verbs": all},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": [
            "get", "list", "watch", "create", "update", "patch", "delete", "bind", "escalate",
        ]},
    ])
}

/// A deploy by a user whose rights are those of the role `narrow`.
fn deploy_as_narrow(sandbox: &Sandbox) -> Command {
    let mut command = deploy(sandbox, &[]);
    command.env("KUBECONFIG", sandbox.path("narrow"));
    command
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f15_a_missing_permission_is_named_before_anything_is_written() {
    let (sandbox, _proxy) = sandbox();
    sandbox.write_user("narrow", &rights("create"));
    let before = inventory(&sandbox);
    let outcome = sandbox.start(&mut deploy_as_narrow(&sandbox));
    outcome.fails(6, &["nothing was written: create deployments.apps"]);
    assert_eq!(inventory(&sandbox), before, "something was written\n{outcome}");
    fault::seen(
        15,
        "deploy",
        "exit 6 before anything is written: create deployments.apps is named",
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f15_a_permission_that_goes_midway_is_named_and_the_same_command_goes_on() {
    let (sandbox, _) = sandbox();
    sandbox.write_user("narrow", &rights("nothing"));
    // The proxy speaks for the user.
    let proxy = Proxy::start(&sandbox.path("narrow"), None);
    let first = run_into(&proxy, deploy_as_narrow(&sandbox), Cut::PauseAt("PATCH /apis/apps/v1"));
    let roles = sandbox.cluster.api::<Role>(&sandbox.namespace);
    let set = |rules: Value| {
        let patch = Patch::Merge(json!({"rules": rules}));
        sandbox.cluster.wait(roles.patch("narrow", &PatchParams::default(), &patch)).unwrap();
    };
    set(rights("patch"));
    // The authorizer learns of it through a watch.
    std::thread::sleep(std::time::Duration::from_secs(1));
    proxy.thaw();
    let outcome = sandbox.finish(first, LIMIT);
    outcome.fails(6, &["cannot patch resource \"deployments\"", "operation resume orders"]);
    let record = |object: &String| object.contains("orders-operation");
    assert!(inventory(&sandbox).iter().any(record), "nothing to go on with\n{outcome}");
    set(rights("nothing"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let again = sandbox.start(&mut deploy_as_narrow(&sandbox));
    assert!(again.stderr.contains("going on with operation"), "{again}");
    again.success();
    assert!(!inventory(&sandbox).iter().any(record), "the record is left");
    fault::seen(
        15,
        "deploy",
        "midway: exit 6, cannot patch resource \"deployments\"; the same command goes on",
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f16_a_storage_class_that_does_not_exist_is_told_before_anything_is_written() {
    let (sandbox, _proxy) = sandbox();
    let args = ["deploy", "orders", JAR, "--storage=pvc:1Gi,class=none", "--no-wait"];
    let outcome = run(&sandbox, &args);
    outcome.fails(8, &["\"none\"", "hint: "]);
    assert_eq!(kinds(&sandbox), "", "something was written\n{outcome}");
    fault::seen(16, "deploy", format!("exit {}; nothing was written", outcome.code));
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f17_a_claim_that_waits_is_no_failure_and_one_that_fails_shows_its_event() {
    let (sandbox, _proxy) = sandbox();
    sandbox.start(&mut deploy(&sandbox, &[])).success();
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    assert!(sandbox.cluster.get(&claims, "orders-state").is_some());
    let waiting = run(&sandbox, &["storage", "describe", "orders-state"]);
    assert!(!waiting.success().to_lowercase().contains("fail"), "{waiting}");
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    sandbox.cluster.create::<Event>(
        &sandbox.cluster.api(&sandbox.namespace),
        json!({
            "metadata": {"name": "e"},
            "involvedObject": {"kind": "PersistentVolumeClaim", "name": "orders-state",
                               "namespace": sandbox.namespace},
            "type": "Warning", "reason": "ProvisioningFailed", "message": "no room on the array",
            "count": 1, "firstTimestamp": now, "lastTimestamp": now,
        }),
    );
    let failing = run(&sandbox, &["status", "orders"]);
    failing.fails(7, &["no volume can be made for claim orders-state: no room on the array"]);
    fault::seen(
        17,
        "status",
        format!("waiting: no failure; after an event: {}", fault::told(&failing)),
    );
}

/// What the operator makes for an application.
fn operators(sandbox: &Sandbox) {
    let labels = json!({"app": "orders", "type": "flink-native-kubernetes"});
    let port = json!([{"name": "rest", "port": 8081}]);
    let as_operator = PostParams {
        field_manager: Some("flink-kubernetes-operator".to_owned()),
        ..PostParams::default()
    };
    let service =
        json!({"metadata": {"name": "orders-rest", "labels": labels}, "spec": {"ports": port}});
    let service: Service = serde_json::from_value(service).unwrap();
    let services = sandbox.cluster.api::<Service>(&sandbox.namespace);
    sandbox.cluster.wait(services.create(&as_operator, &service)).unwrap();
    let maps = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    sandbox.cluster.create(
        &maps,
        json!({"metadata": {"name": "flink-config-orders", "labels": labels}, "data": {}}),
    );
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f25_what_the_operator_owns_is_left_alone() {
    let (sandbox, _proxy) = sandbox();
    operators(&sandbox);
    let before = inventory(&sandbox);
    let told = sandbox.start(&mut deploy(&sandbox, &[]));
    for command in [
        &["stop", "orders"][..],
        &["start", "orders"],
        &["delete", "orders", "-y"],
        &["restore", "orders", "--from", "file:///flink/state/savepoints/savepoint-1"],
        &["savepoint", "orders"],
    ] {
        let outcome = run(&sandbox, command);
        outcome.fails(4, &["belongs to flink-kubernetes-operator", "FlinkDeployment"]);
    }
    told.fails(4, &["belongs to flink-kubernetes-operator", "FlinkDeployment"]);
    assert_eq!(inventory(&sandbox), before, "something was written");
    fault::seen(25, "deploy", fault::told(&told));
}

/// A credential plugin that counts how often it is asked.
fn with_plugin(sandbox: &Sandbox) -> Command {
    let script = "echo >> asked\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"t\"}}'\n";
    sandbox.write("plugin.sh", script);
    sandbox.edit_kubeconfig("plugin", |config| {
        let user = config.auth_infos[0].auth_info.as_mut().unwrap();
        *user = serde_json::from_value(json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "/bin/sh",
            "args": [sandbox.path("plugin.sh")],
            "interactiveMode": "Never",
        }}))
        .unwrap();
    });
    let mut command = deploy(sandbox, &[]);
    command.env("KUBECONFIG", sandbox.path("plugin")).env("PATH", "/usr/bin:/bin");
    command
}

fn asked(sandbox: &Sandbox) -> usize {
    std::fs::read_to_string(sandbox.path("asked")).unwrap().lines().count()
}

/// What the API server says to a token that it does not accept (any more).
const UNAUTHORIZED: Trouble = Trouble::Instead(
    401,
    "",
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#,
);

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f29_a_token_that_expires_midway_is_fetched_again() {
    let (sandbox, proxy) = sandbox();
    let mut command = with_plugin(&sandbox);
    command.arg(format!("--server=http://{}", proxy.address));
    let mut list = sandbox.command(&["list", &format!("--server=http://{}", proxy.address)]);
    list.env("KUBECONFIG", sandbox.path("plugin")).env("PATH", "/usr/bin:/bin");
    sandbox.start(&mut list).success();
    // kube asks more than once for one client: certificate, token.
    let each = asked(&sandbox);
    proxy.trouble("PATCH /apis/apps/v1", 1, UNAUTHORIZED);
    sandbox.start(&mut command).success();
    assert_eq!(asked(&sandbox), 3 * each, "list, deploy, and deploy midway");
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(29, "deploy", "exit 0; the credential plugin was asked once more");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f29_a_token_that_cannot_be_renewed_leaves_what_can_be_gone_on_with() {
    let (sandbox, proxy) = sandbox();
    let mut command = with_plugin(&sandbox);
    command.arg(format!("--server=http://{}", proxy.address));
    // Whoever looks at the objects first is let through: the operation has begun by the first of these.
    proxy.trouble("PATCH /apis/apps/v1", usize::MAX, UNAUTHORIZED);
    let outcome = sandbox.start(&mut patient(command));
    outcome.fails(6, &["does not accept the credentials", "operation resume orders"]);
    assert!(asked(&sandbox) >= 2, "the plugin was not asked again");
    proxy.thaw();
    let again = deploy_through(&sandbox, &proxy);
    assert!(again.stderr.contains("going on with operation"), "{again}");
    again.success();
    assert_eq!(kinds(&sandbox), WHOLE);
    fault::seen(
        29,
        "deploy",
        format!("not renewed: {}; the same command goes on", fault::told(&outcome)),
    );
}
