//! Hermetic runs of the plugin, and a direct line to the cluster to arrange and to check.

mod app;
mod cluster;
mod cut_off;
pub(crate) mod fault;
mod flink;
mod gcs;
mod inventory;
mod killer;
mod kubelet;
mod outcome;
mod process;
mod proof;
mod proxy;
pub(crate) mod records;
mod report;
mod sandbox;
pub(crate) mod schema;
mod store;
mod terminal;
mod trouble;
pub(crate) mod volume_snapshots;
mod whole;

pub(crate) use app::{App, MOUNT, PATIENCE};
pub(crate) use cluster::{Cluster, eventually, setting};
pub(crate) use flink::Flink;
pub(crate) use gcs::GcsBucket;
pub(crate) use inventory::inventory;
pub(crate) use outcome::Outcome;
pub(crate) use process::Running;
pub(crate) use proof::Proof;
pub(crate) use proxy::{Cut, Proxy};
pub(crate) use sandbox::Sandbox;
pub(crate) use store::{Server, Store};
pub(crate) use terminal::Terminal;
pub(crate) use trouble::{EXPIRED, TOO_OLD, Trouble};
