//! `cargo xtask bench`: how fast, as ratios against what users have today; `bench/README.md` says how.

mod bed;
mod deploy;
mod http;
mod report;
mod savepoint;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::step::{print, say, seconds};
use bed::Bed;
use report::{Measured, Round};

/// Arguments of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Benchmarks to run; all of them without a name
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Name>,
    /// Rounds of each benchmark
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Write the results to this file too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// From the command to the job RUNNING, against `flink run -t kubernetes-application`
    Deploy,
    /// What the command adds to Flink's own checkpoint duration, against `flink savepoint`
    Savepoint,
}

/// Measures and prints; whether the goals are met decides nothing here.
///
/// # Errors
/// When something could not be measured.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let names = if args.names.is_empty() { Name::value_variants() } else { &args.names };
    let bed = Bed::prepare()?;
    let mut measured = Vec::new();
    for name in names {
        let measurement = match name {
            Name::Deploy => deploy::measure(&bed, args.rounds),
            Name::Savepoint => savepoint::measure(&bed, args.rounds),
        };
        measured.push(measurement.with_context(|| format!("benchmark {name:?}"))?);
    }
    print(&report::table(&measured));
    if let Some(file) = &args.json {
        let rows: Vec<_> = measured.iter().map(Measured::result).collect();
        std::fs::write(file, serde_json::to_string_pretty(&rows)? + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Runs `rounds` rounds of two measurements, in turns, so that whatever else the machine does meets both;
/// which goes first alternates.
fn interleave(
    what: &str,
    rounds: u32,
    mut ours: impl FnMut(u32) -> Result<f64>,
    mut baseline: impl FnMut(u32) -> Result<f64>,
) -> Result<Vec<Round>> {
    (0..rounds)
        .map(|i| {
            let round = if i % 2 == 0 {
                let ours = ours(i)?;
                Round { ours, baseline: baseline(i)? }
            } else {
                let baseline = baseline(i)?;
                Round { ours: ours(i)?, baseline }
            };
            let [a, b] =
                [round.ours, round.baseline].map(std::time::Duration::from_secs_f64).map(seconds);
            say(&format!("    {what}, round {} of {rounds}: ours {a}, baseline {b}", i + 1));
            Ok(round)
        })
        .collect()
}
