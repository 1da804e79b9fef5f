//! Kubernetes: connecting, applying, reading, waiting, executing in pods.

pub mod access;
pub mod condition;
pub mod connect;
pub mod diagnose;
pub mod exec;
pub mod failure;
pub mod kubeconfig;
pub mod logs;
pub mod objects;
pub mod observe;
pub mod proxy;
pub mod read;
pub mod retry;
mod session;
pub mod survey;
pub mod volume_snapshots;
pub mod watch;
pub mod write;

#[cfg(test)]
pub(crate) mod testing;

pub use connect::{Cluster, ConnectOptions};
