//! Hermetic runs of the plugin, and a direct line to the cluster to arrange and to check.

mod app;
mod cluster;
mod killer;
mod outcome;
mod process;
pub(crate) mod records;
mod report;
mod sandbox;
mod terminal;

pub(crate) use app::{App, MOUNT, PATIENCE};
pub(crate) use cluster::{Cluster, eventually, setting};
pub(crate) use outcome::Outcome;
pub(crate) use process::Running;
pub(crate) use sandbox::Sandbox;
pub(crate) use terminal::Terminal;
