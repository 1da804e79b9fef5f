use super::*;
use crate::model::spec::JobState;
use crate::ops::testing::{active, names, operation, revision, snapshot};

fn input<'a>(operation: &'a OperationId, target: &'a Revision) -> Input<'a> {
    Input {
        operation,
        target,
        active: None,
        left_behind: None,
        highest: None,
        claim: None,
        upload: None,
        from: None,
    }
}

fn changed() -> Revision {
    let mut target = revision(1);
    target.image = "flink:2.3.0-patched".to_owned();
    target
}

#[test]
fn a_new_application_uploads_before_it_starts() -> Result<()> {
    let (operation, target) = (operation(), revision(1));
    let mut input = input(&operation, &target);
    input.claim = Some("pvc:1Gi".parse()?);
    input.upload = Some(("ab".to_owned(), 3));
    let Decision::Create(plan) = decide(&input)? else { panic!("not created") };
    let kinds = names(&plan.steps);
    assert!(kinds[0].starts_with("Claim") && kinds[1].starts_with("Upload"), "{kinds:?}");
    assert_eq!(kinds[2..], ["Start 1 from Empty", "Prove 1", "Catalogue 1"]);
    assert!(plan.fallback.is_empty());
    Ok(())
}

#[test]
fn nothing_to_do_is_nothing_done() -> Result<()> {
    let (operation, target) = (operation(), revision(9));
    for job in [Job::Running, Job::Ended("FINISHED".to_owned())] {
        let active = active(4, Run::Running, job);
        let input = Input { active: Some(&active), ..input(&operation, &target) };
        assert_eq!(decide(&input)?, Decision::Unchanged);
    }
    Ok(())
}

#[test]
fn a_job_that_came_to_its_end_is_not_begun_again() -> Result<()> {
    let (operation, target) = (operation(), changed());
    let mut finished = active(4, Run::Running, Job::Ended("FINISHED".to_owned()));
    finished.latest.clone_from(&finished.revision.restored_from);
    let refused = decide(&Input { active: Some(&finished), ..input(&operation, &target) });
    let refused = refused.expect_err("it would do its work again");
    assert_eq!(refused.kind(), Kind::Conflict);
    // A stop that nobody knows of ends a job the same way, and leaves a savepoint.
    finished.latest = Some(snapshot("savepoint-1"));
    let input = Input { active: Some(&finished), ..input(&operation, &target) };
    assert!(matches!(decide(&input)?, Decision::Upgrade(_)));
    Ok(())
}

#[test]
fn an_upgrade_saves_first_and_can_go_back() -> Result<()> {
    let (operation, target) = (operation(), changed());
    let active = active(4, Run::Running, Job::Running);
    let mut input = Input { active: Some(&active), ..input(&operation, &target) };
    input.highest = Some(Generation::new(6));
    let Decision::Upgrade(plan) = decide(&input)? else { panic!("not upgraded") };
    assert_eq!(
        names(&plan.steps),
        [
            "Stop 4 by savepoint",
            "Quiesce 4",
            "Start 7 from Stopped",
            "Prove 7",
            "Catalogue 7",
            "Retire 4"
        ]
    );
    assert_eq!(
        names(&plan.fallback),
        [
            "Quiesce 7",
            "Quiesce 4",
            "Salvage 7",
            "Start 8 from Found",
            "Prove 8",
            "Catalogue 8",
            "Retire 7",
            "Retire 4"
        ]
    );
    let Some(Step::Start { revision: again, .. }) = plan.fallback.get(3) else { panic!() };
    assert_eq!(again.image, active.revision.image, "the fallback runs the old spec");
    assert_ne!(again.job_id, active.revision.job_id);
    Ok(())
}

#[test]
fn a_job_that_cannot_be_saved_goes_on_from_what_it_has() -> Result<()> {
    let (operation, target) = (operation(), changed());
    let mut active = active(4, Run::Running, Job::Unsettled("RESTARTING".to_owned()));
    active.latest = Some(snapshot("chk-7"));
    let input = Input { active: Some(&active), ..input(&operation, &target) };
    let Decision::Upgrade(plan) = decide(&input)? else { panic!("not upgraded") };
    let expected = ["Stop 4 by cancel", "Quiesce 4", "Start 5 from Stopped"];
    assert_eq!(names(&plan.steps)[..3], expected);
    Ok(())
}

#[test]
fn a_job_that_may_still_complete_its_first_checkpoint_is_not_started_from_nothing() -> Result<()> {
    let (operation, target) = (operation(), changed());
    let mut active = active(4, Run::Running, Job::Unsettled("RUNNING".to_owned()));
    (active.latest, active.revision.restored_from) = (None, None);
    let input = Input { active: Some(&active), ..input(&operation, &target) };
    let Decision::Upgrade(plan) = decide(&input)? else { panic!("not upgraded") };
    let expected = ["Stop 4 by cancel", "Quiesce 4", "Start 5 from Found"];
    assert_eq!(names(&plan.steps)[..3], expected);
    Ok(())
}

