//! The cluster, Flink and the storage as an operation sees them, as one small value. Plans are made, gone on with and
//! undone by the code that does so for real; here is only what a step does to the world, and what may cut it off.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Kind, Result};
use crate::model::ids::{JobId, OperationId};
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::anchor::Anchor;
use crate::ops::deploy::{Input, decide};
use crate::ops::lifecycle::{self, StopMode};
use crate::ops::observed::{Active, Job, Run};
use crate::ops::operation::record::Record;
use crate::ops::plan::{Plan, Step, Verb};
use crate::ops::testing::revision;

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// A spec of this number. Of every fourth the job fails as soon as it starts.
    Deploy(u8),
    Stop(StopMode),
    Start,
    Restore,
    Delete,
}

/// What happens by itself to the job that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    Progress,
    Checkpoint,
    Savepoint,
    Restart,
    Recovery,
    Failure,
    End,
    /// Its JobManager is not reached, and is again.
    Silence,
}

/// What cuts a run off, after so many of the moments at which it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Kill(usize),
    /// An error of this kind.
    Error(usize, Kind),
}

/// Why a run ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Killed,
    Failed(Kind),
}
type Outcome = std::result::Result<(), Ended>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Restarting,
    Failed,
    Canceled,
    /// At the end of its input.
    Finished,
    /// Ended by a savepoint.
    Stopped,
}

#[derive(Debug, Clone)]
struct Flink {
    generation: Generation,
    state: State,
    /// Records that it has processed, and those of the jobs before it.
    position: u64,
    newest: Option<SnapshotPath>,
    silent: bool,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Counted up.
    time: u64,
    /// How many records it knows of.
    position: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct World {
    claim: bool,
    anchor: Option<Anchor>,
    revisions: BTreeMap<Generation, Revision>,
    /// Generations that have pods.
    pods: BTreeSet<Generation>,
    jobs: BTreeMap<JobId, Flink>,
    snapshots: BTreeMap<SnapshotPath, Taken>,
    catalogue: BTreeMap<Generation, Revision>,
    record: Option<Record>,
    /// Records whose results are out: those that the newest snapshot knows of.
    committed: u64,
    operations: u64,
    counter: u64,
    moments: usize,
    cut: Option<Cut>,
    /// What must never happen, and did.
    pub(super) violations: Vec<String>,
}

impl World {
    pub(super) fn happens(&mut self, happening: Happening) {
        let made = self.pods.iter().find_map(|generation| self.revisions.get(generation));
        let Some(id) = made.map(|made| made.job_id) else { return };
        if self.is_on_trial(id) {
            return;
        }
        let Some(flink) = self.jobs.get_mut(&id) else { return };
        let state = flink.state;
        flink.state = match (happening, state) {
            (Happening::Silence, _) => {
                flink.silent = !flink.silent;
                return;
            }
            (Happening::Progress, State::Running) => {
                flink.position += 1;
                return;
            }
            (Happening::Checkpoint, State::Running) => return self.checkpoint(id),
            (Happening::Savepoint, State::Running) => {
                self.counter += 1;
                let path = format!(
                    "file:///flink/state/shop/orders/savepoints/user/savepoint-{:.6}-{}",
                    id.to_string(),
                    self.counter
                );
                return self.save(id, &path);
            }
            (Happening::Restart, State::Running) => State::Restarting,
            (Happening::Recovery, State::Restarting) => State::Running,
            (Happening::Failure, State::Running | State::Restarting) => State::Failed,
            // Its last checkpoint covers all of its input, and goes with it.
            (Happening::End, State::Running) => {
                self.committed = flink.position;
                flink.newest = None;
                let folder = format!("/checkpoints/{id}/");
                self.snapshots.retain(|path, _| !path.as_str().contains(&folder));
                State::Finished
            }
            _ => return,
        };
    }

    /// What is left of the world that does not depend on how often it was tried.
    pub(super) fn shape(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let anchor = self.anchor.as_ref().map(|anchor| {
            let image = self.revisions.get(&anchor.generation).map(|made| made.image.clone());
            (anchor.generation, anchor.run, image, anchor.stopping_into.is_some())
        });
        let savepoints =
            self.snapshots.keys().filter(|path| path.as_str().contains("/savepoints/"));
        let states: Vec<_> = self.live().map(|flink| (flink.generation, flink.state)).collect();
        (anchor, self.pods.clone(), states, savepoints.count(), self.record.is_some(), self.claim)
    }

