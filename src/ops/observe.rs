//! Reads from the cluster and from Flink what plans are made of.

use std::time::Duration;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::cluster::{Cluster, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::client::CallError;
use crate::flink::types::{Checkpoints, LatestCheckpoints};
use crate::flink::{FlinkClient, ServiceProxy};
use crate::model::ids::JobId;
use crate::model::labels::{self, Component};
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::anchor::{self, Anchor};
use crate::ops::observed::{Active, Job, Nonces, Run};

/// A JobManager that Kubernetes starts again recovers its job within half a minute; on a busy node in two.
const COMING_BACK: Duration = Duration::from_secs(120);
/// Tasks that start, or start again after a failure or at another parallelism, do so within seconds.
const STARTING: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);
/// Flink's type of the savepoint that a stop takes (`RestAPICheckpointType`).
const STOP: &str = "SYNC_SAVEPOINT";

/// The REST client of one generation's JobManager.
pub fn flink(
    cluster: &Cluster,
    application: &ApplicationName,
    generation: Generation,
) -> FlinkClient {
    FlinkClient::new(ServiceProxy::new(cluster, &application.jobmanager(generation), "rest"))
}

/// The revisions of an application that are on record, oldest first.
///
/// # Errors
/// [`Kind::Conflict`] when a record cannot be read back.
pub async fn revisions(cluster: &Cluster, application: &ApplicationName) -> Result<Vec<Revision>> {
    let selector = labels::selector(application, None, Some(Component::Revision));
    let records = read::list::<ControllerRevision>(cluster, &cluster.api(), &selector).await?;
    let mut revisions = records.iter().map(from_record).collect::<Result<Vec<_>>>()?;
    revisions.sort_by_key(|revision| revision.generation);
    Ok(revisions)
}

/// One revision, by its generation.
///
/// # Errors
/// [`Kind::NotFound`] when it is not on record.
pub async fn revision(
    cluster: &Cluster,
    application: &ApplicationName,
    generation: Generation,
) -> Result<Revision> {
    let name = application.revision(generation);
    let record = read::get::<ControllerRevision>(cluster, &cluster.api(), &name).await?;
    let record = record.ok_or_else(|| {
        Error::new(Kind::NotFound, format!("the record of generation {generation} ({name}) is gone"))
            .hint(format!(
                "Its copy is on the state storage: `kubectl flink restore {application}` reads it from there."
            ))
    })?;
    from_record(&record)
}

/// Reads a record back.
///
/// # Errors
/// [`Kind::Conflict`] when it is not one of ours, or newer than this program.
pub fn from_record(record: &ControllerRevision) -> Result<Revision> {
    let name = record.metadata.name.clone().unwrap_or_default();
    let data = record.data.as_ref().map_or(&Value::Null, |data| &data.0);
    Revision::deserialize(data).map_err(|e| {
        Error::new(Kind::Conflict, format!("controllerrevision {name:?} cannot be read"))
            .caused_by(e)
            .hint(
                "It may have been written by a newer version of kubectl flink: update the plugin.",
            )
    })
}

/// The active generation of an application: its anchor, its record and its job.
///
/// # Errors
/// As [`anchor::find`] and [`revision`].
pub async fn active(
    cluster: &Cluster,
    application: &ApplicationName,
) -> Result<Option<(Anchor, Active)>> {
    let Some(anchor) = anchor::find(cluster, application).await? else { return Ok(None) };
    let revision = revision(cluster, application, anchor.generation).await?;
    let (job, seen) = match anchor.run {
        Run::Stopped => (Job::Unreachable, None),
        Run::Running => {
            let flink = flink(cluster, application, anchor.generation);
            let job = job(&flink, revision.job_id).await?;
            let seen = match &job {
                // A running job gets a savepoint; its checkpoints need not be known.
                Job::Running | Job::Unreachable | Job::Unknown => None,
                Job::Unsettled(_) | Job::Ended(_) => match flink.checkpoints(revision.job_id).await
                {
                    Ok(checkpoints) => newest_of(&job, checkpoints)?,
                    Err(_) => None,
                },
            };
            (job, seen)
        }
    };
    let latest = seen.or_else(|| anchor.snapshot.clone());
    // Those of the record count until others are honoured without a new generation.
    let nonces = anchor.nonces.or(Nonces::of(&revision.spec));
    let active = Active { revision, run: anchor.run, job, latest, nonces };
    Ok(Some((anchor, active)))
}

/// What Flink says of `job`.
///
/// # Errors
/// Only when the API server refuses to let us ask.
pub async fn job(flink: &FlinkClient, job: JobId) -> Result<Job> {
    match flink.job(job).await {
        Ok(details) if details.all_running() => Ok(Job::Running),
        Ok(details) if details.state.is_final() => Ok(Job::Ended(details.state.to_string())),
        Ok(details) => Ok(Job::Unsettled(details.state.to_string())),
        Err(CallError::NotFound(_)) => Ok(Job::Unknown),
        Err(CallError::Failed(error)) if error.kind() == Kind::Denied => Err(error),
        Err(_) => Ok(Job::Unreachable),
    }
}

