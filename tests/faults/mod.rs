//! Something broken on purpose: in `api` before a real API server alone, else with real Flink on a real node.

mod api;
mod kills;
mod snapshots;
