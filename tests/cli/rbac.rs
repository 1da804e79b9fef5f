//! Each verb runs with exactly the permissions that `rbac` prints for it, and with none of them missing: then it
//! is refused before its first write, by the name of what is missing.

use std::collections::{BTreeSet, VecDeque};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use insta::assert_snapshot;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::PostParams;
use kubectl_flink::model::permission::{self, Permission};
use serde_json::{Value, json};

use super::storage;
use crate::support::{
    Cut, Flink, Outcome, Proxy, Running, Sandbox, eventually, inventory, setting, volume_snapshots,
};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
const DEPLOY: &[&str] = &["deploy", "orders", JAR, "STORAGE", "--no-wait"];
const LIMIT: Duration = Duration::from_secs(60);
const WORKERS: usize = 3;

/// A way to use a verb.
struct Scenario {
    /// What is there before: these commands are run undisturbed, as an administrator.
    before: &'static [&'static [&'static str]],
    /// The last of them is killed at the first call that holds this text.
    killed_at: Option<&'static str>,
    command: &'static [&'static str],
    /// Whether a job runs.
    job: bool,
    /// What is done after the commands, by hand.
    arrange: fn(&Sandbox),
}

const NOTHING: Scenario =
    Scenario { before: &[], killed_at: None, command: &[], job: false, arrange: |_| () };

/// One place where a scenario is played.
struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    fn new(scenario: &Scenario) -> Place {
        let sandbox = Sandbox::new();
        sandbox.storage_class("example.com/volumes");
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), scenario.job.then(Flink::default));
        let place = Place { sandbox, proxy };
        for (i, command) in scenario.before.iter().enumerate() {
            let last = i + 1 == scenario.before.len();
            match scenario.killed_at.filter(|_| last) {
                Some(call) => place.killed_at(command, call),
                None => drop(place.run(command, None).success()),
            }
        }
        (scenario.arrange)(&place.sandbox);
        place
    }

    fn command(&self, words: &[&str], user: Option<&str>) -> Command {
        let volume = format!("pvc:1Gi,class={}", self.sandbox.namespace);
        let storage = format!("--storage={volume}");
        let fill = |word: &&str| word.replace("STORAGE", &storage).replace("VOLUME", &volume);
        let words: Vec<String> = words.iter().map(fill).collect();
        let mut command = self.sandbox.command(&words);
        command.arg(format!("--server=http://{}", self.proxy.address));
        command.args(user.map(|user| format!("--as={user}")));
        command.env("KUBECTL_FLINK_TEST_NOW", "2026-01-01T00:00:00Z");
        command.env("KUBECTL_FLINK_TEST_LEASE", "1");
        command
    }

    /// Runs a command to its end.
    fn run(&self, words: &[&str], user: Option<&str>) -> Outcome {
        self.sandbox.finish(Running::start(&mut self.command(words, user)), LIMIT)
    }

    fn killed_at(&self, words: &[&str], call: &'static str) {
        self.proxy.cut(Cut::FreezeAt(call));
        let mut running = Running::start(&mut self.command(words, None));
        eventually("the call to die at", LIMIT, || self.proxy.has_stopped().then_some(()));
        running.kill();
        drop(running);
        self.proxy.thaw();
    }

    /// A user that may do exactly this.
    fn user(&self, name: &str, allowed: &[Permission]) -> String {
        let namespace = &self.sandbox.namespace;
        let user = format!("{namespace}-{name}");
        let rule = |permission: &Permission| {
            json!({"apiGroups": [permission.group], "resources": [permission.resource],
                "verbs": [permission.verb]})
        };
        let rules: Vec<Value> = allowed.iter().map(rule).collect();
        let cluster = &self.sandbox.cluster;
        let metadata = json!({"name": name});
        cluster
            .create::<Role>(&cluster.api(namespace), json!({"metadata": metadata, "rules": rules}));
        cluster.create::<RoleBinding>(
            &cluster.api(namespace),
            json!({"metadata": metadata,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [{"kind": "User", "name": user}]}),
        );
        self.wait_until_allowed(&user, allowed);
        user
    }

    /// The authorizer hears of new roles a little later.
    fn wait_until_allowed(&self, user: &str, allowed: &[Permission]) {
        let Some(last) = allowed.last() else { return };
        let (resource, sub) = last.resource.split_once('/').unwrap_or((last.resource, ""));
        let review: SubjectAccessReview = serde_json::from_value(json!({"spec": {"user": user,
            "resourceAttributes": {"namespace": self.sandbox.namespace, "verb": last.verb,
                "group": last.group, "resource": resource, "subresource": sub}}}))
        .unwrap();
        let cluster = &self.sandbox.cluster;
        let api = cluster.api_all::<SubjectAccessReview>();
        eventually("the role to count", LIMIT, || {
            let answer = cluster.wait(api.create(&PostParams::default(), &review)).unwrap();
            answer.status.is_some_and(|status| status.allowed).then_some(())
        });
    }
}

