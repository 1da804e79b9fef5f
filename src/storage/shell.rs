//! Running small shell scripts where the storage is mounted.

use futures::future::BoxFuture;

use crate::cluster::Cluster;
use crate::cluster::exec::{Ended, ExecTarget, Streams, exec};
use crate::error::{Error, Kind, Result};

/// Runs POSIX shell scripts in a place that mounts the storage and has coreutils and findutils.
pub trait Shell: Send + Sync {
    /// Runs `script` with `$1`, `$2`, … set to `args`, and waits for its end. Arguments never become
    /// part of the script's text, so no name can be taken for a command.
    fn run<'a>(
        &'a self,
        script: &'a str,
        args: &'a [&'a str],
        streams: Streams<'a>,
    ) -> BoxFuture<'a, Result<Ended>>;
}

/// The command line for a script: `sh -c SCRIPT sh ARG…`.
pub(super) fn command(script: &str, args: &[&str]) -> Vec<String> {
    ["sh", "-c", script, "sh"].iter().chain(args).map(|&word| word.to_owned()).collect()
}

/// A shell in a container.
pub struct PodShell {
    cluster: Cluster,
    target: ExecTarget,
}

impl PodShell {
    /// A shell in this container.
    pub fn new(cluster: Cluster, target: ExecTarget) -> Self {
        PodShell { cluster, target }
    }
}

impl Shell for PodShell {
    fn run<'a>(
        &'a self,
        script: &'a str,
        args: &'a [&'a str],
        streams: Streams<'a>,
    ) -> BoxFuture<'a, Result<Ended>> {
        Box::pin(
            async move { exec(&self.cluster, &self.target, &command(script, args), streams).await },
        )
    }
}

/// Exit codes by which our scripts tell what happened (free ones from `sysexits.h`).
pub(super) mod exit {
    /// stdin ended early.
    pub(in crate::storage) const CUT: i32 = 75;
    /// The content does not have the expected checksum.
    pub(in crate::storage) const CHECKSUM: i32 = 76;
}

/// The error of a script that failed. `doing` completes "failed to …".
pub(super) fn failed(ended: &Ended, doing: &str) -> Error {
    let said = ended.stderr.trim();
    let last = said.lines().next_back().unwrap_or_default();
    let what = match last {
        "" => format!("failed to {doing}: exit code {}", ended.exit_code),
        said => format!("failed to {doing}: {said}"),
    };
    let lower = said.to_lowercase();
    if lower.contains("no space left") || lower.contains("quota exceeded") {
        return Error::new(Kind::Preflight, what)
            .hint("The volume is full: make the claim larger, or free space on it.");
    }
    if lower.contains("permission denied") || lower.contains("read-only file system") {
        return Error::new(Kind::Preflight, what).hint(
            "The volume must be writable for uid 9999: set fsGroup, or the owner on the server.",
        );
    }
    if lower.ends_with("no such file or directory") {
        // Flink drops a checkpoint between two looks at it.
        return Error::new(Kind::NotFound, what);
    }
    if ended.exit_code == exit::CUT {
        return Error::new(Kind::Unreachable, what);
    }
    if ended.exit_code == 127 {
        return Error::new(Kind::Preflight, what).hint(
            "The image must hold sh, coreutils and findutils, as the official Flink images do.",
        );
    }
    Error::new(Kind::Other, what)
}
