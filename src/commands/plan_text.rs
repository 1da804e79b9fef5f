//! A plan in words, for `--dry-run`.

use crate::ops::deploy::Decision;
use crate::ops::plan::{From, Plan, Step, Stop};
use crate::ui::human;

/// One line a step; what brings the old generation back comes last.
pub(super) fn lines(decision: &Decision) -> Vec<String> {
    match decision {
        Decision::Unchanged => vec!["nothing to do".to_owned()],
        Decision::Create(plan)
        | Decision::Upgrade(plan)
        | Decision::Resume(plan)
        | Decision::Repair(plan) => plan_lines(plan),
    }
}

fn plan_lines(plan: &Plan) -> Vec<String> {
    let numbered = plan.steps.iter().enumerate();
    let mut lines: Vec<String> =
        numbered.map(|(i, step)| format!("{}. {}", i + 1, words(step))).collect();
    if !plan.fallback.is_empty() {
        lines.push("If the new generation does not come up:".to_owned());
        lines.extend(plan.fallback.iter().map(|step| format!("   {}", words(step))));
    }
    lines
}

pub(super) fn words(step: &Step) -> String {
    match step {
        Step::Claim { name, request } => format!("create claim {name} ({request})"),
        Step::Upload { sha256, bytes } => {
            format!(
                "upload the jar ({}, sha256 {:.12}…), unless it is there",
                human::bytes(*bytes),
                sha256
            )
        }
        Step::Verify { snapshot } => format!("make sure that {snapshot} is complete"),
        Step::Stop { generation, how: Stop::Savepoint { directory, drain, .. }, .. } => {
            let drain = if *drain { ", drained" } else { "" };
            format!("stop generation {generation} with a savepoint in {directory}{drain}")
        }
        Step::Stop { generation, how: Stop::Cancel, .. } => {
            format!("cancel the job of generation {generation}, keeping its latest checkpoint")
        }
        Step::Quiesce { generation } => {
            format!("scale generation {generation} to zero and wait until its pods are gone")
        }
        Step::Start { revision, from } => {
            let from = match from {
                From::Empty => "empty state".to_owned(),
                From::Snapshot(path) => path.to_string(),
                From::Stopped => "what the stopped job left".to_owned(),
            };
            format!("start generation {} from {from}", revision.generation)
        }
        Step::Repair { generation } => {
            format!("set the objects of generation {generation} back to what its record says")
        }
        Step::Prove { generation } => {
            format!(
                "wait until generation {generation} runs, restored as asked, and has completed a checkpoint"
            )
        }
        Step::Catalogue { generation } => {
            format!("record generation {generation} beside its state")
        }
        Step::Retire { generation } => format!("delete the objects of generation {generation}"),
        Step::Reinstate { anchor } => {
            format!("make generation {} the active one again", anchor.generation)
        }
        Step::Rest { .. } => "mark the application as stopped".to_owned(),
        Step::RetireApplication => "delete the application's objects, but no claim".to_owned(),
        Step::DeleteClaim { name } => format!("delete claim {name} and all snapshots on it"),
    }
}
