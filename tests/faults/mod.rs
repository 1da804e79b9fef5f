//! Real Flink on a real node, with something broken on purpose.

mod kills;
mod snapshots;
