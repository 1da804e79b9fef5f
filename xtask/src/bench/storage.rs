//! `storage`: what `storage check` says of a claim, with the most that each may take as the baseline; and an upload.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::bed::Bed;
use super::report::{Measured, Round};
use super::upload;
use crate::step::say;

/// The claim that is measured.
const CLAIM: &str = "measured";

/// What is measured: its name, where it is in the answer, units a second, and the most it may be, in seconds.
const FIGURES: [(&str, &str, f64, f64); 3] = [
    ("agent ready after exec", "/measured/agentStartMillis", 1e3, 1.5),
    ("10,000 files listed", "/measured/files/listMicros", 1e6, 3.0),
    ("10,000 files deleted with one request", "/measured/files/deleteMicros", 1e6, 3.0),
];

pub(super) fn measure(bed: &Bed, rounds: u32) -> Result<Vec<Measured>> {
    let created = bed.ours(&["storage", "create", CLAIM, "pvc:2Gi"]).status()?;
    ensure!(created.success(), "the claim was not created");
    let mut measured = FIGURES.map(|(metric, ..)| Measured {
        name: "storage",
        metric: metric.to_owned(),
        unit: "s",
        goal: 1.0,
        rounds: Vec::new(),
    });
    for round in 1..=rounds {
        bed.settle()?;
        let answer = check(bed)?;
        ensure!(answer["measured"]["files"]["listed"] == 10_000, "not all files were made in time");
        for ((_, pointer, scale, limit), figure) in FIGURES.iter().zip(&mut measured) {
            let value = answer.pointer(pointer).and_then(Value::as_f64).context(*pointer)?;
            figure.rounds.push(Round { ours: value / scale, baseline: *limit });
        }
        say(&format!("    storage, round {round} of {rounds}"));
    }
    let mut measured = Vec::from(measured);
    measured.push(upload::measure(bed, CLAIM, rounds)?);
    Ok(measured)
}

fn check(bed: &Bed) -> Result<Value> {
    let target = format!("claim:{CLAIM}");
    let words =
        ["storage", "check", &target, "--files=10000", "--duration=60s", "--streams=1", "-o=json"];
    let output = bed.ours(&words).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "storage check: {}", said.trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}
