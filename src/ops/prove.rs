//! Proof that a generation runs: RUNNING, restored from what it should have been, and a checkpoint
//! completed since. Nothing less counts as success: Flink answers 200 to a restore from a missing path,
//! and a job in state RUNNING may never get its first checkpoint through.

use std::time::Duration;

use tokio::time::sleep;

use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::FlinkClient;
use crate::flink::client::{CallError, Trigger};
use crate::flink::savepoint::{Outcome, SnapshotOperation};
use crate::flink::types::JobStatus;
use crate::model::ids::{JobId, OperationId, TriggerId};
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::event::{Event, Observer};

/// Pause between two looks at a job that is not there yet. Flink's status endpoint is not cached and
/// costs it next to nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// So many failures without a checkpoint in between mean that the job will not come up by itself.
/// Flink's own restart strategy would go on for ever.
const FAILURES_UNTIL_GIVEN_UP: usize = 3;

/// Where a job stands, as one look at it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody answers yet, or the job is not submitted yet.
    Absent,
    /// On its way; Flink's word for the state.
    Starting(JobStatus),
    /// RUNNING by Flink's word: worth trying a checkpoint.
    Up,
    /// FINISHED: a bounded job that is done.
    Finished,
    /// FAILED, CANCELED or another end.
    Over(JobStatus),
}

/// One look.
///
/// # Errors
/// When the API server refuses to let us ask.
pub async fn look(flink: &FlinkClient, job: JobId) -> Result<Standing> {
    match flink.job_status(job).await {
        Ok(JobStatus::Running) => Ok(Standing::Up),
        Ok(JobStatus::Finished) => Ok(Standing::Finished),
        Ok(status) if status.is_final() => Ok(Standing::Over(status)),
        Ok(status) => Ok(Standing::Starting(status)),
        Err(CallError::NotFound(_) | CallError::NotDelivered(_) | CallError::Ambiguous(_)) => {
            Ok(Standing::Absent)
        }
        Err(CallError::Failed(error)) if error.kind() == Kind::Denied => Err(error),
        // While the JobManager starts, its REST endpoint answers 503 or 500 for a moment.
        Err(CallError::Failed(_)) => Ok(Standing::Absent),
    }
}

/// What was proven of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The snapshot it was restored from, by Flink's own word.
    pub restored_from: Option<SnapshotPath>,
    /// The first completed checkpoint; `None` for a bounded job that finished before one, and for a job
    /// that takes none.
    pub checkpoint: Option<SnapshotPath>,
    /// The job is FINISHED already.
    pub finished: bool,
}

/// Proves a job that [`look`] found up (or finished).
///
/// # Errors
/// [`Kind::Flink`] when the job fails, or was not restored from what `revision` says.
pub async fn prove(
    flink: &FlinkClient,
    revision: &Revision,
    operation: &OperationId,
    deadline: Deadline,
    observer: &mut dyn Observer,
) -> Result<Proof> {
    let job = revision.job_id;
    let first = first_checkpoint(flink, job, operation, deadline, observer).await?;
    let restored_from = restored_from(flink, job).await?;
    if revision.restored_from.is_some() && restored_from != revision.restored_from {
        return Err(wrong_restore(revision, restored_from.as_ref()));
    }
    let (checkpoint, finished) = match first {
        First::Completed(path) => (Some(path), false),
        First::NotTaken(why) => {
            observer.event(Event::Note(format!("the job takes no checkpoints: {why}")));
            (None, false)
        }
        First::Finished => (None, true),
    };
    Ok(Proof { restored_from, checkpoint, finished })
}

enum First {
    Completed(SnapshotPath),
    NotTaken(String),
    Finished,
}

