//! A savepoint, checkpoint or stop, from its trigger to its proven outcome.
//!
//! Flink answers a trigger with success before it has looked at it, and reports a failed operation
//! as `COMPLETED`; results are forgotten when the JobManager restarts. So the only proof is the path
//! that a poll returns, and everything else is an [`Outcome`] of its own.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::{CallError, FlinkClient, OperationState, Trigger};
use super::types::{Checkpoint, CheckpointStatus};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::ids::{JobId, TriggerId};
use crate::model::snapshot::SnapshotPath;

/// How long the JobManager may be silent before the operation counts as lost. A JobManager that
/// Kubernetes restarts is back within half a minute.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// The same for a stop: an application's JobManager exits for good two seconds after its result was
/// read once, so that silence is no sign of a restart.
const SILENCE_LIMIT_AFTER_STOP: Duration = Duration::from_secs(15);

/// The pause between attempts while tasks are still starting.
const TASKS_STARTING_PAUSE: Duration = Duration::from_millis(250);

/// How the operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The snapshot is complete at this path.
    Completed(SnapshotPath),
    /// Flink failed it, with the cause in one line; the job goes on.
    Failed(String),
    /// The JobManager cannot say any more whether it completed (it restarted, exited or is
    /// unreachable), for this reason. Look into the target directory before anything else.
    Lost(String),
    /// The deadline passed while it was under way; it goes on without us.
    StillRunning,
}

/// How far the snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotProgress {
    /// Flink's number of the checkpoint.
    pub number: u64,
    /// Subtasks that have acknowledged.
    pub acknowledged: u32,
    /// Subtasks that must.
    pub total: u32,
    /// Bytes of state that the acknowledged subtasks have reported.
    pub bytes: u64,
}

/// One savepoint, checkpoint or stop of one job.
pub struct SnapshotOperation<'a> {
    /// The cluster that runs the job.
    pub flink: &'a FlinkClient,
    /// The job.
    pub job: JobId,
    /// What to ask for.
    pub trigger: &'a Trigger,
    /// The trigger id of attempt 0, 1, …: derived from the operation, so that a repeated command finds
    /// its own attempts. A new attempt is made only when tasks had not started yet.
    pub attempt_id: &'a (dyn Fn(u32) -> TriggerId + Sync),
}

