//! The snapshots on state storage: listing, verifying, and finding what an operation left.

use std::collections::HashMap;

use super::store::{Entry, StateStore};
use crate::error::{Error, Kind, Result};
use crate::model::ids::{JobId, OperationId};
use crate::model::snapshot::{Snapshot, SnapshotKind, SnapshotPath};
use crate::model::storage::StateLayout;

/// The first four bytes of every `_metadata` file, big-endian
/// (`org.apache.flink.runtime.checkpoint.Checkpoints.HEADER_MAGIC_NUMBER`).
const MAGIC: u32 = 0x4960_672d;

/// The newest `_metadata` version that Flink 2.3 writes.
const NEWEST_VERSION: u32 = 6;

/// Folders of a job's checkpoints that hold files of several checkpoints, possibly very many.
const SHARED_FOLDERS: [&str; 2] = ["shared", "taskowned"];

/// What the head of a `_metadata` file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataHead {
    /// The format: 4 for Flink 1.17 to 1.20, 5 for 2.0, 6 for 2.1 to 2.3.
    pub version: u32,
    /// Bytes of the file.
    pub size: u64,
}

/// All complete snapshots of the application, newest first. A folder without `_metadata` is not a
/// snapshot: Flink writes that file last.
pub async fn list(store: &dyn StateStore, layout: &StateLayout) -> Result<Vec<Snapshot>> {
    let (savepoints, checkpoints) = (layout.savepoints(), layout.checkpoints());
    let (in_savepoints, in_checkpoints) = tokio::try_join!(
        // savepoints/<operation>/<savepoint>/<file>, or without the operation's folder.
        store.list(&savepoints, 3, &[]),
        // checkpoints/<job>/chk-N/<file>
        store.list(&checkpoints, 3, &SHARED_FOLDERS),
    )?;
    let mut found = collect(&in_savepoints, SnapshotKind::Savepoint);
    found.extend(collect(&in_checkpoints, SnapshotKind::Checkpoint));
    sort_newest_first(store, &mut found).await?;
    Ok(found)
}

/// Sorts by time, and what has the same time by the number that Flink gave it: S3 and Azure tell whole seconds, and a
/// copied volume may have one time for all. A job that starts from a snapshot counts on from its number.
async fn sort_newest_first(store: &dyn StateStore, found: &mut [Snapshot]) -> Result<()> {
    found.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.path.cmp(&b.path)));
    for same in found.chunk_by_mut(|a, b| a.created == b.created).filter(|same| same.len() > 1) {
        let mut numbers = HashMap::new();
        for snapshot in same.iter() {
            numbers.insert(snapshot.path.clone(), number(store, &snapshot.path).await?);
        }
        same.sort_by(|a, b| numbers[&b.path].cmp(&numbers[&a.path]));
    }
    Ok(())
}

/// The number of the checkpoint or savepoint; `None` when it is gone or not Flink's.
async fn number(store: &dyn StateStore, path: &SnapshotPath) -> Result<Option<u64>> {
    if let Some(number) = path.checkpoint_number() {
        return Ok(Some(number));
    }
    match store.read(&path.metadata(), 16).await {
        Ok(metadata) if parse_head(&metadata).is_ok() => {
            // `MetadataV2V3SerializerBase.serializeMetadata` writes it first.
            let bytes = metadata.get(8..16).and_then(|bytes| bytes.try_into().ok());
            Ok(bytes.map(u64::from_be_bytes))
        }
        Err(error) if error.kind() != Kind::NotFound => Err(error),
        _ => Ok(None),
    }
}

/// The complete savepoint in the folder of one operation, if there is one: proof for an operation
/// whose outcome nobody can tell any more.
pub async fn of_operation(
    store: &dyn StateStore,
    layout: &StateLayout,
    operation: &OperationId,
) -> Result<Option<Snapshot>> {
    let entries = store.list(&layout.operation_savepoints(operation), 2, &[]).await?;
    let mut found = collect(&entries, SnapshotKind::Savepoint);
    sort_newest_first(store, &mut found).await?;
    Ok(found.into_iter().next())
}

/// Checks that a snapshot is there and complete, before a job depends on it.
///
/// # Errors
/// [`Kind::NotFound`] when there is no `_metadata`, [`Kind::Preflight`] when that is not Flink's or of a
/// version that no known Flink reads.
pub async fn verify(store: &dyn StateStore, path: &SnapshotPath) -> Result<MetadataHead> {
    let metadata = path.metadata();
    let Some(entry) = store.stat(&metadata).await?.filter(|entry| !entry.is_folder) else {
        return Err(Error::new(Kind::NotFound, format!("there is no snapshot at {}: {metadata} does not exist", path.as_str()))
            .hint("Give the folder that holds the snapshot's _metadata file; an incomplete snapshot has none."));
    };
    let head = store.read(&metadata, 8).await?;
    let version = parse_head(&head).map_err(|why| {
        Error::new(
            Kind::Preflight,
            format!("{} is not a snapshot that Flink can read: {why}", path.as_str()),
        )
        .hint("Restore from another snapshot.")
    })?;
    Ok(MetadataHead { version, size: entry.size })
}

/// The version in the first eight bytes of a `_metadata` file.
fn parse_head(head: &[u8]) -> Result<u32, String> {
    let word = |at: usize| {
        let bytes: [u8; 4] = head.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    match (word(0), word(4)) {
        (Some(MAGIC), Some(version @ 1..=NEWEST_VERSION)) => Ok(version),
        (Some(MAGIC), Some(version)) => Err(format!("its _metadata has version {version}")),
        (Some(_), Some(_)) => Err("its _metadata does not start with Flink's mark".to_owned()),
        _ => Err("its _metadata is cut off".to_owned()),
    }
}

/// Every folder that holds a `_metadata` file, with the sum of the files beside it.
fn collect(entries: &[Entry], kind: SnapshotKind) -> Vec<Snapshot> {
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    let files = || entries.iter().filter(|entry| !entry.is_folder);
    for (folder, _, entry) in files().filter_map(split) {
        *sizes.entry(folder).or_default() += entry.size;
    }
    files()
        .filter_map(split)
        .filter(|(_, name, _)| *name == "_metadata")
        .filter_map(|(folder, _, entry)| {
            let path: SnapshotPath = folder.parse().ok()?;
            let job_id = match kind {
                SnapshotKind::Checkpoint => job_of_checkpoint(&path),
                SnapshotKind::Savepoint => None,
            };
            let size_bytes = sizes.get(folder).copied().unwrap_or_default();
            Some(Snapshot { path, kind, job_id, created: entry.modified, size_bytes })
        })
        .collect()
}

fn split(entry: &Entry) -> Option<(&str, &str, &Entry)> {
    entry.uri.rsplit_once('/').map(|(folder, name)| (folder, name, entry))
}

/// `…/<job-id>/chk-N`
fn job_of_checkpoint(path: &SnapshotPath) -> Option<JobId> {
    path.as_str().rsplit('/').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
