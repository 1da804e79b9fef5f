//! `list`: a table of 5,000 applications.

use anyhow::Result;

use super::plane::{Plane, memory, time};
use super::report::Measured;
use super::{fleet, interleave};

const NAMESPACE: &str = "fleet";
const APPLICATIONS: usize = 5000;

pub(super) fn measure(plane: &Plane, rounds: u32) -> Result<Vec<Measured>> {
    fleet::populate(plane, NAMESPACE, APPLICATIONS)?;
    let ours = || plane.ours(NAMESPACE, &["list"]);
    let kubectl = || plane.kubectl(&["get", "deployments", "-n", NAMESPACE]);
    // Both have looked once before, so that the API server's caches are warm for both.
    time(ours())?;
    time(kubectl())?;
    let times = interleave("list", rounds, |_| time(ours()), |_| time(kubectl()))?;
    let peaks = interleave("list, memory", rounds, |_| memory(&ours()), |_| memory(&kubectl()))?;
    Ok(vec![
        Measured {
            name: "list",
            metric: "5,000 applications".to_owned(),
            unit: "s",
            goal: 0.3,
            rounds: times,
        },
        Measured {
            name: "list",
            metric: "peak memory".to_owned(),
            unit: "MiB",
            goal: 0.15,
            rounds: peaks,
        },
    ])
}
