//! `docs/spec.md` says what `src/model/fields.rs` says.

use kubectl_flink::model::document::{Document, placed};
use kubectl_flink::model::fields::{FIELDS, Treatment};
use kubectl_flink::model::validate;

use super::{path, read};

const HEAD: &str = "# The spec

The document of `kubectl flink deploy -f` is a `FlinkDeployment` of the Flink Kubernetes Operator. This is what the direct
engine, which runs it without the operator, does with every field of it: nothing is ignored.

- A field that is *refused* stops the command before anything is written, with file, line, reason and alternative.
- A field that does not exist is refused too, with the one that was probably meant; so is one that is given twice, and text
  that YAML reads as something else (`no` is false, `0644` is 420, `1.20` is 1.2).
- All of this is said at once, of all documents of the command.

Generated from `src/model/fields.rs` by a test; to write it anew: `UPDATE_DOCS=1 cargo test --test main spec_table`.

| field | holds | | how, or why not |
|---|---|---|---|
";

#[test]
fn the_table_is_the_source() {
    let expected = format!("{HEAD}{}{RULES_HEAD}{}", rows(), rules());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path("docs/spec.md"), &expected).unwrap();
    }
    assert_eq!(read("docs/spec.md"), expected, "run with UPDATE_DOCS=1");
}

const RULES_HEAD: &str = "
## The rules of the operator

What its validator refuses (the first mistake only), rule by rule, and what becomes of it here, where all mistakes are named at once.

| the operator refuses | here |
|---|---|
";

/// A rule of the operator's `DefaultValidator`.
struct Rule {
    refuses: &'static str,
    here: &'static str,
    /// A document's spec that breaks it, and the fields that are refused; nothing where there is no such rule here.
    examples: &'static [(&'static str, &'static str)],
}

const JOB: &str = "job: {jarURI: 'local:///x.jar'}";

