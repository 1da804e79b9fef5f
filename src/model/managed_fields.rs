//! Who owns which field of an object: Kubernetes' `metadata.managedFields`, as plain data.
//!
//! The form of `fieldsV1` (`f:name`, `k:{"name":"a"}`, `v:1`, `.`) is that of structured-merge-diff; see
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#managing-fields>.

use std::fmt;

use serde_json::{Map, Value};

/// One step on the way to a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    /// The field of an object.
    Field(String),
    /// The element of a list that has these values.
    Element(Map<String, Value>),
    /// This very value in a list of values.
    Value(Value),
}

/// The way to a field, printed as `.spec.containers[name=main].image`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FieldPath(Vec<Segment>);

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manager {
    /// Its name, such as `kubectl-edit`.
    pub name: String,
    /// Whether it declares its fields by server-side apply, and so means to keep them. Everything else wrote
    /// them once.
    pub applies: bool,
    /// The fields it owns.
    pub fields: Vec<FieldPath>,
}

impl FieldPath {
    /// The path one step further down.
    #[must_use]
    pub fn join(&self, segment: Segment) -> FieldPath {
        FieldPath(self.0.iter().cloned().chain([segment]).collect())
    }

    /// Its steps.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether one of the two leads through the other.
    pub fn touches(&self, other: &FieldPath) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a.is_alike(b))
    }

    /// What `document` has there.
    pub fn get<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(document, |value, segment| match (segment, value) {
            (Segment::Field(name), Value::Object(map)) => map.get(name),
            (segment, Value::Array(items)) => items.iter().find(|item| segment.matches(item)),
            _ => None,
        })
    }

    /// The shortest beginning of this path that leads to nothing in `document`; `None` when all of it is there.
    pub fn missing_in(&self, document: &Value) -> Option<FieldPath> {
        (1..=self.0.len())
            .map(|length| FieldPath(self.0.iter().take(length).cloned().collect()))
            .find(|path| path.get(document).is_none())
    }

    /// As a JSON pointer (RFC 6901) into `document`; `None` when nothing is there.
    pub fn pointer(&self, document: &Value) -> Option<String> {
        let mut pointer = String::new();
        let mut value = document;
        for segment in &self.0 {
            let (step, next) = match (segment, value) {
                (Segment::Field(name), Value::Object(map)) => {
                    (name.replace('~', "~0").replace('/', "~1"), map.get(name)?)
                }
                (segment, Value::Array(items)) => {
                    let position = items.iter().position(|item| segment.matches(item))?;
                    (position.to_string(), items.get(position)?)
                }
                _ => return None,
            };
            pointer = format!("{pointer}/{step}");
            value = next;
        }
        Some(pointer)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Field(name) if name.contains(['.', '/']) => write!(f, "[{name}]")?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Value(value) => write!(f, "[={value}]")?,
                Segment::Element(keys) => {
                    let text = |value: &Value| {
                        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                    };
                    let keys: Vec<_> =
                        keys.iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
                    write!(f, "[{}]", keys.join(","))?;
                }
            }
        }
        Ok(())
    }
}

impl Segment {
    fn parse(key: &str) -> Option<Segment> {
        let (kind, rest) = key.split_once(':')?;
        match kind {
            "f" => Some(Segment::Field(rest.to_owned())),
            "k" => serde_json::from_str(rest).ok().map(Segment::Element),
            "v" => serde_json::from_str(rest).ok().map(Segment::Value),
            _ => None,
        }
    }

    fn is_alike(&self, other: &Segment) -> bool {
        match (self, other) {
            // Elements named by different fields (a port by its name, or by its number) may be the same.
            (Segment::Element(a), Segment::Element(b)) => {
                a.iter().filter_map(|(key, value)| Some((value, b.get(key)?))).all(|(a, b)| a == b)
            }
            (a, b) => a == b,
        }
    }

    fn matches(&self, item: &Value) -> bool {
        match (self, item) {
            (Segment::Value(value), item) => value == item,
            (Segment::Element(keys), Value::Object(item)) => {
                let mut both = keys.iter().filter_map(|(key, value)| Some((value, item.get(key)?)));
                both.clone().count() > 0 && both.all(|(a, b)| a == b)
            }
            _ => false,
        }
    }
}

/// Everybody who owns fields of `object`, but for those who only wrote its status.
pub fn managers(object: &Value) -> Vec<Manager> {
    entries(object)
        .map(|(entry, fields)| {
            let mut paths = Vec::new();
            leaves(fields, &FieldPath::default(), &mut paths);
            Manager {
                name: entry["manager"].as_str().unwrap_or("somebody unknown").to_owned(),
                applies: entry["operation"] == "Apply",
                fields: paths,
            }
        })
        .collect()
}

/// The part of `object` that `manager` owns; what the API server and others added is left out. `None` when it owns
/// nothing.
pub fn owned_by(object: &Value, manager: &str) -> Option<Value> {
    let mut all = Map::new();
    for (_, fields) in entries(object).filter(|(entry, _)| entry["manager"] == manager) {
        merge(&mut all, fields);
    }
    if all.is_empty() {
        return None;
    }
    let mut part = project(object, &all);
    for field in ["apiVersion", "kind"] {
        part[field].clone_from(&object[field]);
    }
    part["metadata"]["name"].clone_from(&object["metadata"]["name"]);
    Some(part)
}

