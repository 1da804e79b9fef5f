//! Where an object differs from what it was made as, and by whose hand. Pure.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::labels::FIELD_MANAGER;
use crate::model::managed_fields::{FieldPath, Manager, Segment, managers};
use crate::model::quantity::Quantity;

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The whole object is gone.
    Missing,
    /// The field has another value.
    Changed,
    /// The field is gone.
    Removed,
    /// A field that nobody asked for.
    Added,
}

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// How.
    pub change: Change,
    /// Where; empty for a whole object.
    pub field: FieldPath,
    /// What should be there.
    pub wanted: Option<Value>,
    /// What is there.
    pub found: Option<Value>,
    /// Who owns the field now, if anybody.
    pub manager: Option<Manager>,
}

impl Drift {
    /// An object that is gone.
    pub fn missing() -> Drift {
        let (field, wanted, found) = (FieldPath::default(), None, None);
        Drift { change: Change::Missing, field, wanted, found, manager: None }
    }

    /// Whether somebody who applies, as this program does, declares the field to be as it is.
    pub fn is_declared(&self) -> bool {
        self.manager.as_ref().is_some_and(|manager| manager.applies)
    }
}

/// Which differences count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that somebody else made. What is ours and differs was written by another version of this program.
    Others,
    /// Also fields that are gone, which nobody owns: the object was made by this version.
    All,
}

/// The differences of `live` from `wanted` that this program did not make itself, in order of `wanted`; what was
/// added comes last. Metadata that others add changes nothing, and the status is not ours.
pub fn between(wanted: &Value, live: &Value, scope: Scope) -> Vec<Drift> {
    let managers = managers(live);
    let mut found = Vec::new();
    compare(&FieldPath::default(), wanted, live, &mut found);
    found.retain(|drift| !is_identity(&drift.field));
    for drift in &mut found {
        let owns =
            |manager: &&Manager| manager.fields.iter().any(|field| field.touches(&drift.field));
        let mut owners = managers.iter().filter(owns);
        drift.manager = owners.clone().find(|owner| owner.name != FIELD_MANAGER).cloned();
        if drift.manager.is_none() && owners.next().is_some() {
            // Ours, and ours alone.
            drift.wanted = drift.found.clone();
        }
    }
    found.retain(|drift| drift.wanted != drift.found);
    found.retain(|drift| drift.manager.is_some() || scope == Scope::All);
    found.extend(additions(wanted, live, &managers));
    found
}

/// What identifies an object is the same by definition.
fn is_identity(field: &FieldPath) -> bool {
    let [first, rest @ ..] = field.segments() else { return true };
    let named = |segment: &Segment, names: &[&str]| matches!(segment, Segment::Field(name) if names.contains(&name.as_str()));
    named(first, &["apiVersion", "kind", "status"])
        || (named(first, &["metadata"])
            && rest.first().is_some_and(|second| !named(second, &["labels", "annotations"])))
}

fn additions(wanted: &Value, live: &Value, managers: &[Manager]) -> Vec<Drift> {
    let metadata = Segment::Field("metadata".to_owned());
    let mut found: Vec<Drift> = Vec::new();
    for manager in managers.iter().filter(|manager| manager.name != FIELD_MANAGER) {
        for owned in &manager.fields {
            let is_ignored = is_identity(owned) || owned.segments().contains(&metadata);
            let Some(field) = owned.missing_in(wanted).filter(|_| !is_ignored) else { continue };
            let there = field.get(live).filter(|value| !is_nothing(value)).cloned();
            if there.is_some() && !found.iter().any(|known| known.field == field) {
                let manager = Some(manager.clone());
                found.push(Drift {
                    change: Change::Added,
                    field,
                    wanted: None,
                    found: there,
                    manager,
                });
            }
        }
    }
    found
}

fn compare(path: &FieldPath, wanted: &Value, live: &Value, found: &mut Vec<Drift>) {
    let mut differs = |change, there: Option<&Value>| {
        let (field, wanted) = (path.clone(), Some(wanted.clone()));
        found.push(Drift { change, field, wanted, found: there.cloned(), manager: None });
    };
    match (wanted, live) {
        (wanted, live) if is_same(wanted, live) => {}
        (_, Value::Null) => differs(Change::Removed, None),
        (Value::Object(wanted), Value::Object(live)) => {
            for (key, value) in wanted {
                let there = live.get(key).unwrap_or(&Value::Null);
                compare(&path.join(Segment::Field(key.clone())), value, there, found);
            }
        }
        (Value::Array(items), Value::Array(there)) => match list_key(items) {
            Some(key) => {
                for item in items {
                    let is_it = |other: &&Value| other.get(key) == item.get(key);
                    let one = there.iter().find(is_it).unwrap_or(&Value::Null);
                    let name = item.get(key).cloned().unwrap_or_default();
                    let element = Segment::Element(Map::from_iter([(key.to_owned(), name)]));
                    compare(&path.join(element), item, one, found);
                }
            }
            None => {
                let mut inside = Vec::new();
                for (item, other) in items.iter().zip(there) {
                    compare(path, item, other, &mut inside);
                }
                if items.len() != there.len() || !inside.is_empty() {
                    differs(Change::Changed, Some(live));
                }
            }
        },
        (_, live) => differs(Change::Changed, Some(live)),
    }
}