const RULES: &[Rule] = &[
    Rule {
        refuses: "a name of more than 45 characters, or of others than lowercase letters, digits and hyphens",
        here: "refused",
        examples: &[("metadata: Orders", "metadata.name")],
    },
    Rule {
        refuses: "no `flinkVersion`, one below 1.15, or another one after a suspension with `last-state`",
        here: "2.3 when absent; below 1.17 refused; a newer one goes on from the savepoint of the stop, an older one is refused because it cannot read it",
        examples: &[("flinkVersion: v1_15, JOB", "spec.flinkVersion")],
    },
    Rule {
        refuses: "`kubernetes.namespace`, `kubernetes.cluster-id` and `high-availability.cluster-id` in the configuration",
        here: "refused",
        examples: &[
            (
                "flinkConfiguration: {kubernetes.namespace: x}, JOB",
                "spec.flinkConfiguration.kubernetes.namespace",
            ),
            (
                "flinkConfiguration: {kubernetes: {cluster-id: x}}, JOB",
                "spec.flinkConfiguration.kubernetes.cluster-id",
            ),
            (
                "flinkConfiguration: {high-availability.cluster-id: x}, JOB",
                "spec.flinkConfiguration.high-availability.cluster-id",
            ),
        ],
    },
    Rule {
        refuses: "rollback without high availability, health checks without recovery of JobManagers",
        here: "refused, as all that configures the operator: an upgrade goes back by itself, and Kubernetes starts a JobManager again",
        examples: &[(
            "flinkConfiguration: {kubernetes.operator.deployment.rollback.enabled: true}, JOB",
            "spec.flinkConfiguration.kubernetes.operator.deployment.rollback.enabled",
        )],
    },
    Rule {
        refuses: "an Ingress without a template, or with one that is no URL",
        here: "refused, and so is a host that Kubernetes would refuse",
        examples: &[
            ("ingress: {className: nginx}, JOB", "spec.ingress.template"),
            ("ingress: {template: 'http://a b/'}, JOB", "spec.ingress.template"),
        ],
    },
    Rule {
        refuses: "other files than `log4j-console.properties` and `logback-console.xml` in `logConfiguration`",
        here: "refused",
        examples: &[(
            "logConfiguration: {log4j.properties: x}, JOB",
            "spec.logConfiguration.log4j.properties",
        )],
    },
    Rule {
        refuses: "an upgrade mode that keeps state, without a directory for checkpoints",
        here: "there always is one, on the state storage; an empty one is refused, and one that no volume is mounted at",
        examples: &[
            (
                "flinkConfiguration: {state.checkpoints.dir: ''}, JOB",
                "spec.flinkConfiguration.state.checkpoints.dir",
            ),
            (
                "flinkConfiguration: {state.checkpoints.dir: 'file:///data'}, JOB",
                "spec.flinkConfiguration.state.checkpoints.dir",
            ),
        ],
    },
    Rule {
        refuses: "upgrades by savepoint, trigger nonces or periodic savepoints, without a directory for savepoints",
        here: "the same",
        examples: &[(
            "flinkConfiguration: {execution: {checkpointing: {savepoint-dir: ''}}}, JOB",
            "spec.flinkConfiguration.execution.checkpointing.savepoint-dir",
        )],
    },
    Rule {
        refuses: "fewer than one TaskManager, or a parallelism below 1 without a number of TaskManagers",
        here: "refused; a parallelism below 1 always",
        examples: &[
            ("taskManager: {replicas: 0}, JOB", "spec.taskManager.replicas"),
            ("job: {jarURI: 'local:///x.jar', parallelism: 0}", "spec.job.parallelism"),
        ],
    },
    Rule {
        refuses: "fewer than one JobManager, or several without high availability",
        here: "refused; high availability is on unless the configuration turns it off",
        examples: &[
            ("jobManager: {replicas: 0}, JOB", "spec.jobManager.replicas"),
            (
                "jobManager: {replicas: 2}, flinkConfiguration: {high-availability: NONE}, JOB",
                "spec.jobManager.replicas",
            ),
        ],
    },
    Rule {
        refuses: "memory that neither the spec nor the configuration gives",
        here: "Flink's own default then; a size that Flink would not start with is refused",
        examples: &[(
            "taskManager: {resource: {memory: 100m}}, JOB",
            "spec.taskManager.resource.memory",
        )],
    },
    Rule {
        refuses: "quantities that are none, CPU or memory of zero, a request above its limit",
        here: "refused",
        examples: &[
            ("jobManager: {resource: {cpu: much}}, JOB", "spec.jobManager.resource.cpu"),
            (
                "taskManager: {resources: {requests: {cpu: 0}}}, JOB",
                "spec.taskManager.resources.requests.cpu",
            ),
            (
                "taskManager: {resources: {requests: {cpu: 2}, limits: {cpu: 1}}}, JOB",
                "spec.taskManager.resources.limits.cpu",
            ),
        ],
    },
    Rule {
        refuses: "a change between application and session, or between native and standalone",
        here: "sessions and `native` are refused altogether",
        examples: &[("image: x", "spec.job"), ("mode: native, JOB", "spec.mode")],
    },
    Rule {
        refuses: "a new `savepointRedeployNonce` without an `initialSavepointPath`",
        here: "refused, new or not",
        examples: &[(
            "job: {jarURI: 'local:///x.jar', savepointRedeployNonce: 1}",
            "spec.job.savepointRedeployNonce",
        )],
    },
    Rule {
        refuses: "no `serviceAccount`",
        here: "one with the least permissions is made; one that is named and not there is refused before anything is written",
        examples: &[],
    },
    Rule {
        refuses: "session jobs without a job, for an application cluster, with a jar from elsewhere",
        here: "session jobs are refused",
        examples: &[],
    },
    Rule {
        refuses: "a FlinkStateSnapshot of nothing, of two things, or of what is not there",
        here: "refused: `kubectl flink savepoint` and `kubectl flink checkpoint`",
        examples: &[],
    },
    Rule {
        refuses: "values of the autoscaler that are out of range",
        here: "refused, as all that configures the autoscaler",
        examples: &[(
            "flinkConfiguration: {job.autoscaler.enabled: true}, JOB",
            "spec.flinkConfiguration.job.autoscaler.enabled",
        )],
    },
    Rule {
        refuses: "nothing: `last-state` without high availability",
        here: "refused",
        examples: &[(
            "flinkConfiguration: {high-availability.type: none}, job: {jarURI: 'local:///x.jar', upgradeMode: last-state}",
            "spec.job.upgradeMode",
        )],
    },
    Rule {
        refuses: "nothing: a savepoint to start from that is not there, or that no pod could read",
        here: "refused: it is looked at before anything is touched",
        examples: &[(
            "job: {jarURI: 'local:///x.jar', initialSavepointPath: 'file:///data/savepoint-1-2'}",
            "spec.job.initialSavepointPath",
        )],
    },
    Rule {
        refuses: "nothing: another `initialSavepointPath` without a new nonce",
        here: "refused: it would be ignored",
        examples: &[],
    },
    Rule {
        refuses: "nothing: labels and annotations that Kubernetes takes on no other object",
        here: "refused",
        examples: &[("ingress: {template: /x, labels: {a: 'b c'}}, JOB", "spec.ingress.labels[a]")],
    },
];

fn rules() -> String {
    RULES.iter().map(|rule| format!("| {} | {} |\n", rule.refuses, rule.here)).collect()
}

#[test]
fn every_rule_of_the_operator_is_checked_with_place_and_remedy() {
    for (spec, path) in RULES.iter().flat_map(|rule| rule.examples) {
        let (name, spec) = match spec.strip_prefix("metadata: ") {
            Some(name) => (name, JOB.to_owned()),
            None => ("orders", spec.replace("JOB", JOB)),
        };
        let text = format!(
            "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        );
        let document = Document::all(&text, "orders.yaml").unwrap().remove(0);
        let reading = document.read();
        let found = placed(reading.with(validate::violations(&reading.deployment)), &document, &[]);
        let paths: Vec<&str> = found.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, [*path], "{spec}");
        assert!(found[0].place.as_ref().is_some_and(|place| place.at.line > 2), "{}", found[0]);
        assert!(!found[0].remedy.is_empty(), "{}", found[0]);
    }
}

fn rows() -> String {
    let row = |field: &kubectl_flink::model::fields::Field| {
        let treatment = match field.treatment {
            Treatment::Refused => "**refused**",
            other => other.name(),
        };
        let holds = field.holds.name();
        format!("| `{}` | {holds} | {treatment} | {} |\n", field.path, field.note)
    };
    FIELDS.iter().map(row).collect()
}

/// A row of the table without a test would be a promise: each refused field is in a test of the validation.
#[test]
fn every_refused_field_is_tested() {
    let tests = read("src/model/validate/mod.rs");
    for field in FIELDS.iter().filter(|field| field.treatment == Treatment::Refused) {
        let part = field.path.rsplit('.').next().unwrap();
        assert!(tests.contains(part), "no test refuses {}", field.path);
    }
}
