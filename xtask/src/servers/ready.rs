//! Waiting until a server answers.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cluster::Cluster;
use crate::step;

/// A server that takes longer has failed: HDFS, the slowest but the databases, needs 15 seconds on two busy cores.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(200);

/// Asks until `question`, which gets the cluster, answers without an error.
///
/// # Errors
/// When that takes too long: the last answer, and how to see the log of `process`.
pub(super) fn wait(
    cluster: &Cluster,
    process: &str,
    mut question: impl FnMut(&Cluster) -> Result<()>,
) -> Result<()> {
    let started = Instant::now();
    loop {
        let Err(error) = question(cluster) else { return Ok(()) };
        if step::interrupted() {
            bail!("interrupted");
        }
        if started.elapsed() > PATIENCE {
            bail!(
                "{process} does not answer after {}: {error:#}\nIts log: cargo xtask cluster logs --name {} {process}",
                step::seconds(started.elapsed()),
                cluster.name,
            );
        }
        thread::sleep(POLL);
    }
}

/// Whether something listens at an address of the node.
pub(super) fn listens(cluster: &Cluster, address: &str) -> Result<()> {
    cluster.probe(&["dial", address]).map(drop)
}
