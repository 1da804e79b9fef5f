//! Stores beyond a mounted volume: object stores and HDFS, and how a pod gets at them.

mod profile;
mod uri;

pub use profile::{Access, CLASS_PATH, Credentials, Profile, S3Plugin};
pub use uri::{Scheme, StoreKind, StoreUri};
