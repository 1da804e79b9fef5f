//! Builds the Rust test binaries once, lists their tests and runs a selection of them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::tally::Tally;
use crate::cargo::{self, Executable};
use crate::step::{self, say};

/// A built test binary.
#[derive(Debug)]
pub(crate) struct TestBinary {
    /// The target's name and kind, for example `kubectl-flink (lib)`.
    pub(crate) label: String,
    /// Whether it is an integration test (`tests/main.rs`).
    pub(crate) integration: bool,
    path: PathBuf,
    package_dir: PathBuf,
}

/// Compiles every test of the workspace; cargo's own progress goes to stderr.
///
/// One package after the other: compiled together they would share the union of their features, and
/// `cargo build` and `cargo xtask` alone another set, so that most dependencies would be compiled twice.
pub(crate) fn build() -> Result<Vec<TestBinary>> {
    let mut binaries = Vec::new();
    for package in ["kubectl-flink", "xtask"] {
        let args = ["test", "--package", package, "--no-run"];
        let built = cargo::build(&args, &[], "the tests do not compile (see above)")?;
        binaries.extend(built.into_iter().filter(|built| built.test).map(TestBinary::from));
    }
    ensure!(!binaries.is_empty(), "cargo built no test binary");
    Ok(binaries)
}

/// Compiles the plugin's tests of another copy of the sources, in a folder of its own. Warnings are not shown.
pub(crate) fn build_apart(manifest: &Path, target: &Path) -> Result<Vec<TestBinary>> {
    let (manifest, target) = (manifest.to_string_lossy(), target.to_string_lossy());
    let args = ["test", "--package", "kubectl-flink", "--no-run", "--manifest-path", &manifest];
    let args = [&args[..], &["--target-dir", &target]].concat();
    // What nobody debugs need not be debuggable.
    let env = [("RUSTFLAGS", "--cap-lints=allow"), ("CARGO_PROFILE_DEV_DEBUG", "0")];
    let built = cargo::build(&args, &env, "the tests do not compile (see above)")?;
    Ok(built.into_iter().filter(|built| built.test).map(TestBinary::from).collect())
}

impl From<Executable> for TestBinary {
    fn from(built: Executable) -> TestBinary {
        TestBinary {
            label: format!("{} ({})", built.name, built.kind),
            integration: built.kind == "test",
            path: built.path,
            package_dir: built.package,
        }
    }
}

/// How to run a selection.
#[derive(Debug, Clone)]
pub(crate) struct Run<'a> {
    /// Environment for the tests.
    pub(crate) env: &'a [(String, String)],
    /// Tests at the same time.
    pub(crate) threads: usize,
    /// Whether to run the ignored ones too: what they need is there.
    pub(crate) include_ignored: bool,
    /// Whether to print a line per test, not only for those that failed.
    pub(crate) verbose: bool,
}

impl TestBinary {
    /// The tests whose names satisfy `wanted`.
    pub(crate) fn list(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let output = self.command().args(["--list", "--format", "terse"]).output()?;
        ensure!(output.status.success(), "{} cannot list its tests", self.label);
        Ok(String::from_utf8(output.stdout)?
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .filter(|name| wanted(name))
            .map(String::from)
            .collect())
    }

    /// Runs `tests` and prints what happens. A binary that dies counts as one failure.
    pub(crate) fn run(&self, tests: &[String], run: &Run<'_>) -> Result<Tally> {
        if tests.is_empty() {
            return Ok(Tally::default());
        }
        let mut command = self.prepared(tests, run);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.label))?;
        let stdout = child.stdout.take().context("the test binary has no stdout")?;
        let mut printer = Printer::new(run.verbose);
        step::passing_interrupts_on(child.id(), || -> Result<()> {
            for line in BufReader::new(stdout).lines() {
                printer.line(&line?);
            }
            Ok(())
        })?;
        let status = child.wait()?;
        let mut tally = printer.tally;
        if !status.success() && tally.failed == 0 {
            say(&format!("{} died: {status}", self.label));
            tally.failed += 1;
        }
        Ok(tally)
    }

    /// The command that runs `tests`.
    pub(crate) fn prepared(&self, tests: &[String], run: &Run<'_>) -> Command {
        let mut command = self.command();
        command.arg("--exact").arg(format!("--test-threads={}", run.threads)).args(tests);
        if run.include_ignored {
            command.arg("--include-ignored");
        }
        command.envs(run.env.iter().map(|(k, v)| (k, v)));
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.package_dir);
        command
    }
}

/// Follows libtest's output: counts, and passes on what a reader wants to see.
struct Printer {
    tally: Tally,
    verbose: bool,
    started: Instant,
    /// Inside the block in which libtest repeats what failing tests printed.
    in_failures: bool,
}

impl Printer {
    fn new(verbose: bool) -> Self {
        Printer { tally: Tally::default(), verbose, started: Instant::now(), in_failures: false }
    }

    fn line(&mut self, line: &str) {
        if let Some(outcome) = Outcome::parse(line) {
            match outcome {
                Outcome::Passed => self.tally.passed += 1,
                Outcome::Failed => self.tally.failed += 1,
                Outcome::Ignored => self.tally.skipped += 1,
            }
            if self.verbose || outcome == Outcome::Failed {
                say(&format!("  {:>5} s  {line}", self.started.elapsed().as_secs()));
            }
            return;
        }
        self.in_failures = match line {
            "failures:" => true,
            _ if line.starts_with("test result: ") => false,
            _ => self.in_failures,
        };
        if self.in_failures {
            say(line);
        }
    }
}

/// One result line of libtest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Ignored,
}

impl Outcome {
    /// Reads `test some::name ... ok`; anything else is not a result.
    pub(crate) fn parse(line: &str) -> Option<Outcome> {
        let (_, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        match outcome {
            "ok" => Some(Outcome::Passed),
            "FAILED" => Some(Outcome::Failed),
            _ if outcome.starts_with("ignored") => Some(Outcome::Ignored),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_told_from_noise() {
        assert_eq!(Outcome::parse("test a::b ... ok"), Some(Outcome::Passed));
        assert_eq!(Outcome::parse("test a ... FAILED"), Some(Outcome::Failed));
        assert_eq!(
            Outcome::parse("test a ... ignored, run by cargo xtask test"),
            Some(Outcome::Ignored)
        );
        assert_eq!(Outcome::parse("test result: ok. 1 passed; 0 failed"), None);
        assert_eq!(Outcome::parse("running 1 test"), None);
    }
}
