//! Something broken on purpose: in `api` before a real API server alone, else with real Flink on a real node.

mod api;
mod ended;
mod generations;
mod going_back;
mod killed;
mod kills;
mod left_stop;
mod restarted;
mod snapshots;
