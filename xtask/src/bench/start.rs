//! `start`: what every command costs before it does anything.

use anyhow::Result;

use super::interleave;
use super::plane::{Plane, memory, time_of};
use super::report::Measured;

/// Runs whose median is one figure.
const RUNS: usize = 11;

pub(super) fn measure(plane: &Plane, rounds: u32) -> Result<Vec<Measured>> {
    let ours = || plane.ours("default", &["version", "--client"]);
    let kubectl = || plane.kubectl(&["version", "--client"]);
    let times = interleave("start", rounds, |_| time_of(RUNS, ours), |_| time_of(RUNS, kubectl))?;
    let peaks = interleave("start, memory", rounds, |_| memory(&ours()), |_| memory(&kubectl()))?;
    Ok(vec![
        Measured {
            name: "start",
            metric: "version --client".to_owned(),
            unit: "s",
            goal: 0.15,
            rounds: times,
        },
        Measured {
            name: "start",
            metric: "peak memory".to_owned(),
            unit: "MiB",
            goal: 0.2,
            rounds: peaks,
        },
    ])
}
