//! Changes of a spec's pod templates, such as flags ask for.

use serde_json::{Map, Value, json};

use super::{MAIN_CONTAINER, merged, own};
use crate::model::process::Process;
use crate::model::spec::FlinkDeploymentSpec;

/// One change of a pod template. Entries of lists are told apart by the value of one field, or altogether
/// where that field's name is empty.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An entry of a list of the main container: the list, the field that tells entries apart, the entry.
    Main(&'static str, &'static str, Value),
    /// An entry of a list of the pod's spec, likewise.
    Pod(&'static str, &'static str, Value),
    /// A value of a map: the path to the map, the key, the value.
    Key(&'static [&'static str], String, Value),
}

/// Puts the changes into the template of every process; what is no mapping or no list there, as validation is
/// going to say, gives way or stays as it is.
pub fn edit(spec: &mut FlinkDeploymentSpec, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    if Process::ALL.into_iter().all(|process| own(spec, process).is_none()) {
        let common = spec.pod_template.get_or_insert_with(|| json!({}));
        changes.iter().for_each(|change| change.apply(common));
        return;
    }
    take_apart(spec);
    edit_own(spec.job_manager.get_or_insert_default().pod_template.as_mut(), changes);
    edit_own(spec.task_manager.get_or_insert_default().pod_template.as_mut(), changes);
}

/// Puts the changes into the template of the TaskManagers alone.
pub fn edit_taskmanager(spec: &mut FlinkDeploymentSpec, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    if spec.pod_template.is_some() {
        take_apart(spec);
    }
    let template = &mut spec.task_manager.get_or_insert_default().pod_template;
    template.get_or_insert_with(|| json!({}));
    edit_own(template.as_mut(), changes);
}

/// Gives each process a template of its own instead of a common one. Lists merge by position, so a variable more in the
/// common template could meet another one in a process's own. Merged beforehand they mean the same on either engine.
fn take_apart(spec: &mut FlinkDeploymentSpec) {
    let [jobmanager, taskmanager] =
        [Process::JobManager, Process::TaskManager].map(|process| merged(spec, process));
    spec.pod_template = None;
    spec.job_manager.get_or_insert_default().pod_template = Some(jobmanager);
    spec.task_manager.get_or_insert_default().pod_template = Some(taskmanager);
}

fn edit_own(template: Option<&mut Value>, changes: &[Change]) {
    if let Some(template) = template {
        changes.iter().for_each(|change| change.apply(template));
    }
}

impl Change {
    fn apply(&self, template: &mut Value) {
        match self {
            Change::Main(list, id, entry) => with_main(template, |main| {
                with_list(main, list, |list| put(list, id, entry));
            }),
            Change::Pod(list, id, entry) => {
                with_list(map_of(template, "spec"), list, |list| put(list, id, entry));
            }
            Change::Key(path, key, value) => {
                let map = path.iter().fold(template, |at, part| map_of(at, part));
                if let Some(map) = as_map(map) {
                    map.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

/// Replaces the entry with the same `id`, else adds it.
fn put(list: &mut Vec<Value>, id: &str, entry: &Value) {
    let is_same = |other: &&mut Value| match id {
        "" => *other == entry,
        id => other.get(id) == entry.get(id),
    };
    match list.iter_mut().find(is_same) {
        Some(present) => present.clone_from(entry),
        None => list.push(entry.clone()),
    }
}

/// What is no mapping becomes an empty one, so that it can hold something.
fn as_map(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut()
}

fn map_of<'a>(value: &'a mut Value, key: &str) -> &'a mut Value {
    as_map(value);
    let inner = &mut value[key];
    as_map(inner);
    inner
}

/// The list at `key`, made when it is missing.
fn with_list(value: &mut Value, key: &str, change: impl FnOnce(&mut Vec<Value>)) {
    if let Some(map) = as_map(value)
        && let Some(list) = map.entry(key).or_insert_with(|| json!([])).as_array_mut()
    {
        change(list);
    }
}

/// The main container, made when it is missing.
fn with_main(template: &mut Value, change: impl FnOnce(&mut Value)) {
    with_list(map_of(template, "spec"), "containers", |containers| {
        let is_main = |container: &Value| {
            container.get("name").and_then(Value::as_str) == Some(MAIN_CONTAINER)
        };
        if !containers.iter().any(is_main) {
            containers.push(json!({"name": MAIN_CONTAINER}));
        }
        if let Some(main) = containers.iter_mut().find(|container| is_main(container)) {
            change(main);
        }
    });
}
