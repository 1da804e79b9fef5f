//! Real Flink on a real node.
