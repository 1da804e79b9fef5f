//! Waiting until a generation's JobManager knows its job, telling what is waited for, and giving up with
//! the reason as soon as waiting longer is pointless.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster::diagnose::{Diagnosis, Patience, Waiting};
use crate::cluster::logs::LogSelection;
use crate::cluster::{Cluster, diagnose, logs, observe};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::FlinkClient;
use crate::model::labels;
use crate::model::revision::Revision;
use crate::ops::event::{Event, Observer};
use crate::ops::prove::{Standing, job_failed, keeps_failing, look};

/// Pause between two looks at Flink: each goes through the API server, which shares a small machine with the
/// JVMs that are starting.
const PAUSE: Duration = Duration::from_millis(200);
/// Pause between two looks at the pods: what they wait for changes slowly.
const PODS_PAUSE: Duration = Duration::from_millis(500);
/// Log lines of a crashed container that go into the error.
const LOG_LINES: i64 = 40;

/// Waits until Flink says that the job is RUNNING or FINISHED.
///
/// # Errors
/// [`Kind::Flink`] when the job fails, [`Kind::Preflight`]-like causes of pods that cannot run as
/// [`Kind::Other`], [`Kind::Timeout`] at the deadline; each says why in one paragraph.
pub async fn await_up(
    cluster: &Cluster,
    flink: &FlinkClient,
    revision: &Revision,
    deadline: Deadline,
    observer: &mut dyn Observer,
) -> Result<Standing> {
    let mut pods_seen = Instant::now() - PODS_PAUSE;
    let mut last = None;
    let mut waiting = Waiting::Pods;
    let mut patience = Patience::default();
    loop {
        match look(flink, revision.job_id).await? {
            standing @ (Standing::Up | Standing::Finished) => return Ok(standing),
            Standing::Over(status) => return Err(job_failed(flink, revision.job_id, status).await),
            Standing::Starting(status) => {
                observer.event(Event::Phase(format!("the job is {status}")));
                if let Some(error) = keeps_failing(flink, revision.job_id).await {
                    return Err(error);
                }
            }
            Standing::Absent => {}
        }
        if pods_seen.elapsed() >= PODS_PAUSE {
            let seen = pods(cluster, revision).await?;
            waiting = seen.waiting();
            if waiting != Waiting::Nothing {
                observer.event(Event::Phase(format!("waiting for {waiting}")));
            }
            let gravest = seen.diagnoses().into_iter().next();
            if patience.is_over(gravest.as_ref())
                && let Some(diagnosis) = &gravest
            {
                return Err(cannot_run(cluster, revision, diagnosis).await);
            }
            last = gravest.or(last);
            pods_seen = Instant::now();
        }
        if !deadline.allows(PAUSE) {
            return Err(timed_out(cluster, revision, last.as_ref(), &waiting).await);
        }
        sleep(PAUSE).await;
    }
}

/// The generation's pods, and what is to know about them.
///
/// # Errors
/// When they cannot be read.
pub async fn pods(cluster: &Cluster, revision: &Revision) -> Result<diagnose::Observed> {
    let selector = labels::selector(&revision.application, Some(revision.generation), None);
    observe::observe(cluster, &selector, &revision.claims()).await
}

async fn cannot_run(cluster: &Cluster, revision: &Revision, diagnosis: &Diagnosis) -> Error {
    let mut message = diagnosis.to_string();
    if let Diagnosis::Crashing { pod, container, .. } = diagnosis
        && let Some(words) = last_words(cluster, pod, container).await
    {
        message = format!("{message}; its last words: {words}");
    }
    Error::new(Kind::Flink, message).hint(diagnosis.hint()).hint(format!(
        "See all of it with `kubectl flink status {}` and `kubectl flink logs {}`.",
        revision.application, revision.application
    ))
}

async fn timed_out(
    cluster: &Cluster,
    revision: &Revision,
    last: Option<&Diagnosis>,
    waiting: &Waiting,
) -> Error {
    let name = &revision.application;
    let error = match last {
        Some(diagnosis) => cannot_run(cluster, revision, diagnosis).await,
        None if *waiting != Waiting::Nothing => {
            Error::new(Kind::Timeout, format!("it still waits for {waiting}"))
        }
        None => Error::new(Kind::Timeout, "the JobManager does not know the job yet"),
    };
    Error::new(Kind::Timeout, format!("generation {} of {name} does not run yet: {error}", revision.generation))
        .hint(format!("It goes on starting: follow it with `kubectl flink status {name} -w`, or run the same command again to wait on."))
}

/// The last log lines of a container that ended, as one line.
async fn last_words(cluster: &Cluster, pod: &str, container: &str) -> Option<String> {
    let selection =
        LogSelection { tail: Some(LOG_LINES), previous: true, ..LogSelection::default() };
    let lines = logs::read(cluster, pod, container, &selection).await.ok()?;
    // Stack frames say less than the exception above them.
    let telling: Vec<&str> = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && !line.starts_with("at "))
        .collect();
    let last = &telling[telling.len().saturating_sub(3)..];
    (!last.is_empty()).then(|| last.join(" / "))
}
