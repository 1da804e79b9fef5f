//! Planning `stop`, `start`, `restore` and `delete`. Pure.

use crate::error::{Error, Kind, Result};
use crate::model::ids::OperationId;
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::observed::{Active, Job, Run};
use crate::ops::plan::{From, Plan, Step, Stop, Verb};
use crate::ops::transition;

/// How `stop` ends the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// With a savepoint to go on from.
    Savepoint,
    /// With a savepoint after the maximum watermark: the job is at its end.
    Drain,
    /// At once: `start` goes on from the latest checkpoint.
    Discard,
}

/// The plan of `stop`; `None` when the application is stopped already.
///
/// # Errors
/// [`Kind::Conflict`] when the job does not run, so that no savepoint can be taken.
pub fn stop(active: &Active, mode: StopMode, operation: &OperationId) -> Result<Option<Plan>> {
    if active.run == Run::Stopped {
        return Ok(None);
    }
    if active.has_finished() {
        return Err(transition::finished(&active.revision.application));
    }
    let revision = &active.revision;
    let generation = revision.generation;
    let directory = revision.layout().operation_savepoints(operation);
    let how = match (mode, &active.job) {
        (StopMode::Savepoint, Job::Running) => {
            Some(transition::savepoint(operation, &directory, false))
        }
        (StopMode::Drain, Job::Running) => Some(transition::savepoint(operation, &directory, true)),
        (StopMode::Discard, Job::Running | Job::Unsettled(_)) => Some(Stop::Cancel),
        (_, Job::Ended(_) | Job::Unknown) | (StopMode::Discard, Job::Unreachable) => None,
        // Flink calls a job RUNNING before its tasks do.
        (StopMode::Savepoint | StopMode::Drain, Job::Unsettled(state)) if state == "RUNNING" => {
            return Err(cannot_save(revision, "some of its tasks do not run"));
        }
        (StopMode::Savepoint | StopMode::Drain, Job::Unsettled(state)) => {
            return Err(cannot_save(revision, &format!("it is {state}")));
        }
        (StopMode::Savepoint | StopMode::Drain, Job::Unreachable) => {
            return Err(cannot_save(revision, "its JobManager does not answer"));
        }
    };
    let mut steps = Vec::new();
    steps.extend(how.map(|how| Step::Stop { generation, job: revision.job_id, how }));
    steps.push(Step::Quiesce { generation });
    if matches!(active.job, Job::Unknown | Job::Unreachable) {
        steps.push(transition::salvage(active));
    }
    steps.push(Step::Rest { snapshot: active.known_snapshot().cloned() });
    Ok(Some(plan(Verb::Stop, revision, operation, steps, Vec::new())))
}

fn cannot_save(revision: &Revision, why: &str) -> Error {
    let name = &revision.application;
    Error::new(
        Kind::Conflict,
        format!("the job of {name} cannot be stopped with a savepoint: {why}"),
    )
    .hint(format!("Wait until it runs (`kubectl flink status {name} -w`)."))
    .hint("Or stop it without one by --discard: it then goes on from its latest checkpoint.")
}

/// The plan of `start`: the stopped generation's spec, from the snapshot it was stopped with.
///
/// # Errors
/// [`Kind::Conflict`] when it runs already.
pub fn start(active: &Active, highest: Generation, operation: &OperationId) -> Result<Plan> {
    let old = &active.revision;
    if active.run == Run::Running {
        let name = &old.application;
        return Err(Error::new(Kind::Conflict, format!("{name} is not stopped"))
            .hint(format!("Look at it with `kubectl flink status {name}`.")));
    }
    let from = active.known_snapshot().cloned().map_or(From::Empty, From::Snapshot);
    Ok(begin_again(Verb::Start, old, highest, from, operation))
}

