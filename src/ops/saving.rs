//! The work of `savepoint` and `checkpoint`: trigger (or find again), follow, and prove.

use crate::cluster::Cluster;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::FlinkClient;
use crate::flink::client::Trigger;
use crate::flink::savepoint::{Outcome, SnapshotOperation, SnapshotProgress};
use crate::model::ids::{OperationId, TriggerId};
use crate::model::name::ApplicationName;
use crate::model::revision::Revision;
use crate::model::snapshot::{SavepointFormat, SnapshotPath};
use crate::ops::event::{Event, Observer};
use crate::ops::observed::{Job, Run};
use crate::ops::plan::Take;
use crate::ops::state::State;
use crate::ops::{anchor, observe};
use crate::storage::agent::remedy;

/// How often a snapshot is taken again that was lost with its JobManager.
const ROUNDS: u32 = 3;
/// More than the attempts that one round can make while tasks start.
const ATTEMPTS_A_ROUND: u32 = 1_000_000;

/// A savepoint or checkpoint of one application, whose job goes on.
pub struct Saving<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// The record of the active generation.
    pub revision: Revision,
    /// The operation: trigger ids and the default target directory derive from it.
    pub operation: OperationId,
    /// Which of the two.
    pub take: Take,
    trigger: Trigger,
    /// Where a savepoint goes; a checkpoint goes where the job's configuration says.
    directory: Option<String>,
    flink: FlinkClient,
}

