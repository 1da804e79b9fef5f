//! Data stores: databases whose rows a job reads and writes, and how its pods get at them. State never goes there.

mod binding;
mod check;
mod client;
mod files;
mod store;
mod uri;

pub use binding::{Binding, FOLDER, is_name, names};
pub use check::{
    DataMeasurements, DataUse, DataVerdict, Facts, KeyedLatency, ReadAfterWrite, data_verdicts,
};
pub use client::{client, connector};
pub use store::{Consistency, DataStore, Tls};
pub use uri::{DataKind, DataUri};
