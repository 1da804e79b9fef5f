//! Stores beyond a mounted volume: object stores and HDFS, and how a pod gets at them.

mod profile;
mod uri;
pub mod wiring;

pub use profile::{Access, Credentials, Profile, S3Plugin};
pub use uri::{Scheme, StoreKind, StoreUri};
pub use wiring::Wiring;
