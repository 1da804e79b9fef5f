//! How many requests each command makes, beside the least it could do with. `cargo xtask bench requests` shows
//! the table.

use std::fmt::Write as _;

use crate::support::{Cut, Flink, Proxy, Sandbox};

const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
/// Where the benchmark wants a line for each command: its requests, the least, the command.
const REPORT: &str = "KUBECTL_FLINK_TEST_REQUESTS";

/// A command, in the state that those before it left.
struct Case {
    command: &'static [&'static str],
    /// What it cannot do without: how many requests, for what.
    least: &'static [(usize, &'static str)],
}

/// The record of the operation and its lease: made, moved on once, removed. That is what makes an operation survive
/// its client.
const RECORD: (usize, &str) =
    (5, "the operation's record and lease: create both, move on, delete both");

/// A list of each kind of object that could have been changed by somebody.
const DRIFT: (usize, &str) =
    (8, "accounts, roles, bindings, configuration, Services, Deployments, budgets, policies");

const CASES: &[Case] = &[
    Case { command: &["version", "--client"], least: &[] },
    Case {
        command: &["deploy", "orders", JAR, "STORAGE", "--no-wait"],
        least: &[
            (
                9,
                "what is there: operation, anchor, claim, namespace, quotas, limits, classes, nodes, records",
            ),
            (10, "whose each object is that it is about to write, the anchor apart"),
            (2, "who asks, and what the user may do"),
            RECORD,
            (
                12,
                "its objects: claim, record, account, role, binding, configuration, two Services, two Deployments, budget, policy",
            ),
        ],
    },
    Case {
        command: &["deploy", "orders", JAR, "STORAGE", "--no-wait"],
        least: &[(5, "operation, anchor, revision, the job, records"), DRIFT],
    },
    Case {
        command: &["list"],
        least: &[(2, "Services and records"), (2, "the job and its checkpoints")],
    },
    Case {
        command: &["status", "orders"],
        least: &[
            (6, "anchor, revision, pods, replica sets, claim, events"),
            (
                4,
                "the job's state, which it has before its details; its details, checkpoints, failures",
            ),
            DRIFT,
        ],
    },
    Case { command: &["operation", "list"], least: &[(1, "the records")] },
    Case {
        command: &["storage", "list"],
        least: &[(5, "claims, pods, records, profiles, data stores")],
    },
    Case {
        command: &["storage", "create", "hdfs", "hdfs://namenode/flink", "--hdfs-user=flink"],
        least: &[
            (3, "what is there: namespace, profile, claim of the name"),
            (2, "who asks, and what the user may do"),
            (1, "the profile"),
        ],
    },
    Case { command: &["storage", "describe", "hdfs"], least: &[(2, "profile, records")] },
    Case {
        command: &["storage", "describe", "orders-state"],
        least: &[(
            7,
            "profile of the name, claim, pods, records, StorageClasses, events, volume snapshots",
        )],
    },
    Case { command: &["storage", "advise"], least: &[(3, "StorageClasses, nodes, profiles")] },
    Case {
        command: &["storage", "delete", "hdfs", "-y"],
        least: &[
            (2, "profile, records"),
            (2, "who asks, and what the user may do"),
            (1, "the profile's end"),
        ],
    },
    Case {
        command: &["savepoint", "orders"],
        least: &[(2, "anchor, revision"), (2, "the trigger and its outcome")],
    },
    Case {
        command: &["checkpoint", "orders"],
        least: &[(2, "anchor, revision"), (2, "the trigger and its outcome"), (1, "where it is")],
    },
    Case {
        command: &["stop", "orders"],
        least: &[
            (3, "operation, anchor, revision"),
            (2, "who asks, and what the user may do"),
            RECORD,
            (4, "the job, the stop, its outcome, the job's end"),
            (3, "the anchor: where the savepoint goes, what it is, that the job rests"),
            (3, "two Deployments to zero, and the pods gone"),
            (1, "moved on a second time: the job has ended"),
        ],
    },
    Case {
        command: &["delete", "orders"],
        least: &[
            (3, "operation, anchor, revision"),
            (2, "who asks, and what the user may do"),
            RECORD,
            (11, "lists of 9 kinds of objects, of the pods, and of Flink's own ConfigMaps"),
            (11, "objects to delete"),
        ],
    },
];

impl Case {
    fn least(&self) -> usize {
        self.least.iter().map(|(count, _)| count).sum()
    }
}

/// A request for the list of groups, versions or resources: kinds here are known.
fn is_discovery(call: &str) -> bool {
    let path = call.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    matches!(parts.as_slice(), ["api" | "apis"] | ["api", _] | ["apis", _] | ["apis", _, _])
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn no_command_asks_more_than_a_fifth_too_much() {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
    let (mut report, mut wrong) = (String::new(), String::new());
    for case in CASES {
        proxy.cut(Cut::None);
        let words: Vec<String> =
            case.command.iter().map(|word| word.replace("STORAGE", &storage)).collect();
        let mut command = sandbox.command(&words);
        command.arg(format!("--server=http://{}", proxy.address));
        sandbox.start(&mut command).success();
        let (calls, least) = (proxy.calls(), case.least());
        let shown = words.iter().filter(|word| !word.starts_with("--jar") && **word != storage);
        let shown = shown.map(String::as_str).collect::<Vec<_>>().join(" ");
        if least > 0 {
            let _ = writeln!(report, "{}\t{least}\t{shown}", calls.len());
        }
        let all = calls.join("\n");
        assert!(!calls.iter().any(|call| is_discovery(call)), "{shown} discovers:\n{all}");
        if 5 * calls.len() > 6 * least || calls.len() < least {
            let _ = writeln!(wrong, "{shown}: {} requests, least {least}\n{all}\n", calls.len());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    if let Some(file) = std::env::var_os(REPORT) {
        std::fs::write(file, report).unwrap();
    }
}