/// The field that tells the elements of a list apart, as the lists of the objects we write are keyed.
fn list_key(items: &[Value]) -> Option<&'static str> {
    let keys = ["mountPath", "name", "containerPort", "port"];
    keys.into_iter().find(|key| {
        let values: Vec<_> = items.iter().filter_map(|item| item.get(key)).collect();
        let distinct = values
            .iter()
            .enumerate()
            .all(|(i, value)| !values.iter().skip(i + 1).any(|v| v == value));
        !items.is_empty() && values.len() == items.len() && distinct
    })
}

/// The API server leaves out what is empty, and spells quantities in its own way.
fn is_same(wanted: &Value, live: &Value) -> bool {
    if wanted == live || (live.is_null() && is_nothing(wanted)) {
        return true;
    }
    let quantity = |value: &Value| match value {
        Value::String(text) => text.parse::<Quantity>().ok(),
        Value::Number(number) => number.to_string().parse::<Quantity>().ok(),
        _ => None,
    };
    quantity(wanted).is_some_and(|wanted| quantity(live) == Some(wanted))
}

/// `wanted` in the spelling of `live` where the two say the same, and without what says nothing, so that a textual
/// comparison shows real differences only.
pub fn spelled_like(wanted: &Value, live: &Value) -> Value {
    match (wanted, live) {
        (Value::Object(wanted), live) => {
            let said = wanted.iter().filter_map(|(key, value)| {
                let there = live.get(key).unwrap_or(&Value::Null);
                let is_silent = value.is_null() || (is_blank(value) && there.is_null());
                (!is_silent).then(|| (key.clone(), spelled_like(value, there)))
            });
            Value::Object(said.collect())
        }
        (Value::Array(items), live) => {
            let key = list_key(items);
            let there = |(position, item): (usize, &Value)| {
                let others = live.as_array().map(Vec::as_slice).unwrap_or_default();
                let same = |other: &&Value| key.is_some_and(|key| other.get(key) == item.get(key));
                let other = match key {
                    Some(_) => others.iter().find(same),
                    None => others.get(position),
                };
                spelled_like(item, other.unwrap_or(&Value::Null))
            };
            Value::Array(items.iter().enumerate().map(there).collect())
        }
        (wanted, live) if !live.is_null() && is_same(wanted, live) => live.clone(),
        (wanted, _) => wanted.clone(),
    }
}

/// Empty in a way that the API server does not store.
fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_nothing),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::managed_fields::tests::edited;

    fn wanted() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "orders", "namespace": "shop", "labels": {"app": "orders"}},
            "spec": {"replicas": 1, "template": {"spec": {"volumes": [], "containers": [
                {"name": "main", "image": "flink:2.3.0", "env": [{"name": "A", "value": "x"}]}]}}},
        })
    }

    fn told(drifts: &[Drift]) -> Vec<String> {
        let manager = |drift: &Drift| {
            drift
                .manager
                .as_ref()
                .map_or_else(|| "nobody".to_owned(), |manager| manager.name.clone())
        };
        drifts
            .iter()
            .map(|drift| format!("{:?} {} by {}", drift.change, drift.field, manager(drift)))
            .collect()
    }

    #[test]
    fn what_others_changed_and_added_is_told_with_their_name() {
        assert_eq!(
            told(&between(&wanted(), &edited(), Scope::All)),
            [
                "Changed .spec.replicas by kubectl-edit",
                "Added .spec.template.spec.containers[name=main].env[name=B] by kubectl-edit",
            ]
        );
    }

    #[test]
    fn another_version_of_this_program_is_no_drift() {
        let mut newer = wanted();
        newer["spec"]["replicas"] = json!(0);
        newer["spec"]["template"]["spec"]["containers"][0]["image"] = json!("flink:2.4.0");
        newer["spec"]["minReadySeconds"] = json!(5);
        let others = between(&newer, &edited(), Scope::Others);
        assert_eq!(others.len(), 1, "only the added variable: {others:?}");
        let all = between(&newer, &edited(), Scope::All);
        assert_eq!(told(&all)[0], "Removed .spec.minReadySeconds by nobody");
    }

    #[test]
    fn a_spelling_is_taken_over_and_a_difference_is_kept() {
        let wanted = json!({"created": null, "none": [], "cpu": "0.1", "memory": "2Gi", "volume": {"emptyDir": {}}});
        let live = json!({"cpu": "100m", "memory": "1Gi"});
        assert_eq!(
            spelled_like(&wanted, &live),
            json!({"cpu": "100m", "memory": "2Gi", "volume": {"emptyDir": {}}})
        );
    }

    #[test]
    fn the_servers_spelling_is_no_drift() {
        let (ours, servers) = (
            json!({"spec": {"cpu": "0.1", "memory": "1024Mi", "empty": {}, "none": null, "args": ["a"]}}),
            json!({"spec": {"cpu": "100m", "memory": "1Gi", "args": ["a"], "default": true}}),
        );
        assert_eq!(between(&ours, &servers, Scope::All), []);
        let others = json!({"spec": {"cpu": "200m", "memory": "1Gi", "args": ["a", "b"]}});
        assert_eq!(
            told(&between(&ours, &others, Scope::All)),
            ["Changed .spec.cpu by nobody", "Changed .spec.args by nobody"]
        );
    }
}
