//! Snapshots: savepoints and retained checkpoints.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::ids::JobId;

/// The URI of a snapshot's folder, without a trailing slash and without `/_metadata`.
///
/// Flink takes the folder and the `_metadata` file in it for the same snapshot; here one spelling stands
/// for it, so that two paths can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotPath(String);

impl SnapshotPath {
    /// The URI, as Flink takes it for `--fromSavepoint`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component: `savepoint-83c1d4-1f2e3d4c5b6a` or `chk-42`.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The URI of the `_metadata` file, whose existence makes the snapshot complete.
    pub fn metadata(&self) -> String {
        format!("{}/_metadata", self.0)
    }

    /// What the folder's name says: Flink names checkpoints `chk-N`.
    pub fn kind(&self) -> SnapshotKind {
        match self.checkpoint_number() {
            Some(_) => SnapshotKind::Checkpoint,
            None => SnapshotKind::Savepoint,
        }
    }

    /// The N of a checkpoint's `chk-N`.
    pub fn checkpoint_number(&self) -> Option<u64> {
        let number = self.name().strip_prefix("chk-")?;
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        number.parse().ok().filter(|_| digits)
    }
}

impl FromStr for SnapshotPath {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!("{text:?} is not a snapshot path: {why}")).hint(
                "Give the absolute URI of the snapshot's folder, such as file:///flink/state/…/savepoint-…, as the snapshots verb prints it.",
            )
        };
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || "\"'`$\\".contains(c)) {
            return Err(wrong(
                "it holds a space, a quote, a '$', a backslash or a control character",
            ));
        }
        // An absolute path is a file: URI to Flink (`Path` falls back to the default scheme).
        let uri = match text.starts_with('/') {
            true => format!("file://{text}"),
            false => text.to_owned(),
        };
        let Some((scheme, rest)) = uri.split_once(':') else {
            return Err(wrong("it has no scheme"));
        };
        let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !scheme_fits || !rest.starts_with('/') {
            return Err(wrong("it has no scheme"));
        }
        // `file:/a` is how Flink prints local paths.
        let rest = rest.strip_prefix("//").unwrap_or(rest).trim_end_matches('/');
        let rest = rest.strip_suffix("/_metadata").unwrap_or(rest).trim_end_matches('/');
        if rest.split('/').any(|part| part == ".." || part == ".") {
            return Err(wrong("it climbs out of its folder"));
        }
        if !rest.contains('/') {
            return Err(wrong("it names no folder"));
        }
        Ok(SnapshotPath(format!("{scheme}://{rest}")))
    }
}

impl TryFrom<String> for SnapshotPath {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SnapshotPath> for String {
    fn from(path: SnapshotPath) -> String {
        path.0
    }
}

impl fmt::Display for SnapshotPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a snapshot is to Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotKind {
    /// Made on request; self-contained, and never deleted by Flink.
    Savepoint,
    /// Made on schedule and retained on cancellation; may share files with its neighbours.
    Checkpoint,
}

impl fmt::Display for SnapshotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapshotKind::Savepoint => "savepoint",
            SnapshotKind::Checkpoint => "checkpoint",
        })
    }
}

/// Flink's savepoint formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SavepointFormat {
    /// Independent of the state backend; slower to take and to restore.
    #[default]
    Canonical,
    /// In the state backend's own format; fast, bound to that backend.
    Native,
}

impl SavepointFormat {
    /// The value of `formatType` in Flink's REST API.
    pub fn as_rest(self) -> &'static str {
        match self {
            SavepointFormat::Canonical => "CANONICAL",
            SavepointFormat::Native => "NATIVE",
        }
    }
}

/// One snapshot as the catalogue lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Where it is.
    pub path: SnapshotPath,
    /// What it is.
    pub kind: SnapshotKind,
    /// The job that wrote it, when the path or its record tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// When its `_metadata` was written.
    pub created: Timestamp,
    /// Bytes in its own folder; files that a checkpoint shares with others are not counted.
    pub size_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> String {
        text.parse::<SnapshotPath>().expect(text).to_string()
    }

    #[test]
    fn one_spelling_for_one_snapshot() {
        let canonical = "file:///flink/state/default/orders/savepoints/savepoint-1-2";
        for spelling in [
            canonical,
            "file:///flink/state/default/orders/savepoints/savepoint-1-2/",
            "file:/flink/state/default/orders/savepoints/savepoint-1-2/_metadata",
            "/flink/state/default/orders/savepoints/savepoint-1-2/_metadata/",
        ] {
            assert_eq!(parse(spelling), canonical, "{spelling}");
        }
        assert_eq!(parse("s3://bucket/a/chk-7"), "s3://bucket/a/chk-7");
    }

    #[test]
    fn refuses_paths_that_could_mean_something_else() {
        for bad in [
            "",
            "savepoint-1",
            "a/b",
            "s3://bucket",
            "file:///",
            "file:///a/../b",
            "file:///a b",
            "file:///a\nb",
            "file:///$(POD_IP)/a",
            "file:///a'b",
            "://a/b",
        ] {
            assert!(bad.parse::<SnapshotPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tells_checkpoints_from_savepoints() {
        let kind = |text: &str| text.parse::<SnapshotPath>().expect(text).kind();
        assert_eq!(kind("s3://b/j/chk-12"), SnapshotKind::Checkpoint);
        assert_eq!(kind("s3://b/chk-12/savepoint-1"), SnapshotKind::Savepoint);
        assert_eq!(kind("s3://b/chk-x"), SnapshotKind::Savepoint);
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(text in "[a-z]{1,4}:/{0,3}[a-z./_-]{0,20}(/_metadata)?") {
            if let Ok(path) = text.parse::<SnapshotPath>() {
                prop_assert_eq!(path.as_str().parse::<SnapshotPath>().ok(), Some(path));
            }
        }
    }
}