impl SnapshotOperation<'_> {
    /// Triggers and follows the operation. Triggering twice under the same ids is the same as once.
    ///
    /// `progress` is called about once a second while the operation takes longer than that.
    ///
    /// # Errors
    /// When the JobManager refuses the request or is unreachable from the start.
    pub async fn run(
        &self,
        deadline: Deadline,
        progress: &mut (dyn FnMut(SnapshotProgress) + Send),
    ) -> Result<Outcome> {
        self.attempts(true, deadline, progress).await
    }

    /// Follows an operation that was triggered earlier; triggers nothing that would start anew.
    pub async fn attach(
        &self,
        deadline: Deadline,
        progress: &mut (dyn FnMut(SnapshotProgress) + Send),
    ) -> Result<Outcome> {
        self.attempts(false, deadline, progress).await
    }

    async fn attempts(
        &self,
        trigger_first: bool,
        deadline: Deadline,
        progress: &mut (dyn FnMut(SnapshotProgress) + Send),
    ) -> Result<Outcome> {
        for attempt in 0_u32.. {
            let id = (self.attempt_id)(attempt);
            if (trigger_first || attempt > 0)
                && let Some(lost) = self.trigger(id, deadline).await?
            {
                return Ok(lost);
            }
            let outcome = self.follow(id, deadline, progress).await?;
            let tasks_starting = matches!(&outcome, Outcome::Failed(why) if is_starting(why));
            if !tasks_starting || !deadline.allows(TASKS_STARTING_PAUSE) {
                return Ok(outcome);
            }
            sleep(TASKS_STARTING_PAUSE).await;
        }
        Ok(Outcome::StillRunning)
    }

    /// Sends the trigger until it is known to be registered.
    async fn trigger(&self, id: TriggerId, deadline: Deadline) -> Result<Option<Outcome>> {
        let limit = deadline.at_most(SILENCE_LIMIT);
        let mut pause = Duration::from_millis(100);
        loop {
            let error = match self.flink.trigger(self.job, self.trigger, id).await {
                Ok(()) => return Ok(None),
                Err(CallError::NotDelivered(error)) => error,
                Err(CallError::Ambiguous(error)) => {
                    match self.flink.poll(self.job, self.trigger, id).await {
                        Ok(_) => return Ok(None),
                        // Either it never arrived, or the JobManager restarted after it did. A stop
                        // may have ended the job: sending it again could stop a restarted one.
                        Err(CallError::NotFound(_)) if self.is_stop() => {
                            return Ok(Some(Outcome::Lost(error.to_string())));
                        }
                        Err(CallError::Failed(error)) => return Err(error),
                        Err(_) => error,
                    }
                }
                Err(other) => return Err(other.into_error()),
            };
            if !limit.allows(pause) {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn follow(
        &self,
        id: TriggerId,
        deadline: Deadline,
        progress: &mut (dyn FnMut(SnapshotProgress) + Send),
    ) -> Result<Outcome> {
        tokio::select! {
            outcome = deadline.limit(self.poll_to_the_end(id)) => outcome.unwrap_or(Ok(Outcome::StillRunning)),
            () = self.report(progress) => Ok(Outcome::StillRunning),
        }
    }

    async fn poll_to_the_end(&self, id: TriggerId) -> Result<Outcome> {
        let started = Instant::now();
        let mut silent_since: Option<Instant> = None;
        loop {
            sleep(poll_pause(started.elapsed())).await;
            match self.flink.poll(self.job, self.trigger, id).await {
                Ok(OperationState::InProgress) => silent_since = None,
                Ok(OperationState::Savepoint(path)) => return Ok(Outcome::Completed(path)),
                Ok(OperationState::Checkpoint(number)) => {
                    return self.checkpoint_path(number).await;
                }
                Ok(OperationState::Failed(cause)) => return Ok(Outcome::Failed(cause)),
                Err(CallError::NotFound(_)) => {
                    let why = "the JobManager has restarted and does not know the operation";
                    return Ok(Outcome::Lost(why.to_owned()));
                }
                Err(CallError::NotDelivered(error) | CallError::Ambiguous(error)) => {
                    let since = *silent_since.get_or_insert_with(Instant::now);
                    let limit =
                        if self.is_stop() { SILENCE_LIMIT_AFTER_STOP } else { SILENCE_LIMIT };
                    if since.elapsed() > limit {
                        return Ok(Outcome::Lost(error.to_string()));
                    }
                }
                Err(CallError::Failed(error)) => return Err(error),
            }
        }
    }

    /// A checkpoint's path comes from its details, which lag up to three seconds behind.
    async fn checkpoint_path(&self, number: u64) -> Result<Outcome> {
        let limit = Deadline::after(Duration::from_secs(10));
        loop {
            match self.flink.checkpoint(self.job, number).await {
                Ok(Checkpoint { external_path: Some(path), .. }) => {
                    return path.parse().map(Outcome::Completed);
                }
                Err(CallError::Failed(error)) => return Err(error),
                Ok(_) | Err(_) if limit.passed() => {
                    let what =
                        format!("checkpoint {number} is complete, but Flink does not say where");
                    return Err(Error::new(Kind::Flink, what).hint(
                        "Set execution.checkpointing.dir (state.checkpoints.dir before 1.20).",
                    ));
                }
                Ok(_) | Err(_) => sleep(Duration::from_millis(250)).await,
            }
        }
    }

    /// Reports until it is dropped.
    async fn report(&self, progress: &mut (dyn FnMut(SnapshotProgress) + Send)) {
        loop {
            sleep(Duration::from_secs(1)).await;
            if let Ok(checkpoints) = self.flink.checkpoints(self.job).await
                && let Some(ours) = checkpoints.history.iter().find(|c| self.is_ours(c))
            {
                progress(SnapshotProgress {
                    number: ours.id,
                    acknowledged: ours.num_acknowledged_subtasks,
                    total: ours.num_subtasks,
                    bytes: ours.state_size,
                });
            }
        }
    }

    /// Flink does not link trigger ids with checkpoints: the newest one of our kind in progress is ours.
    fn is_ours(&self, checkpoint: &Checkpoint) -> bool {
        checkpoint.status == CheckpointStatus::InProgress
            && match self.trigger {
                Trigger::Savepoint { .. } => checkpoint.checkpoint_type == "SAVEPOINT",
                Trigger::Stop { .. } => checkpoint.checkpoint_type == "SYNC_SAVEPOINT",
                Trigger::Checkpoint { .. } => !checkpoint.is_savepoint,
            }
    }

    fn is_stop(&self) -> bool {
        matches!(self.trigger, Trigger::Stop { .. })
    }
}

/// A tenth of the time that has passed: a short savepoint is noticed within 25 ms, and a long one
/// costs two calls a second.
fn poll_pause(elapsed: Duration) -> Duration {
    (elapsed / 10).clamp(Duration::from_millis(25), Duration::from_millis(500))
}

/// Flink's words when it began nothing because some of a job's tasks do not run yet
/// (`CheckpointFailureReason.NOT_ALL_REQUIRED_TASKS_RUNNING`), or because the adaptive scheduler is
/// between two parallelisms (`AdaptiveScheduler.stopWithSavepoint`; the same in 1.20 and 2.3).
fn is_starting(cause: &str) -> bool {
    ["Not all required tasks are currently running", "The Flink job is currently not executing"]
        .iter()
        .any(|words| cause.contains(words))
}

#[cfg(test)]
mod tests;
