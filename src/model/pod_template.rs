//! The user's pod templates: merged as the operator merges them, then read strictly.

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::model::process::Process;
use crate::model::spec::FlinkDeploymentSpec;
use crate::model::violation::Violation;

mod edit;

pub use edit::{Change, edit, edit_taskmanager};

/// The container that runs Flink; all others are the user's.
pub const MAIN_CONTAINER: &str = "flink-main-container";

/// Key that makes templates merge list entries by name instead of by position.
pub const MERGE_BY_NAME: &str = "kubernetes.operator.pod-template.merge-arrays-by-name";

/// The template of a process: `spec.podTemplate` with the process's own merged over it.
///
/// # Errors
/// Every field that Kubernetes does not have, at its path in the merged template.
pub fn template(
    spec: &FlinkDeploymentSpec,
    process: Process,
) -> Result<PodTemplateSpec, Vec<Violation>> {
    let path = match own(spec, process) {
        Some(_) => format!("{}.podTemplate", process.field()),
        None => "spec.podTemplate".to_owned(),
    };
    let mut merged = merged(spec, process);
    if let Value::Object(fields) = &mut merged {
        // The operator's templates are Pods; type and status of one mean nothing in a template.
        fields.retain(|key, _| !["apiVersion", "kind", "status"].contains(&key.as_str()));
    }
    quantities_as_text(&mut merged);
    read(&merged, &path)
}

fn own(spec: &FlinkDeploymentSpec, process: Process) -> Option<&Value> {
    match process {
        Process::JobManager => spec.job_manager.as_ref().and_then(|jm| jm.pod_template.as_ref()),
        Process::TaskManager => spec.task_manager.as_ref().and_then(|tm| tm.pod_template.as_ref()),
    }
}

/// The template of a process as it was written, unread: the process's own merged over the common one.
pub fn merged(spec: &FlinkDeploymentSpec, process: Process) -> Value {
    let by_name = spec.flink_configuration.get(MERGE_BY_NAME).is_some_and(|v| v.trim() == "true");
    match (&spec.pod_template, own(spec, process)) {
        (Some(common), Some(own)) => {
            let mut merged = common.clone();
            merge(&mut merged, own, by_name);
            merged
        }
        (common, own) => {
            common.as_ref().or(own).cloned().unwrap_or_else(|| Value::Object(Map::new()))
        }
    }
}

/// `FlinkUtils.mergePodTemplates` of the operator: objects merge field by field, lists entry by entry (by
/// position, or by name where every entry has one), anything else is replaced.
fn merge(to: &mut Value, from: &Value, by_name: bool) {
    match (to, from) {
        (Value::Object(to), Value::Object(from)) => {
            for (key, value) in from {
                match to.get_mut(key) {
                    Some(present @ (Value::Object(_) | Value::Array(_))) => {
                        merge(present, value, by_name);
                    }
                    _ => drop(to.insert(key.clone(), value.clone())),
                }
            }
        }
        (Value::Array(to), Value::Array(from)) if by_name && named(to) && named(from) => {
            for entry in from {
                match to.iter_mut().find(|present| present.get("name") == entry.get("name")) {
                    Some(present) => merge(present, entry, by_name),
                    None => to.push(entry.clone()),
                }
            }
        }
        (Value::Array(to), Value::Array(from)) => {
            for (position, entry) in from.iter().enumerate() {
                match to.get_mut(position) {
                    Some(present) => merge(present, entry, by_name),
                    None => to.push(entry.clone()),
                }
            }
        }
        (to, from) => *to = from.clone(),
    }
}

fn named(entries: &[Value]) -> bool {
    entries.iter().all(|entry| entry.get("name").is_some_and(Value::is_string))
}

/// Users write `cpu: 1`; Kubernetes takes it, the typed form wants text.
fn quantities_as_text(value: &mut Value) {
    const MAPS: [&str; 2] = ["requests", "limits"];
    const FIELDS: [&str; 2] = ["sizeLimit", "divisor"];
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                match field {
                    Value::Object(amounts) if MAPS.contains(&key.as_str()) => {
                        amounts.values_mut().for_each(number_as_text);
                    }
                    _ if FIELDS.contains(&key.as_str()) => number_as_text(field),
                    _ => quantities_as_text(field),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(quantities_as_text),
        _ => {}
    }
}

fn number_as_text(value: &mut Value) {
    if let Value::Number(number) = value {
        *value = Value::String(number.to_string());
    }
}

