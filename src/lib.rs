//! `kubectl flink`: runs Apache Flink on Kubernetes and keeps its state safe.
//!
//! Layers, each using only those below it (see `docs/architecture.md`):
//! `commands` → `ops` → `cluster`, `flink`, `storage`, `manifest` → `model`;
//! `ui` is used by `commands` only.

pub mod cluster;
pub mod error;
pub mod exit_code;
pub mod flink;
pub mod manifest;
pub mod model;
pub mod storage;
pub mod yaml;
