//! The steps of a plan in words.

use crate::ops::operation::abort::Way;
use crate::ops::plan::{From, Step, Stop};
use crate::ui::human;

/// What a step does.
pub fn words(step: &Step) -> String {
    match step {
        Step::Claim { name, request } => format!("create claim {name} ({request})"),
        Step::Upload { sha256, bytes } => {
            format!(
                "upload the jar ({}, sha256 {:.12}…), unless it is there",
                human::bytes(*bytes),
                sha256
            )
        }
        Step::CopyJar { to, .. } => format!("copy the jar to {to}, unless it is there"),
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
        Step::Salvage { generation, .. } => {
            format!("find the newest snapshot that generation {generation} left")
        }
        Step::Start { revision, from } => {
            let from = match from {
                From::Empty => "empty state".to_owned(),
                From::Snapshot(path) => path.to_string(),
                From::Stopped => "what the stopped job left".to_owned(),
                From::Found => "what was found".to_owned(),
            };
            match revision.spec.is_suspended() {
                false => format!("start generation {} from {from}", revision.generation),
                true => format!(
                    "make generation {} without pods, to be started from {from}",
                    revision.generation
                ),
            }
        }
        Step::Repair { generation } => {
            format!("set the objects of generation {generation} back to what its record says")
        }
        Step::Prove { generation } => {
            format!(
                "wait until generation {generation} runs, restored as asked, and has completed a checkpoint"
            )
        }
        Step::Snapshot { generation, take } => {
            format!("take a {take} of generation {generation}, which goes on running")
        }
        Step::Acknowledge { .. } => "note that the trigger nonces are honoured".to_owned(),
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

/// What must be so before the next step begins.
pub(super) fn proof(step: &Step) -> &'static str {
    match step {
        Step::Claim { .. } => "the claim exists and is the application's",
        Step::Upload { .. } => "the file in the storage has this SHA-256",
        Step::CopyJar { .. } => "the file is there, as long as the one that was copied",
        Step::Verify { .. } => "its _metadata is there and can be read",
        Step::Stop { how: Stop::Savepoint { .. }, .. } => {
            "the savepoint is complete, and the job has ended"
        }
        Step::Stop { how: Stop::Cancel, .. } => "the job has ended",
        Step::Quiesce { .. } => "no pod of the generation is left",
        Step::Salvage { .. } => "the storage was read",
        Step::Start { .. } => "the record was made by this operation, and every object is applied",
        Step::Repair { .. } => "no difference is left",
        Step::Prove { .. } => {
            "the job runs, was restored from what it should have been, and completed a checkpoint"
        }
        Step::Catalogue { .. } => "the record is on the storage",
        Step::Snapshot { .. } => "Flink names its path",
        Step::Reinstate { .. } | Step::Rest { .. } | Step::Acknowledge { .. } => "it is written",
        Step::Retire { .. } | Step::RetireApplication => "they are deleted, and the pods are gone",
        Step::DeleteClaim { .. } => "the claim is gone",
    }
}

/// What `--abort` does.
pub(super) fn way_back(way: &Way) -> String {
    let all = |steps: &[Step]| steps.iter().map(words).collect::<Vec<_>>().join("; ");
    match way {
        Way::Forget => "nothing has to be undone".to_owned(),
        Way::Ask { .. } => {
            "if the stop was not sent, nothing has to be undone; else as in the next step"
                .to_owned()
        }
        Way::Back(steps) => all(steps),
        Way::OnlyForward(why) => format!("cannot be undone: {why}"),
    }
}
