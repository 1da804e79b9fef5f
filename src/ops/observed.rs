//! What the cluster and Flink say about an application: the input of every plan. Pure data.

use serde::{Deserialize, Serialize};

use crate::model::ids::JobId;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::model::spec::FlinkDeployment;

/// The active generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Active {
    /// Its record.
    pub revision: Revision,
    /// Whether its job is meant to run.
    pub run: Run,
    /// What Flink says of its job.
    pub job: Job,
    /// The newest snapshot known to hold this application's state, if it ever had one.
    pub latest: Option<SnapshotPath>,
    /// The trigger nonces that were honoured last.
    pub nonces: Nonces,
}

/// The numbers in a document whose change asks for a snapshot of the running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nonces {
    /// `savepointTriggerNonce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<i64>,
    /// `checkpointTriggerNonce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<i64>,
}

impl Nonces {
    /// Those of a document.
    pub fn of(document: &FlinkDeployment) -> Self {
        let job = document.job();
        Nonces {
            savepoint: job.and_then(|job| job.savepoint_trigger_nonce),
            checkpoint: job.and_then(|job| job.checkpoint_trigger_nonce),
        }
    }

    /// These, and `others` where there is none.
    #[must_use]
    pub fn or(self, others: Nonces) -> Nonces {
        Nonces {
            savepoint: self.savepoint.or(others.savepoint),
            checkpoint: self.checkpoint.or(others.checkpoint),
        }
    }
}

/// What the user wants of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// The job is meant to run.
    Running,
    /// `stop` ended it; `start` goes on from its last snapshot.
    Stopped,
}

/// What Flink says of a generation's job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// All tasks run.
    Running,
    /// Known to Flink, not terminal, not all tasks running (starting, restarting, failing).
    Unsettled(String),
    /// Ended for good: FINISHED, CANCELED or FAILED.
    Ended(String),
    /// The JobManager answers and does not know the job.
    Unknown,
    /// The JobManager's REST endpoint does not answer, or there are no pods.
    Unreachable,
}

impl Job {
    /// A job that has come to its end: of its input, or because it was stopped with a savepoint.
    pub fn finished() -> Self {
        Job::Ended("FINISHED".to_owned())
    }
}

impl Active {
    /// The job, by Flink's id.
    pub fn job_id(&self) -> JobId {
        self.revision.job_id
    }

    /// Whether the job has come to the end of its input. Flink deletes the checkpoints of such a job, retained
    /// ones too (`CheckpointRetentionPolicy`), so that nothing is left to go on from: whatever is started
    /// from an older snapshot does its work once more.
    pub fn has_finished(&self) -> bool {
        let nothing_newer = self.latest.is_none() || self.latest == self.revision.restored_from;
        self.job == Job::finished() && nothing_newer
    }

    /// The newest snapshot that this application's state is known to be in.
    pub fn known_snapshot(&self) -> Option<&SnapshotPath> {
        self.latest.as_ref().or(self.revision.restored_from.as_ref())
    }
}
