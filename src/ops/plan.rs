//! The plan of an operation: an ordered list of steps, as a plain value.
//!
//! A plan is made by pure code from what was observed, printed by `--dry-run`, and run by the one
//! executor. What a step needs from an earlier one (the path of the savepoint that a stop wrote) is
//! named by [`From::Stopped`] and filled in by the executor.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::ids::{JobId, OperationId, TriggerId};
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::model::storage::StorageSpec;
use crate::ops::anchor::Anchor;
use crate::ops::observed::Nonces;

/// An operation, ready to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The operation's id; trigger ids and the savepoint directory derive from it.
    pub operation: OperationId,
    /// The verb that asked for it, as the user typed it.
    pub verb: Verb,
    /// Namespace of the application.
    pub namespace: String,
    /// Name of the application.
    pub application: ApplicationName,
    /// What to do, in order. A step runs only after the one before it was proven.
    pub steps: Vec<Step>,
    /// What brings the old generation back when a step after the stop fails. Empty when nothing ran
    /// before, or when going back is impossible.
    pub fallback: Vec<Step>,
    /// Whether fields that others manage are taken over (`--force-conflicts`), or were changed by hand and are
    /// set back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Plan {
    /// Whether the state storage has to answer. Nothing starts from what a delete writes there, and a storage
    /// that is out of reach must not keep an application from being deleted.
    pub fn needs_storage(&self) -> bool {
        self.verb != Verb::Delete
    }
}

/// A verb that changes an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Create or upgrade.
    Deploy,
    /// End the job with a snapshot.
    Stop,
    /// Go on with a stopped application.
    Start,
    /// Go back to a snapshot, or bring a deleted application back.
    Restore,
    /// Remove the application.
    Delete,
    /// Go on on another storage.
    Move,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verb::Deploy => "deploy",
            Verb::Stop => "stop",
            Verb::Start => "start",
            Verb::Restore => "restore",
            Verb::Delete => "delete",
            Verb::Move => "storage move",
        })
    }
}

/// The state a generation starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum From {
    /// No state: only where there is none to lose.
    Empty,
    /// A snapshot that was verified before anything was touched.
    Snapshot(SnapshotPath),
    /// The snapshot with which the preceding [`Step::Stop`] left the old job.
    Stopped,
    /// What the preceding [`Step::Salvage`] found; empty state, if it proved that there is nothing.
    Found,
}

/// How a running job is ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stop {
    /// Stop with savepoint.
    Savepoint {
        /// Target directory, unique to this operation, so that the savepoint can be found again.
        directory: String,
        /// Trigger id, derived from the operation id.
        trigger: TriggerId,
        /// Emit the maximum watermark first: the job is meant to end for good.
        drain: bool,
    },
    /// Cancel; the latest completed checkpoint is kept (retention on cancellation).
    Cancel,
}

/// A snapshot of a job that goes on running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Take {
    /// A savepoint in the application's storage.
    Savepoint,
    /// A checkpoint, where the job's checkpoints are.
    Checkpoint,
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Take::Savepoint => "savepoint",
            Take::Checkpoint => "checkpoint",
        })
    }
}

/// One step. Each names all it needs; see [`crate::ops::execute`] for what it must prove.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Create the application's claim.
    Claim {
        /// Name of the claim.
        name: String,
        /// What is asked for.
        request: StorageSpec,
    },
    /// Stream the job's jar into the storage, unless it is there already.
    Upload {
        /// Content address.
        sha256: String,
        /// Size in bytes.
        bytes: u64,
    },
    /// Copy the job's jar to the storage that the state moves to, unless it is there already.
    CopyJar {
        /// Its URI.
        from: String,
        /// Where it goes.
        to: String,
    },
    /// Make sure that a snapshot is there and readable, before anything is touched.
    Verify {
        /// The snapshot.
        snapshot: SnapshotPath,
    },
    /// End the running job and prove that it ended.
    Stop {
        /// Generation of the job.
        generation: Generation,
        /// The job.
        job: JobId,
        /// How.
        how: Stop,
    },
    /// Scale a generation's pods to zero and wait until none is left, so that no two jobs ever write
    /// the same state. Its objects stay.
    Quiesce {
        /// The generation.
        generation: Generation,
    },
    /// Find the newest snapshot that the old job left, when its JobManager cannot tell. Once no pod of it is
    /// left, none can be added or replaced behind our back.
    Salvage {
        /// Generation of the job.
        generation: Generation,
        /// The job.
        job: JobId,
    },
    /// Record a generation as a ControllerRevision and create its objects. Creating the record is what
    /// keeps two clients from making the same generation.
    Start {
        /// The record; `restored_from` is filled in from `from`.
        revision: Box<Revision>,
        /// What it starts from.
        from: From,
    },
    /// Set the objects of a generation back to what its record says, after others changed them.
    Repair {
        /// The generation.
        generation: Generation,
    },
    /// Wait until the job runs, was restored from what it should have been, and has completed a
    /// checkpoint.
    Prove {
        /// The generation.
        generation: Generation,
    },
    /// Take a snapshot of the running job, which goes on.
    Snapshot {
        /// Generation of the job.
        generation: Generation,
        /// What kind.
        take: Take,
    },
    /// Note which trigger nonces of the document are honoured.
    Acknowledge {
        /// All of them.
        nonces: Nonces,
    },
    /// Write the revision to the catalogue, beside the state it explains.
    Catalogue {
        /// The generation.
        generation: Generation,
    },
    /// Delete a generation's objects (never claims or snapshots).
    Retire {
        /// The generation.
        generation: Generation,
    },
    /// Write the anchor as it was before the operation: the way back of one that stopped nothing.
    Reinstate {
        /// The anchor.
        anchor: Anchor,
    },
    /// Mark the application as stopped, so that `start` knows what to go on from.
    Rest {
        /// The snapshot, where the stop itself does not leave one.
        snapshot: Option<SnapshotPath>,
    },
    /// Delete what the application shares between generations (service, accounts, revisions).
    RetireApplication,
    /// Delete the claim and with it every snapshot on it. Only `delete --delete-storage`, after consent.
    DeleteClaim {
        /// Name of the claim.
        name: String,
    },
}

impl Step {
    /// Whether it can change the application or its objects. A jar in the storage that nothing names, and a
    /// look at a snapshot, change nothing.
    pub fn has_effect(&self) -> bool {
        !matches!(
            self,
            Step::Upload { .. }
                | Step::CopyJar { .. }
                | Step::Verify { .. }
                | Step::Salvage { .. }
                | Step::Prove { .. }
        )
    }

    /// Whether it only waits for what was begun before, or writes it down once more.
    pub fn only_waits(&self) -> bool {
        matches!(self, Step::Prove { .. } | Step::Catalogue { .. })
    }

    /// Whether it can take long, so that an interrupt need not wait for its end. Every step can be done
    /// again from its beginning, so this is about patience, not safety.
    pub fn is_long(&self) -> bool {
        matches!(
            self,
            Step::Upload { .. }
                | Step::CopyJar { .. }
                | Step::Verify { .. }
                | Step::Stop { .. }
                | Step::Quiesce { .. }
                | Step::Salvage { .. }
                | Step::Prove { .. }
                | Step::Snapshot { .. }
                | Step::Catalogue { .. }
        )
    }
}
