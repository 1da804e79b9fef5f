//! Every field of a FlinkDeployment: its type, and what the direct engine does with it.
//!
//! The one source of three things: what [`document`](crate::model::document) accepts, the table of
//! `docs/spec.md`, and the test that no field of the operator's resource definition is missing.

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A Flink version.
    Version,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Nonce,
    /// True or false.
    Boolean,
    /// Text or a number: `cpu: 1` and `cpu: "1"`.
    Amount,
    /// A list of texts.
    Texts,
    /// Names and texts.
    TextMap,
    /// Names and amounts.
    AmountMap,
    /// Flink's configuration, flat or nested.
    Configuration,
    /// A Pod of Kubernetes, checked where the templates are merged.
    PodTemplate,
    /// Anything: not looked at.
    Any,
}

impl Type {
    /// What the documentation calls it.
    pub fn name(self) -> String {
        match self {
            Type::Text => "text".to_owned(),
            Type::Word(words) => words.join(", "),
            Type::Version => "`v1_17` … `v2_3`".to_owned(),
            Type::Integer | Type::Nonce => "whole number".to_owned(),
            Type::Boolean => "true or false".to_owned(),
            Type::Amount => "quantity".to_owned(),
            Type::Texts => "list of texts".to_owned(),
            Type::TextMap => "map of texts".to_owned(),
            Type::AmountMap => "map of quantities".to_owned(),
            Type::Configuration => "map, flat or nested".to_owned(),
            Type::PodTemplate => "Pod".to_owned(),
            Type::Any => "anything".to_owned(),
        }
    }
}

/// What the direct engine does with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It has the effect that it has under the operator.
    Honoured,
    /// A document that sets it is refused, with the reason and the alternative.
    Refused,
    /// Part of what it can say is refused.
    Partly,
    /// The API server or the operator wrote it into an exported document: no wish, so nothing is done.
    Dropped,
}

impl Treatment {
    /// What the documentation calls it.
    pub fn name(self) -> &'static str {
        match self {
            Treatment::Honoured => "honoured",
            Treatment::Refused => "refused",
            Treatment::Partly => "in part",
            Treatment::Dropped => "dropped",
        }
    }
}

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its path; `[]` stands for an item of a list.
    pub path: &'static str,
    /// What it may hold.
    pub holds: Type,
    /// What becomes of it.
    pub treatment: Treatment,
    /// How it is honoured, or why not and what to do instead. Markdown.
    pub note: &'static str,
}

const fn field(path: &'static str, holds: Type, treatment: Treatment, note: &'static str) -> Field {
    Field { path, holds, treatment, note }
}

use Treatment::{Dropped, Honoured, Partly, Refused};

const WRITTEN_BY_SERVER: &str = "the API server wrote it";
const CPU: &str = "request and limit of the main container; the limit is multiplied by `kubernetes.<process>.cpu.limit-factor`";
const MEMORY: &str = "Flink's process memory, `2048m` being mebibytes, or a quantity (`2Gi`); request and limit of the main container";
const STORAGE: &str = "request and limit of the main container";
const REQUESTS: &str = "of the main container; `memory` is also Flink's process memory, and `2048m` there is mebibytes, as the operator reads it";
const LIMITS: &str = "of the main container; not below the requests";
const CLAIMS: &str =
    "of the main container; the pod template has to make the claim (`spec.resourceClaims`)";
const TEMPLATE: &str = "merged over `spec.podTemplate`, lists by position as in the operator, or by name with `kubernetes.operator.pod-template.merge-arrays-by-name`";

