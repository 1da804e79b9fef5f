//! Ending a job: with a savepoint, or by cancelling it. Success is a job that Flink says has ended, and a
//! savepoint whose path Flink has named.

use std::time::Duration;

use tokio::time::sleep;

use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::FlinkClient;
use crate::flink::client::{CallError, OperationState, Trigger};
use crate::flink::savepoint::{Outcome, SnapshotOperation};
use crate::flink::types::JobStatus;
use crate::model::ids::{JobId, TriggerId};
use crate::model::name::Generation;
use crate::model::snapshot::{SavepointFormat, SnapshotPath};
use crate::ops::event::{Event, Observer};
use crate::ops::execute::Executor;
use crate::ops::observed::Job;
use crate::ops::plan::{Stop, Verb};
use crate::ops::{observe, transition};

const PAUSE: Duration = Duration::from_millis(50);
/// A little more than `web.refresh-interval`.
const REFRESH: Duration = Duration::from_millis(600);
/// A job that was told to end does so in milliseconds; a stuck one may need its task cancellation timeout
/// (`task.cancellation.timeout`, 3 minutes).
const ENDING: Duration = Duration::from_secs(200);

/// How often a stop is sent again that was lost with its JobManager.
const ROUNDS: u32 = 3;

/// Ends `job` and returns the snapshot that it left.
///
/// # Errors
/// [`Kind::Flink`] when the savepoint failed: the job then goes on running.
pub async fn stop(
    run: &mut Executor<'_>,
    generation: Generation,
    job: JobId,
    how: &Stop,
    observer: &mut dyn Observer,
) -> Result<Option<SnapshotPath>> {
    let flink = observe::flink(run.cluster, &run.plan().application, generation);
    if run.resumed
        && let Some(left) = left_by_an_earlier_run(run, &flink, job, how, observer).await?
    {
        return Ok(Some(left));
    }
    match how {
        Stop::Savepoint { directory, trigger, drain } => {
            let into = directory.clone();
            run.write_anchor(|anchor| anchor.stopping_into = Some(into)).await?;
            let path = savepoint(run, &flink, job, directory, *trigger, *drain, observer).await;
            let path = match path {
                Ok(path) => path,
                Err(error) => {
                    // There is no such savepoint: a leftover note would only mislead the next command. One that
                    // is still under way is going to end the job.
                    if matches!(error.kind(), Kind::Flink | Kind::Conflict)
                        && let Err(e) = run.write_anchor(|anchor| anchor.stopping_into = None).await
                    {
                        tracing::warn!(%e, "the anchor still names the savepoint directory");
                    }
                    return Err(error);
                }
            };
            await_end(&flink, job, run.deadline).await?;
            let left = path.clone();
            run.write_anchor(|anchor| anchor.snapshot = Some(left)).await?;
            Ok(Some(path))
        }
        Stop::Cancel => {
            observer.event(Event::Phase("cancelling the job".to_owned()));
            cancel(&flink, job).await?;
            let end = await_end(&flink, job, run.deadline).await?;
            if end == Some(JobStatus::Finished) {
                return finished(run).map(|()| None);
            }
            // Flink serves its checkpoint list from a cache of `web.refresh-interval`, which ours sets to
            // half a second; an older answer could name a checkpoint that was dropped since.
            sleep(REFRESH).await;
            let left = newest(run, &flink, generation, job, observer).await?;
            let noted = left.clone();
            run.write_anchor(|anchor| anchor.snapshot = noted).await?;
            Ok(left)
        }
    }
}

/// The job came to its end before it could be cancelled: it left nothing, and only a delete needs nothing of it.
fn finished(run: &Executor<'_>) -> Result<()> {
    match run.plan().verb {
        Verb::Delete => Ok(()),
        _ => Err(transition::finished(&run.plan().application)),
    }
}