/// What `rbac VERB` prints, taken apart.
fn printed(verb: &str) -> Vec<Permission> {
    printed_with(&[verb])
}

/// What `rbac` prints with these arguments.
fn printed_with(args: &[&str]) -> Vec<Permission> {
    let sandbox = Sandbox::new();
    let role = sandbox.run(&[&["rbac", "-o", "json"], args].concat()).success();
    let role: Value = serde_json::from_str(&role).unwrap();
    let texts = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let mut all = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    let leak = |text: &str| -> &'static str { text.to_owned().leak() };
                    let (group, resource) = (leak(&group), leak(&resource));
                    all.push(Permission { group, resource, verb: leak(&verb) });
                }
            }
        }
    }
    all
}

/// What came of a run without one permission.
#[derive(Debug, PartialEq, Eq)]
enum Missing {
    /// It was refused by name, and nothing was written.
    Refused,
    /// It did the rest of its work, and says what it was not allowed.
    Told,
    /// Something else.
    Wrong(String),
}

/// Runs the scenario without `missing`.
fn without(place: &Place, scenario: &Scenario, all: &[Permission], missing: Permission) -> Missing {
    let rest: Vec<Permission> = all.iter().copied().filter(|p| *p != missing).collect();
    let user = place.user(&missing.to_string().replace([' ', '/'], "-"), &rest);
    let before = inventory(&place.sandbox);
    let outcome = place.run(scenario.command, Some(&user));
    let said = [&*outcome.stdout, &*outcome.stderr].concat().to_lowercase();
    let named = said.contains(missing.resource) && said.contains(missing.verb);
    match (outcome.code, named) {
        (6, true) if inventory(&place.sandbox) == before => Missing::Refused,
        (6, true) => Missing::Wrong(format!("without {missing} something was written\n{outcome}")),
        // The claim that nobody here takes the finalizer off.
        (0 | 124, true) => Missing::Told,
        _ => Missing::Wrong(format!("without {missing}\n{outcome}")),
    }
}