/// Every field, in the order of a document.
pub const FIELDS: &[Field] = &[
    field("apiVersion", Type::Word(&["flink.apache.org/v1beta1"]), Honoured, ""),
    field(
        "kind",
        Type::Word(&["FlinkDeployment"]),
        Honoured,
        "a FlinkSessionJob, or a FlinkDeployment without `spec.job`, is refused: the direct engine runs applications",
    ),
    field(
        "metadata.name",
        Type::Text,
        Honoured,
        "the application; at most 45 characters, as in the operator",
    ),
    field("metadata.namespace", Type::Text, Honoured, "must agree with `-n`"),
    field("metadata.labels", Type::TextMap, Honoured, "on every object and pod"),
    field(
        "metadata.annotations",
        Type::TextMap,
        Honoured,
        "those under `kubectl-flink.io/` say what a FlinkDeployment has no field for; the others are kept in the record",
    ),
    field("metadata.finalizers", Type::Any, Dropped, "the operator wrote it"),
    field("metadata.creationTimestamp", Type::Any, Dropped, WRITTEN_BY_SERVER),
    field("metadata.generation", Type::Any, Dropped, WRITTEN_BY_SERVER),
    field("metadata.managedFields", Type::Any, Dropped, WRITTEN_BY_SERVER),
    field("metadata.resourceVersion", Type::Any, Dropped, WRITTEN_BY_SERVER),
    field("metadata.selfLink", Type::Any, Dropped, WRITTEN_BY_SERVER),
    field("metadata.uid", Type::Any, Dropped, WRITTEN_BY_SERVER),
    field(
        "spec.image",
        Type::Text,
        Honoured,
        "the official image of the Flink version when absent",
    ),
    field("spec.imagePullPolicy", Type::Word(&["Always", "IfNotPresent", "Never"]), Honoured, ""),
    field(
        "spec.flinkVersion",
        Type::Version,
        Honoured,
        "2.3 when absent; the operator demands it. `v1_13` to `v1_16` are refused: too old for the REST calls that keep state safe. `v2_4` is not out",
    ),
    field(
        "spec.serviceAccount",
        Type::Text,
        Honoured,
        "must exist; one of our own with the least permissions when absent. A Role for Flink's high availability is bound to it",
    ),
    field(
        "spec.mode",
        Type::Word(&["native", "standalone"]),
        Partly,
        "`standalone`, which is also the default; `native` is refused: the direct engine makes the TaskManagers itself, so that they start beside the JobManager",
    ),
    field(
        "spec.flinkConfiguration",
        Type::Configuration,
        Partly,
        "keys that would break the identity, the addresses or the state of a generation are refused, see [configuration.md](configuration.md); so are keys of the operator and of Flink's native mode",
    ),
    field(
        "spec.logConfiguration",
        Type::TextMap,
        Honoured,
        "`log4j-console.properties` and `logback-console.xml`, as in the operator; other names are refused, because Flink reads no such file",
    ),
    field(
        "spec.podTemplate",
        Type::PodTemplate,
        Partly,
        "what the main container may not say (command, image, CPU, memory, …) is refused with the field that says it",
    ),
    field(
        "spec.ingress.template",
        Type::Text,
        Honoured,
        "host and path of the Ingress `<name>`, which leads to the Service `<name>-rest`, port 8081: `{{name}}` and `{{namespace}}` are filled in; scheme, port and query are dropped, as in the operator",
    ),
    field(
        "spec.ingress.className",
        Type::Text,
        Honoured,
        "a note says when there is no such IngressClass",
    ),
    field("spec.ingress.annotations", Type::TextMap, Honoured, "of the Ingress"),
    field("spec.ingress.labels", Type::TextMap, Honoured, "of the Ingress; ours win"),
    field("spec.ingress.tls[].hosts", Type::Texts, Honoured, ""),
    field("spec.ingress.tls[].secretName", Type::Text, Honoured, ""),
    field("spec.jobManager.resource.cpu", Type::Amount, Honoured, CPU),
    field("spec.jobManager.resource.memory", Type::Amount, Honoured, MEMORY),
    field("spec.jobManager.resource.ephemeralStorage", Type::Amount, Honoured, STORAGE),
    field("spec.jobManager.resources.requests", Type::AmountMap, Honoured, REQUESTS),
    field("spec.jobManager.resources.limits", Type::AmountMap, Honoured, LIMITS),
    field("spec.jobManager.resources.claims[].name", Type::Text, Honoured, CLAIMS),
    field("spec.jobManager.resources.claims[].request", Type::Text, Honoured, ""),
    field(
        "spec.jobManager.replicas",
        Type::Integer,
        Honoured,
        "1 when absent; all but the one that leads stand by and take over when it dies, which needs high availability",
    ),
    field("spec.jobManager.podTemplate", Type::PodTemplate, Partly, TEMPLATE),
    field("spec.taskManager.resource.cpu", Type::Amount, Honoured, CPU),
    field("spec.taskManager.resource.memory", Type::Amount, Honoured, MEMORY),
    field("spec.taskManager.resource.ephemeralStorage", Type::Amount, Honoured, STORAGE),
    field("spec.taskManager.resources.requests", Type::AmountMap, Honoured, REQUESTS),
    field("spec.taskManager.resources.limits", Type::AmountMap, Honoured, LIMITS),
    field("spec.taskManager.resources.claims[].name", Type::Text, Honoured, CLAIMS),
    field("spec.taskManager.resources.claims[].request", Type::Text, Honoured, ""),
    field(
        "spec.taskManager.replicas",
        Type::Integer,
        Honoured,
        "parallelism / slots, rounded up, when absent",
    ),
    field("spec.taskManager.podTemplate", Type::PodTemplate, Partly, TEMPLATE),
    field(
        "spec.job.jarURI",
        Type::Text,
        Partly,
        "`local://` in the image, `https://`, a path on this machine (it is uploaded), or a URI on the state storage; other schemes are refused",
    ),
    field("spec.job.entryClass", Type::Text, Honoured, "the jar's manifest names it when absent"),
    field("spec.job.args", Type::Texts, Honoured, ""),
    field(
        "spec.job.parallelism",
        Type::Integer,
        Honoured,
        "from 1 to 32768, Flink's largest maximum; 1 when absent",
    ),
    field(
        "spec.job.state",
        Type::Word(&["running", "suspended"]),
        Honoured,
        "`suspended` stops a running job as `kubectl flink stop` does, and makes a new application without pods; `running`, or `kubectl flink start`, goes on from what it was stopped with",
    ),
    field(
        "spec.job.upgradeMode",
        Type::Word(&["stateless", "savepoint", "last-state"]),
        Honoured,
        "`savepoint` and `last-state` keep the state, from a savepoint where the job can take one, else from the latest checkpoint; `stateless` drops it. Absent means keeping it, other than in the operator. `last-state` needs high availability",
    ),
    field(
        "spec.job.initialSavepointPath",
        Type::Text,
        Honoured,
        "what a new application starts from, like `--from`, and one whose `savepointRedeployNonce` is new; another path without a new number is refused, where the operator ignores it",
    ),
    field("spec.job.allowNonRestoredState", Type::Boolean, Honoured, ""),
    field(
        "spec.job.savepointTriggerNonce",
        Type::Nonce,
        Honoured,
        "a new number takes a savepoint of the running job, as `kubectl flink savepoint` does; with another change the savepoint of the upgrade is it",
    ),
    field(
        "spec.job.checkpointTriggerNonce",
        Type::Nonce,
        Honoured,
        "a new number takes a checkpoint of the running job, as `kubectl flink checkpoint` does",
    ),
    field(
        "spec.job.savepointRedeployNonce",
        Type::Nonce,
        Honoured,
        "a new number starts again from `initialSavepointPath`, as `kubectl flink restore` does: with a savepoint of what runs first, and the way back",
    ),
    field(
        "spec.job.autoscalerResetNonce",
        Type::Nonce,
        Refused,
        "the autoscaler is the operator's: `spec.job.parallelism`",
    ),
    field(
        "spec.restartNonce",
        Type::Nonce,
        Honoured,
        "a new number is a new generation: a restart from a savepoint",
    ),
    field("status", Type::Any, Dropped, "the operator wrote it about the past"),
];

