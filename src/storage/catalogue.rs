//! The catalogue: the record of each generation, kept beside the state it explains, so that the
//! storage alone is enough to bring an application back.

use super::store::StateStore;
use crate::error::{Error, Kind, Result};
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::storage::StateLayout;

/// The most that a record may take, in bytes: as much as an object in Kubernetes.
const LIMIT: u64 = 1024 * 1024;

/// What the catalogue holds.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The records, oldest generation first.
    pub revisions: Vec<Revision>,
    /// Records that cannot be read: their URI and why.
    pub unreadable: Vec<(String, Error)>,
}

impl Catalogue {
    /// The record of the newest generation.
    pub fn newest(&self) -> Option<&Revision> {
        self.revisions.last()
    }
}

/// Writes the record of one generation, whole or not at all.
pub async fn write(
    store: &dyn StateStore,
    layout: &StateLayout,
    revision: &Revision,
) -> Result<()> {
    let json = serde_json::to_vec_pretty(revision).map_err(|e| {
        Error::new(Kind::Other, "cannot write the record of the generation as JSON").caused_by(e)
    })?;
    store.write(&layout.catalogue_entry(revision.generation), &json).await
}

/// Reads all records. One that cannot be read does not hide the others.
pub async fn read(store: &dyn StateStore, layout: &StateLayout) -> Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    for entry in store.list(&layout.catalogue(), 1, &[]).await? {
        if entry.is_folder || generation_of(&entry.uri).is_none() {
            continue;
        }
        let content = store.read(&entry.uri, LIMIT).await?;
        match serde_json::from_slice(&content) {
            Ok(revision) => catalogue.revisions.push(revision),
            Err(e) => {
                let error = Error::new(Kind::Other, "not the record of a generation").caused_by(e);
                catalogue.unreadable.push((entry.uri, error));
            }
        }
    }
    catalogue.revisions.sort_by_key(|revision| revision.generation);
    Ok(catalogue)
}

/// `…/catalogue/7.json`; unfinished and foreign files have other names.
fn generation_of(uri: &str) -> Option<Generation> {
    uri.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests;
