//! Runs of a plan in the world: its steps, the moments at which they can be cut off, going on, and giving up.

use super::{Command, Cut, Ended, Flink, Outcome, State, World};
use crate::error::Kind;
use crate::model::ids::JobId;
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::ops::anchor::Anchor;
use crate::ops::observed::Run;
use crate::ops::operation::abort::{self, Way};
use crate::ops::operation::record::{Direction, Record};
use crate::ops::plan::{From, Step, Stop, Verb};
use crate::ops::testing::runner;

impl World {
    /// Runs a command until it ends or is cut off; whether it did all it had to do.
    pub(super) fn run(&mut self, command: Command, cut: Option<Cut>) -> bool {
        (self.cut, self.moments) = (cut, 0);
        let request = format!("{command:?}");
        let resumed = match &self.record {
            Some(record) if record.request != request => return false,
            Some(_) => true,
            None => {
                let Ok(Some(plan)) = self.plan(command) else { return false };
                let active = self.active();
                let anchor = self.anchor.clone();
                if self.moment().is_err() {
                    return false;
                }
                let record = Record::new(plan, request, anchor, active.as_ref(), &runner());
                self.record = Some(record);
                false
            }
        };
        let outcome = self.forward_or_back(resumed);
        self.end(outcome)
    }

    /// Goes on with what is unfinished.
    pub(super) fn resume(&mut self) -> bool {
        (self.cut, self.moments) = (None, 0);
        let outcome = self.forward_or_back(true);
        self.end(outcome)
    }

    /// Gives it up; whether that is possible.
    pub(super) fn abort(&mut self, cut: Option<Cut>) -> bool {
        (self.cut, self.moments) = (cut, 0);
        let Some(record) = &self.record else { return true };
        let back = match abort::way(record) {
            Way::OnlyForward(_) => return false,
            Way::Forget => None,
            Way::Back(_) if record.direction == Direction::Back => Some(None),
            Way::Back(steps) => Some(Some(steps)),
            Way::Ask { job, how, .. } => match self.sent(job, &how) {
                false => {
                    self.note(|anchor| anchor.stopping_into = None);
                    None
                }
                true if record.plan.fallback.is_empty() => return false,
                true => match self.stop(job, &how, true) {
                    Err(Ended::Failed(Kind::Flink | Kind::Conflict)) => None,
                    Err(ended) => return self.end(Err(ended)),
                    Ok(()) => Some(None),
                },
            },
        };
        let Some(steps) = back else { return self.end(Ok(())) };
        if let Some(record) = &mut self.record
            && record.direction == Direction::Forward
        {
            record.turn_back(None, steps);
        }
        let outcome = self.steps(true);
        self.end(outcome)
    }

    /// A moment at which a run can be cut off.
    fn moment(&mut self) -> Outcome {
        self.moments += 1;
        match self.cut {
            Some(Cut::Kill(after)) if self.moments > after => Err(Ended::Killed),
            Some(Cut::Error(after, kind)) if self.moments == after + 1 => Err(Ended::Failed(kind)),
            _ => Ok(()),
        }
    }

    fn forward_or_back(&mut self, resumed: bool) -> Outcome {
        let Some(record) = &self.record else { return Ok(()) };
        if record.direction == Direction::Back {
            return self.steps(resumed);
        }
        let ended = match self.steps(resumed) {
            Ok(()) => return Ok(()),
            Err(ended) => ended,
        };
        match (&mut self.record, ended) {
            (Some(record), Ended::Failed(kind)) if record.turns_back_after(kind) => {
                record.turn_back(None, None);
                self.moment()?;
                self.steps(false)
            }
            _ => Err(ended),
        }
    }

    fn steps(&mut self, mut resumed: bool) -> Outcome {
        while let Some(step) = self.record.as_ref().and_then(Record::current).cloned() {
            self.moment()?;
            self.step(&step, resumed)?;
            resumed = false;
            self.moment()?;
            if let Some(record) = &mut self.record {
                record.step += 1;
            }
        }
        Ok(())
    }