/// The field at `path`; an item of a list is written `[0]` or `[]`.
pub fn find(path: &str) -> Option<&'static Field> {
    let path = of_any_item(path);
    FIELDS.iter().find(|field| field.path == path)
}

/// Whether there is a list of mappings at `path`.
pub fn is_list(path: &str) -> bool {
    FIELDS
        .iter()
        .any(|field| field.path.strip_prefix(path).is_some_and(|rest| rest.starts_with("[].")))
}

/// `tls[0].hosts` as `tls[].hosts`.
fn of_any_item(path: &str) -> String {
    let mut parts = path.split('[');
    let mut general = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        general.push('[');
        general.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    general
}

/// The names directly below `path` (empty for the document itself), in the table's order.
pub fn below(path: &str) -> Vec<&'static str> {
    let path = of_any_item(path);
    let mut names: Vec<&'static str> = Vec::new();
    for field in FIELDS {
        let rest = match path.as_str() {
            "" => Some(field.path),
            path => field.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
        };
        let name = rest.and_then(|rest| rest.split('.').next());
        let name = name.map(|name| name.trim_end_matches("[]"));
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The paths of the operator's resource definition (release 1.16), one a line, made from its schema:
    /// every leaf below `spec`, pod templates and resource maps being leaves.
    fn of_the_operator() -> BTreeSet<&'static str> {
        include_str!("../../tests/data/flinkdeployment-fields.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect()
    }

    #[test]
    fn no_field_of_the_operator_is_missing() {
        let missing: Vec<&str> = of_the_operator()
            .into_iter()
            .filter(|path| {
                // Within what is not looked at nothing can be missing.
                let path = path.trim_end_matches("[]");
                find(path).is_none() && !is_list(path)
            })
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
        assert!(of_the_operator().len() > 40);
    }

    #[test]
    fn no_field_is_invented() {
        let operator = of_the_operator();
        let invented = |field: &&Field| {
            let known = |path: &&&str| {
                path.starts_with(field.path) || field.path.starts_with(&format!("{path}."))
            };
            field.path.starts_with("spec.") && operator.iter().filter(known).count() == 0
        };
        assert_eq!(FIELDS.iter().filter(invented).collect::<Vec<_>>(), Vec::<&Field>::new());
    }

    #[test]
    fn every_refusal_says_why() {
        for field in FIELDS.iter().filter(|f| matches!(f.treatment, Refused | Partly)) {
            assert!(!field.note.is_empty(), "{}", field.path);
        }
    }

    #[test]
    fn the_names_below_a_path_are_found() {
        assert_eq!(below(""), ["apiVersion", "kind", "metadata", "spec", "status"]);
        assert_eq!(below("spec.jobManager.resources"), ["requests", "limits", "claims"]);
        assert_eq!(below("spec.image"), Vec::<&str>::new());
        assert_eq!(below("spec.ingress.tls[3]"), ["hosts", "secretName"]);
        assert!(is_list("spec.ingress.tls") && !is_list("spec.ingress"));
    }
}
