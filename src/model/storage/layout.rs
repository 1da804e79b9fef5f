//! Where things lie on state storage.

use super::MOUNT_PATH;
use crate::model::ids::OperationId;
use crate::model::name::Generation;

/// The places of one application's state, as URIs that Flink reads (DESIGN "State on storage").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLayout {
    base: String,
}

impl StateLayout {
    pub(super) fn new(base: String) -> Self {
        StateLayout { base }
    }

    /// A layout anywhere.
    #[cfg(test)]
    pub(crate) fn at(base: &str) -> Self {
        StateLayout::new(base.to_owned())
    }

    /// `<base>/<namespace>/<application>`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The folder of uploaded job jars.
    pub fn jars(&self) -> String {
        format!("{}/jars", self.base)
    }

    /// The jar whose content has this SHA-256 (64 hexadecimal digits).
    pub fn jar(&self, sha256: &str) -> String {
        format!("{}/jars/{sha256}.jar", self.base)
    }

    /// The checkpoint directory; Flink adds `<job-id>/chk-N`.
    pub fn checkpoints(&self) -> String {
        format!("{}/checkpoints", self.base)
    }

    /// The savepoint directory; Flink adds `savepoint-…`.
    pub fn savepoints(&self) -> String {
        format!("{}/savepoints", self.base)
    }

    /// The savepoint directory of one operation alone, so that a savepoint that finished behind our back
    /// is found again.
    pub fn operation_savepoints(&self, operation: &OperationId) -> String {
        format!("{}/savepoints/{operation}", self.base)
    }

    /// The directory of Flink's HA payloads; Flink adds the HA cluster id.
    pub fn ha(&self) -> String {
        format!("{}/ha", self.base)
    }

    /// The folder of the catalogue.
    pub fn catalogue(&self) -> String {
        format!("{}/catalogue", self.base)
    }

    /// The record of a generation.
    pub fn catalogue_entry(&self, generation: Generation) -> String {
        format!("{}/catalogue/{generation}.json", self.base)
    }
}

/// The path in a pod of a `file:` URI under [`MOUNT_PATH`]; `None` for any other URI.
pub fn mounted_path(uri: &str) -> Option<&str> {
    let path = uri.strip_prefix("file://")?;
    let inside = path.strip_prefix(MOUNT_PATH)?;
    (inside.is_empty() || inside.starts_with('/')).then_some(path)
}
