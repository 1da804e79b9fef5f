//! Stores beyond a mounted volume: object stores and HDFS, and how a pod gets at them.

mod ca_bundle;
mod encryption;
mod plugin_jar;
mod profile;
mod uri;
pub mod wiring;

pub use ca_bundle::CaBundle;
pub use encryption::{Encryption, Known, Protection};
pub use plugin_jar::PluginJar;
pub use profile::{Access, Credentials, Profile, S3Plugin};
pub use uri::{Scheme, StoreKind, StoreUri};
pub use wiring::Wiring;
