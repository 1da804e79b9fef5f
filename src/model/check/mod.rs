//! What a check of state storage measured, and what that means for each use of it. Pure.

mod measured;
mod verdict;

pub use measured::{
    Clock, Commit, Consistency, Failed, Files, Latency, Measurements, Percentiles,
    RECOVERABLE_WRITER, SecondPod, Seen, Space, Throughput,
};
pub use verdict::{Grade, Purpose, Use, Verdict, bend, best, verdicts};
