//! A checkpoint or savepoint, as Flink reports it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::flink_time;
use crate::flink::types::{Checkpoint, Checkpoints, RestoredFrom};
use crate::model::snapshot::{SnapshotKind, SnapshotPath};
use crate::ui::human;

/// A completed or failed snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointView {
    /// Flink's number, counted over the life of the job, restores included.
    pub number: u64,
    /// `checkpoint` or `savepoint`: whether Flink or a user asked for it.
    pub kind: SnapshotKind,
    /// When it was triggered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggered: Option<Timestamp>,
    /// Milliseconds from the trigger to the last acknowledgement.
    pub duration_millis: i64,
    /// Bytes of state it refers to.
    pub state_bytes: u64,
    /// Bytes that were written for it.
    pub written_bytes: u64,
    /// Where it is, in one spelling; absent for a failed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl From<&Checkpoint> for CheckpointView {
    fn from(checkpoint: &Checkpoint) -> Self {
        CheckpointView {
            number: checkpoint.id,
            kind: kind(checkpoint.is_savepoint),
            triggered: flink_time(checkpoint.trigger_timestamp),
            duration_millis: checkpoint.end_to_end_duration,
            state_bytes: checkpoint.state_size,
            written_bytes: checkpoint.checkpointed_size,
            path: checkpoint.external_path.as_deref().map(canonical),
            failure: checkpoint.failure_message.clone(),
        }
    }
}

impl CheckpointView {
    /// When it was complete.
    pub fn completed(&self) -> Option<Timestamp> {
        let duration = SignedDuration::from_millis(self.duration_millis.max(0));
        self.triggered.and_then(|triggered| triggered.checked_add(duration).ok())
    }

    /// Its age, as kubectl writes ages; empty when Flink did not say.
    pub fn age(&self, now: Timestamp) -> String {
        self.completed().map(|completed| human::age(completed, now)).unwrap_or_default()
    }
}

/// What the job was restored from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredView {
    /// The snapshot's number.
    pub number: u64,
    /// `checkpoint` or `savepoint`: whether Flink or a user had asked for it.
    pub kind: SnapshotKind,
    /// When the job was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<Timestamp>,
    /// Where the snapshot was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl From<&RestoredFrom> for RestoredView {
    fn from(restored: &RestoredFrom) -> Self {
        let path = restored.external_path.as_deref();
        let path = path.and_then(|path| path.parse::<SnapshotPath>().ok());
        RestoredView {
            number: restored.id,
            // Flink calls everything a savepoint that a user named as the path to restore from.
            kind: path.as_ref().map_or(kind(restored.is_savepoint), SnapshotPath::kind),
            restored: flink_time(restored.restore_timestamp),
            path: restored.external_path.as_deref().map(canonical),
        }
    }
}

/// The newest completed snapshot that is still there, of either kind.
pub fn newest(checkpoints: &Checkpoints) -> Option<CheckpointView> {
    let latest = [&checkpoints.latest.completed, &checkpoints.latest.savepoint];
    let kept = latest.into_iter().flatten().filter(|checkpoint| !checkpoint.discarded);
    kept.max_by_key(|checkpoint| checkpoint.id).map(CheckpointView::from)
}

fn kind(is_savepoint: bool) -> SnapshotKind {
    if is_savepoint { SnapshotKind::Savepoint } else { SnapshotKind::Checkpoint }
}

/// One spelling of a path, so that what is shown can be given to `restore`; Flink's own if it is odd.
fn canonical(path: &str) -> String {
    path.parse::<SnapshotPath>().map_or_else(|_| path.to_owned(), |path| path.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A recorded answer of Flink 2.3.
    pub(in crate::view) fn recorded(answer: &str) -> Checkpoints {
        let recorded: serde_json::Value = serde_json::from_str(answer).expect("JSON");
        serde_json::from_value(recorded["response"]["body"].clone()).expect("checkpoints")
    }

    #[test]
    fn the_newest_snapshot_may_be_a_savepoint() {
        let mut checkpoints = recorded(include_str!("../flink/testdata/042-checkpoints.json"));
        let newest_of = |checkpoints: &Checkpoints| newest(checkpoints).map(|c| (c.number, c.kind));
        assert_eq!(newest_of(&checkpoints), Some((4, SnapshotKind::Checkpoint)));
        let savepoint = Checkpoint {
            id: 5,
            is_savepoint: true,
            ..checkpoints.latest.completed.clone().expect("completed")
        };
        checkpoints.latest.savepoint = Some(savepoint);
        assert_eq!(newest_of(&checkpoints), Some((5, SnapshotKind::Savepoint)));
        if let Some(savepoint) = &mut checkpoints.latest.savepoint {
            savepoint.discarded = true;
        }
        assert_eq!(newest_of(&checkpoints), Some((4, SnapshotKind::Checkpoint)));
    }

    #[test]
    fn a_checkpoint_that_was_restored_from_is_called_one() {
        let restored = RestoredFrom {
            id: 19,
            restore_timestamp: 1,
            is_savepoint: true,
            external_path: Some("file:/flink/state/checkpoints/abc/chk-19".to_owned()),
        };
        assert_eq!(RestoredView::from(&restored).kind, SnapshotKind::Checkpoint);
        let odd = RestoredFrom { external_path: None, ..restored };
        assert_eq!(RestoredView::from(&odd).kind, SnapshotKind::Savepoint);
    }

    #[test]
    fn age_counts_from_completion_and_paths_have_one_spelling() {
        let checkpoints = recorded(include_str!("../flink/testdata/042-checkpoints.json"));
        let newest = newest(&checkpoints).expect("a checkpoint");
        let now = Timestamp::from_millisecond(1_795_329_453_679 + 30_000).expect("in range");
        assert_eq!(newest.age(now), "30s");
        assert_eq!(
            newest.path.as_deref(),
            Some("file:///flink-sample/state/checkpoints/e2200a232c8d3d5a464ae3d97ce8cd32/chk-4")
        );
    }
}
