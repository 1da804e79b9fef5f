//! Hermetic runs of the plugin, and a direct line to the cluster to arrange and to check.

mod cluster;
mod outcome;
mod process;
mod report;
mod sandbox;

pub(crate) use cluster::{Cluster, eventually, setting};
pub(crate) use outcome::Outcome;
pub(crate) use process::Running;
pub(crate) use sandbox::Sandbox;
