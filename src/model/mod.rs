//! Pure types: no Kubernetes client, no network, no terminal.

pub mod advise;
pub mod agent;
pub mod check;
pub mod config;
pub mod data;
pub mod document;
pub mod drift;
pub mod effective;
pub mod fields;
pub mod flink_version;
pub mod ids;
pub mod ingress;
pub mod java;
pub mod keys;
pub mod labels;
pub mod local_storage;
pub mod managed_fields;
pub mod memory;
pub mod memory_size;
pub mod name;
pub mod permission;
pub mod pod_template;
pub mod process;
pub mod provisioner;
pub mod quantity;
pub mod redact;
pub mod resources;
pub mod revision;
pub mod snapshot;
pub mod spec;
pub mod storage;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod validate;
pub mod violation;
