//! The `check` layer: format, lints, the Go tests, dependency policy.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use super::tally::Tally;
use crate::step::{self, say};
use crate::tools::Go;
use crate::{agent, cargo, java};

/// A command that passes by exiting with 0.
struct Check {
    name: &'static str,
    command: &'static [&'static str],
    /// Where it runs, relative to the repository.
    dir: &'static str,
    /// Asks whether the tool is there; without it the check is skipped.
    probe: Option<&'static [&'static str]>,
    remedy: &'static str,
}

const CHECKS: &[Check] = &[
    Check {
        name: "rustfmt",
        command: &["cargo", "fmt", "--all", "--check"],
        dir: ".",
        probe: Some(&["cargo", "fmt", "--version"]),
        remedy: "rustup component add rustfmt",
    },
    Check {
        name: "clippy",
        command: &[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
        dir: ".",
        probe: Some(&["cargo", "clippy", "--version"]),
        remedy: "rustup component add clippy",
    },
    Check {
        name: "cargo-deny",
        command: &["cargo", "deny", "check", "bans", "licenses", "sources"],
        dir: ".",
        probe: Some(&["cargo", "deny", "--version"]),
        remedy: "cargo install cargo-deny (its bans are also held by tests/repo)",
    },
    Check {
        name: "go test cluster/kt",
        command: &["go", "test", "./..."],
        dir: "cluster/kt",
        probe: None,
        remedy: "install Go, or run as root on Debian, where it is installed by itself",
    },
];

/// Runs every check whose name contains `filter`.
pub(crate) fn run(root: &Path, filter: Option<&str>) -> Result<Tally> {
    let mut tally = Tally::default();
    for check in CHECKS.iter().filter(|check| filter.is_none_or(|f| check.name.contains(f))) {
        tally += check.run(root)?;
    }
    if filter.is_none_or(|f| "agent.jar".contains(f)) {
        tally += agent_jar()?;
    }
    Ok(tally)
}

/// The committed jar must be what its sources make, byte for byte.
fn agent_jar() -> Result<Tally> {
    if let Err(reason) = java::jdk() {
        say(&format!("  skipped: agent.jar cannot be rebuilt here: {reason:#}"));
        return Ok(Tally::skipped(1));
    }
    let fresh = agent::is_fresh()?;
    let verdict = if fresh { "ok" } else { "FAILED: run `cargo xtask agent` and commit its jar" };
    say(&format!("  agent.jar ... {verdict}"));
    Ok(Tally::of(fresh))
}

impl Check {
    fn run(&self, root: &Path) -> Result<Tally> {
        if self.probe.is_some_and(|probe| !succeeds(probe)) {
            say(&format!("  skipped: {} is not installed; {}", self.name, self.remedy));
            return Ok(Tally::skipped(1));
        }
        let Ok(mut command) = self.process(root) else {
            say(&format!("  skipped: {} cannot run here; {}", self.name, self.remedy));
            return Ok(Tally::skipped(1));
        };
        let started = Instant::now();
        // Warnings and progress of the tools go straight to the terminal.
        let mut child = cargo::as_from_a_shell(&mut command)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", self.name))?;
        let status = step::passing_interrupts_on(child.id(), || child.wait())?;
        let verdict = if status.success() { "ok" } else { "FAILED" };
        say(&format!("  {} ... {verdict} ({} s)", self.name, started.elapsed().as_secs()));
        Ok(Tally::of(status.success()))
    }

    /// Go is the one that builds the cluster: the distribution's may be too old to read the module.
    fn process(&self, root: &Path) -> Result<Command> {
        let dir = root.join(self.dir);
        let (program, args) = (self.command[0], &self.command[1..]);
        let mut command = match program {
            "go" => Go::ensure()?.command(&dir),
            _ => Command::new(program),
        };
        command.current_dir(dir).args(args);
        Ok(command)
    }
}

fn succeeds(command: &[&str]) -> bool {
    Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
