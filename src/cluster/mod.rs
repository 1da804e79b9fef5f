//! Kubernetes: connecting, applying, finding, waiting, executing in pods.

pub mod connect;
pub mod failure;
pub mod kubeconfig;
pub mod read;
pub mod retry;
pub mod write;

#[cfg(test)]
pub(crate) mod testing;

pub use connect::{Cluster, ConnectOptions};