/// What a restore to `snapshot` starts from. A checkpoint of the job that runs goes with it: when it is the newest
/// snapshot of all (and not one that the user named), what the job leaves instead is newer still. A job that nobody
/// can ask may be running, too, and drop it any moment.
///
/// # Errors
/// [`Kind::Conflict`] when the user named such a checkpoint.
pub fn restored_from(active: &Active, snapshot: SnapshotPath, named: bool) -> Result<From> {
    let own = format!("{}/{}/", active.revision.layout().checkpoints(), active.job_id());
    if active.run == Run::Stopped || !snapshot.as_str().starts_with(&own) {
        return Ok(From::Snapshot(snapshot));
    }
    match active.job {
        Job::Running | Job::Unsettled(_) if !named => return Ok(From::Stopped),
        Job::Running | Job::Unsettled(_) => {}
        Job::Unknown | Job::Unreachable if !named => return Ok(From::Found),
        Job::Unknown | Job::Unreachable | Job::Ended(_) => return Ok(From::Snapshot(snapshot)),
    }
    let name = &active.revision.application;
    Err(Error::new(
        Kind::Conflict,
        format!("{} is a checkpoint of the job that runs, and Flink deletes it when the job ends", snapshot.name()),
    )
    .hint(format!("Take a savepoint with `kubectl flink savepoint {name}` to have something to go back to later."))
    .hint(format!("To go back now, name a savepoint: `kubectl flink restore {name} --from savepoint-…`.")))
}

/// The plan of `restore` for an application that exists: its running job is stopped with a savepoint, so
/// that the restore itself can be undone, and its spec starts from what [`restored_from`] says.
///
/// `allow_non_restored_state` overrides the spec's own word.
pub fn restore(
    active: &Active,
    highest: Generation,
    from: From,
    allow_non_restored_state: bool,
    operation: &OperationId,
) -> Plan {
    let old = allowing(&active.revision, allow_non_restored_state);
    let directory = old.layout().operation_savepoints(operation);
    let target = transition::successor(&old, highest.next(), Some(old.generation), operation);
    let mut steps = verify(&from);
    steps.extend(transition::giving_way(active, operation, &directory));
    if from == From::Found {
        steps.push(transition::salvage(active));
    }
    steps.extend(transition::beginning(target.clone(), from));
    steps.push(Step::Retire { generation: old.generation });
    let fallback = match active.job {
        Job::Running => transition::fallback(&active.revision, &target, From::Stopped, operation),
        _ => Vec::new(),
    };
    plan(Verb::Restore, &old, operation, steps, fallback)
}

/// The plan of `restore` in a cluster where the application does not exist: its last record on the
/// storage, from `snapshot`.
pub fn revive(
    record: &Revision,
    snapshot: SnapshotPath,
    allow_non_restored_state: bool,
    operation: &OperationId,
) -> Plan {
    let old = allowing(record, allow_non_restored_state);
    let target =
        transition::successor(&old, old.generation.next(), Some(old.generation), operation);
    let mut steps = vec![Step::Verify { snapshot: snapshot.clone() }];
    steps.extend(transition::beginning(target, From::Snapshot(snapshot)));
    plan(Verb::Restore, &old, operation, steps, Vec::new())
}

/// The plan of `delete`. The claim goes only when `delete_claim` says so, after the user's consent.
pub fn delete(
    active: Option<&Active>,
    record: &Revision,
    delete_claim: bool,
    operation: &OperationId,
) -> Plan {
    let mut steps = Vec::new();
    if let Some(active) = active {
        let generation = active.revision.generation;
        let alive =
            active.run == Run::Running && matches!(active.job, Job::Running | Job::Unsettled(_));
        // Cancelling keeps the latest checkpoint, and lets the job close its connections.
        if alive {
            // `deploy --no-wait` leaves this undone, and without it `restore` would find no spec.
            steps.push(Step::Catalogue { generation });
            let job = active.revision.job_id;
            steps.push(Step::Stop { generation, job, how: Stop::Cancel });
        }
        steps.push(Step::Retire { generation });
    }
    steps.push(Step::RetireApplication);
    if let (true, Some(storage)) = (delete_claim, record.storage.claim()) {
        steps.push(Step::DeleteClaim { name: storage.claim.clone() });
    }
    plan(Verb::Delete, record, operation, steps, Vec::new())
}

