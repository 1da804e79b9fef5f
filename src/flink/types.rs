//! The answers of Flink's REST API, 1.17 to 2.3.
//!
//! Only fields that something here needs are named; unknown ones are ignored and most may be absent,
//! because versions differ. Times are milliseconds since the epoch (-1 when unset), durations
//! milliseconds, sizes bytes, as Flink sends them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::model::ids::JobId;

mod checkpoints;

pub use checkpoints::{
    Checkpoint, CheckpointConfig, CheckpointCounts, CheckpointStatus, Checkpoints, Externalization,
    LatestCheckpoints, RestoredFrom,
};

/// `GET /overview`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overview {
    /// Registered TaskManagers.
    #[serde(default)]
    pub taskmanagers: u32,
    /// Slots of all TaskManagers.
    #[serde(default)]
    pub slots_total: u32,
    /// Slots without a task.
    #[serde(default)]
    pub slots_available: u32,
    /// Jobs in a state that is not final.
    #[serde(default)]
    pub jobs_running: u32,
    /// The version, for example `2.3.0`.
    #[serde(default)]
    pub flink_version: String,
}

/// The states of a job (`org.apache.flink.api.common.JobStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStatus {
    /// The JobMaster is being created; restore paths are read here.
    Initializing,
    /// Created; with the adaptive scheduler also: waiting for slots.
    Created,
    /// Running; single tasks may still be deploying.
    Running,
    /// Failing, on the way to a restart or to `Failed`.
    Failing,
    /// Failed for good.
    Failed,
    /// Being cancelled.
    Cancelling,
    /// Cancelled.
    Canceled,
    /// Ended by itself or by stop-with-savepoint.
    Finished,
    /// Waiting for its restart.
    Restarting,
    /// Suspended: its JobManager lost leadership.
    Suspended,
    /// Taking over tasks that still run.
    Reconciling,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

impl JobStatus {
    /// Whether the job will never leave this state (Flink: globally terminal).
    pub fn is_final(self) -> bool {
        matches!(self, JobStatus::Failed | JobStatus::Canceled | JobStatus::Finished)
    }
}

impl std::fmt::Display for JobStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            JobStatus::Initializing => "INITIALIZING",
            JobStatus::Created => "CREATED",
            JobStatus::Running => "RUNNING",
            JobStatus::Failing => "FAILING",
            JobStatus::Failed => "FAILED",
            JobStatus::Cancelling => "CANCELLING",
            JobStatus::Canceled => "CANCELED",
            JobStatus::Finished => "FINISHED",
            JobStatus::Restarting => "RESTARTING",
            JobStatus::Suspended => "SUSPENDED",
            JobStatus::Reconciling => "RECONCILING",
            JobStatus::Unknown => "UNKNOWN",
        })
    }
}

/// One row of `GET /jobs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct JobIdStatus {
    /// The job.
    pub id: JobId,
    /// Its state.
    pub status: JobStatus,
}

#[derive(Debug, Deserialize)]
pub(super) struct Jobs {
    pub(super) jobs: Vec<JobIdStatus>,
}

#[derive(Debug, Deserialize)]
pub(super) struct JobStatusInfo {
    pub(super) status: JobStatus,
}

/// `GET /jobs/:id`. Flink caches it for up to `web.refresh-interval` (3 s).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobDetails {
    /// The job.
    pub jid: JobId,
    /// The job's name.
    #[serde(default)]
    pub name: String,
    /// Its state.
    pub state: JobStatus,
    /// When it was submitted.
    #[serde(default)]
    pub start_time: i64,
    /// How long it has run.
    #[serde(default)]
    pub duration: i64,
    /// The vertices of the job graph (chained operators).
    #[serde(default)]
    pub vertices: Vec<Vertex>,
}

/// A vertex of the job graph.
#[derive(Debug, Clone, Deserialize)]
pub struct Vertex {
    /// 32 hexadecimal digits; stable as long as the operators and their uids are.
    pub id: String,
    /// The chained operators' names.
    #[serde(default)]
    pub name: String,
    /// How many subtasks it has.
    #[serde(default)]
    pub parallelism: u32,
    /// Subtasks by state (`RUNNING`, `DEPLOYING`, `INITIALIZING`, …).
    #[serde(default)]
    pub tasks: BTreeMap<String, u32>,
}

impl JobDetails {
    /// How many subtasks run or have finished, and how many there are. A job in state RUNNING whose
    /// subtasks do not all run refuses a savepoint.
    pub fn running_tasks(&self) -> (u32, u32) {
        let running = self.vertices.iter().map(|vertex| {
            let count = |state| vertex.tasks.get(state).copied().unwrap_or_default();
            count("RUNNING") + count("FINISHED")
        });
        (running.sum(), self.vertices.iter().map(|vertex| vertex.parallelism).sum())
    }

    /// Whether the job runs with all its subtasks.
    pub fn all_running(&self) -> bool {
        let (running, total) = self.running_tasks();
        self.state == JobStatus::Running && total > 0 && running >= total
    }
}

/// One failure of a job, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub timestamp: i64,
    /// One line: see [`super::failure::root_cause`].
    pub cause: String,
    /// The TaskManager or endpoint it happened on, when Flink knows it.
    pub location: Option<String>,
}

/// `GET /jobs/:id/exceptions` (and `/applications/:id/exceptions` since 2.3): `root-exception` is gone
/// since 2.0, `exceptionHistory` exists in all versions.
#[derive(Debug, Deserialize)]
pub(super) struct Exceptions {
    #[serde(default, rename = "root-exception")]
    pub(super) root_exception: Option<String>,
    #[serde(default)]
    pub(super) timestamp: Option<i64>,
    #[serde(default, rename = "exceptionHistory")]
    pub(super) history: ExceptionHistory,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ExceptionHistory {
    #[serde(default)]
    pub(super) entries: Vec<ExceptionEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExceptionEntry {
    #[serde(default)]
    pub(super) exception_name: String,
    #[serde(default)]
    pub(super) stacktrace: String,
    #[serde(default)]
    pub(super) timestamp: i64,
    #[serde(default)]
    pub(super) location: Option<String>,
    #[serde(default)]
    pub(super) endpoint: Option<String>,
}

/// `GET /jobs/:id/accumulators`: name to value, as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Accumulators {
    #[serde(default)]
    pub(super) user_task_accumulators: Vec<Accumulator>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Accumulator {
    pub(super) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) value: String,
}

/// The answer to a trigger.
#[derive(Debug, Deserialize)]
pub(super) struct Triggered {
    #[serde(rename = "request-id")]
    pub(super) request_id: String,
}

/// The state of a triggered operation; a failed one is `COMPLETED` too, with a `failure-cause`.
#[derive(Debug, Deserialize)]
pub(super) struct AsyncOperation {
    pub(super) status: AsyncStatus,
    #[serde(default)]
    pub(super) operation: Option<AsyncResult>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AsyncStatus {
    pub(super) id: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct AsyncResult {
    #[serde(default)]
    pub(super) location: Option<String>,
    #[serde(default, rename = "checkpointId")]
    pub(super) checkpoint_id: Option<u64>,
    #[serde(default, rename = "failure-cause")]
    pub(super) failure_cause: Option<FailureCause>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct FailureCause {
    #[serde(default)]
    pub(super) class: String,
    #[serde(default)]
    pub(super) stack_trace: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RestError {
    pub(super) errors: Vec<String>,
}

/// Flink sends accumulator values as text, but numbers have been seen: take either.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    })
}
