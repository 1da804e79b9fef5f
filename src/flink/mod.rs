//! Flink's REST API, reached through the API server.

pub mod client;
pub mod failure;
pub mod savepoint;
pub mod transport;
pub mod types;

#[cfg(test)]
pub(crate) mod testing;

pub use client::FlinkClient;
pub use transport::{ServiceProxy, Transport};
