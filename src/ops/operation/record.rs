//! The record of an operation, as data: a pure value and its form as a ConfigMap.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::model::labels::{self, Component};
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::anchor::Anchor;
use crate::ops::observed::Active;
use crate::ops::plan::{From, Plan, Step};

/// The key of the ConfigMap's data.
const KEY: &str = "operation.json";

/// A process that runs operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Random, so that no two processes are taken for each other.
    pub id: String,
    /// When it began.
    pub now: Timestamp,
    /// How long it may be silent before others may take its work over; whole seconds.
    pub patience: Duration,
}

/// Which list of steps is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The plan's steps.
    Forward,
    /// The plan's fallback.
    Back,
}

/// An operation under way. It holds what the application's own ConfigMap and ControllerRevision hold too,
/// and so no secret that is not there already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The plan that runs; the operation's id is in it.
    pub plan: Plan,
    /// What the user asked for, as a digest (see [`request`]): the same request goes on with the operation.
    pub request: String,
    /// Who began it, as the API server calls the user.
    pub user: String,
    /// When it began, by the clock of the machine it began on.
    pub started: Timestamp,
    /// Where it is heading.
    pub direction: Direction,
    /// The step under way, counted from 0; it may be done in part, or not begun.
    pub step: usize,
    /// The process that may write: see [`Runner::id`].
    pub holder: String,
    /// Whether a job that ran is ended, so that it has to go on or to come back.
    #[serde(default)]
    pub job_ended: bool,
    /// The snapshot that the stop in this operation left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<SnapshotPath>,
    /// The snapshots that were taken of a job which goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saved: Vec<SnapshotPath>,
    /// The newest snapshot that was known when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<SnapshotPath>,
    /// Why it goes back; absent when the user asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The anchor as it was before; absent for a new application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Anchor>,
    /// The generation that was active before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Box<Revision>>,
}

/// Whether the operation itself did nothing wrong.
fn is_cut_off(error: Kind) -> bool {
    matches!(error, Kind::Interrupted | Kind::Unreachable | Kind::Denied)
}