/// Waits until a job whose JobManager was restarted runs again. `false` when it has ended, or does not come
/// back in time.
///
/// # Errors
/// When the API server refuses to let us ask.
pub async fn runs_again(flink: &FlinkClient, id: JobId, deadline: Deadline) -> Result<bool> {
    let deadline = deadline.at_most(COMING_BACK);
    loop {
        match job(flink, id).await? {
            Job::Running => return Ok(true),
            Job::Ended(_) => return Ok(false),
            // The JobManager is on its way, or recovers the job.
            Job::Unsettled(_) | Job::Unknown | Job::Unreachable => {}
        }
        if !deadline.allows(PAUSE) {
            return Ok(false);
        }
        sleep(PAUSE).await;
    }
}

/// Waits for the tasks of the job of `active` to run, for up to half a minute, and looks again.
///
/// # Errors
/// As [`existing`].
pub async fn settled(
    cluster: &Cluster,
    application: &ApplicationName,
    active: &Active,
    deadline: Deadline,
) -> Result<(Anchor, Active)> {
    let flink = flink(cluster, application, active.revision.generation);
    runs_again(&flink, active.job_id(), deadline.at_most(STARTING)).await?;
    existing(cluster, application).await
}

/// The newest snapshot of `job` that can be gone on from, by Flink's own word.
///
/// Of a job that has come to its end by itself there is none. Flink deletes its checkpoints, those that outlive
/// a cancellation too (`CheckpointRetentionPolicy`), but may archive the job with the statistics from before, in which they
/// are still there; and what is left (a savepoint that somebody took on the way) would begin work anew that is done.
/// One that was stopped with a savepoint is FINISHED as well, and has that as its very last snapshot.
///
/// # Errors
/// When Flink names a path that is none.
pub fn newest_of(job: &Job, checkpoints: Checkpoints) -> Result<Option<SnapshotPath>> {
    if *job != Job::finished() {
        return newest(checkpoints);
    }
    let LatestCheckpoints { completed, savepoint, .. } = checkpoints.latest;
    let last = completed.into_iter().chain(savepoint).max_by_key(|snapshot| snapshot.id);
    let stop = last.filter(|last| last.checkpoint_type == STOP && !last.discarded);
    stop.and_then(|stop| stop.external_path).map(|path| path.parse()).transpose()
}

/// The newest completed snapshot of a job that is still on storage, by Flink's own word; what it was
/// restored from, when it has made none since.
///
/// # Errors
/// When Flink names a path that is none.
pub fn newest(checkpoints: Checkpoints) -> Result<Option<SnapshotPath>> {
    let latest = checkpoints.latest;
    let newest = [latest.completed, latest.savepoint]
        .into_iter()
        .flatten()
        .filter(|snapshot| !snapshot.discarded && snapshot.external_path.is_some())
        .max_by_key(|snapshot| snapshot.id);
    let path = newest.and_then(|snapshot| snapshot.external_path);
    let restored = latest.restored.and_then(|restored| restored.external_path);
    path.or(restored).map(|path| path.parse()).transpose()
}

/// As [`active`], of an application that must exist.
///
/// # Errors
/// [`Kind::NotFound`] when it does not.
pub async fn existing(
    cluster: &Cluster,
    application: &ApplicationName,
) -> Result<(Anchor, Active)> {
    match active(cluster, application).await? {
        Some(found) => Ok(found),
        None => Err(anchor::not_found(cluster, application)),
    }
}

/// The image that wrote to a claim last, from the annotation that every deployment leaves on it.
///
/// # Errors
/// [`Kind::Usage`] when the claim does not tell.
pub async fn image_of_claim(cluster: &Cluster, claim: &str) -> Result<String> {
    let found = read::get(cluster, &cluster.api::<PersistentVolumeClaim>(), claim).await?;
    let image = found.and_then(|claim| claim.metadata.annotations?.remove(labels::IMAGE));
    image.ok_or_else(|| {
        Error::usage(format!("claim {claim:?} does not say which image its state was written with"))
            .hint("Name an image to read it with by --image, such as flink:2.3.0.")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_stop_leaves_something_of_a_job_that_is_finished() -> Result<()> {
        let one = |id: u32, kind: &str| {
            let path = format!("file:/flink/state/shop/orders/{kind}-{id}");
            json!({"id": id, "status": "COMPLETED", "is_savepoint": kind != "CHECKPOINT",
                "checkpoint_type": kind, "external_path": path, "discarded": false})
        };
        let all = |latest: serde_json::Value| -> Checkpoints {
            serde_json::from_value(json!({"counts": {}, "latest": latest})).expect("valid")
        };
        let name = |job: &Job, checkpoints| -> Result<Option<String>> {
            Ok(newest_of(job, checkpoints)?.map(|path| path.name().to_owned()))
        };
        let (failed, finished) = (Job::Ended("FAILED".to_owned()), Job::finished());
        let ended = all(
            json!({"completed": one(7, "CHECKPOINT"), "savepoint": one(5, "SAVEPOINT"), "restored": {"id": 1, "external_path": "file:/a/b"}}),
        );
        assert_eq!(name(&failed, ended.clone())?.as_deref(), Some("CHECKPOINT-7"));
        assert_eq!(name(&finished, ended)?, None, "what is left is not where it is now");
        let stopped =
            all(json!({"completed": one(7, "CHECKPOINT"), "savepoint": one(8, "SYNC_SAVEPOINT")}));
        assert_eq!(name(&finished, stopped)?.as_deref(), Some("SYNC_SAVEPOINT-8"));
        // It failed to end, went on, and came to its end later.
        let later =
            all(json!({"completed": one(9, "CHECKPOINT"), "savepoint": one(8, "SYNC_SAVEPOINT")}));
        assert_eq!(name(&finished, later)?, None);
        Ok(())
    }
}