#[test]
fn a_snapshot_is_verified_before_anything_is_touched() -> Result<()> {
    let (operation, target) = (operation(), changed());
    let mut active = active(4, Run::Running, Job::Ended("FAILED".to_owned()));
    active.latest = Some(snapshot("chk-7"));
    let input = Input { active: Some(&active), ..input(&operation, &target) };
    let Decision::Upgrade(plan) = decide(&input)? else { panic!("not upgraded") };
    let kinds = names(&plan.steps);
    assert!(kinds[0].starts_with("Verify"), "{kinds:?}");
    assert!(kinds[1] == "Quiesce 4" && kinds[2].contains("chk-7"), "{kinds:?}");
    Ok(())
}

#[test]
fn state_is_never_dropped_without_being_told_to() -> Result<()> {
    let (operation, target, left) = (operation(), changed(), revision(3));
    let mut new = input(&operation, &target);
    new.left_behind = Some(&left);
    assert!(decide(&new).is_err_and(|e| e.kind() == Kind::Conflict));
    new.from = Some(From::Empty);
    new.highest = Some(Generation::new(3));
    let Decision::Create(plan) = decide(&new)? else { panic!("not created") };
    assert!(names(&plan.steps).contains(&"Start 4 from Empty".to_owned()));

    let mut active = active(4, Run::Running, Job::Unreachable);
    active.latest = Some(snapshot("savepoint-1"));
    let gone = Input { active: Some(&active), ..input(&operation, &target) };
    assert!(decide(&gone).is_err_and(|e| e.kind() == Kind::Unreachable));
    Ok(())
}

/// The running or resting generation 4, and a target whose job says this.
fn suspended(run: Run, job: Job, state: JobState) -> (Active, Revision) {
    let mut active = active(4, run, job);
    active.latest = Some(snapshot("savepoint-1"));
    let mut target = revision(1);
    target.spec.spec.job.as_mut().expect("a job").state = Some(state);
    (active, target)
}

#[test]
fn a_document_that_wants_rest_stops_as_stop_does() -> Result<()> {
    let operation = operation();
    let (active, target) = suspended(Run::Running, Job::Running, JobState::Suspended);
    let input = Input { active: Some(&active), ..input(&operation, &target) };
    let Decision::Suspend(plan) = decide(&input)? else { panic!("not stopped") };
    assert_eq!(names(&plan.steps), ["Stop 4 by savepoint", "Quiesce 4", "Rest"]);
    let (active, target) =
        suspended(Run::Running, Job::Unsettled("RESTARTING".to_owned()), JobState::Suspended);
    let input = Input { active: Some(&active), target: &target, ..input };
    let Decision::Suspend(plan) = decide(&input)? else { panic!("not stopped") };
    assert_eq!(names(&plan.steps), ["Stop 4 by cancel", "Quiesce 4", "Rest"]);
    let (active, target) = suspended(Run::Stopped, Job::Unreachable, JobState::Suspended);
    let input = Input { active: Some(&active), target: &target, ..input };
    assert_eq!(decide(&input)?, Decision::Unchanged);
    let (active, target) = suspended(Run::Stopped, Job::Unreachable, JobState::Running);
    let input = Input { active: Some(&active), target: &target, ..input };
    let Decision::Upgrade(plan) = decide(&input)? else { panic!("not started") };
    let steps = names(&plan.steps);
    assert!(steps[1].starts_with("Start 5 from Snapshot") && steps[2] == "Prove 5", "{steps:?}");
    Ok(())
}

#[test]
fn what_is_made_to_rest_is_made_without_pods_and_starts_later() -> Result<()> {
    let operation = operation();
    let (running, mut target) = suspended(Run::Running, Job::Running, JobState::Suspended);
    target.image = "flink:2.3.0-patched".to_owned();
    let new = input(&operation, &target);
    let Decision::Create(plan) = decide(&new)? else { panic!("not created") };
    assert_eq!(names(&plan.steps), ["Start 1 from Empty", "Catalogue 1"]);
    let Some(Step::Start { revision: made, .. }) = plan.steps.first() else { panic!() };
    let objects = manifest::generation(made)?;
    for deployment in [objects.jobmanager, objects.taskmanager] {
        assert_eq!(deployment.spec.and_then(|spec| spec.replicas), Some(0));
    }
    let anchor = crate::ops::anchor::Anchor::new(made);
    assert_eq!(anchor.run, Run::Stopped);
    let changed = Input { active: Some(&running), ..new };
    let Decision::Upgrade(plan) = decide(&changed)? else { panic!("not upgraded") };
    assert_eq!(
        names(&plan.steps),
        ["Stop 4 by savepoint", "Quiesce 4", "Start 5 from Stopped", "Catalogue 5", "Retire 4"]
    );
    let mut resting = active(5, Run::Stopped, Job::Unreachable);
    resting.revision = (**made).clone();
    let plan = crate::ops::lifecycle::start(&resting, Generation::new(5), &operation)?;
    let Some(Step::Start { revision: awake, .. }) = plan.steps.first() else { panic!() };
    let objects = manifest::generation(awake)?;
    assert_eq!(objects.jobmanager.spec.and_then(|spec| spec.replicas), Some(1));
    Ok(())
}