    /// Closes the record, or leaves it to whoever comes next.
    fn end(&mut self, outcome: Outcome) -> bool {
        let stays = |kind| self.record.as_ref().is_some_and(|record| record.stays_open(kind));
        match outcome {
            Err(Ended::Killed) => return false,
            Err(Ended::Failed(kind)) if stays(kind) => return false,
            _ => {}
        }
        // The record itself is deleted last.
        if self.moment() == Err(Ended::Killed) {
            return false;
        }
        self.record = None;
        outcome.is_ok()
    }

    fn step(&mut self, step: &Step, resumed: bool) -> Outcome {
        let Some(record) = self.record.clone() else { return Ok(()) };
        let known = |generation: Generation| {
            record.revision(generation).map_err(|error| Ended::Failed(error.kind()))
        };
        match step {
            Step::Claim { .. } => self.claim = true,
            Step::Upload { .. } | Step::CopyJar { .. } => {}
            Step::Verify { snapshot } if self.snapshots.contains_key(snapshot) => {}
            Step::Verify { .. } => return Err(Ended::Failed(Kind::NotFound)),
            Step::Stop { job, how, .. } => return self.stop(*job, how, resumed),
            Step::Quiesce { generation } => {
                self.pods.remove(generation);
            }
            Step::Salvage { job, .. } => {
                if self.jobs.get(job).is_some_and(|flink| flink.state == State::Finished) {
                    return Err(Ended::Failed(Kind::Conflict));
                }
                let found = self.newest_of(*job);
                self.set(|record| record.salvage(found));
            }
            Step::Start { revision, from } => {
                let restored_from = record.snapshot_of(from);
                if *from == From::Stopped && restored_from.is_none() {
                    self.violations.push("a stop left nothing to start from".to_owned());
                    return Err(Ended::Failed(Kind::Other));
                }
                let made = Revision { restored_from, ..revision.as_ref().clone() };
                return self.start(made);
            }
            Step::Repair { generation } => {
                self.pods.insert(*generation);
            }
            Step::Prove { generation } => return self.prove(known(*generation)?.job_id),
            Step::Catalogue { generation } => {
                self.catalogue.insert(*generation, known(*generation)?);
            }
            Step::Retire { generation } => {
                self.pods.remove(generation);
            }
            // Only documents with nonces have these, and a snapshot of a job that goes on changes nothing here.
            Step::Snapshot { .. } => {}
            Step::Acknowledge { nonces } => self.note(|anchor| anchor.nonces = *nonces),
            Step::Reinstate { anchor } => self.anchor = Some(record.reinstated(anchor)),
            Step::Rest { snapshot } => {
                let left = record.stopped_at.or(snapshot.clone());
                self.note(|anchor| {
                    anchor.run = Run::Stopped;
                    anchor.snapshot = left;
                    anchor.stopping_into = None;
                });
            }
            Step::RetireApplication => {
                self.revisions.clear();
                self.anchor = None;
                // A job at its end may be begun anew by whoever deletes it; and a deploy that was left before its
                // record was beside the state is not known of afterwards.
                if self.is_finished() || self.catalogue.is_empty() {
                    self.committed = 0;
                }
            }
            Step::DeleteClaim { .. } => self.violations.push("a claim is deleted".to_owned()),
        }
        Ok(())
    }

    fn set(&mut self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.record {
            change(record);
        }
    }

    fn note(&mut self, change: impl FnOnce(&mut Anchor)) {
        if let Some(anchor) = &mut self.anchor {
            change(anchor);
        }
    }

    /// Whether the job was told to stop.
    fn sent(&self, job: JobId, how: &Stop) -> bool {
        let ended = self
            .jobs
            .get(&job)
            .is_some_and(|flink| !matches!(flink.state, State::Running | State::Restarting));
        let Stop::Savepoint { directory, .. } = how else { return ended };
        ended || self.find_in(directory).is_some()
    }

