//! A job and its checkpoints, as `status` shows them.

use jiff::Timestamp;
use serde::Serialize;

use super::checkpoint::{CheckpointView, RestoredView};
use super::flink_time;
use crate::flink::types::{CheckpointCounts, CheckpointStatus, Checkpoints, Failure, JobDetails};

/// The job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// Its name, as the program gave it.
    pub name: String,
    /// When it was submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// Subtasks that run or have finished.
    pub tasks_running: u32,
    /// All subtasks.
    pub tasks: u32,
    /// The vertices of the job graph.
    pub vertices: Vec<VertexView>,
    /// Its last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<FailureView>,
}

/// A vertex of the job graph.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VertexView {
    /// The chained operators.
    pub name: String,
    /// How many subtasks it has.
    pub parallelism: u32,
    /// Subtasks by state, those without any left out: `RUNNING 3, DEPLOYING 1`.
    pub tasks: String,
}

/// A failure of the job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Flink's root cause in one line.
    pub cause: String,
}

/// The job's checkpoints, savepoints included.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointsView {
    /// Completed ones since the JobManager started the job.
    pub completed: u64,
    /// Failed ones since then.
    pub failed: u64,
    /// Those under way.
    pub in_progress: Vec<InProgressView>,
    /// The last completed checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_checkpoint: Option<CheckpointView>,
    /// The last completed savepoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_savepoint: Option<CheckpointView>,
    /// The last failed one of either kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failed: Option<CheckpointView>,
    /// What the job was restored from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<RestoredView>,
}

/// A snapshot under way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InProgressView {
    /// Flink's number.
    pub number: u64,
    /// Subtasks that have acknowledged.
    pub acknowledged: u32,
    /// Subtasks that must acknowledge.
    pub subtasks: u32,
    /// Bytes written so far.
    pub written_bytes: u64,
}

impl JobView {
    /// The job as Flink describes it, and its last failures, newest first.
    pub fn new(job: &JobDetails, failures: Option<&Vec<Failure>>) -> Self {
        let (tasks_running, tasks) = job.running_tasks();
        let vertices = job.vertices.iter().map(|vertex| {
            let present = vertex.tasks.iter().filter(|(_, count)| **count > 0);
            let tasks = present.map(|(state, count)| format!("{state} {count}"));
            VertexView {
                name: vertex.name.clone(),
                parallelism: vertex.parallelism,
                tasks: tasks.collect::<Vec<_>>().join(", "),
            }
        });
        let last_failure = failures.and_then(|failures| failures.first());
        JobView {
            name: job.name.clone(),
            started: flink_time(job.start_time),
            tasks_running,
            tasks,
            vertices: vertices.collect(),
            last_failure: last_failure.map(|failure| FailureView {
                at: flink_time(failure.timestamp),
                cause: failure.cause.clone(),
            }),
        }
    }
}

impl CheckpointsView {
    /// The checkpoints as Flink counts and lists them.
    pub fn new(checkpoints: &Checkpoints) -> Self {
        let CheckpointCounts { completed, failed, .. } = checkpoints.counts;
        let latest = &checkpoints.latest;
        let under_way =
            checkpoints.history.iter().filter(|c| c.status == CheckpointStatus::InProgress);
        CheckpointsView {
            completed,
            failed,
            in_progress: under_way
                .map(|checkpoint| InProgressView {
                    number: checkpoint.id,
                    acknowledged: checkpoint.num_acknowledged_subtasks,
                    subtasks: checkpoint.num_subtasks,
                    written_bytes: checkpoint.checkpointed_size,
                })
                .collect(),
            last_checkpoint: latest.completed.as_ref().map(CheckpointView::from),
            last_savepoint: latest.savepoint.as_ref().map(CheckpointView::from),
            last_failed: latest.failed.as_ref().map(CheckpointView::from),
            restored_from: latest.restored.as_ref().map(RestoredView::from),
        }
    }
}
