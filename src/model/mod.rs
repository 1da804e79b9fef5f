//! Pure types: no Kubernetes client, no network, no terminal.

pub mod config;
pub mod flink_version;
pub mod ids;
pub mod labels;
pub mod memory;
pub mod memory_size;
pub mod name;
pub mod quantity;
pub mod revision;
pub mod snapshot;
pub mod spec;
pub mod storage;
