//! Which objects the steps of a plan write and delete, and what they are afterwards. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::labels::{self, Component, FIELD_MANAGER};
use crate::model::managed_fields::owned_by;
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::model::storage::StorageSpec;
use crate::ops::anchor::Anchor;
use crate::ops::observed::Run;
use crate::ops::operation::record::Record;
use crate::ops::plan::{Step, Stop};

/// Stands for the name of a savepoint that Flink has not written yet.
const SAVEPOINT: &str = "savepoint-of-this-operation";

/// Objects by kind and name.
pub type World = BTreeMap<ObjectId, Value>;

/// What an operation does to objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effects {
    /// The objects that each step writes or deletes.
    pub by_step: Vec<BTreeSet<ObjectId>>,
    /// What is applied in the end: our part of each object that is written and stays.
    pub written: World,
    /// What is deleted in the end.
    pub deleted: BTreeSet<ObjectId>,
}

/// The effects of what is left of the operation in `record`, on the application's objects as they are.
///
/// # Errors
/// As the builders of the objects.
pub fn effects(record: &Record, live: &World) -> Result<Effects> {
    let mut simulation = Simulation {
        record: record.clone(),
        live,
        anchor: record.before.clone(),
        effects: Effects::default(),
    };
    for step in record.steps().get(record.step..).unwrap_or_default() {
        let touched = simulation.step(step)?;
        simulation.effects.by_step.push(touched);
    }
    let Effects { written, deleted, .. } = &mut simulation.effects;
    deleted.retain(|id| live.contains_key(id) && !written.contains_key(id));
    Ok(simulation.effects)
}

/// The objects that a generation consists of, the application's own included, as they are applied.
///
/// # Errors
/// As the builders of the objects.
pub fn generation(revision: &Revision, anchor: &Anchor) -> Result<World> {
    let mut documents = manifest::application(revision).documents()?;
    documents.extend(manifest::generation(revision)?.documents()?);
    documents.push(rest_service(revision, anchor)?);
    documents.into_iter().map(|document| Ok((ObjectId::of(&document)?, document))).collect()
}

fn rest_service(revision: &Revision, anchor: &Anchor) -> Result<Value> {
    let mut rest = manifest::rest_service(revision);
    anchor.annotate(&mut rest);
    document(&rest)
}

fn document(object: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(object)
        .map_err(|e| Error::new(Kind::Other, "cannot write a Kubernetes object").caused_by(e))
}

struct Simulation<'a> {
    record: Record,
    live: &'a World,
    anchor: Option<Anchor>,
    effects: Effects,
}

