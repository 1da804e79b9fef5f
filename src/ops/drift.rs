//! Whether the objects of an application are still what its record says, and setting them back.

use futures::future::try_join_all;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::objects::{self as live, ObjectId, ObjectKind};
use crate::cluster::write::Mode;
use crate::error::{Error, Kind, Result};
use crate::model::drift::{self, Change, Drift, Scope};
use crate::model::labels;
use crate::model::revision::Revision;
use crate::ops::anchor::Anchor;
use crate::ops::effects::{self, World};
use crate::ops::event::{Event, Observer};
use crate::ops::objects;
use crate::ops::observed::Run;

/// One difference of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Drifted {
    /// The object.
    pub object: ObjectId,
    /// How it differs.
    pub drift: Drift,
}

impl Drifted {
    /// In words: `deployment/orders-g1-taskmanager: .spec.replicas is 3 instead of 1, changed by kubectl`. Values of more
    /// than a word are left out, and with them whatever may be secret in them.
    pub fn words(&self) -> String {
        let Drift { change, field, wanted, found, manager } = &self.drift;
        let by =
            manager.as_ref().map(|manager| format!(" by {}", manager.name)).unwrap_or_default();
        let object = &self.object;
        match (change, short(found.as_ref()), short(wanted.as_ref())) {
            (Change::Missing, ..) => format!("{object} is gone"),
            (Change::Removed, ..) => format!("{object}: {field} was removed{by}"),
            (Change::Added, ..) => format!("{object}: {field} was added{by}"),
            (Change::Changed, Some(found), Some(wanted)) => {
                format!("{object}: {field} is {found} instead of {wanted}, changed{by}")
            }
            (Change::Changed, ..) => format!("{object}: {field} was changed{by}"),
        }
    }
}

/// Numbers and switches; texts may be secret.
fn short(value: Option<&Value>) -> Option<String> {
    value.filter(|value| value.is_number() || value.is_boolean()).map(ToString::to_string)
}

/// The drift of an application from the record of its active generation.
///
/// # Errors
/// When the objects cannot be read.
pub async fn find(cluster: &Cluster, revision: &Revision, anchor: &Anchor) -> Result<Vec<Drifted>> {
    let wanted = wanted(revision, anchor)?;
    let live = read(cluster, revision, &wanted).await?;
    // A field that nobody owns may be one that the version which made the object did not write.
    let scope = match revision.created_by == env!("CARGO_PKG_VERSION") {
        true => Scope::All,
        false => Scope::Others,
    };
    Ok(compare(&wanted, &live, scope))
}

/// All differences between what is wanted and what is there. Pure.
pub fn compare(wanted: &World, live: &World, scope: Scope) -> Vec<Drifted> {
    let of = |(id, wanted): (&ObjectId, &Value)| {
        let drifts = match live.get(id) {
            Some(live) => drift::between(wanted, live, scope),
            None => vec![Drift::missing()],
        };
        let object = id.clone();
        drifts.into_iter().map(move |drift| Drifted { object: object.clone(), drift })
    };
    wanted.iter().flat_map(of).collect()
}

/// Sets everything back to what the record says, also fields that others changed by hand. The caller has made sure
/// that nobody declares them otherwise.
///
/// # Errors
/// [`Kind::Conflict`] when it does not stay so.
pub async fn repair(
    cluster: &Cluster,
    revision: &Revision,
    anchor: &Anchor,
    observer: &mut dyn Observer,
) -> Result<()> {
    let drifted = find(cluster, revision, anchor).await?;
    objects::apply_generation(cluster, revision, anchor, Mode::Forced).await?;
    remove_additions(cluster, &drifted).await?;
    let left = find(cluster, revision, anchor).await?;
    if let Some(first) = left.first() {
        return Err(Error::new(
            Kind::Conflict,
            format!("something changes it again at once: {}", first.words()),
        )
        .hint("Find out what does (`kubectl get -o yaml --show-managed-fields`), and stop that first."));
    }
    for drifted in &drifted {
        observer.event(Event::Changed(format!("set back: {}", drifted.words())));
    }
    Ok(())
}

async fn remove_additions(cluster: &Cluster, drifted: &[Drifted]) -> Result<()> {
    let added = || drifted.iter().filter(|drifted| drifted.drift.change == Change::Added);
    let mut objects: Vec<&ObjectId> = added().map(|drifted| &drifted.object).collect();
    objects.dedup();
    for id in objects {
        let Some(mut document) = live::get(cluster, id).await? else { continue };
        let version = document["metadata"]["resourceVersion"].clone();
        let mut pointers = Vec::new();
        for field in
            added().filter(|drifted| drifted.object == *id).map(|drifted| &drifted.drift.field)
        {
            // Each pointer is one into the document that the removals before it leave.
            if let Some(pointer) = field.pointer(&document) {
                remove(&mut document, &pointer);
                pointers.push(pointer);
            }
        }
        if !pointers.is_empty() {
            live::remove_fields(cluster, id, &version, &pointers).await?;
        }
    }
    Ok(())
}

fn remove(document: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&last.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            if let Some(position) = last.parse().ok().filter(|position| *position < items.len()) {
                items.remove(position);
            }
        }
        _ => {}
    }
}

/// The objects as they should be now: a stopped application has no pods.
fn wanted(revision: &Revision, anchor: &Anchor) -> Result<World> {
    let mut wanted = effects::generation(revision, anchor)?;
    if anchor.run == Run::Stopped {
        for (_, deployment) in wanted.iter_mut().filter(|(id, _)| id.kind == ObjectKind::Deployment)
        {
            deployment["spec"]["replicas"] = Value::from(0);
        }
    }
    Ok(wanted)
}

/// One list a kind. What lost its labels is asked for by name.
async fn read(cluster: &Cluster, revision: &Revision, wanted: &World) -> Result<World> {
    let mut kinds: Vec<ObjectKind> = wanted.keys().map(|id| id.kind).collect();
    kinds.dedup();
    let selector = labels::selector(&revision.application, None, None);
    let lists = kinds.into_iter().map(|kind| live::list(cluster, kind, &selector));
    let mut found: World = try_join_all(lists).await?.into_iter().flatten().collect();
    let unseen: Vec<&ObjectId> = wanted.keys().filter(|id| !found.contains_key(*id)).collect();
    let read = try_join_all(unseen.iter().map(|id| live::get(cluster, id))).await?;
    let there = unseen.into_iter().zip(read).filter_map(|(id, object)| Some((id.clone(), object?)));
    found.extend(there);
    Ok(found)
}
