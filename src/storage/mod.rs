//! State storage: access to it through pods that mount it, and what lies on it.

pub mod access;
pub mod agent;
pub mod catalogue;
pub mod fetch;
pub mod helper_pod;
pub mod jar;
pub mod probe;
pub mod shell;
pub mod snapshots;
pub mod store;
pub mod upload;

#[cfg(test)]
pub(crate) mod testing;

pub use access::OpenStore;
pub use agent::AgentStore;
pub use store::{Entry, StateStore};
