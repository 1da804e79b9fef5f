//! Checkpoints and savepoints, as the REST API tells of them.

use serde::Deserialize;

/// `GET /jobs/:id/checkpoints`. Flink caches it for up to `web.refresh-interval` (3 s).
#[derive(Debug, Clone, Deserialize)]
pub struct Checkpoints {
    /// How many of each kind since the job started.
    pub counts: CheckpointCounts,
    /// The most recent ones.
    #[serde(default)]
    pub latest: LatestCheckpoints,
    /// The last few, newest first, those in progress included.
    #[serde(default)]
    pub history: Vec<Checkpoint>,
}

/// Counts since the JobManager started the job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CheckpointCounts {
    /// Restores.
    pub restored: u64,
    /// Checkpoints and savepoints that were triggered.
    pub total: u64,
    /// Not yet finished.
    pub in_progress: u64,
    /// Completed.
    pub completed: u64,
    /// Failed.
    pub failed: u64,
}

/// The most recent checkpoint of each kind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LatestCheckpoints {
    /// The last completed checkpoint (savepoints not included).
    pub completed: Option<Checkpoint>,
    /// The last completed savepoint.
    pub savepoint: Option<Checkpoint>,
    /// The last failed one of either kind.
    pub failed: Option<Checkpoint>,
    /// What the job was restored from.
    pub restored: Option<RestoredFrom>,
}

/// What a job was restored from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RestoredFrom {
    /// The checkpoint's number.
    pub id: u64,
    /// When.
    #[serde(default)]
    pub restore_timestamp: i64,
    /// Whether it was a savepoint.
    #[serde(default)]
    pub is_savepoint: bool,
    /// Its path; absent when it had none.
    #[serde(default)]
    pub external_path: Option<String>,
}

/// One checkpoint or savepoint, in any state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Checkpoint {
    /// Its number, counted over the life of the job, restores included.
    pub id: u64,
    /// Its state.
    pub status: CheckpointStatus,
    /// Whether it is a savepoint.
    #[serde(default)]
    pub is_savepoint: bool,
    /// When it was triggered.
    #[serde(default)]
    pub trigger_timestamp: i64,
    /// From trigger to the last acknowledgement so far.
    #[serde(default)]
    pub end_to_end_duration: i64,
    /// Bytes of state it refers to.
    #[serde(default)]
    pub state_size: u64,
    /// Bytes written for it; less than `state_size` for incremental ones. Absent before 1.15.
    #[serde(default)]
    pub checkpointed_size: u64,
    /// Subtasks that must acknowledge.
    #[serde(default)]
    pub num_subtasks: u32,
    /// Subtasks that have acknowledged.
    #[serde(default)]
    pub num_acknowledged_subtasks: u32,
    /// `CHECKPOINT`, `UNALIGNED_CHECKPOINT`, `SAVEPOINT` or `SYNC_SAVEPOINT` (stop).
    #[serde(default)]
    pub checkpoint_type: String,
    /// Where it is; only for completed ones.
    #[serde(default)]
    pub external_path: Option<String>,
    /// Whether Flink has deleted it since.
    #[serde(default)]
    pub discarded: bool,
    /// Why it failed.
    #[serde(default)]
    pub failure_message: Option<String>,
}

/// The states of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckpointStatus {
    /// Under way.
    InProgress,
    /// Complete.
    Completed,
    /// Failed.
    Failed,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// `GET /jobs/:id/checkpoints/config`
#[derive(Debug, Clone, Deserialize)]
pub struct CheckpointConfig {
    /// Milliseconds between checkpoints; `i64::MAX` means that checkpointing is off.
    #[serde(default)]
    pub interval: i64,
    /// Milliseconds until a checkpoint is given up.
    #[serde(default)]
    pub timeout: i64,
    /// Whether and how long completed checkpoints outlive the job.
    #[serde(default)]
    pub externalization: Externalization,
    /// The state backend's class name.
    #[serde(default)]
    pub state_backend: Option<String>,
}

/// Retention of checkpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Externalization {
    /// Whether checkpoints are kept at all once the job ends.
    pub enabled: bool,
    /// Whether cancelling deletes them.
    pub delete_on_cancellation: bool,
}

impl CheckpointConfig {
    /// Whether the job takes checkpoints by itself.
    pub fn is_periodic(&self) -> bool {
        self.interval > 0 && self.interval < i64::MAX
    }
}
