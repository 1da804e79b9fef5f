//! `cargo xtask bench`: how fast, as ratios against what users have today; `bench/README.md` says how.

mod apply;
mod bed;
mod deploy;
mod fleet;
mod http;
mod list;
mod plane;
mod record;
mod report;
mod requests;
mod savepoint;
mod start;
mod storage;
mod upload;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::step::{print, say};
use bed::Bed;
use plane::Plane;
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
    /// Cargo profile to build the plugin with: release is what users get, and takes long to link
    #[arg(long, value_name = "NAME", default_value = "bench-fast")]
    profile: String,
    /// Write the results to this file too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Replace the rows of what was measured in bench/RESULTS.md
    #[arg(long)]
    record: bool,
}

/// The benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// From the command to the job RUNNING, against `flink run -t kubernetes-application`
    Deploy,
    /// What the command adds to Flink's own checkpoint duration, against `flink savepoint`
    Savepoint,
    /// Start of the storage agent, and 10,000 files listed and deleted, against the most they may take; a jar's upload,
    /// against `kubectl cp`
    Storage,
    /// `version --client` against `kubectl version --client`: time and memory
    Start,
    /// 5,000 applications against `kubectl get`: time and memory
    List,
    /// API requests of each command against the least it could do with
    Requests,
    /// Objects per second of 200 deployments, against `kubectl apply --server-side`
    Apply,
}

impl Name {
    /// Its name on the command line.
    fn word(self) -> &'static str {
        match self {
            Name::Deploy => "deploy",
            Name::Savepoint => "savepoint",
            Name::Start => "start",
            Name::List => "list",
            Name::Requests => "requests",
            Name::Apply => "apply",
            Name::Storage => "storage",
        }
    }

    /// Whether pods have to run; otherwise an API server is enough.
    fn needs_pods(self) -> bool {
        matches!(self, Name::Deploy | Name::Savepoint | Name::Storage)
    }
}

/// Measures and prints; whether the goals are met decides nothing here.
///
/// # Errors
/// When something could not be measured.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let names = if args.names.is_empty() { Name::value_variants() } else { &args.names };
    let mut measured = Vec::new();
    // One cluster at a time: the other would disturb.
    let (with, without): (Vec<Name>, Vec<Name>) = names.iter().partition(|name| name.needs_pods());
    let outcome = without_pods(&without, args, &mut measured)
        .and_then(|()| with_pods(&with, args, &mut measured));
    // What was measured before something failed is not lost.
    print(&report::table(&measured));
    if args.record {
        record::write(&measured)?;
    }
    if let Some(file) = &args.json {
        let rows: Vec<_> = measured.iter().map(Measured::result).collect();
        std::fs::write(file, serde_json::to_string_pretty(&rows)? + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    outcome
}

fn with_pods(names: &[Name], args: &BenchArgs, measured: &mut Vec<Measured>) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let bed = Bed::prepare(&args.profile)?;
    for name in names {
        let measurement = match name {
            Name::Savepoint => savepoint::measure(&bed, args.rounds).map(|one| vec![one]),
            Name::Storage => storage::measure(&bed, args.rounds),
            _ => deploy::measure(&bed, args.rounds).map(|one| vec![one]),
        };
        measured.extend(measurement.with_context(|| format!("benchmark {name:?}"))?);
    }
    Ok(())
}

fn without_pods(names: &[Name], args: &BenchArgs, measured: &mut Vec<Measured>) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let plane = Plane::prepare(&args.profile)?;
    for name in names {
        let measurement = match name {
            Name::List => list::measure(&plane, args.rounds),
            Name::Requests => requests::measure(&plane),
            Name::Apply => apply::measure(&plane, args.rounds),
            _ => start::measure(&plane, args.rounds),
        };
        measured.extend(measurement.with_context(|| format!("benchmark {name:?}"))?);
    }
    plane.take_down()
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
            say(&format!(
                "    {what}, round {} of {rounds}: ours {:.3}, baseline {:.3}",
                i + 1,
                round.ours,
                round.baseline
            ));
            Ok(round)
        })
        .collect()
}