#[test]
fn a_new_nonce_takes_a_snapshot_once() -> Result<()> {
    let operation = operation();
    let mut active = active(4, Run::Running, Job::Running);
    let mut target = revision(1);
    let job = target.spec.spec.job.as_mut().expect("a job");
    (job.savepoint_trigger_nonce, job.checkpoint_trigger_nonce) = (Some(2), Some(0));
    let decision = decide(&Input { active: Some(&active), ..input(&operation, &target) })?;
    let Decision::Save(plan) = decision else { panic!("{decision:?}") };
    let steps = names(&plan.steps);
    assert!(steps[0].contains("Savepoint") && steps[1].contains("Checkpoint"), "{steps:?}");
    let Some(Step::Acknowledge { nonces }) = plan.steps.last() else { panic!("{steps:?}") };
    active.nonces = *nonces;
    let again = decide(&Input { active: Some(&active), ..input(&operation, &target) })?;
    assert_eq!(again, Decision::Unchanged);
    // What is taken away asks for nothing, and what it was is not forgotten.
    target.spec.spec.job.as_mut().expect("a job").savepoint_trigger_nonce = None;
    let less = decide(&Input { active: Some(&active), ..input(&operation, &target) })?;
    assert_eq!(less, Decision::Unchanged);
    target.spec.spec.job.as_mut().expect("a job").checkpoint_trigger_nonce = Some(1);
    active.job = Job::Unreachable;
    let coming = decide(&Input { active: Some(&active), ..input(&operation, &target) })?;
    let Decision::Resume(plan) = coming else { panic!("{coming:?}") };
    assert!(names(&plan.steps)[2..] != [] as [&str; 0], "it is taken when the job runs");
    assert!(matches!(plan.steps.last(), Some(Step::Acknowledge { nonces })
        if nonces.savepoint == Some(2) && nonces.checkpoint == Some(1)));
    Ok(())
}

#[test]
fn a_document_starts_again_from_its_savepoint_only_by_a_new_number() -> Result<()> {
    let operation = operation();
    let active = active(4, Run::Running, Job::Running);
    let mut target = revision(1);
    let path = snapshot("savepoint-1");
    target.spec.spec.job.as_mut().expect("a job").initial_savepoint_path = Some(path.to_string());
    let ignored = decide(&Input { active: Some(&active), ..input(&operation, &target) });
    let ignored = ignored.expect_err("nothing would start from it");
    assert_eq!(ignored.kind(), Kind::Usage);
    assert!(ignored.hints()[0].contains("savepointRedeployNonce"));
    target.spec.spec.job.as_mut().expect("a job").savepoint_redeploy_nonce = Some(1);
    let decision = decide(&Input { active: Some(&active), ..input(&operation, &target) })?;
    let Decision::Upgrade(plan) = decision else { panic!("{decision:?}") };
    let steps = names(&plan.steps);
    assert!(steps[0].starts_with("Verify"), "{steps:?}");
    assert_eq!(steps[1..3], ["Stop 4 by savepoint", "Quiesce 4"]);
    assert!(steps[3].starts_with("Start 5 from Snapshot"), "{steps:?}");
    let back = names(&plan.fallback);
    assert!(back.contains(&"Start 6 from Stopped".to_owned()), "what ran comes back: {back:?}");
    let mut had = active.clone();
    had.revision.spec = target.spec.clone();
    let again = decide(&Input { active: Some(&had), ..input(&operation, &target) })?;
    assert_eq!(again, Decision::Unchanged);
    Ok(())
}

#[test]
fn an_interrupted_deploy_is_resumed_not_repeated() -> Result<()> {
    let (operation, target) = (operation(), revision(1));
    let active = active(4, Run::Running, Job::Unreachable);
    let input = Input { active: Some(&active), ..input(&operation, &target) };
    let Decision::Resume(plan) = decide(&input)? else { panic!("not resumed") };
    assert_eq!(names(&plan.steps), ["Start 4 from Empty", "Prove 4", "Catalogue 4"]);
    Ok(())
}
