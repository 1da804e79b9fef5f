//! What an operation would do, found out without doing it: the same checks as before a real run, and every object
//! before and after.

use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cluster::Cluster;
use crate::cluster::objects::{self as live, ObjectId, ObjectKind};
use crate::cluster::write::Mode;
use crate::error::{Error, Kind, Result};
use crate::model::drift::spelled_like;
use crate::model::labels::{self, FIELD_MANAGER};
use crate::model::managed_fields::owned_by;
use crate::ops::effects::{World, effects};
use crate::ops::event::Observer;
use crate::ops::operation::abort::{self, Way};
use crate::ops::operation::record::Record;
use crate::ops::plan::Step;
use crate::ops::preflight;

/// Who says what the objects would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// This program: only the fields that it writes are compared.
    Client,
    /// The API server, with defaults and admission (a dry-run apply).
    Server,
}

/// One step, and what is to know before it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The step.
    pub step: Step,
    /// The objects it writes or deletes.
    pub writes: Vec<ObjectId>,
    /// What giving up while it runs would mean.
    pub way_back: Way,
}

/// What becomes of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The object.
    pub object: ObjectId,
    /// The object of the old generation whose place it takes.
    pub replaces: Option<ObjectId>,
    /// What is there, without what the API server and others added to it.
    pub before: Option<Value>,
    /// What would be there.
    pub after: Option<Value>,
}

/// What an operation would do.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRun {
    /// The steps that are left, in order.
    pub steps: Vec<Planned>,
    /// The objects that change, by kind and name.
    pub changes: Vec<Change>,
}

/// Checks the operation of `record` as before a real run, and finds out what it would do.
///
/// # Errors
/// Those that a real run would end with before its first write; with [`By::Server`] also what the API server refuses.
pub async fn dry_run(
    cluster: &Cluster,
    record: &mut Record,
    by: By,
    observer: &mut dyn Observer,
) -> Result<DryRun> {
    let changed = preflight::plan(cluster, record).await?;
    preflight::take_over(&mut record.plan, &changed, observer);
    let live = read(cluster, record).await?;
    let effects = effects(record, &live)?;
    let after = match by {
        By::Client => effects.written.clone(),
        By::Server => admitted(cluster, record, &effects.written).await?,
    };
    let writes = effects.by_step.into_iter().map(|ids| ids.into_iter().collect());
    let steps = planned(record).into_iter().zip(writes);
    let steps = steps.map(|((step, way_back), writes)| Planned { step, writes, way_back });
    let deleted = live.iter().filter(|(id, _)| effects.deleted.contains(id));
    let deleted: World = deleted.map(|(id, object)| (id.clone(), object.clone())).collect();
    Ok(DryRun { steps: steps.collect(), changes: changes(&live, &after, &deleted, by) })
}

/// The steps that are left, and what giving up during each would mean.
fn planned(record: &Record) -> Vec<(Step, Way)> {
    let all = record.steps().iter().enumerate().skip(record.step);
    let at = |(number, step): (usize, &Step)| {
        let then = Record { step: number, ..record.clone() };
        (step.clone(), abort::way(&then))
    };
    all.map(at).collect()
}

/// All objects of the application, what Flink wrote for generations that go, and what has a name that is needed.
async fn read(cluster: &Cluster, record: &Record) -> Result<World> {
    let application = &record.plan.application;
    let own = labels::selector(application, None, None);
    let flinks = record.steps().iter().filter_map(|step| match step {
        Step::Retire { generation } => Some(labels::ha_selector(application, *generation)),
        _ => None,
    });
    // Not everybody who runs Flink may list Ingresses.
    let kinds = ObjectKind::ALL
        .into_iter()
        .filter(|kind| *kind != ObjectKind::Ingress || record.has_any_ingress());
    let lists = kinds.map(|kind| (kind, own.clone()));
    let lists = lists.chain(flinks.map(|selector| (ObjectKind::ConfigMap, selector)));
    let lists: Vec<(ObjectKind, String)> = lists.collect();
    let lists = lists.iter().map(|(kind, selector)| live::list(cluster, *kind, selector));
    let mut found: World = try_join_all(lists).await?.into_iter().flatten().collect();
    let mut named: Vec<ObjectId> = effects(record, &World::new())?.written.into_keys().collect();
    named.extend(record.steps().iter().filter_map(|step| match step {
        Step::DeleteClaim { name } => {
            Some(ObjectId { kind: ObjectKind::PersistentVolumeClaim, name: name.clone() })
        }
        _ => None,
    }));
    named.retain(|id| !found.contains_key(id));
    let read = try_join_all(named.iter().map(|id| live::get(cluster, id))).await?;
    found.extend(named.into_iter().zip(read).filter_map(|(id, object)| Some((id, object?))));
    Ok(found)
}

async fn admitted(cluster: &Cluster, record: &Record, written: &World) -> Result<World> {
    let mode = if record.plan.force { Mode::Forced } else { Mode::Real };
    let applied = written.values().map(|document| live::dry_apply(cluster, document, mode));
    let applied = try_join_all(applied).await?;
    Ok(written.keys().cloned().zip(applied).collect())
}