    /// What has to hold whenever nobody works on it.
    pub(super) fn check(&mut self) {
        let running = self.live().filter(|flink| flink.state == State::Running).count();
        if running > 1 {
            self.violations.push(format!("{running} jobs run at once"));
        }
        if self.record.is_some() {
            return;
        }
        let rests = self.anchor.as_ref().is_none_or(|anchor| anchor.run == Run::Stopped);
        if rests && !self.pods.is_empty() {
            self.violations.push(format!("pods are left: {:?}", self.pods));
        }
        if self.pods.len() > 1 {
            self.violations.push(format!("two generations have pods: {:?}", self.pods));
        }
        if self.claim && self.committed > 0 && !self.is_finished() && self.newest().is_none() {
            self.violations.push("no snapshot is left".to_owned());
        }
    }

    /// Everybody answers again, and what restarts has done so.
    pub(super) fn wake(&mut self) {
        for flink in self.jobs.values_mut() {
            flink.silent = false;
            if flink.state == State::Restarting {
                flink.state = State::Running;
            }
        }
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.record.is_some()
    }

    fn is_finished(&self) -> bool {
        self.jobs.values().any(|flink| flink.state == State::Finished)
    }

    /// Whether a restore under way has started this job. Nothing happens to it by itself: what a restored generation
    /// commits before it is proven does not count when it is given up in favour of what was there before.
    fn is_on_trial(&self, job: JobId) -> bool {
        let Some(record) = &self.record else { return false };
        if record.plan.verb != Verb::Restore {
            return false;
        }
        let all = record.plan.steps.iter().chain(&record.plan.fallback);
        let mut started = all.filter_map(|step| match step {
            Step::Start { revision, .. } => Some(revision.job_id),
            _ => None,
        });
        started.any(|started| started == job)
    }

    /// The jobs that have pods. A number comes up again when its application was removed.
    fn live(&self) -> impl Iterator<Item = &Flink> {
        let made = |generation: &Generation| self.revisions.get(generation);
        let id = self.pods.iter().filter_map(made).map(|made| made.job_id);
        id.filter_map(|id| self.jobs.get(&id))
    }

    fn newest(&self) -> Option<SnapshotPath> {
        self.snapshots.iter().max_by_key(|(_, taken)| taken.time).map(|(path, _)| path.clone())
    }

    /// The newest snapshot of one job that is on the storage.
    fn newest_of(&self, job: JobId) -> Option<SnapshotPath> {
        let prefix = format!("savepoint-{:.6}-", job.to_string());
        let folder = format!("/checkpoints/{job}/");
        let own = |path: &SnapshotPath| {
            path.as_str().contains(&folder) || path.name().starts_with(&prefix)
        };
        let own = self.snapshots.iter().filter(|(path, _)| own(path));
        own.max_by_key(|(_, taken)| taken.time).map(|(path, _)| path.clone())
    }

    /// The complete snapshot in a directory.
    fn find_in(&self, directory: &str) -> Option<SnapshotPath> {
        self.snapshots.keys().find(|path| path.as_str().starts_with(directory)).cloned()
    }

    /// What `ops::observe` and `ops::prepare` find.
    fn active(&self) -> Option<Active> {
        let anchor = self.anchor.as_ref()?;
        let revision = self.revisions.get(&anchor.generation)?.clone();
        let id = revision.job_id;
        let up = self.pods.contains(&anchor.generation);
        let flink = self.jobs.get(&id).filter(|flink| up && !flink.silent);
        let (job, mut latest) = match (anchor.run, flink.map(|flink| (flink.state, flink))) {
            (Run::Stopped, _) | (_, None) => (Job::Unreachable, None),
            (_, Some((State::Running, _))) => (Job::Running, None),
            (_, Some((State::Restarting, flink))) => {
                (Job::Unsettled("RESTARTING".to_owned()), flink.newest.clone())
            }
            (_, Some((State::Failed, flink))) => {
                (Job::Ended("FAILED".to_owned()), flink.newest.clone())
            }
            (_, Some((State::Canceled, flink))) => {
                (Job::Ended("CANCELED".to_owned()), flink.newest.clone())
            }
            (_, Some((State::Finished, _))) => (Job::finished(), None),
            (_, Some((State::Stopped, flink))) => (Job::finished(), flink.newest.clone()),
        };
        latest = latest.or_else(|| anchor.snapshot.clone());
        let mut active = Active { revision, run: anchor.run, job, latest, nonces: anchor.nonces };
        self.settle(&mut active, anchor, up);
        Some(active)
    }