    fn stop(&mut self, job: JobId, how: &Stop, resumed: bool) -> Outcome {
        let Some(flink) = self.jobs.get(&job).cloned() else {
            return Err(Ended::Failed(Kind::NotFound));
        };
        if flink.silent {
            return Err(Ended::Failed(Kind::Unreachable));
        }
        let left = match how {
            Stop::Savepoint { directory, .. } => {
                let found = self.find_in(directory).filter(|_| resumed);
                match (found, flink.state) {
                    (Some(found), _) => Some(found),
                    (None, State::Running) => {
                        let into = directory.clone();
                        self.note(|anchor| anchor.stopping_into = Some(into));
                        self.moment()?;
                        self.save(job, &format!("{directory}/savepoint-{:.6}-1", job.to_string()));
                        self.end_job(job, State::Stopped);
                        // The answer may be lost.
                        self.moment()?;
                        self.find_in(directory)
                    }
                    (None, state) => {
                        self.note(|anchor| anchor.stopping_into = None);
                        let finished = state == State::Finished;
                        let kind = if finished { Kind::Conflict } else { Kind::Flink };
                        return Err(Ended::Failed(kind));
                    }
                }
            }
            Stop::Cancel => {
                let deletes =
                    self.record.as_ref().is_some_and(|record| record.plan.verb == Verb::Delete);
                match flink.state {
                    State::Finished if !deletes => return Err(Ended::Failed(Kind::Conflict)),
                    // The tasks that were starting run, and a checkpoint completes before the job is cancelled.
                    State::Restarting => {
                        self.jobs.entry(job).and_modify(|flink| flink.position += 1);
                        self.checkpoint(job);
                        self.end_job(job, State::Canceled);
                    }
                    State::Running => self.end_job(job, State::Canceled),
                    _ => {}
                }
                self.moment()?;
                let newest = self.jobs.get(&job).and_then(|flink| flink.newest.clone());
                let restored = self
                    .record
                    .as_ref()
                    .and_then(|record| record.revision(flink.generation).ok()?.restored_from);
                newest.or(restored)
            }
        };
        let noted = left.clone();
        self.note(|anchor| anchor.snapshot = noted);
        self.set(|record| {
            record.job_ended = true;
            record.stopped_at = left;
        });
        Ok(())
    }

    fn end_job(&mut self, job: JobId, state: State) {
        self.jobs.entry(job).and_modify(|flink| flink.state = state);
        if state == State::Stopped {
            let folder = format!("/checkpoints/{job}/");
            self.snapshots.retain(|path, _| !path.as_str().contains(&folder));
        }
    }

    fn start(&mut self, made: Revision) -> Outcome {
        let (generation, id) = (made.generation, made.job_id);
        if self.revisions.get(&generation).is_some_and(|other| other.job_id != id) {
            return Err(Ended::Failed(Kind::Conflict));
        }
        let position = match &made.restored_from {
            Some(path) => self.snapshots.get(path).map(|taken| taken.position),
            None => Some(0),
        };
        self.revisions.insert(generation, made.clone());
        self.moment()?;
        self.pods.insert(generation);
        self.anchor = Some(Anchor::running(generation));
        if self.jobs.contains_key(&id) {
            return Ok(());
        }
        let Some(position) = position else {
            self.violations.push(format!("generation {generation} starts from what is gone"));
            return Err(Ended::Failed(Kind::Flink));
        };
        // To go back is what a restore is for.
        let goes_back = self.record.as_ref().is_some_and(|r| r.plan.verb == Verb::Restore);
        if goes_back {
            self.committed = position;
        }
        if position != self.committed {
            let (from, committed) = (&made.restored_from, self.committed);
            self.violations.push(format!(
                "generation {generation} goes on at {position} ({from:?}) of {committed}"
            ));
        }
        let broken = made.image.ends_with('3') || made.image.ends_with('7');
        let state = if broken { State::Failed } else { State::Running };
        let newest = made.restored_from;
        self.jobs.insert(id, Flink { generation, state, position, newest, silent: false });
        Ok(())
    }

    fn prove(&mut self, job: JobId) -> Outcome {
        match self.jobs.get(&job).map(|flink| (flink.state, flink.silent)) {
            Some((State::Running, false)) => {
                self.checkpoint(job);
                Ok(())
            }
            Some((State::Finished, false)) => Ok(()),
            Some((State::Restarting, _) | (_, true)) => Err(Ended::Failed(Kind::Timeout)),
            _ => Err(Ended::Failed(Kind::Flink)),
        }
    }
}