fn begin_again(
    verb: Verb,
    old: &Revision,
    highest: Generation,
    from: From,
    operation: &OperationId,
) -> Plan {
    let target = transition::successor(old, highest.next(), Some(old.generation), operation);
    let mut steps = verify(&from);
    steps.extend(transition::beginning(target, from));
    steps.push(Step::Retire { generation: old.generation });
    plan(verb, old, operation, steps, Vec::new())
}

/// What is made sure of before anything is touched.
fn verify(from: &From) -> Vec<Step> {
    match from {
        From::Snapshot(snapshot) => vec![Step::Verify { snapshot: snapshot.clone() }],
        From::Empty | From::Stopped | From::Found => Vec::new(),
    }
}

fn allowing(revision: &Revision, allow_non_restored_state: bool) -> Revision {
    let mut revision = revision.clone();
    if let (true, Some(job)) = (allow_non_restored_state, &mut revision.spec.spec.job) {
        job.allow_non_restored_state = Some(true);
    }
    revision
}

fn plan(
    verb: Verb,
    revision: &Revision,
    operation: &OperationId,
    steps: Vec<Step>,
    fallback: Vec<Step>,
) -> Plan {
    Plan {
        operation: operation.clone(),
        verb,
        namespace: revision.namespace.clone(),
        application: revision.application.clone(),
        steps,
        fallback,
        force: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};
    use crate::ops::testing::{active, names, operation, revision, snapshot};

    #[test]
    fn a_running_job_is_stopped_with_a_savepoint_and_marked() -> Result<()> {
        let running = active(4, Run::Running, Job::Running);
        let plan = stop(&running, StopMode::Savepoint, &operation())?.expect("a plan");
        assert_eq!(names(&plan.steps), ["Stop 4 by savepoint", "Quiesce 4", "Rest"]);
        let plan = stop(&running, StopMode::Discard, &operation())?.expect("a plan");
        assert_eq!(names(&plan.steps), ["Stop 4 by cancel", "Quiesce 4", "Rest"]);
        let drained = stop(&running, StopMode::Drain, &operation())?.expect("a plan");
        assert!(matches!(
            drained.steps.first(),
            Some(Step::Stop { how: Stop::Savepoint { drain: true, .. }, .. })
        ));
        Ok(())
    }

    #[test]
    fn what_is_found_on_a_copy_of_its_claim_goes_on_there() {
        let on = |claim: &str, path: &str| {
            StateStorage::Claim(ClaimStorage {
                claim: claim.to_owned(),
                path: path.to_owned(),
                access: AccessMode::Rwx,
            })
        };
        let started = |storage: &StateStorage| {
            let record = revision(4).found_on(storage);
            let plan = revive(&record, snapshot("savepoint-1"), false, &operation());
            let start = plan.steps.into_iter().find_map(|step| match step {
                Step::Start { revision, .. } => Some(revision.storage),
                _ => None,
            });
            start.expect("a start")
        };
        assert_eq!(started(&on("again", "")), on("again", ""));
        // Elsewhere, the paths in the state would not hold.
        assert_eq!(started(&on("again", "copies")), revision(4).storage);
    }

    #[test]
    fn a_job_that_cannot_be_saved_is_not_stopped_unless_told_to() -> Result<()> {
        for job in [Job::Unsettled("RESTARTING".to_owned()), Job::Unreachable] {
            let active = active(4, Run::Running, job);
            let refused = stop(&active, StopMode::Savepoint, &operation());
            assert!(refused.is_err_and(|e| e.kind() == Kind::Conflict));
            assert!(stop(&active, StopMode::Discard, &operation())?.is_some());
        }
        let starting = active(4, Run::Running, Job::Unsettled("RUNNING".to_owned()));
        let refused = stop(&starting, StopMode::Savepoint, &operation()).expect_err("refused");
        assert!(refused.to_string().ends_with("some of its tasks do not run"), "{refused}");
        let stopped = active(4, Run::Stopped, Job::Unreachable);
        assert_eq!(stop(&stopped, StopMode::Savepoint, &operation())?, None);
        let mut finished = active(4, Run::Running, Job::Ended("FINISHED".to_owned()));
        finished.latest.clone_from(&finished.revision.restored_from);
        let refused = stop(&finished, StopMode::Discard, &operation());
        assert!(refused.is_err_and(|e| e.kind() == Kind::Conflict), "start would begin anew");
        Ok(())
    }

    #[test]
    fn start_goes_on_from_what_stop_left() -> Result<()> {
        let mut stopped = active(4, Run::Stopped, Job::Unreachable);
        stopped.latest = Some(snapshot("savepoint-1"));
        let plan = start(&stopped, Generation::new(6), &operation())?;
        let steps = names(&plan.steps);
        assert!(steps[0].starts_with("Verify"), "{steps:?}");
        assert!(steps[1].starts_with("Start 7 from Snapshot") && steps[1].contains("savepoint-1"));
        let running = active(4, Run::Running, Job::Running);
        assert!(start(&running, Generation::new(6), &operation()).is_err());
        Ok(())
    }

    #[test]
    fn a_restore_verifies_first_and_saves_what_is_there() {
        let running = active(4, Run::Running, Job::Running);
        let plan = restore(
            &running,
            Generation::new(4),
            From::Snapshot(snapshot("savepoint-1")),
            true,
            &operation(),
        );
        let steps = names(&plan.steps);
        assert!(steps[0].starts_with("Verify"), "{steps:?}");
        assert_eq!(steps[1..3], ["Stop 4 by savepoint", "Quiesce 4"]);
        assert!(steps[3].starts_with("Start 5 from Snapshot"), "{steps:?}");
        assert_eq!(names(&plan.fallback)[2], "Start 6 from Stopped", "what was there comes back");
        let allowed = plan.steps.iter().find_map(|step| match step {
            Step::Start { revision, .. } => revision.spec.job()?.allow_non_restored_state,
            _ => None,
        });
        assert_eq!(allowed, Some(true));
    }

    #[test]
    fn a_checkpoint_of_the_job_that_runs_is_not_gone_back_to() -> Result<()> {
        let mut active = active(4, Run::Running, Job::Running);
        let folder = active.revision.layout().checkpoints();
        let own: SnapshotPath = format!("{folder}/{}/chk-7", active.job_id()).parse()?;
        assert_eq!(restored_from(&active, own.clone(), false)?, From::Stopped);
        let refused = restored_from(&active, own.clone(), true);
        assert!(refused.is_err_and(|e| e.kind() == Kind::Conflict));
        let saved = snapshot("savepoint-1");
        assert_eq!(restored_from(&active, saved.clone(), true)?, From::Snapshot(saved));
        active.job = Job::Ended("FAILED".to_owned());
        assert_eq!(restored_from(&active, own.clone(), true)?, From::Snapshot(own.clone()));
        // It may be running, and drop this one.
        active.job = Job::Unreachable;
        let from = restored_from(&active, own, false)?;
        let plan = restore(&active, Generation::new(4), from, false, &operation());
        assert_eq!(names(&plan.steps)[..3], ["Quiesce 4", "Salvage 4", "Start 5 from Found"]);
        Ok(())
    }

    #[test]
    fn what_nobody_can_ask_is_looked_for_when_its_pods_are_gone() -> Result<()> {
        for job in [Job::Unknown, Job::Unreachable] {
            let active = active(4, Run::Running, job);
            let plan = stop(&active, StopMode::Discard, &operation())?.expect("a plan");
            let steps = names(&plan.steps);
            assert!(steps[0] == "Quiesce 4" && steps[1].starts_with("Salvage"), "{steps:?}");
        }
        Ok(())
    }

    #[test]
    fn delete_touches_the_claim_only_when_told_to() {
        let running = active(4, Run::Running, Job::Running);
        let record = revision(4);
        let keeps = delete(Some(&running), &record, false, &operation());
        assert_eq!(
            names(&keeps.steps),
            ["Catalogue 4", "Stop 4 by cancel", "Retire 4", "RetireApplication"]
        );
        let takes = delete(Some(&running), &record, true, &operation());
        assert!(names(&takes.steps).last().is_some_and(|step| step.starts_with("DeleteClaim")));
    }
}