/// Triggers a checkpoint instead of waiting for the schedule, again and again while tasks start.
async fn first_checkpoint(
    flink: &FlinkClient,
    job: JobId,
    operation: &OperationId,
    deadline: Deadline,
    observer: &mut dyn Observer,
) -> Result<First> {
    observer.event(Event::Phase("waiting for the first checkpoint".to_owned()));
    for round in 0_u32.. {
        tasks_running(flink, job, deadline).await?;
        let attempt_id = |attempt: u32| checkpoint_trigger(operation, round, attempt);
        let trigger = Trigger::CHECKPOINT;
        let run = SnapshotOperation { flink, job, trigger: &trigger, attempt_id: &attempt_id };
        let outcome = run.run(deadline.at_most(ROUND), &mut |_| ()).await;
        match outcome {
            Ok(Outcome::Completed(path)) => return Ok(First::Completed(path)),
            Ok(Outcome::Failed(why)) if is_not_configured(&why) => return Ok(First::NotTaken(why)),
            Ok(Outcome::Failed(why) | Outcome::Lost(why)) => {
                tracing::debug!(why, "no checkpoint yet");
            }
            Ok(Outcome::StillRunning) => {}
            Err(error) if error.kind() == Kind::Denied => return Err(error),
            Err(error) => tracing::debug!(%error, "no checkpoint yet"),
        }
        match look(flink, job).await? {
            Standing::Finished => return Ok(First::Finished),
            Standing::Over(status) => return Err(job_failed(flink, job, status).await),
            Standing::Absent | Standing::Starting(_) | Standing::Up => {}
        }
        if let Some(error) = keeps_failing(flink, job).await {
            return Err(error);
        }
        if !deadline.allows(PAUSE) {
            return Err(Error::new(Kind::Timeout, "the job runs, but no checkpoint has completed")
                .hint("Raise --timeout, or look for backpressure and failing tasks."));
        }
        sleep(PAUSE).await;
    }
    Err(Error::new(Kind::Timeout, "no checkpoint has completed"))
}

/// Waits until every task runs, or the job is not RUNNING any more: a checkpoint that is asked for before
/// would only be counted as a failed one.
async fn tasks_running(flink: &FlinkClient, job: JobId, deadline: Deadline) -> Result<()> {
    while look(flink, job).await? == Standing::Up && deadline.allows(PAUSE) {
        if flink.job(job).await.is_ok_and(|details| details.all_running()) {
            break;
        }
        if let Some(error) = keeps_failing(flink, job).await {
            return Err(error);
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// One round of asking, after which the job is looked at again.
const ROUND: Duration = Duration::from_secs(20);

fn checkpoint_trigger(operation: &OperationId, round: u32, attempt: u32) -> TriggerId {
    operation.trigger(&format!("first-checkpoint-{round}-{attempt}"))
}

/// Flink's answer to a checkpoint of a job that has checkpointing disabled, or runs in batch mode.
fn is_not_configured(why: &str) -> bool {
    why.contains("checkpointing") && (why.contains("not enabled") || why.contains("disabled"))
        || why.contains("not a streaming job")
}

/// What the job was restored from, by Flink's own word.
async fn restored_from(flink: &FlinkClient, job: JobId) -> Result<Option<SnapshotPath>> {
    let checkpoints = match flink.checkpoints(job).await {
        Ok(checkpoints) => checkpoints,
        Err(error) => return Err(error.into_error()),
    };
    let path = checkpoints.latest.restored.and_then(|restored| restored.external_path);
    path.map(|path| path.parse()).transpose()
}

fn wrong_restore(revision: &Revision, actual: Option<&SnapshotPath>) -> Error {
    let wanted = revision.restored_from.as_ref().map(ToString::to_string).unwrap_or_default();
    let actual = actual.map_or("empty state".to_owned(), ToString::to_string);
    Error::new(
        Kind::Flink,
        format!(
            "generation {} of {} was to start from {wanted}, but Flink says it started from {actual}",
            revision.generation, revision.application
        ),
    )
    .hint("Do not let it go on: run `kubectl flink restore` with the snapshot you want.")
}

/// The error of a job that ended, with Flink's root exception.
pub async fn job_failed(flink: &FlinkClient, job: JobId, status: JobStatus) -> Error {
    let cause = match flink.failures(job).await {
        Ok(failures) => failures.into_iter().next().map(|failure| failure.cause),
        Err(_) => None,
    };
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    Error::new(Kind::Flink, format!("the job is {status}{cause}"))
}

/// The error of a job that fails over and over without a checkpoint in between.
pub async fn keeps_failing(flink: &FlinkClient, job: JobId) -> Option<Error> {
    let failures = flink.failures(job).await.ok()?;
    if failures.len() < FAILURES_UNTIL_GIVEN_UP {
        return None;
    }
    let cause = failures.first().map(|failure| failure.cause.clone()).unwrap_or_default();
    Some(Error::new(Kind::Flink, format!("the job failed {} times: {cause}", failures.len())))
}

#[cfg(test)]
mod tests;