/// Runs the scenario without each of `open` in turn; what was neither refused nor told, and why.
fn one_by_one(
    verb: &str,
    scenario: &Scenario,
    all: &[Permission],
    open: &[Permission],
) -> Vec<(Permission, String)> {
    let needs = permission::of(verb).unwrap();
    let of = |works: &[permission::Work]| -> BTreeSet<Permission> {
        works.iter().flat_map(|work| work.permissions()).collect()
    };
    let (less, strict) = (of(needs.less_without), of(needs.refused_without));
    let queue = Mutex::new(open.iter().copied().collect::<VecDeque<_>>());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut place = None;
                while let Some(missing) = { queue.lock().unwrap().pop_front() } {
                    let here = place.take().unwrap_or_else(|| Place::new(scenario));
                    let may_tell = less.contains(&missing) && !strict.contains(&missing);
                    match without(&here, scenario, all, missing) {
                        Missing::Refused => place = Some(here),
                        Missing::Told if may_tell => {}
                        Missing::Told => {
                            failed
                                .lock()
                                .unwrap()
                                .push((missing, format!("{missing} is only told")));
                        }
                        Missing::Wrong(why) => failed.lock().unwrap().push((missing, why)),
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn start_and_restore_are_refused_without_any_one_of_their_permissions() {
    let before = &[DEPLOY, &["stop", "orders"]];
    let command = &["start", "orders", "--timeout=5s"];
    let start = Scenario { before, command, job: true, ..NOTHING };
    let command = &["restore", "orders", "--from", "latest", "--timeout=5s"];
    let restore = Scenario { before: &[DEPLOY], command, job: true, ..NOTHING };
    for (verb, scenario) in [("start", start), ("restore", restore)] {
        let all = printed(verb);
        let wrong = one_by_one(verb, &scenario, &all, &all);
        assert!(wrong.is_empty(), "{verb}: {wrong:#?}");
    }
}

/// A scenario whose job runs.
const fn running(
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
) -> Scenario {
    Scenario { before, command, job: true, ..NOTHING }
}

/// A scenario without a job.
const fn resting(
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
) -> Scenario {
    Scenario { before, command, ..NOTHING }
}

const STOP: &[&str] = &["stop", "orders"];
const SHARED: &[&str] = &["storage", "create", "shared", "VOLUME"];
const PROFILE: &[&str] = &[
    "storage",
    "create",
    "minio",
    "s3://flink/state",
    "--from-literal=AWS_ACCESS_KEY_ID=me",
    "--from-literal=AWS_SECRET_ACCESS_KEY=x",
];

/// The claim `shared` has a volume, and can have a larger one.
fn bound(sandbox: &Sandbox) {
    storage::allow_expansion(sandbox, true);
    storage::bind(sandbox, "shared", "1Gi");
}

/// Each verb, how it ends with exactly its Role in the first of its scenarios, and the scenarios: what one of them can do
/// without, a later one must not. Those of `start`, `restore` and the operations have tests of their own.
const EVERY: &[(&str, i32, &[Scenario])] = &[
    (
        "deploy",
        0,
        &[
            resting(&[], DEPLOY),
            running(
                &[DEPLOY],
                &["deploy", "orders", JAR, "STORAGE", "--parallelism=2", "--timeout=5s"],
            ),
            running(&[DEPLOY], DEPLOY),
        ],
    ),
    ("savepoint", 0, &[running(&[DEPLOY], &["savepoint", "orders"])]),
    ("stop", 0, &[running(&[DEPLOY], STOP), running(&[DEPLOY], &["stop", "orders", "--discard"])]),
    (
        "delete",
        0,
        &[
            running(&[DEPLOY, STOP], &["delete", "orders"]),
            running(&[DEPLOY], &["delete", "orders"]),
        ],
    ),
    // Nobody here takes the finalizer off the claim.
    (
        "delete-storage",
        124,
        &[
            running(
                &[DEPLOY, STOP],
                &["delete", "orders", "--delete-storage", "-y", "--timeout=3s"],
            ),
            running(&[DEPLOY], &["delete", "orders", "--delete-storage", "-y", "--timeout=3s"]),
        ],
    ),
    ("list", 0, &[running(&[DEPLOY], &["list"])]),
    ("status", 0, &[running(&[DEPLOY], &["status", "orders"])]),
    ("operation-list", 0, &[resting(&[], &["operation", "list"])]),
    ("operation-show", 3, &[resting(&[], &["operation", "show", "orders"])]),
    ("storage-create", 0, &[resting(&[], SHARED)]),
    ("storage-list", 0, &[resting(&[SHARED], &["storage", "list"])]),
    ("storage-describe", 0, &[resting(&[SHARED], &["storage", "describe", "shared"])]),
    ("storage-create-profile", 0, &[resting(&[], PROFILE), resting(&[], ROWS)]),
    (
        "storage-delete-profile",
        0,
        &[
            resting(&[PROFILE], &["storage", "delete", "minio", "-y"]),
            resting(&[ROWS], &["storage", "delete", "rows", "-y"]),
        ],
    ),
    // Pods do not run here, and volumes do not grow: these wait in vain for what they were allowed to ask for.
    (
        "storage-check",
        124,
        &[
            resting(&[PROFILE], &["storage", "check", "minio", "--timeout=2s"]),
            resting(&[SHARED], &["storage", "check", "claim:shared", "--timeout=2s"]),
            resting(&[DEPLOY], &["storage", "check", "orders", "--timeout=2s"]),
        ],
    ),
    (
        "storage-resize",
        124,
        &[Scenario {
            before: &[SHARED],
            command: &["storage", "resize", "shared", "2Gi", "--timeout=2s"],
            arrange: bound,
            ..NOTHING
        }],
    ),
    (
        "storage-delete",
        0,
        &[
            resting(&[SHARED], &["storage", "delete", "shared", "-y", "--no-wait"]),
            resting(&[SHARED], &["storage", "delete", "shared", "-y", "--timeout=3s"]),
        ],
    ),
];

/// A data store, with a Secret of its own.
const ROWS: &[&str] = &[
    "storage",
    "create",
    "rows",
    "cassandra://node1/shop",
    "--local-datacenter=dc1",
    "--from-literal=username=flink",
    "--from-literal=password=x",
];

/// What is not missed here: Flink is played by the proxy, which answers before the API server could refuse; and a claim is
/// read again only when the answer to its creation was lost.
const NOT_HERE: [(&str, &str); 6] = [
    ("deploy", "patch services/proxy"),
    ("savepoint", "get services/proxy"),
    ("savepoint", "create services/proxy"),
    ("list", "get services/proxy"),
    ("status", "get services/proxy"),
    ("storage-create", "get persistentvolumeclaims"),
];

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn every_verb_runs_with_its_role_and_with_none_that_is_one_permission_smaller() {
    let mut wrong = Vec::new();
    for (verb, code, scenarios) in EVERY {
        let all = printed(verb);
        let place = Place::new(&scenarios[0]);
        let user = place.user("exact", &all);
        let outcome = place.run(scenarios[0].command, Some(&user));
        if outcome.code != *code {
            wrong.push(format!("{verb} with exactly its Role, not {code}: {outcome}"));
        }
        let open = all.iter().filter(|p| !NOT_HERE.contains(&(verb, &*p.to_string())));
        let mut open: Vec<_> = open.map(|permission| (*permission, String::new())).collect();
        for scenario in *scenarios {
            let left: Vec<Permission> = open.iter().map(|(permission, _)| *permission).collect();
            open = one_by_one(verb, scenario, &all, &left);
        }
        wrong.extend(
            open.into_iter().map(|(permission, why)| format!("{verb}, {permission}: {why}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Others have tests of their own, or are done like a savepoint or a restore; advice may look at the whole cluster,
    // and makes do with less.
    let elsewhere = [
        "start",
        "restore",
        "operation-resume",
        "operation-abort",
        "logs",
        "checkpoint",
        "storage-advise",
        "storage-move",
        "storage-snapshot",
        "storage-create-from-snapshot",
    ];
    let tested: Vec<&str> = EVERY.iter().map(|(verb, ..)| *verb).chain(elsewhere).collect();
    let untested = permission::VERBS.iter().map(|needs| needs.verb);
    let untested: Vec<&str> = untested.filter(|verb| !tested.contains(verb)).collect();
    assert_eq!(untested, [""; 0], "each verb has a scenario");
}

/// The word in the name has the kinds ready to be served.
#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn volumesnapshots_are_taken_and_used_with_exactly_their_roles() {
    let take = &["storage", "snapshot", "shared", "--name=friday", "--no-wait"];
    let create = &["storage", "create", "again", "--from-snapshot=friday"];
    for (verb, command) in
        [("storage-snapshot", &take[..]), ("storage-create-from-snapshot", create)]
    {
        let (place, all) = (Place::new(&resting(&[SHARED], command)), printed(verb));
        let (sandbox, scenario) = (&place.sandbox, resting(&[], command));
        let _kinds = volume_snapshots::served(sandbox);
        let driver = volume_snapshots::by_driver(sandbox);
        volume_snapshots::bind(sandbox, "shared", "1Gi", &driver);
        volume_snapshots::class(sandbox, "a", &volume_snapshots::driver(sandbox), true);
        if command == create {
            place.run(take, None).success();
            let ready = json!({"readyToUse": true, "restoreSize": "1Gi"});
            volume_snapshots::write_status(sandbox, "friday", &ready);
        }
        for missing in &all {
            assert_eq!(without(&place, &scenario, &all, *missing), Missing::Refused, "{verb}");
        }
        let user = place.user("exact", &all);
        place.run(command, Some(&user)).success();
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn logs_need_the_application_and_its_pods() {
    let scenario = resting(&[DEPLOY], &["logs", "orders"]);
    let all = printed("logs");
    let place = Place::new(&scenario);
    let user = place.user("exact", &all);
    // There are no pods here whose logs could be read; that takes a node.
    place.run(scenario.command, Some(&user)).fails(3, &["no pods"]);
    let needed: Vec<Permission> =
        all.iter().copied().filter(|p| p.verb != "watch" && p.resource != "pods/log").collect();
    assert_eq!(needed.len(), 2, "{needed:?}");
    assert_eq!(one_by_one("logs", &scenario, &all, &needed), []);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_operation_is_taken_over_only_by_those_who_can_finish_or_undo_it() {
    for (verb, command, missing) in [
        ("operation-resume", &["operation", "resume", "orders"], "create roles"),
        ("operation-abort", &["operation", "abort", "orders"], "delete roles"),
    ] {
        let scenario =
            Scenario { before: &[DEPLOY], killed_at: Some("PATCH "), command, ..NOTHING };
        let (place, all) = (Place::new(&scenario), printed(verb));
        let missing = all.iter().find(|p| p.to_string().starts_with(missing)).unwrap();
        assert_eq!(without(&place, &scenario, &all, *missing), Missing::Refused);
        let user = place.user("exact", &all);
        place.run(command, Some(&user)).success();
    }
}

/// Who runs Flink need not be somebody who lets others in.
#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_ingress_takes_permissions_of_its_own() {
    let place = Place::new(&NOTHING);
    place.sandbox.write(
        "orders.yaml",
        "apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: orders}
spec:
  ingress: {template: '{{name}}.example.com'}
  job: {jarURI: 'local:///opt/flink/examples/streaming/StateMachineExample.jar'}
",
    );
    let deploy = &["deploy", "-f", "orders.yaml", "STORAGE", "--no-wait"][..];
    for (verb, command, missing) in [
        ("deploy", deploy, "create ingresses.networking.k8s.io"),
        ("delete", &["delete", "orders"], "delete ingresses.networking.k8s.io"),
    ] {
        let user = place.user(&format!("{verb}-plain"), &printed(verb));
        let before = inventory(&place.sandbox);
        place.run(command, Some(&user)).fails(6, &[missing]);
        assert_eq!(inventory(&place.sandbox), before);
        let user = place.user(&format!("{verb}-all"), &printed_with(&[verb, "--with-ingress"]));
        place.run(command, Some(&user)).success();
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn kubectl_applies_what_is_printed() {
    let sandbox = Sandbox::new();
    let bound =
        ["--service-account", "ci", "--for-user=ann", "--group", "ops", "--name", "deployer"];
    let verbs = ["rbac", "list", "storage-create", "--with-checks"];
    let yaml = sandbox.run(&[&verbs[..], &bound].concat()).success();
    let file = sandbox.write("role.yaml", yaml);
    let mut kubectl = Command::new(setting("KUBECTL_FLINK_TEST_KUBECTL"));
    kubectl.args(["apply", "--dry-run=server", "-o", "name", "-f"]).arg(file);
    kubectl.env("KUBECONFIG", sandbox.path("kubeconfig")).env("HOME", sandbox.path(""));
    assert_snapshot!(sandbox.start(&mut kubectl), @r"
    exit code: 0
    ---- stdout
    role.rbac.authorization.k8s.io/deployer
    rolebinding.rbac.authorization.k8s.io/deployer
    clusterrole.rbac.authorization.k8s.io/deployer
    clusterrolebinding.rbac.authorization.k8s.io/deployer
    ---- stderr
    ");
    sandbox.run(&["rbac", "fly"]).fails(2, &["storage-list", "deploy"]);
    assert_snapshot!(sandbox.run(&["rbac", "stop", "-o", "table"]), @r"
    exit code: 0
    ---- stdout
    RESOURCE                     VERBS
    configmaps                   create,delete,get,update
    pods                         list,watch
    services                     get,patch
    services/proxy               create,get,patch
    controllerrevisions.apps     get
    deployments.apps             get,patch
    leases.coordination.k8s.io   create,delete,get,update
    ---- stderr
    ");
    assert_snapshot!(sandbox.run(&["rbac", "list", "--group=ops"]), @r#"
    exit code: 0
    ---- stdout
    apiVersion: v1
    kind: List
    items:
    - apiVersion: rbac.authorization.k8s.io/v1
      kind: Role
      metadata:
        labels:
          app.kubernetes.io/managed-by: kubectl-flink
        name: kubectl-flink
        namespace: test-00000
      rules:
      - apiGroups:
        - ""
        resources:
        - services/proxy
        verbs:
        - get
      - apiGroups:
        - ""
        resources:
        - services
        verbs:
        - list
      - apiGroups:
        - apps
        resources:
        - controllerrevisions
        verbs:
        - list
    - apiVersion: rbac.authorization.k8s.io/v1
      kind: RoleBinding
      metadata:
        labels:
          app.kubernetes.io/managed-by: kubectl-flink
        name: kubectl-flink
        namespace: test-00000
      roleRef:
        apiGroup: rbac.authorization.k8s.io
        kind: Role
        name: kubectl-flink
      subjects:
      - apiGroup: rbac.authorization.k8s.io
        kind: Group
        name: ops
    ---- stderr
    "#);
}
