//! Pure types: no Kubernetes client, no network, no terminal.

pub mod ids;
