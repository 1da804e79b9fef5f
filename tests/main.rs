//! Every test that is more than a unit test, in one binary: linking one is much faster than many.
//!
//! - `repo`: the repository itself; needs nothing.
//! - `cli`: the command line against a real API server.
//! - `e2e`: real Flink on a real node.
//! - `faults`: something is broken on purpose; `faults::api` does with an API server, the rest needs a node.
//!
//! The last three need what `cargo xtask test` prepares, so a plain `cargo test` ignores them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops on the spot"
)]

mod cli;
mod e2e;
mod faults;
mod repo;
mod support;