/// A digest of what a user asks for, to tell the same command from another one.
pub fn request(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Record {
    /// The record of an operation that is about to begin; its user is not known yet.
    pub fn new(
        plan: Plan,
        request: String,
        anchor: Option<Anchor>,
        active: Option<&Active>,
        runner: &Runner,
    ) -> Self {
        Record {
            plan,
            request,
            user: String::new(),
            started: runner.now,
            direction: Direction::Forward,
            step: 0,
            holder: runner.id.clone(),
            job_ended: false,
            stopped_at: None,
            saved: Vec::new(),
            latest: active.and_then(Active::known_snapshot).cloned(),
            failure: None,
            before: anchor,
            old: active.map(|active| Box::new(active.revision.clone())),
        }
    }

    /// The steps of the direction it has.
    pub fn steps(&self) -> &[Step] {
        match self.direction {
            Direction::Forward => &self.plan.steps,
            Direction::Back => &self.plan.fallback,
        }
    }

    /// The step under way; `None` when all are done.
    pub fn current(&self) -> Option<&Step> {
        self.steps().get(self.step)
    }

    /// The snapshot that a generation which starts from `from` is restored from.
    pub fn snapshot_of(&self, from: &From) -> Option<SnapshotPath> {
        match from {
            From::Empty => None,
            From::Snapshot(snapshot) => Some(snapshot.clone()),
            From::Stopped | From::Found => self.stopped_at.clone(),
        }
    }

    /// The revision of a generation that this operation makes or found.
    ///
    /// # Errors
    /// Only when the plan names a generation that it says nothing about.
    pub fn revision(&self, generation: Generation) -> Result<Revision> {
        let made = self.plan.steps.iter().chain(&self.plan.fallback).find_map(|step| match step {
            Step::Start { revision, from } if revision.generation == generation => {
                let restored_from = self.snapshot_of(from);
                Some(Revision { restored_from, ..revision.as_ref().clone() })
            }
            _ => None,
        });
        let old = self.old.as_deref().filter(|old| old.generation == generation);
        made.or_else(|| old.cloned()).ok_or_else(|| {
            Error::new(Kind::Other, format!("generation {generation} has no record"))
                .hint("This is a defect of kubectl flink: please report it.")
        })
    }

    /// Whether an Ingress leads to this generation.
    pub fn has_ingress(&self, generation: Generation) -> bool {
        self.revision(generation).is_ok_and(|revision| revision.has_ingress())
    }

    /// Whether an Ingress leads to any generation that this operation makes or found.
    pub fn has_any_ingress(&self) -> bool {
        let started = self
            .plan
            .steps
            .iter()
            .chain(&self.plan.fallback)
            .any(|step| matches!(step, Step::Start { revision, .. } if revision.has_ingress()));
        started || self.old.as_deref().is_some_and(Revision::has_ingress)
    }

    /// A revision that tells where the application's state is.
    pub fn any_revision(&self) -> Option<&Revision> {
        let started = self.plan.steps.iter().find_map(|step| match step {
            Step::Start { revision, .. } => Some(revision.as_ref()),
            _ => None,
        });
        started.or(self.old.as_deref())
    }

    /// Whether an operation that ended with an error of this kind is still to be finished. What was
    /// explained and left whole is over: the next command, whichever it is, plans anew from what it finds.
    pub fn stays_open(&self, error: Kind) -> bool {
        let cut_off = is_cut_off(error);
        let left = self.steps().get(self.step..).unwrap_or_default();
        match self.direction {
            _ if left.is_empty() => false,
            Direction::Back => cut_off,
            // Only waiting is left: the objects are whole, and the same command can wait again.
            Direction::Forward
                if left.iter().all(Step::only_waits) && self.plan.fallback.is_empty() =>
            {
                false
            }
            Direction::Forward => {
                let begun = self.plan.steps.get(..=self.step).unwrap_or_default();
                begun.iter().any(Step::has_effect)
                    && (cut_off || matches!(error, Kind::Timeout | Kind::Other))
            }
        }
    }

    /// Whether an error of this kind in the steps makes the operation go back by itself. What was only cut off is
    /// gone on with instead: the new generation may do well, and nothing more can be written in any case.
    pub fn turns_back_after(&self, error: Kind) -> bool {
        let owed = self.job_ended && !self.plan.fallback.is_empty();
        owed && !is_cut_off(error)
    }

    /// Notes what was found of a job without pods. What was known before stays known, as the latest.
    pub fn salvage(&mut self, found: Option<SnapshotPath>) {
        let known = self.stopped_at.take();
        if found.is_some() && known.is_some() && known != found {
            self.latest.clone_from(&known);
        }
        self.stopped_at = found.or(known).or_else(|| self.latest.clone());
    }

    /// The anchor that is brought back, with what the generation that is given up got to.
    pub fn reinstated(&self, anchor: &Anchor) -> Anchor {
        let snapshot = self.stopped_at.clone().or_else(|| anchor.snapshot.clone());
        Anchor { snapshot, ..anchor.clone() }
    }

    /// From now on it goes back: by the plan's fallback, or by `steps`.
    pub fn turn_back(&mut self, failure: Option<String>, steps: Option<Vec<Step>>) {
        self.direction = Direction::Back;
        self.step = 0;
        self.failure = failure;
        if let Some(steps) = steps {
            self.plan.fallback = steps;
        }
    }

    /// As the ConfigMap `<application>-operation`.
    ///
    /// # Errors
    /// None in practice: a record can always be written as JSON.
    pub fn to_object(&self) -> Result<ConfigMap> {
        let application = &self.plan.application;
        let text = serde_json::to_string(self).map_err(|e| {
            Error::new(Kind::Other, "cannot write the record of the operation").caused_by(e)
        })?;
        Ok(ConfigMap {
            metadata: ObjectMeta {
                name: Some(application.operation()),
                namespace: Some(self.plan.namespace.clone()),
                labels: Some(labels::labels(application, None, Component::Operation)),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([(KEY.to_owned(), text)])),
            ..ConfigMap::default()
        })
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when it is somebody else's, damaged, or newer than this program.
    pub fn from_object(object: &ConfigMap) -> Result<Record> {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let text = object.data.as_ref().and_then(|data| data.get(KEY));
        let unreadable = || {
            Error::new(Kind::Conflict, format!("configmap {name:?} records an operation that cannot be read"))
                .hint("A newer version of kubectl flink may have written it: update the plugin and run the command again.")
                .hint(format!("To forget the operation and leave everything as it stands, run `kubectl delete configmap {name}`."))
        };
        let text = text.ok_or_else(unreadable)?;
        serde_json::from_str(text).map_err(|e| unreadable().caused_by(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{recorded_stop, recorded_upgrade, revision, snapshot};

    #[test]
    fn a_record_survives_its_config_map() -> Result<()> {
        let mut record = recorded_upgrade();
        record.step = 3;
        record.job_ended = true;
        record.stopped_at = Some(snapshot("savepoint-1"));
        record.failure = Some("the job is FAILED".to_owned());
        let object = record.to_object()?;
        assert_eq!(object.metadata.name.as_deref(), Some("orders-operation"));
        assert_eq!(Record::from_object(&object)?, record);
        let damaged = ConfigMap { data: None, ..object };
        assert!(Record::from_object(&damaged).is_err_and(|e| e.kind() == Kind::Conflict));
        Ok(())
    }

    #[test]
    fn a_generation_is_known_before_it_was_started() -> Result<()> {
        let mut record = recorded_upgrade();
        assert_eq!(record.revision(Generation::new(5))?.restored_from, None);
        record.stopped_at = Some(snapshot("savepoint-1"));
        assert_eq!(record.revision(Generation::new(5))?.restored_from, record.stopped_at);
        assert_eq!(record.revision(Generation::new(4))?, revision(4));
        assert!(record.revision(Generation::new(9)).is_err());
        Ok(())
    }

    #[test]
    fn what_was_cut_off_stays_open_and_what_was_explained_does_not() {
        let mut record = recorded_stop();
        for kind in [Kind::Interrupted, Kind::Unreachable, Kind::Denied, Kind::Timeout] {
            assert!(record.stays_open(kind), "{kind:?}");
        }
        assert!(!record.stays_open(Kind::Flink), "the savepoint failed, and the job goes on");
        record.step = record.plan.steps.len();
        assert!(!record.stays_open(Kind::Interrupted), "nothing is left to do");

        let mut record = recorded_upgrade();
        record.step = 3;
        assert!(record.stays_open(Kind::Interrupted), "the old generation can still come back");
        record.direction = Direction::Back;
        record.step = 0;
        assert!(record.stays_open(Kind::Unreachable));
        assert!(!record.stays_open(Kind::Flink), "the user is told which snapshot to restore");
    }

    #[test]
    fn a_new_generation_that_fails_goes_back_and_one_that_was_cut_off_does_not() {
        let mut record = recorded_upgrade();
        assert!(!record.turns_back_after(Kind::Flink), "the old job was not stopped");
        record.job_ended = true;
        for kind in [Kind::Flink, Kind::Timeout, Kind::Preflight, Kind::Conflict, Kind::Other] {
            assert!(record.turns_back_after(kind), "{kind:?}");
        }
        for kind in [Kind::Interrupted, Kind::Unreachable, Kind::Denied] {
            assert!(!record.turns_back_after(kind), "{kind:?}");
        }
        record.plan.fallback.clear();
        assert!(!record.turns_back_after(Kind::Flink), "there is nothing to go back to");
    }

    #[test]
    fn waiting_alone_leaves_nothing_unfinished() {
        let mut record = recorded_upgrade();
        record.plan.fallback.clear();
        record.plan.steps.truncate(5);
        record.step = 3;
        assert!(matches!(record.current(), Some(Step::Prove { .. })));
        for kind in [Kind::Timeout, Kind::Interrupted, Kind::Flink] {
            assert!(!record.stays_open(kind), "{kind:?}");
        }
    }

    #[test]
    fn a_plan_that_wrote_nothing_leaves_nothing_unfinished() -> Result<()> {
        let mut record = recorded_stop();
        record.plan.steps.insert(0, Step::Verify { snapshot: snapshot("savepoint-1") });
        assert!(!record.stays_open(Kind::Interrupted));
        record.step = 1;
        assert!(record.stays_open(Kind::Interrupted));
        Ok(())
    }

    #[test]
    fn requests_differ_by_every_part() {
        assert_eq!(request(&["stop", "drain"]), request(&["stop", "drain"]));
        assert_ne!(request(&["stop", "drain"]), request(&["stop", "discard"]));
        assert_ne!(request(&["a", "bc"]), request(&["ab", "c"]));
    }
}