impl<'a> Saving<'a> {
    /// Prepares a savepoint of a running application.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and [`Kind::Conflict`] when there is nothing to take a savepoint of.
    pub async fn savepoint(
        cluster: &'a Cluster,
        application: &ApplicationName,
        operation: OperationId,
        format: SavepointFormat,
        to: Option<String>,
    ) -> Result<Saving<'a>> {
        let revision = running(cluster, application).await?;
        let saving = Saving::of(cluster, revision, operation, Take::Savepoint);
        let directory = to.or(saving.directory);
        let trigger = Trigger::Savepoint { target_directory: directory.clone(), format };
        Ok(Saving { directory, trigger, ..saving })
    }

    /// Prepares a checkpoint of a running application; a `full` one is never incremental.
    ///
    /// # Errors
    /// As [`Saving::savepoint`].
    pub async fn checkpoint(
        cluster: &'a Cluster,
        application: &ApplicationName,
        operation: OperationId,
        full: bool,
    ) -> Result<Saving<'a>> {
        let revision = running(cluster, application).await?;
        let saving = Saving::of(cluster, revision, operation, Take::Checkpoint);
        Ok(Saving { trigger: Trigger::Checkpoint { full }, ..saving })
    }

    /// A snapshot of the generation that `revision` records, in the default form and place.
    pub fn of(
        cluster: &'a Cluster,
        revision: Revision,
        operation: OperationId,
        take: Take,
    ) -> Saving<'a> {
        let flink = observe::flink(cluster, &revision.application, revision.generation);
        let directory = match take {
            Take::Savepoint => Some(revision.layout().operation_savepoints(&operation)),
            Take::Checkpoint => None,
        };
        let trigger = match take {
            Take::Savepoint => Trigger::Savepoint {
                target_directory: directory.clone(),
                format: SavepointFormat::default(),
            },
            Take::Checkpoint => Trigger::CHECKPOINT,
        };
        Saving { cluster, revision, operation, take, trigger, directory, flink }
    }

    /// Triggers it and returns at once; whether it completes is for [`Saving::attach`] to find out.
    ///
    /// # Errors
    /// When Flink cannot be asked.
    pub async fn trigger(&self) -> Result<()> {
        let id = self.attempt(0);
        Ok(self.flink.trigger(self.revision.job_id, &self.trigger, id).await?)
    }

    /// Triggers it and follows it to its end.
    ///
    /// # Errors
    /// [`Kind::Flink`] when it failed, [`Kind::Timeout`] when it is still under way at the deadline.
    pub async fn take(
        &self,
        deadline: Deadline,
        observer: &mut dyn Observer,
    ) -> Result<SnapshotPath> {
        self.follow(true, deadline, observer).await
    }

    /// Follows one that was triggered earlier under the same operation id.
    ///
    /// # Errors
    /// As [`Saving::take`].
    pub async fn attach(
        &self,
        deadline: Deadline,
        observer: &mut dyn Observer,
    ) -> Result<SnapshotPath> {
        self.follow(false, deadline, observer).await
    }

    async fn follow(
        &self,
        trigger_first: bool,
        deadline: Deadline,
        observer: &mut dyn Observer,
    ) -> Result<SnapshotPath> {
        for round in 0..ROUNDS {
            let outcome = self.round(round, trigger_first, deadline, observer).await?;
            let why = match outcome {
                Outcome::Completed(path) => return Ok(path),
                Outcome::Failed(why) => return Err(self.failed(&why, observer).await),
                Outcome::StillRunning => return Err(self.goes_on()),
                Outcome::Lost(why) => why,
            };
            // The JobManager cannot tell any more: what is in the directory decides.
            if let Some(path) = self.look_for_it(observer).await? {
                return Ok(path);
            }
            let job = self.revision.job_id;
            if !trigger_first || !observe::runs_again(&self.flink, job, deadline).await? {
                return Err(self.lost(&why));
            }
            observer.event(Event::Warning(format!("{why}: taking it again")));
        }
        Err(self.lost("the JobManager restarts again and again"))
    }

    async fn round(
        &self,
        round: u32,
        trigger_first: bool,
        deadline: Deadline,
        observer: &mut dyn Observer,
    ) -> Result<Outcome> {
        observer.event(Event::Phase("waiting for Flink".to_owned()));
        let attempt_id = |n: u32| self.attempt(round * ATTEMPTS_A_ROUND + n);
        let operation = SnapshotOperation {
            flink: &self.flink,
            job: self.revision.job_id,
            trigger: &self.trigger,
            attempt_id: &attempt_id,
        };
        let mut progress = |progress: SnapshotProgress| {
            observer.event(Event::Snapshot {
                acknowledged: progress.acknowledged.into(),
                total: progress.total.into(),
                bytes: progress.bytes,
            });
        };
        match trigger_first {
            true => operation.run(deadline, &mut progress).await,
            false => operation.attach(deadline, &mut progress).await,
        }
    }

    fn attempt(&self, attempt: u32) -> TriggerId {
        self.operation.trigger(&format!("{}-{attempt}", self.take))
    }

    /// The directory, where it is this operation's alone. One that the user chose may hold other savepoints, and
    /// proves nothing.
    fn own_directory(&self) -> Option<&str> {
        let own = self.revision.layout().operation_savepoints(&self.operation);
        self.directory.as_deref().filter(|directory| *directory == own)
    }

    /// What is complete in the directory of this operation.
    async fn look_for_it(&self, observer: &mut dyn Observer) -> Result<Option<SnapshotPath>> {
        let Some(directory) = self.own_directory() else { return Ok(None) };
        let mut state = State::of(self.cluster, &self.revision, &self.operation);
        let found = state.find_in(directory, observer).await;
        state.close().await;
        found
    }

    fn goes_on(&self) -> Error {
        Error::new(Kind::Timeout, format!("the {} is not complete yet", self.take))
            .hint(format!("It goes on. Follow it with `{}`.", self.reattach()))
    }

    fn lost(&self, why: &str) -> Error {
        let (take, name) = (self.take, &self.revision.application);
        let error = Error::new(Kind::Flink, format!("the {take} did not complete: {why}"));
        let again = format!("Take another one with `kubectl flink {take} {name}`.");
        match &self.directory {
            Some(directory) => error.hint(format!("Nothing complete is in {directory}. {again}")),
            None => error.hint(again),
        }
    }

    /// Flink failed it: what that means for the job, and what it left on the storage.
    async fn failed(&self, why: &str, observer: &mut dyn Observer) -> Error {
        let (take, name) = (self.take, &self.revision.application);
        if let Ok(job @ Job::Ended(_)) = observe::job(&self.flink, self.revision.job_id).await {
            return self.ended(&job).await;
        }
        let error = Error::new(Kind::Flink, format!("the {take} of {name} failed: {why}"))
            .hint("The job goes on running.");
        let said = match self.own_directory() {
            Some(directory) => {
                let mut state = State::of(self.cluster, &self.revision, &self.operation);
                let said = state.after_failure(why, directory, observer).await;
                state.close().await;
                said
            }
            None => remedy(why).map(str::to_owned).into_iter().collect(),
        };
        said.into_iter().fold(error, Error::hint).hint(format!(
            "See its failures with `kubectl flink status {name}` and `kubectl flink logs {name}`."
        ))
    }

    /// A job that has ended takes no snapshot; what it left is what to go on from.
    async fn ended(&self, job: &Job) -> Error {
        let state = match job {
            Job::Ended(state) => state,
            _ => "gone",
        };
        let (take, name) = (self.take, &self.revision.application);
        let checkpoints = self.flink.checkpoints(self.revision.job_id).await.ok();
        let latest = checkpoints.and_then(|all| observe::newest_of(job, all).ok().flatten());
        let error = Error::new(
            Kind::Conflict,
            format!("the job of {name} is {state}: there is nothing to take a {take} of"),
        );
        match latest {
            Some(latest) => error.hint(format!(
                "Its latest snapshot is {latest}: go on from it with `kubectl flink restore {name} --from {latest}`."
            )),
            None => error.hint(format!("Look at it with `kubectl flink status {name}`.")),
        }
    }

    /// The command that follows this snapshot.
    pub fn reattach(&self) -> String {
        let (take, name) = (self.take, &self.revision.application);
        format!("kubectl flink {take} {name} --attach {}", self.operation)
    }
}

/// The record of the generation that runs.
async fn running(cluster: &Cluster, application: &ApplicationName) -> Result<Revision> {
    let anchor = anchor::get(cluster, application).await?;
    if anchor.run == Run::Stopped {
        let error = Error::new(Kind::Conflict, format!("{application} is stopped"));
        return Err(match anchor.snapshot {
            Some(snapshot) => error.hint(format!("Its state is in {snapshot}.")),
            None => error,
        });
    }
    observe::revision(cluster, application, anchor.generation).await
}
