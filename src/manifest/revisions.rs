//! A revision as a Kubernetes object.

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;

use super::meta;
use crate::error::{Error, Kind, Result};
use crate::model::labels::Component;
use crate::model::revision::Revision;

/// The record of a generation. Its data can never be changed, which Kubernetes sees to.
///
/// # Errors
/// None in practice: a revision can always be written as JSON.
pub fn controller_revision(revision: &Revision) -> Result<ControllerRevision> {
    let name = revision.application.revision(revision.generation);
    let data = serde_json::to_value(revision).map_err(|e| {
        Error::new(Kind::Other, format!("cannot write revision {name}")).caused_by(e)
    })?;
    Ok(ControllerRevision {
        metadata: meta::of_generation(revision, name, Component::Revision),
        data: Some(RawExtension(data)),
        revision: i64::from(revision.generation.number()),
    })
}

/// Reads a record back.
///
/// # Errors
/// [`Kind::Conflict`] when it holds something else, for example because a newer version of this plugin
/// wrote it.
pub fn read_revision(record: ControllerRevision) -> Result<Revision> {
    let name = record.metadata.name.unwrap_or_default();
    let data = record.data.map(|data| data.0).unwrap_or_default();
    serde_json::from_value(data).map_err(|e| {
        Error::new(Kind::Conflict, format!("cannot read revision {name:?}"))
            .caused_by(e)
            .hint("Use the version of kubectl-flink that wrote it, or a newer one.")
    })
}