/// What becomes of each object. Pure.
pub fn changes(live: &World, written: &World, deleted: &World, by: By) -> Vec<Change> {
    let mut going: World = deleted.iter().map(|(id, old)| (id.clone(), shown(old, by))).collect();
    let mut changes = Vec::new();
    for (id, after) in written {
        let there = live.get(id).map(|live| shown(live, by));
        // An object that takes the place of one that goes is compared with that one.
        let heir_of = |old: &&ObjectId| {
            old.kind == id.kind && without_generation(&old.name) == without_generation(&id.name)
        };
        let replaces = going.keys().find(heir_of).filter(|_| there.is_none()).cloned();
        let before = there.or_else(|| replaces.as_ref().and_then(|old| going.remove(old)));
        let after = tidy(&spelled_like(after, before.as_ref().unwrap_or(&Value::Null)));
        if before.as_ref() != Some(&after) {
            changes.push(Change { object: id.clone(), replaces, before, after: Some(after) });
        }
    }
    let gone =
        |(object, before)| Change { object, replaces: None, before: Some(before), after: None };
    changes.extend(going.into_iter().map(gone));
    changes.sort_by(|a, b| a.object.cmp(&b.object));
    changes
}

/// What becomes of one object that belongs to no application.
///
/// # Errors
/// None in practice: Kubernetes' types can always be written as JSON.
pub fn of_one(
    object: ObjectId,
    before: Option<&impl Serialize>,
    after: Option<&impl Serialize>,
) -> Result<Change> {
    Ok(Change {
        object,
        replaces: None,
        before: before.map(side).transpose()?,
        after: after.map(side).transpose()?,
    })
}

fn side(object: &impl Serialize) -> Result<Value> {
    let document = serde_json::to_value(object)
        .map_err(|e| Error::new(Kind::Other, "cannot write a Kubernetes object").caused_by(e))?;
    Ok(tidy(&document))
}

fn shown(live: &Value, by: By) -> Value {
    match by {
        By::Client => tidy(&owned_by(live, FIELD_MANAGER).unwrap_or_else(|| live.clone())),
        By::Server => tidy(live),
    }
}

/// `orders-g4-jobmanager` without its number.
fn without_generation(name: &str) -> String {
    let is_number = |part: &str| {
        part.strip_prefix('g')
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let parts = name.split('-').map(|part| if is_number(part) { "g" } else { part });
    parts.collect::<Vec<_>>().join("-")
}

/// Without what differs from cluster to cluster and from moment to moment, its keys in order.
fn tidy(object: &Value) -> Value {
    let mut object = sorted(object);
    for (parent, fields) in [
        ("", &["status"][..]),
        (
            "/metadata",
            &[
                "namespace",
                "managedFields",
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "generation",
                "finalizers",
            ][..],
        ),
        ("/metadata/annotations", &["deployment.kubernetes.io/revision"][..]),
        ("/spec", &["clusterIP", "clusterIPs"][..]),
    ] {
        if let Some(Value::Object(map)) = object.pointer_mut(parent) {
            map.retain(|key, _| !fields.contains(&key.as_str()));
        }
    }
    object
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn world(objects: &[Value]) -> World {
        let id = |object: &Value| ObjectId::of(object).expect("an id");
        objects.iter().map(|object| (id(object), object.clone())).collect()
    }

    fn config(name: &str, data: &str) -> Value {
        json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {
            "uid": "1", "name": name, "managedFields": [{"manager": "kubectl-flink", "operation": "Apply",
                "fieldsV1": {"f:data": {"f:a": {}}}}]}, "data": {"a": data, "theirs": "x"}})
    }

    #[test]
    fn what_takes_the_place_of_an_old_object_is_compared_with_it() {
        let live = world(&[
            config("orders-g4-config", "1"),
            config("orders-g4", "1"),
            config("same", "1"),
        ]);
        let wanted = |name: &str, data: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": {"a": data}});
        let written = world(&[
            wanted("orders-g5-config", "2"),
            wanted("same", "1"),
            wanted("orders-g5-new", "3"),
        ]);
        let deleted = world(&[config("orders-g4-config", "1"), config("orders-g4", "1")]);
        let changes = changes(&live, &written, &deleted, By::Client);
        let told: Vec<_> = changes
            .iter()
            .map(|change| {
                let replaces = change.replaces.as_ref().map(|id| id.name.as_str());
                let data =
                    |side: &Option<Value>| side.as_ref().map(|object| object["data"].to_string());
                (change.object.name.as_str(), replaces, data(&change.before), data(&change.after))
            })
            .collect();
        let text = |data: &str| Some(json!({"a": data}).to_string());
        assert_eq!(
            told,
            [
                ("orders-g4", None, text("1"), None),
                ("orders-g5-config", Some("orders-g4-config"), text("1"), text("2")),
                ("orders-g5-new", None, None, text("3")),
            ]
        );
    }
}