impl Simulation<'_> {
    fn step(&mut self, step: &Step) -> Result<BTreeSet<ObjectId>> {
        match step {
            Step::Claim { request: StorageSpec::NewClaim(new), .. } => {
                let plan = &self.record.plan;
                let claim = document(&manifest::claim(&plan.application, &plan.namespace, new))?;
                self.write([claim])
            }
            Step::Stop { generation, how, .. } => self.stop(*generation, how),
            Step::Quiesce { generation } => self.quiesce(*generation),
            Step::Salvage { .. } => {
                self.record.stopped_at = self.record.latest.clone();
                Ok(BTreeSet::new())
            }
            Step::Start { revision, from } => {
                let restored_from = self.record.snapshot_of(from);
                self.start(&revision.as_ref().clone().starting_from(restored_from))
            }
            Step::Repair { generation } => {
                let revision = self.record.revision(*generation)?;
                let anchor = self.anchor.clone().unwrap_or(Anchor::running(*generation));
                self.write(self::generation(&revision, &anchor)?.into_values())
            }
            Step::Reinstate { anchor } => {
                let ingress = manifest::ingress(&self.record.revision(anchor.generation)?)?;
                let mut touched = self.point(anchor.clone())?;
                let ingress = ingress.as_ref().map(document).transpose()?;
                touched.extend(self.write(ingress)?);
                Ok(touched)
            }
            Step::Rest { snapshot } => {
                let snapshot = self.record.stopped_at.clone().or(snapshot.clone());
                let Some(anchor) = self.anchor.clone() else { return Ok(BTreeSet::new()) };
                self.point(Anchor { run: Run::Stopped, snapshot, stopping_into: None, ..anchor })
            }
            Step::Acknowledge { nonces } => {
                let Some(anchor) = self.anchor.clone() else { return Ok(BTreeSet::new()) };
                self.point(Anchor { nonces: *nonces, ..anchor })
            }
            Step::Retire { generation } => Ok(self.retire(*generation)),
            Step::RetireApplication => {
                Ok(self.delete(|id, _| id.kind != ObjectKind::PersistentVolumeClaim))
            }
            Step::DeleteClaim { name } => {
                let claim =
                    ObjectId { kind: ObjectKind::PersistentVolumeClaim, name: name.clone() };
                Ok(self.delete(|id, _| *id == claim))
            }
            Step::Claim { .. }
            | Step::Upload { .. }
            | Step::CopyJar { .. }
            | Step::Verify { .. }
            | Step::Prove { .. }
            | Step::Snapshot { .. }
            | Step::Catalogue { .. } => Ok(BTreeSet::new()),
        }
    }

    fn stop(&mut self, generation: Generation, how: &Stop) -> Result<BTreeSet<ObjectId>> {
        if let Stop::Savepoint { directory, .. } = how {
            let path: SnapshotPath = format!("{directory}/{SAVEPOINT}").parse()?;
            self.record.stopped_at.get_or_insert(path);
        }
        let name = self.record.revision(generation)?.application.rest_service();
        // It notes where the savepoint goes; what comes after says what stays of that.
        Ok(BTreeSet::from([ObjectId { kind: ObjectKind::Service, name }]))
    }

    fn quiesce(&mut self, generation: Generation) -> Result<BTreeSet<ObjectId>> {
        let mut own = manifest::generation(&self.record.revision(generation)?)?;
        for deployment in [&mut own.jobmanager, &mut own.taskmanager] {
            if let Some(spec) = &mut deployment.spec {
                spec.replicas = Some(0);
            }
        }
        self.write([document(&own.jobmanager)?, document(&own.taskmanager)?])
    }

    fn start(&mut self, revision: &Revision) -> Result<BTreeSet<ObjectId>> {
        let anchor = Anchor::new(revision);
        let mut touched = self.write([document(&manifest::controller_revision(revision)?)?])?;
        touched.extend(self.write(generation(revision, &anchor)?.into_values())?);
        touched.extend(self.note_image(revision));
        self.anchor = Some(anchor);
        Ok(touched)
    }

    /// The claim may be the user's own: only the note on it is ours.
    fn note_image(&mut self, revision: &Revision) -> Option<ObjectId> {
        let name = revision.storage.claim()?.claim.clone();
        let id = ObjectId { kind: ObjectKind::PersistentVolumeClaim, name };
        let live = self.live.get(&id).and_then(|live| owned_by(live, FIELD_MANAGER));
        let known = self.effects.written.get(&id).cloned().or(live);
        let mut claim = known.unwrap_or_else(|| {
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": id.name}})
        });
        claim["metadata"]["annotations"][labels::IMAGE] = Value::from(revision.image.as_str());
        self.effects.written.insert(id.clone(), claim);
        Some(id)
    }

    fn point(&mut self, anchor: Anchor) -> Result<BTreeSet<ObjectId>> {
        let revision = self.record.revision(anchor.generation)?;
        let service = rest_service(&revision, &anchor)?;
        self.anchor = Some(anchor);
        self.write([service])
    }

    fn retire(&mut self, generation: Generation) -> BTreeSet<ObjectId> {
        let number = generation.to_string();
        // Flink's high availability labels what it writes by its own identity; see `labels::ha_selector`.
        let flinks = self.record.plan.application.cluster_id(generation);
        self.delete(|id, document| {
            let labels = &document["metadata"]["labels"];
            let stays = [ObjectKind::ControllerRevision, ObjectKind::PersistentVolumeClaim];
            (labels[labels::GENERATION] == number || labels["app"] == flinks)
                && !stays.contains(&id.kind)
        })
    }

    fn write(&mut self, documents: impl IntoIterator<Item = Value>) -> Result<BTreeSet<ObjectId>> {
        let mut touched = BTreeSet::new();
        for document in documents {
            let id = ObjectId::of(&document)?;
            self.effects.deleted.remove(&id);
            self.effects.written.insert(id.clone(), document);
            touched.insert(id);
        }
        Ok(touched)
    }

    fn delete(&mut self, which: impl Fn(&ObjectId, &Value) -> bool) -> BTreeSet<ObjectId> {
        let is_record = |document: &Value| {
            document["metadata"]["labels"][labels::COMPONENT] == Component::Operation.as_str()
        };
        // What was written since is not as it was.
        let untouched = self.live.iter().filter(|(id, _)| !self.effects.written.contains_key(id));
        let all = untouched.chain(&self.effects.written);
        let found: BTreeSet<ObjectId> = all
            .filter(|(id, document)| !is_record(document) && which(id, document))
            .map(|(id, _)| id.clone())
            .collect();
        self.effects.written.retain(|id, _| !found.contains(id));
        self.effects.deleted.extend(found.iter().cloned());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::lifecycle;
    use crate::ops::observed::Job;
    use crate::ops::testing::{
        active, operation, recorded, recorded_stop, recorded_upgrade, revision,
    };

    /// The application as generation 4 made it.
    fn live() -> World {
        let old = revision(4);
        let mut world = generation(&old, &Anchor::running(old.generation)).expect("buildable");
        let record =
            document(&manifest::controller_revision(&old).expect("a record")).expect("JSON");
        world.insert(ObjectId::of(&record).expect("an id"), record);
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {
            "name": "orders-state", "labels": {labels::APPLICATION: "orders"}}});
        world.insert(ObjectId::of(&claim).expect("an id"), claim);
        world
    }

    fn told<'a>(ids: impl IntoIterator<Item = &'a ObjectId>) -> Vec<String> {
        ids.into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_upgrade_replaces_the_objects_of_the_generation_and_keeps_its_record() -> Result<()> {
        let effects = effects(&recorded_upgrade(), &live())?;
        assert_eq!(
            told(&effects.deleted),
            [
                "configmap/orders-g4-config",
                "service/orders-g4-jobmanager",
                "deployment/orders-g4-jobmanager",
                "deployment/orders-g4-taskmanager",
                "poddisruptionbudget/orders-g4",
                "networkpolicy/orders-g4",
            ]
        );
        let written = told(effects.written.keys());
        assert!(written.contains(&"controllerrevision/orders-5".to_owned()), "{written:?}");
        assert!(written.contains(&"service/orders-rest".to_owned()), "{written:?}");
        // Stop 4, Quiesce 4, Start 5, Prove 5, Catalogue 5, Retire 4
        assert_eq!(told(&effects.by_step[0]), ["service/orders-rest"]);
        assert_eq!(effects.by_step[1].len(), 2);
        assert!(effects.by_step[3].is_empty() && effects.by_step[4].is_empty());
        assert_eq!(effects.by_step[5].len(), 6);
        Ok(())
    }

    #[test]
    fn a_stop_scales_to_zero_and_notes_where_the_savepoint_will_be() -> Result<()> {
        let effects = effects(&recorded_stop(), &live())?;
        assert!(effects.deleted.is_empty());
        let of = |name: &str| {
            effects
                .written
                .iter()
                .find(|(id, _)| id.to_string() == name)
                .map(|(_, document)| document)
        };
        assert_eq!(of("deployment/orders-g4-taskmanager").expect("written")["spec"]["replicas"], 0);
        let rest = of("service/orders-rest").expect("written").to_string();
        assert!(rest.contains(SAVEPOINT) && rest.contains("stopped"), "{rest}");
        Ok(())
    }

    /// It bears the name of the application, and so stays where each generation has one.
    #[test]
    fn an_ingress_passes_to_the_next_generation_or_goes_with_its_own() -> Result<()> {
        let with_ingress = |revision: &mut Revision| {
            let ingress = crate::model::spec::IngressSpec {
                template: Some("{{name}}.example.com".to_owned()),
                ..Default::default()
            };
            revision.spec.spec.ingress = Some(ingress);
        };
        let mut record = recorded_upgrade();
        let old = record.old.as_mut().expect("an old generation");
        with_ingress(old);
        let live = generation(old, &Anchor::running(old.generation))?;
        let id = ObjectId { kind: ObjectKind::Ingress, name: "orders".to_owned() };
        assert!(live.contains_key(&id));
        let gone = effects(&record, &live)?;
        assert!(gone.deleted.contains(&id) && !gone.written.contains_key(&id));
        let retired = gone.by_step.last().expect("a step");
        assert!(retired.contains(&id), "it goes only when the new generation is proven");
        for step in &mut record.plan.steps {
            if let Step::Start { revision, .. } = step {
                with_ingress(revision);
            }
        }
        let kept = effects(&record, &live)?;
        assert!(!kept.deleted.contains(&id));
        assert_eq!(kept.written[&id]["metadata"]["labels"][labels::GENERATION], "5");
        Ok(())
    }

    #[test]
    fn a_delete_leaves_the_claim_unless_it_is_told_to() -> Result<()> {
        let running = active(4, Run::Running, Job::Running);
        for takes_claim in [false, true] {
            let plan = lifecycle::delete(Some(&running), &revision(4), takes_claim, &operation());
            let effects = effects(&recorded(plan, &running), &live())?;
            let left: Vec<_> =
                live().into_keys().filter(|id| !effects.deleted.contains(id)).collect();
            let expected: &[&str] =
                if takes_claim { &[] } else { &["persistentvolumeclaim/orders-state"] };
            assert_eq!(told(&left), expected);
            assert!(effects.written.is_empty(), "{:?}", effects.written.keys());
        }
        Ok(())
    }
}
