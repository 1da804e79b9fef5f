//! Values that the tests of this layer share.

use crate::model::ids::OperationId;
use crate::model::name::Generation;
use crate::model::revision::{Jar, Revision};
use crate::model::snapshot::SnapshotPath;
use crate::model::spec::{FlinkDeployment, JobSpec};
use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};
use crate::ops::anchor::Anchor;
use crate::ops::deploy::{Decision, Input, decide};
use crate::ops::lifecycle::{self, StopMode};
use crate::ops::observed::{Active, Job, Nonces, Run};
use crate::ops::operation::record::{Record, Runner};
use crate::ops::plan::{Plan, Step, Stop};
use crate::ops::transition;

pub(crate) fn operation() -> OperationId {
    OperationId::from_random([1, 2, 3, 4, 5, 6, 7, 8])
}

pub(crate) fn snapshot(name: &str) -> SnapshotPath {
    format!("file:///flink/state/shop/orders/savepoints/{name}").parse().expect("a valid path")
}

pub(crate) fn revision(generation: u32) -> Revision {
    let application = "orders".parse().expect("a valid name");
    let generation = Generation::new(generation);
    let mut spec = FlinkDeployment::new("orders", Some("shop"), Default::default());
    spec.spec.job = Some(JobSpec { parallelism: Some(1), ..JobSpec::default() });
    Revision {
        job_id: transition::job_id("shop", &application, generation, &operation()),
        application,
        namespace: "shop".to_owned(),
        generation,
        parent: None,
        flink_version: Default::default(),
        image: "flink:2.3.0".to_owned(),
        jar: Jar {
            uri: "local:///opt/flink/usrlib/orders.jar".to_owned(),
            name: "orders.jar".to_owned(),
            sha256: None,
            main_class: None,
        },
        storage: StateStorage::Claim(ClaimStorage {
            claim: "orders-state".to_owned(),
            path: String::new(),
            access: AccessMode::Rwo,
        }),
        spec,
        also_reads: None,
        data_stores: Vec::new(),
        restored_from: None,
        created: jiff::Timestamp::UNIX_EPOCH,
        created_by: "0.1.0".to_owned(),
    }
}

pub(crate) fn active(generation: u32, run: Run, job: Job) -> Active {
    Active { revision: revision(generation), run, job, latest: None, nonces: Nonces::default() }
}

/// Each step in a few words, for comparison.
pub(crate) fn names(steps: &[Step]) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Start { revision, from } => {
            format!("Start {} from {from:?}", revision.generation)
        }
        Step::Stop { generation, how, .. } => format!(
            "Stop {generation} by {}",
            if *how == Stop::Cancel { "cancel" } else { "savepoint" }
        ),
        Step::Rest { .. } => "Rest".to_owned(),
        Step::Salvage { generation, .. } => format!("Salvage {generation}"),
        other => {
            let text = format!("{other:?}").replace("Generation(", "").replace(')', "");
            text.replace(" { generation: ", " ").replace(" }", "")
        }
    };
    steps.iter().map(name).collect()
}

/// A process that began at the epoch.
pub(crate) fn runner() -> Runner {
    Runner {
        id: "runner-one".to_owned(),
        now: jiff::Timestamp::UNIX_EPOCH,
        patience: std::time::Duration::from_secs(15),
    }
}

/// An upgrade of running generation 4 to 5, before its first step.
pub(crate) fn recorded_upgrade() -> Record {
    let active = active(4, Run::Running, Job::Running);
    let mut target = revision(1);
    target.image = "flink:2.3.0-patched".to_owned();
    let operation = operation();
    let input = Input {
        operation: &operation,
        target: &target,
        active: Some(&active),
        left_behind: None,
        highest: None,
        claim: None,
        upload: None,
        from: None,
    };
    match decide(&input) {
        Ok(Decision::Upgrade(plan)) => recorded(plan, &active),
        other => panic!("{other:?}"),
    }
}

/// A stop of running generation 4, before its first step.
pub(crate) fn recorded_stop() -> Record {
    let active = active(4, Run::Running, Job::Running);
    let plan = lifecycle::stop(&active, StopMode::Savepoint, &operation());
    recorded(plan.expect("a plan").expect("a plan"), &active)
}

/// The record of `plan`, which begins on `active`.
pub(crate) fn recorded(plan: Plan, active: &Active) -> Record {
    let anchor = Anchor::running(active.revision.generation);
    Record::new(plan, "request".to_owned(), Some(anchor), Some(active), &runner())
}
