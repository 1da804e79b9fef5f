//! The steps that take an application from one generation to the next, shared by `deploy`, `start`,
//! `restore` and `stop`. Pure.

use crate::error::{Error, Kind, Result};
use crate::model::ids::{JobId, OperationId};
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::Revision;
use crate::ops::observed::{Active, Job, Run};
use crate::ops::plan::{From, Step, Stop};

/// How a job that runs now is ended, and what the next generation starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// Steps that end the old job and remove its pods.
    pub steps: Vec<Step>,
    /// What the next generation starts from.
    pub from: From,
    /// Whether a job that was running is stopped on the way, so that a fallback is owed.
    pub interrupts: bool,
}

/// The ending of `active`, keeping its state.
///
/// A running job is stopped with a savepoint. A job that cannot take one is cancelled, and its newest
/// snapshot is the state; where it never had any, there is none to lose.
///
/// # Errors
///
/// [`Kind::Conflict`] when the job may hold state that no snapshot is known of.
pub fn ending(active: &Active, operation: &OperationId, directory: &str) -> Result<Ending> {
    let generation = active.revision.generation;
    let known = || active.known_snapshot().cloned().map_or(From::Empty, From::Snapshot);
    let stop = |how| Step::Stop { generation, job: active.job_id(), how };
    let quiesce = Step::Quiesce { generation };
    Ok(match (&active.run, &active.job) {
        (Run::Stopped, _) => Ending { steps: Vec::new(), from: known(), interrupts: false },
        (Run::Running, Job::Running) => Ending {
            steps: vec![stop(savepoint(operation, directory, false)), quiesce],
            from: From::Stopped,
            interrupts: true,
        },
        (Run::Running, Job::Unsettled(_)) => {
            // It may complete another checkpoint before it is cancelled, and drop the one known now. The first one
            // counts too: what it covers has been committed.
            let from = active.known_snapshot().map_or(From::Found, |_| From::Stopped);
            Ending { steps: vec![stop(Stop::Cancel), quiesce], from, interrupts: true }
        }
        (Run::Running, Job::Ended(_)) => {
            Ending { steps: vec![quiesce], from: known(), interrupts: false }
        }
        (Run::Running, Job::Unreachable) if active.known_snapshot().is_some() => {
            return Err(unreachable(active));
        }
        // Its JobManager may come up at any moment, and its job go on from where it was.
        (Run::Running, Job::Unknown | Job::Unreachable) => {
            let steps = vec![quiesce, salvage(active)];
            Ending { steps, from: From::Found, interrupts: false }
        }
    })
}

/// The step that finds what the job of `active` left.
pub fn salvage(active: &Active) -> Step {
    Step::Salvage { generation: active.revision.generation, job: active.job_id() }
}

/// A stop with savepoint, as `operation` triggers it.
pub fn savepoint(operation: &OperationId, directory: &str, drain: bool) -> Stop {
    Stop::Savepoint { directory: directory.to_owned(), trigger: operation.trigger("stop"), drain }
}

/// The steps that end what `active` runs in favour of an earlier snapshot: what it was is saved where that is
/// possible, and nothing else holds them up.
pub fn giving_way(active: &Active, operation: &OperationId, directory: &str) -> Vec<Step> {
    let generation = active.revision.generation;
    let stop = |how| Step::Stop { generation, job: active.job_id(), how };
    let quiesce = Step::Quiesce { generation };
    match (&active.run, &active.job) {
        (Run::Stopped, _) => Vec::new(),
        (_, Job::Running) => vec![stop(savepoint(operation, directory, false)), quiesce],
        (_, Job::Unsettled(_)) => vec![stop(Stop::Cancel), quiesce],
        (_, Job::Ended(_) | Job::Unknown | Job::Unreachable) => vec![quiesce],
    }
}

/// The steps that make `revision` without pods, to be started from `from` later.
pub fn resting(revision: Revision, from: From) -> Vec<Step> {
    let generation = revision.generation;
    vec![Step::Start { revision: Box::new(revision), from }, Step::Catalogue { generation }]
}

/// The steps that start `revision` from `from` and prove it, also where its spec wanted it to rest.
pub fn beginning(revision: Revision, from: From) -> Vec<Step> {
    let generation = revision.generation;
    let revision = Revision { spec: revision.spec.awake(), ..revision };
    vec![
        Step::Start { revision: Box::new(revision), from },
        Step::Prove { generation },
        Step::Catalogue { generation },
    ]
}

/// The steps that go back to the spec of `old` after the generation `failed` did not come up: a further
/// generation, from the snapshot that the stop left; with [`From::Found`] from what the failed one committed, if
/// it did, which nobody is to do once more. An operation that is given up right after its stop has not removed the
/// old pods yet.
pub fn fallback(
    old: &Revision,
    failed: &Revision,
    from: From,
    operation: &OperationId,
) -> Vec<Step> {
    let again = successor(old, failed.generation.next(), Some(old.generation), operation);
    let mut steps = vec![
        Step::Quiesce { generation: failed.generation },
        Step::Quiesce { generation: old.generation },
    ];
    if from == From::Found {
        steps.push(Step::Salvage { generation: failed.generation, job: failed.job_id });
    }
    steps.extend(beginning(again, from));
    steps.push(Step::Retire { generation: failed.generation });
    steps.push(Step::Retire { generation: old.generation });
    steps
}

/// `revision` as generation `generation`: the same spec, a job id and a high-availability identity of its
/// own.
pub fn successor(
    revision: &Revision,
    generation: Generation,
    parent: Option<Generation>,
    operation: &OperationId,
) -> Revision {
    Revision {
        generation,
        parent,
        job_id: job_id(&revision.namespace, &revision.application, generation, operation),
        restored_from: None,
        ..revision.clone()
    }
}

/// The job id of a generation: never the same for two generations, not even after the application was
/// deleted and its number came up again.
pub fn job_id(
    namespace: &str,
    application: &ApplicationName,
    generation: Generation,
    operation: &OperationId,
) -> JobId {
    let number = generation.to_string();
    JobId::derive(&["job", namespace, application.as_str(), &number, operation.as_str()])
}

/// The refusal to end or to replace a job that has come to its end by itself.
pub fn finished(name: &ApplicationName) -> Error {
    Error::new(
        Kind::Conflict,
        format!("the job of {name} is FINISHED: it has processed all of its input, and left no state to go on from"),
    )
    .hint(format!("To process it all once more, delete the application with `kubectl flink delete {name}` and deploy with --from none."))
    .hint(format!("To go on from an earlier savepoint, run `kubectl flink restore {name} --from SNAPSHOT`."))
}

fn unreachable(active: &Active) -> Error {
    let name = &active.revision.application;
    Error::new(
        Kind::Unreachable,
        format!(
            "the JobManager of {name} (generation {}) does not answer, so its state cannot be saved",
            active.revision.generation
        ),
    )
    .hint(format!("See why with `kubectl flink status {name}`."))
    .hint(format!(
        "To go on from the last completed snapshot instead, run `kubectl flink restore {name} --from latest`."
    ))
}
