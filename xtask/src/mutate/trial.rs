//! Runs the tests of one mutation and sees which of them are red.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::step;
use crate::test::Layer;
use crate::test::libtest::{Outcome, Run, TestBinary};

const POLL: Duration = Duration::from_millis(20);

/// How tests are run.
pub(crate) struct Trial<'a> {
    pub(crate) layer: Layer,
    pub(crate) env: &'a [(String, String)],
    /// When they are given up.
    pub(crate) limit: Duration,
}

/// What came of them.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The tests that failed.
    pub(crate) red: BTreeSet<String>,
    /// Whether they came to no end.
    pub(crate) endless: bool,
}

impl Verdict {
    /// Whether something was noticed.
    pub(crate) fn is_red(&self) -> bool {
        self.endless || !self.red.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.endless, self.red.len()) {
            (true, _) => f.write_str("comes to no end"),
            (false, 0) => f.write_str("NOT NOTICED"),
            (false, _) => {
                let names = self.red.iter().map(|test| test.rsplit("::").next().unwrap_or(test));
                write!(f, "red: {}", Vec::from_iter(names).join(", "))
            }
        }
    }
}

impl Trial<'_> {
    /// Where the output of the last one is.
    pub(crate) fn log() -> Result<PathBuf> {
        step::log_path("mutate")
    }

    /// Runs those of `tests` that are in `binaries`.
    ///
    /// # Errors
    /// When a program cannot be started.
    pub(crate) fn run(&self, binaries: &[TestBinary], tests: &BTreeSet<String>) -> Result<Verdict> {
        let mut verdict = Verdict::default();
        let (env, threads) = (self.env, self.layer.threads());
        let run = Run { env, threads, include_ignored: true, verbose: false };
        for binary in binaries {
            let here =
                binary.list(|test| self.layer.holds(binary, test) && tests.contains(test))?;
            if !here.is_empty() {
                self.one(binary.prepared(&here, &run), &here, &mut verdict)?;
            }
        }
        Ok(verdict)
    }

    fn one(&self, mut command: Command, tests: &[String], verdict: &mut Verdict) -> Result<()> {
        let path = Trial::log()?;
        let log = File::create(&path)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let mut child = command.spawn().context("cannot start the tests")?;
        verdict.endless |= !self.ends(&mut child)?;
        let succeeded = child.wait()?.success();
        let text = fs::read(&path)?;
        let before = verdict.red.len();
        for line in String::from_utf8_lossy(&text).lines() {
            if Outcome::parse(line) == Some(Outcome::Failed) {
                let name = line.split_whitespace().nth(1).unwrap_or_default();
                verdict.red.insert(name.to_owned());
            }
        }
        // It died before it could tell which.
        if !succeeded && verdict.red.len() == before && !verdict.endless {
            verdict.red.extend(tests.iter().cloned());
        }
        Ok(())
    }

    /// Whether they ended by themselves. Whatever they started goes with them.
    fn ends(&self, child: &mut Child) -> Result<bool> {
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > self.limit || step::interrupted() {
                killpg(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGKILL)?;
                return Ok(false);
            }
            std::thread::sleep(POLL);
        }
        Ok(true)
    }
}