/// The names of the fields in the map `field` of `object`, by who manages them. So the keys of a Secret are known without
/// its values.
pub fn keys_of(object: &Value, field: &str) -> Vec<String> {
    let name = format!("f:{field}");
    let maps = entries(object).filter_map(|(_, fields)| fields.get(&name)?.as_object());
    let keys = maps.flat_map(|map| map.keys()).filter_map(|key| key.strip_prefix("f:"));
    let mut keys: Vec<String> = keys.map(str::to_owned).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn entries(object: &Value) -> impl Iterator<Item = (&Value, &Map<String, Value>)> {
    let all = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    all.filter(|entry| entry["subresource"] != "status")
        .filter_map(|entry| Some((entry, entry["fieldsV1"].as_object()?)))
}

fn leaves(fields: &Map<String, Value>, prefix: &FieldPath, found: &mut Vec<FieldPath>) {
    for (key, below) in fields {
        let Some(segment) = Segment::parse(key) else { continue };
        let path = prefix.join(segment);
        match below.as_object().filter(|below| below.keys().any(|key| key != ".")) {
            Some(below) => leaves(below, &path, found),
            None => found.push(path),
        }
    }
}

fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, below) in from {
        let there = into.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
        if let (Value::Object(there), Value::Object(below)) = (there, below) {
            merge(there, below);
        }
    }
}

fn project(value: &Value, fields: &Map<String, Value>) -> Value {
    let empty = Map::new();
    let below = |key: &str| fields.get(key).and_then(Value::as_object).unwrap_or(&empty);
    let named: Vec<(&String, Segment)> =
        fields.keys().filter_map(|key| Some((key, Segment::parse(key)?))).collect();
    match value {
        _ if named.is_empty() => value.clone(),
        Value::Object(map) => {
            let owned = named.iter().filter_map(|(key, segment)| match segment {
                Segment::Field(name) => Some((name.clone(), project(map.get(name)?, below(key)))),
                _ => None,
            });
            Value::Object(owned.collect())
        }
        Value::Array(items) => {
            let owned = items.iter().filter_map(|item| {
                let (key, _) = named.iter().find(|(_, segment)| segment.matches(item))?;
                Some(project(item, below(key)))
            });
            Value::Array(owned.collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A Deployment of ours that `kubectl edit` changed and a controller watches over.
    pub(crate) fn edited() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "orders", "uid": "1", "labels": {"app": "orders", "team": "shop"},
                "managedFields": [
                    {"manager": "kubectl-flink", "operation": "Apply", "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:app": {}}},
                        "f:spec": {"f:template": {"f:spec": {"f:containers": {
                            "k:{\"name\":\"main\"}": {".": {}, "f:image": {}, "f:name": {},
                                "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}}}}}}}}}},
                    {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:team": {}}},
                        "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
                            "k:{\"name\":\"main\"}": {"f:env": {"k:{\"name\":\"B\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}}}},
                    {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
                        "fieldsV1": {"f:status": {"f:replicas": {}}}},
                ],
            },
            "spec": {"replicas": 0, "strategy": {"type": "RollingUpdate"}, "template": {"spec": {"containers": [
                {"name": "main", "image": "flink:2.3.0", "imagePullPolicy": "IfNotPresent",
                 "env": [{"name": "A", "value": "x"}, {"name": "B", "value": "y"}]}]}}},
            "status": {"replicas": 0},
        })
    }

    #[test]
    fn what_others_and_the_server_added_is_no_part_of_ours() {
        let owned = owned_by(&edited(), "kubectl-flink").expect("something");
        assert_eq!(
            owned,
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "orders", "labels": {"app": "orders"}},
                "spec": {"template": {"spec": {"containers": [
                    {"name": "main", "image": "flink:2.3.0", "env": [{"name": "A"}]}]}}},
            })
        );
        assert_eq!(owned_by(&edited(), "helm"), None);
    }

    #[test]
    fn every_field_is_named_and_found_again() {
        let edited = edited();
        let managers = managers(&edited);
        assert_eq!(managers.len(), 2, "status is nobody's spec");
        let names: Vec<_> = managers[1].fields.iter().map(ToString::to_string).collect();
        let variable = ".spec.template.spec.containers[name=main].env[name=B]";
        assert_eq!(
            names,
            [
                ".metadata.labels.team",
                ".spec.replicas",
                &format!("{variable}.name"),
                &format!("{variable}.value")
            ]
        );
        let value = &managers[1].fields[3];
        assert_eq!(value.get(&edited), Some(&json!("y")));
        assert_eq!(
            value.pointer(&edited).as_deref(),
            Some("/spec/template/spec/containers/0/env/1/value")
        );
        let without =
            json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "env": []}]}}}});
        assert_eq!(
            value.missing_in(&without).map(|path| path.to_string()).as_deref(),
            Some(variable)
        );
    }
}
