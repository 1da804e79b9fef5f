//! The storage agent: Flink's own file systems in a pod, spoken to over `exec`. Its other end is in `agent/`.

mod failure;
pub mod frame;
pub mod launch;
pub mod session;
pub mod store;

#[cfg(test)]
mod tests;

pub use failure::remedy;
pub use store::{AgentStore, Space};