/// The newest snapshot of a job that was cancelled: by Flink's own word, or, when its JobManager has left
/// already, by what is on the storage. An older one would go back in time.
async fn newest(
    run: &mut Executor<'_>,
    flink: &FlinkClient,
    generation: Generation,
    job: JobId,
    observer: &mut dyn Observer,
) -> Result<Option<SnapshotPath>> {
    let restored = run.revision(generation)?.restored_from;
    if let Ok(checkpoints) = flink.checkpoints(job).await {
        let cancelled = Job::Ended(JobStatus::Canceled.to_string());
        return Ok(observe::newest_of(&cancelled, checkpoints)?.or(restored));
    }
    match run.state.newest_of(job, observer).await {
        Ok(newest) => Ok(newest.or(restored)),
        Err(error) if !run.plan().needs_storage() => {
            observer.event(Event::Warning(error.to_string()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What a stop with savepoint left whose sender died: noted in the anchor, or found in the directory that no
/// other operation writes to. `None` when the job has not ended, so that the stop may be sent (again).
async fn left_by_an_earlier_run(
    run: &mut Executor<'_>,
    flink: &FlinkClient,
    job: JobId,
    how: &Stop,
    observer: &mut dyn Observer,
) -> Result<Option<SnapshotPath>> {
    let Stop::Savepoint { directory, trigger, .. } = how else { return Ok(None) };
    if matches!(observe::job(flink, job).await?, Job::Running | Job::Unsettled(_)) {
        return Ok(None);
    }
    let anchor = run.anchor.as_ref();
    let noted = anchor.filter(|anchor| anchor.stopping_into.as_ref() == Some(directory));
    let left = match noted.and_then(|anchor| anchor.snapshot.clone()) {
        Some(noted) => Some(noted),
        // A JobManager that lives remembers the result for five minutes.
        None => match flink.poll(job, &stop_trigger(how), *trigger).await {
            Ok(OperationState::Savepoint(path)) => Some(path),
            _ => run.state.find_in(directory, observer).await?,
        },
    };
    if let Some(path) = &left {
        let noted = path.clone();
        run.write_anchor(|anchor| anchor.snapshot = Some(noted)).await?;
    }
    Ok(left)
}

/// Whether an earlier run has sent this stop, so that the job has ended or is going to.
///
/// # Errors
/// [`Kind::Unreachable`] when nobody can tell.
pub async fn is_sent(
    run: &Executor<'_>,
    generation: Generation,
    job: JobId,
    how: &Stop,
) -> Result<bool> {
    let flink = observe::flink(run.cluster, &run.plan().application, generation);
    let runs = match observe::job(&flink, job).await? {
        Job::Running => true,
        Job::Unsettled(state) => state != "CANCELLING",
        Job::Ended(_) | Job::Unknown => return Ok(true),
        Job::Unreachable => {
            return Err(Error::new(
                Kind::Unreachable,
                "the JobManager does not answer, so nobody can tell whether the job was told to stop",
            )
            .hint(format!("Look at it with `kubectl flink status {}`.", run.plan().application)));
        }
    };
    let Stop::Savepoint { trigger: id, .. } = how else { return Ok(!runs) };
    match flink.poll(job, &stop_trigger(how), *id).await {
        Err(CallError::NotFound(_)) => Ok(!runs),
        Ok(OperationState::Failed(_)) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into_error()),
    }
}

fn stop_trigger(how: &Stop) -> Trigger {
    let (target_directory, drain) = match how {
        Stop::Savepoint { directory, drain, .. } => (Some(directory.clone()), *drain),
        Stop::Cancel => (None, false),
    };
    Trigger::Stop { target_directory, format: SavepointFormat::default(), drain }
}

/// Cancels the job; nobody there to cancel counts as cancelled.
///
/// # Errors
/// When Flink refuses.
pub async fn cancel(flink: &FlinkClient, job: JobId) -> Result<()> {
    match flink.cancel(job).await {
        Ok(()) | Err(CallError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into_error()),
    }
}

async fn savepoint(
    run: &mut Executor<'_>,
    flink: &FlinkClient,
    job: JobId,
    directory: &str,
    trigger_id: TriggerId,
    drain: bool,
    observer: &mut dyn Observer,
) -> Result<SnapshotPath> {
    observer.event(Event::Phase("stopping with a savepoint".to_owned()));
    let trigger = Trigger::Stop {
        target_directory: Some(directory.to_owned()),
        format: SavepointFormat::default(),
        drain,
    };
    let operation = run.plan().operation.clone();
    for round in 0..ROUNDS {
        let attempt_id = |attempt: u32| match (round, attempt) {
            (0, 0) => trigger_id,
            (0, n) => operation.trigger(&format!("stop-{n}")),
            (round, n) => operation.trigger(&format!("stop-{round}-{n}")),
        };
        let stop = SnapshotOperation { flink, job, trigger: &trigger, attempt_id: &attempt_id };
        let outcome = stop
            .run(run.deadline, &mut |progress| {
                observer.event(Event::Snapshot {
                    acknowledged: progress.acknowledged.into(),
                    total: progress.total.into(),
                    bytes: progress.bytes,
                });
            })
            .await?;
        let why = match outcome {
            Outcome::Completed(path) => return Ok(path),
            // Unlike the job's details, its status is never an old one.
            Outcome::Failed(_)
                if matches!(flink.job_status(job).await, Ok(JobStatus::Finished)) =>
            {
                return Err(transition::finished(&run.plan().application));
            }
            Outcome::Failed(why) => {
                let said = run.state.after_failure(&why, directory, observer).await;
                let error = Error::new(Kind::Flink, format!("the savepoint failed: {why}"))
                    .hint("The job goes on running, and nothing else was changed.");
                return Err(said.into_iter().fold(error, Error::hint));
            }
            Outcome::StillRunning => return Err(still_running(directory)),
            Outcome::Lost(why) => why,
        };
        // A job that was brought back with its JobManager runs again, and goes beyond what was saved.
        let found = run.state.find_in(directory, observer).await?;
        let runs = match found {
            Some(_) => matches!(observe::job(flink, job).await?, Job::Running | Job::Unsettled(_)),
            None => observe::runs_again(flink, job, run.deadline).await?,
        };
        match found {
            _ if runs => {
                observer.event(Event::Warning(format!("{why}: stopping it again")));
            }
            Some(path) => return Ok(path),
            None => return Err(lost(&why, directory)),
        }
    }
    Err(lost("its JobManager restarts again and again", directory))
}

fn still_running(directory: &str) -> Error {
    Error::new(Kind::Timeout, "the savepoint is not complete yet")
        .hint(format!("It goes on in {directory}, and the job ends when it completes. Run the same command again with a longer --timeout."))
}

fn lost(why: &str, directory: &str) -> Error {
    Error::new(Kind::Flink, format!("Flink does not say what became of the savepoint: {why}"))
        .hint(format!("Nothing complete is in {directory}. Look at the job with `kubectl flink status`, then try again."))
}

/// Waits until the job has ended. `None` when its JobManager forgot it, or left: its pods are removed next in any
/// case.
async fn await_end(
    flink: &FlinkClient,
    job: JobId,
    deadline: Deadline,
) -> Result<Option<JobStatus>> {
    let limit = deadline.at_most(ENDING);
    loop {
        match flink.job_status(job).await {
            Ok(status) if status.is_final() => return Ok(Some(status)),
            Err(CallError::NotFound(_) | CallError::NotDelivered(_)) => return Ok(None),
            Ok(_) | Err(CallError::Ambiguous(_)) => {}
            Err(CallError::Failed(error)) => return Err(error),
        }
        if !limit.allows(PAUSE) {
            return Err(Error::new(Kind::Timeout, "the job does not end").hint(
                "A task may ignore its cancellation: look at its logs with `kubectl flink logs`.",
            ));
        }
        sleep(PAUSE).await;
    }
}