/// Reads the template into Kubernetes' types, which drop what they do not know; what was dropped is found
/// by writing it again.
fn read(merged: &Value, path: &str) -> Result<PodTemplateSpec, Vec<Violation>> {
    let unreadable = |reason: String| {
        vec![Violation::new(path, reason, "Write it as the template of a Kubernetes Pod.")]
    };
    let typed = PodTemplateSpec::deserialize(merged).map_err(|e| unreadable(e.to_string()))?;
    let again = serde_json::to_value(&typed).map_err(|e| unreadable(e.to_string()))?;
    let mut dropped = Vec::new();
    find_dropped(merged, &again, path, &mut dropped);
    let unknown =
        |path| Violation::new(path, "Kubernetes has no such field", "Correct or remove it.");
    match dropped.is_empty() {
        true => Ok(typed),
        false => Err(dropped.into_iter().map(unknown).collect()),
    }
}

fn find_dropped(given: &Value, kept: &Value, path: &str, dropped: &mut Vec<String>) {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (key, value) in given.iter().filter(|(_, value)| !is_empty(value)) {
                let path = format!("{path}.{key}");
                match kept.get(key) {
                    Some(kept) => find_dropped(value, kept, &path, dropped),
                    None => dropped.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (position, (given, kept)) in given.iter().zip(kept).enumerate() {
                find_dropped(given, kept, &format!("{path}[{position}]"), dropped);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    }
}

/// The main container of a template, when it has one.
pub fn main_container(template: &PodTemplateSpec) -> Option<&Container> {
    let containers =
        template.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    containers.iter().find(|container| container.name == MAIN_CONTAINER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(yaml: &str) -> FlinkDeploymentSpec {
        crate::yaml::from_str(yaml, "test").expect(yaml)
    }

    fn merged(yaml: &str) -> Value {
        let template = template(&spec(yaml), Process::JobManager).expect(yaml);
        serde_json::to_value(template).expect("JSON")
    }

    const TWO: &str = "
podTemplate:
  apiVersion: v1
  kind: Pod
  metadata: {name: ignored, labels: {a: common}}
  spec:
    containers:
    - {name: flink-main-container, env: [{name: A, value: common}, {name: B, value: common}]}
    - {name: logs, image: common}
jobManager:
  podTemplate:
    metadata: {labels: {b: own}}
    spec:
      containers:
      - {name: flink-main-container, env: [{name: B, value: own}]}
";

    #[test]
    fn lists_merge_by_position_as_in_the_operator() {
        insta::assert_snapshot!(crate::yaml::to_string(&merged(TWO)).expect("YAML"), @r"
        metadata:
          labels:
            a: common
            b: own
          name: ignored
        spec:
          containers:
          - env:
            - name: B
              value: own
            - name: B
              value: common
            name: flink-main-container
          - image: common
            name: logs
        ");
    }

    #[test]
    fn lists_merge_by_name_when_asked() {
        let yaml = format!("{TWO}\nflinkConfiguration: {{{MERGE_BY_NAME}: true}}");
        let env = merged(&yaml).pointer("/spec/containers/0/env").cloned();
        let expected =
            serde_json::json!([{"name": "A", "value": "common"}, {"name": "B", "value": "own"}]);
        assert_eq!(env, Some(expected));
    }

    #[test]
    fn a_field_that_kubernetes_does_not_have_is_named() {
        let yaml = "podTemplate: {spec: {containers: [{name: flink-main-container, volumeMount: [{name: x}]}], nodeselector: {a: b}}}";
        let violations = template(&spec(yaml), Process::TaskManager).expect_err("typos");
        let paths: Vec<&str> = violations.iter().map(|v| v.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "spec.podTemplate.spec.containers[0].volumeMount",
                "spec.podTemplate.spec.nodeselector"
            ]
        );
    }

    #[test]
    fn numbers_are_quantities_too() {
        let yaml = "podTemplate: {spec: {containers: [{name: logs, resources: {limits: {cpu: 1}}}], volumes: [{name: x, emptyDir: {sizeLimit: 1000}}]}}";
        assert_eq!(
            merged(yaml).pointer("/spec/containers/0/resources/limits/cpu"),
            Some(&"1".into())
        );
    }

    #[test]
    fn a_wrong_type_is_one_violation() {
        let violations =
            template(&spec("podTemplate: {spec: {containers: 3}}"), Process::TaskManager);
        assert_eq!(violations.expect_err("a number").len(), 1);
    }
}
