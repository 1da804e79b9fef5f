//! `cargo xtask fuzz`: the targets of `fuzz/targets.rs`, guided by coverage, each for a bounded time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::step::{Step, print, say};
use crate::{cache, tools};

/// The release of cargo-fuzz that is installed, outside the checkout, where there is none.
const CARGO_FUZZ: &str = "0.13.2";

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// Targets to run; all of them without a name
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// Builds and runs the fuzzers. What they find is kept under `fuzz/artifacts`, new seeds in the cache.
///
/// # Errors
/// When a target breaks a promise; the input that does is named.
pub(crate) fn run(args: &FuzzArgs) -> Result<()> {
    let root = tools::repository();
    let all = targets(&root)?;
    for target in &args.targets {
        ensure!(
            all.contains(target),
            "there is no target {target:?}; there are {}",
            all.join(", ")
        );
    }
    let wanted = if args.targets.is_empty() { &all } else { &args.targets };
    let program = cargo_fuzz()?;
    let build = |command: &mut Command| {
        // No unsafe code of ours that a sanitizer could watch, and so no nightly compiler either.
        command.args(["fuzz", "build", "--dev", "--sanitizer", "none"]).current_dir(&root);
        Step::new("Building the fuzzers", "fuzz-build").run(command)
    };
    build(&mut Command::new(&program))?;
    for target in wanted {
        let corpus = cache::dir()?.join("fuzz").join(target);
        fs::create_dir_all(&corpus)?;
        let mut command = Command::new(&program);
        command
            .args(["fuzz", "run", "--dev", "--sanitizer", "none", target])
            .arg(&corpus)
            .arg(root.join("fuzz/seeds").join(target))
            .args(["--", &format!("-max_total_time={}", args.seconds)])
            .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .current_dir(&root);
        Step::new(format!("Fuzzing {target}"), &format!("fuzz-{target}")).run(&mut command)?;
        print(&format!("{target}: {} inputs, nothing found", executed(target)?));
    }
    Ok(())
}

/// The names of the targets: the programs of the fuzzers' own workspace.
fn targets(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// How many inputs the last run of a target tried, as libFuzzer's statistics say.
fn executed(target: &str) -> Result<String> {
    let log = fs::read(crate::step::log_path(&format!("fuzz-{target}"))?)?;
    let log = String::from_utf8_lossy(&log);
    let line = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(line.context("libFuzzer printed no statistics")?.trim().to_owned())
}

/// cargo-fuzz: the user's own, or one in the cache.
fn cargo_fuzz() -> Result<PathBuf> {
    if let Some(program) = tools::find("cargo-fuzz") {
        return Ok(program);
    }
    let entry = cache::entry("bin", "cargo-fuzz", CARGO_FUZZ, |dir| {
        say("==> Installing cargo-fuzz, which takes a few minutes once");
        let mut command = Command::new(env!("CARGO"));
        command.args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ, "--root"]);
        command.arg(dir).stdin(Stdio::null());
        Step::new("Building cargo-fuzz", "cargo-fuzz").run(&mut command)
    })?;
    Ok(entry.join("bin/cargo-fuzz"))
}
