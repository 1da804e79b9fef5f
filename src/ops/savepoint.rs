//! The `savepoint` verb's work: trigger (or find again), follow, and prove.

use crate::cluster::Cluster;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::FlinkClient;
use crate::flink::client::Trigger;
use crate::flink::savepoint::{Outcome, SnapshotOperation};
use crate::model::ids::{OperationId, TriggerId};
use crate::model::name::ApplicationName;
use crate::model::revision::Revision;
use crate::model::snapshot::{SavepointFormat, SnapshotPath};
use crate::ops::event::{Event, Observer};
use crate::ops::observed::Run;
use crate::ops::state::State;
use crate::ops::{anchor, observe};

/// A savepoint of one application.
pub struct Savepoint<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// The record of the active generation.
    pub revision: Revision,
    /// The operation: trigger ids and the default target directory derive from it.
    pub operation: OperationId,
    trigger: Trigger,
    directory: String,
    flink: FlinkClient,
}

impl<'a> Savepoint<'a> {
    /// Prepares a savepoint of a running application.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and [`Kind::Conflict`] when there is nothing to take a savepoint of.
    pub async fn prepare(
        cluster: &'a Cluster,
        application: &ApplicationName,
        operation: OperationId,
        format: SavepointFormat,
        to: Option<String>,
    ) -> Result<Savepoint<'a>> {
        let anchor = anchor::get(cluster, application).await?;
        if anchor.run == Run::Stopped {
            let error = Error::new(Kind::Conflict, format!("{application} is stopped"));
            return Err(match anchor.snapshot {
                Some(snapshot) => error.hint(format!("Its state is in {snapshot}.")),
                None => error,
            });
        }
        let revision = observe::revision(cluster, application, anchor.generation).await?;
        let directory = to.unwrap_or_else(|| revision.layout().operation_savepoints(&operation));
        let trigger = Trigger::Savepoint { target_directory: Some(directory.clone()), format };
        let flink = observe::flink(cluster, application, anchor.generation);
        Ok(Savepoint { cluster, revision, operation, trigger, directory, flink })
    }

    /// Triggers it and returns at once; whether it completes is for [`Savepoint::attach`] to find out.
    ///
    /// # Errors
    /// When Flink cannot be asked.
    pub async fn trigger(&self) -> Result<()> {
        let id = attempt(&self.operation, 0);
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
    /// As [`Savepoint::take`].
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
        observer.event(Event::Phase("waiting for Flink".to_owned()));
        let attempt_id = |n: u32| attempt(&self.operation, n);
        let operation = SnapshotOperation {
            flink: &self.flink,
            job: self.revision.job_id,
            trigger: &self.trigger,
            attempt_id: &attempt_id,
        };
        let mut progress = |progress: crate::flink::savepoint::SnapshotProgress| {
            observer.event(Event::Snapshot {
                acknowledged: progress.acknowledged.into(),
                total: progress.total.into(),
                bytes: progress.bytes,
            });
        };
        let outcome = match trigger_first {
            true => operation.run(deadline, &mut progress).await?,
            false => operation.attach(deadline, &mut progress).await?,
        };
        match outcome {
            Outcome::Completed(path) => Ok(path),
            Outcome::Failed(why) => Err(self.failed(&why)),
            Outcome::Lost(why) => self.look_for_it(&why, observer).await,
            Outcome::StillRunning => {
                Err(Error::new(Kind::Timeout, "the savepoint is not complete yet")
                    .hint(format!("It goes on. Follow it with `{}`.", self.reattach())))
            }
        }
    }

    /// The JobManager cannot tell any more: what is in the directory decides.
    async fn look_for_it(&self, why: &str, observer: &mut dyn Observer) -> Result<SnapshotPath> {
        let mut state = State::of(self.cluster, &self.revision, &self.operation);
        // A directory that the user chose may hold other savepoints, so only our own is proof.
        let found = match self.directory == state.layout().operation_savepoints(&self.operation) {
            true => state.find_in(&self.directory, observer).await,
            false => Ok(None),
        };
        state.close().await;
        found?.ok_or_else(|| {
            Error::new(Kind::Flink, format!("the savepoint did not complete: {why}")).hint(format!(
                "Nothing complete is in {}. Take another one with `kubectl flink savepoint {}`.",
                self.directory, self.revision.application
            ))
        })
    }

    fn failed(&self, why: &str) -> Error {
        let name = &self.revision.application;
        Error::new(Kind::Flink, format!("the savepoint of {name} failed: {why}"))
            .hint("The job goes on running.")
            .hint(format!("See its failures with `kubectl flink status {name}` and `kubectl flink logs {name}`."))
    }

    /// The command that follows this savepoint.
    pub fn reattach(&self) -> String {
        format!("kubectl flink savepoint {} --attach {}", self.revision.application, self.operation)
    }
}

fn attempt(operation: &OperationId, attempt: u32) -> TriggerId {
    operation.trigger(&format!("savepoint-{attempt}"))
}
