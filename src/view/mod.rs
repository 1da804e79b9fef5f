//! View models: what commands show, made from objects and REST answers by pure functions.
//!
//! One model serves the table, the sections and `-o json`. Nothing here asks anybody anything.

pub mod advise;
pub mod application;
pub mod check;
pub mod check_page;
pub mod checkpoint;
pub mod claim;
pub mod data_check;
pub mod data_store;
pub mod documents;
pub mod event;
pub mod job;
pub mod operation;
pub mod outcome;
pub mod plan;
pub mod pod;
pub mod profile;
pub mod roles;
mod section;
pub mod status;
mod status_text;
pub mod step;
pub mod storage;
pub mod store;
pub mod version;
pub mod volume_snapshot;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

/// When an object was created.
pub(crate) fn created(metadata: &ObjectMeta) -> Option<Timestamp> {
    metadata.creation_timestamp.as_ref().map(time)
}

/// A time of the API.
pub(crate) fn time(time: &Time) -> Timestamp {
    time.0
}

/// A time of Flink's, in milliseconds since the epoch; -1 stands for "never".
pub(crate) fn flink_time(millis: i64) -> Option<Timestamp> {
    (millis > 0).then(|| Timestamp::from_millisecond(millis).ok()).flatten()
}