    fn settle(&self, active: &mut Active, anchor: &Anchor, up: bool) {
        let ended = matches!(active.job, Job::Ended(_) | Job::Unreachable);
        if active.run == Run::Stopped || !ended {
            return;
        }
        let noted = anchor.stopping_into.as_ref();
        if let Some(left) =
            noted.and_then(|into| anchor.snapshot.clone().or_else(|| self.find_in(into)))
        {
            active.latest = Some(left);
            active.job = Job::Ended("stopped".to_owned());
            return;
        }
        if active.job == Job::Unreachable {
            let state = self.jobs.get(&active.job_id()).map(|flink| flink.state);
            match (state, up) {
                // Flink's store of results tells.
                (Some(State::Finished), _) => active.job = Job::finished(),
                (_, false) => active.job = Job::Ended("scaled to zero".to_owned()),
                _ => {}
            }
        }
        if active.latest.is_none() && !active.has_finished() {
            active.latest = self.newest_of(active.job_id());
        }
    }

    fn plan(&mut self, command: Command) -> Result<Option<Plan>> {
        self.operations += 1;
        let operation = &OperationId::from_random(self.operations.to_be_bytes());
        let active = self.active();
        let highest = self.revisions.keys().chain(self.catalogue.keys()).max().copied();
        let missing = || Error::new(Kind::NotFound, "no such application");
        if let Command::Deploy(spec) = command {
            let mut target = revision(1);
            target.image = format!("flink:{spec}");
            let left = active.is_none().then(|| self.catalogue.values().next_back()).flatten();
            let input = Input {
                operation,
                target: &target,
                active: active.as_ref(),
                left_behind: left,
                highest,
                claim: (!self.claim).then(|| "pvc:1Gi".parse()).transpose()?,
                upload: None,
                from: None,
            };
            return Ok(decide(&input)?.plan().cloned());
        }
        let Some(active) = active else {
            let record = self.catalogue.values().next_back().cloned();
            return match (command, record, self.newest()) {
                (Command::Restore, Some(record), Some(from)) => {
                    Ok(Some(lifecycle::revive(&record, from, false, operation)))
                }
                _ => Err(missing()),
            };
        };
        let highest = highest.unwrap_or(active.revision.generation);
        match command {
            Command::Stop(mode) => lifecycle::stop(&active, mode, operation),
            Command::Start => lifecycle::start(&active, highest, operation).map(Some),
            Command::Restore => {
                let newest = self.newest().ok_or_else(missing)?;
                let from = lifecycle::restored_from(&active, newest, false)?;
                Ok(Some(lifecycle::restore(&active, highest, from, false, operation)))
            }
            Command::Delete => {
                Ok(Some(lifecycle::delete(Some(&active), &active.revision, false, operation)))
            }
            Command::Deploy(_) => Ok(None),
        }
    }

    /// The one checkpoint that is retained.
    fn checkpoint(&mut self, job: JobId) {
        self.counter += 1;
        let folder = format!("/checkpoints/{job}/");
        self.snapshots.retain(|path, _| !path.as_str().contains(&folder));
        self.save(job, &format!("file:///flink/state/shop/orders{folder}chk-{}", self.counter));
    }

    fn save(&mut self, job: JobId, path: &str) {
        let (Some(flink), Ok(path)) = (self.jobs.get_mut(&job), path.parse::<SnapshotPath>())
        else {
            return;
        };
        self.counter += 1;
        let taken = Taken { time: self.counter, position: flink.position };
        flink.newest = Some(path.clone());
        self.snapshots.insert(path, taken);
        self.committed = taken.position;
    }
}

mod run;
mod tests;
