//! Planning `deploy`: create an application, upgrade it, or find that nothing changed. Pure.

use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::ids::OperationId;
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::model::spec::{FlinkDeployment, UpgradeMode};
use crate::model::storage::StorageSpec;
use crate::ops::observed::{Active, Job, Nonces, Run};
use crate::ops::plan::{From, Plan, Step, Take, Verb};
use crate::ops::transition::{self, Ending};

/// All that the plan depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Input<'a> {
    /// The command's operation id.
    pub operation: &'a OperationId,
    /// What is wanted: a record without a generation of its own yet.
    pub target: &'a Revision,
    /// The application as it is.
    pub active: Option<&'a Active>,
    /// The newest record on the state storage, when the application itself does not exist.
    pub left_behind: Option<&'a Revision>,
    /// The highest generation ever used.
    pub highest: Option<Generation>,
    /// The claim to create, when it has to be.
    pub claim: Option<StorageSpec>,
    /// Hash and size in bytes of the local jar to upload.
    pub upload: Option<(String, u64)>,
    /// What a new application starts from, when the user said so.
    pub from: Option<From>,
}

/// What `deploy` is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The running generation is what is wanted.
    Unchanged,
    /// The active generation has the wanted spec, but its job does not run yet: wait for it.
    Resume(Plan),
    /// It runs as wanted, but its objects are not what its record says: set them back.
    Repair(Plan),
    /// It runs as wanted, and the document asks for a snapshot of it.
    Save(Plan),
    /// It runs, and the document wants it to rest.
    Suspend(Plan),
    /// A new application.
    Create(Plan),
    /// A new generation of an existing one.
    Upgrade(Plan),
}

impl Decision {
    /// The plan, if there is something to do.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Decision::Unchanged => None,
            Decision::Resume(plan)
            | Decision::Repair(plan)
            | Decision::Save(plan)
            | Decision::Suspend(plan)
            | Decision::Create(plan)
            | Decision::Upgrade(plan) => Some(plan),
        }
    }
}

/// Decides.
///
/// # Errors
/// [`Kind::Conflict`] when going on could lose state that is there, [`Kind::Usage`] for a savepoint that would
/// be ignored.
pub fn decide(input: &Input<'_>) -> Result<Decision> {
    let Some(active) = input.active else { return create(input).map(Decision::Create) };
    let redeploys = redeploys(input.target, &active.revision)?;
    if redeploys || !manifest::runs_alike(&active.revision, input.target)? {
        return upgrade(input, active, redeploys).map(Decision::Upgrade);
    }
    match (active.run, input.target.spec.is_suspended()) {
        (Run::Running, false) => as_it_runs(input, active),
        (Run::Running, true) => suspend(input, active).map(Decision::Suspend),
        (Run::Stopped, false) => upgrade(input, active, false).map(Decision::Upgrade),
        (Run::Stopped, true) => Ok(Decision::Unchanged),
    }
}

/// What to do with an application that has the wanted spec and is meant to run.
fn as_it_runs(input: &Input<'_>, active: &Active) -> Result<Decision> {
    let saving = saving(active, &input.target.spec);
    Ok(match active.job {
        Job::Running if saving.is_empty() => Decision::Unchanged,
        Job::Running => Decision::Save(plan(input, saving, Vec::new())),
        Job::Ended(ref state) if state == "FINISHED" => Decision::Unchanged,
        Job::Ended(_) => Decision::Upgrade(upgrade(input, active, false)?),
        Job::Unsettled(_) | Job::Unknown | Job::Unreachable => {
            let mut plan = resume(input, active);
            plan.steps.extend(saving);
            Decision::Resume(plan)
        }
    })
}

/// Whether the document asks to start again from its `initialSavepointPath`, by a new number.
fn redeploys(target: &Revision, current: &Revision) -> Result<bool> {
    let (Some(wanted), Some(had)) = (target.spec.job(), current.spec.job()) else {
        return Ok(false);
    };
    let nonce = wanted.savepoint_redeploy_nonce;
    if nonce.is_some() && nonce != had.savepoint_redeploy_nonce {
        return Ok(true);
    }
    let path = wanted.initial_savepoint_path.as_ref().filter(|path| !path.is_empty());
    match path.is_some() && path != had.initial_savepoint_path.as_ref() {
        true => Err(would_ignore(target)),
        false => Ok(false),
    }
}

fn would_ignore(target: &Revision) -> Error {
    let name = &target.application;
    Error::usage(format!(
        "spec.job.initialSavepointPath of {name} is another one, and an application that is there does not start from it"
    ))
    .hint("To start again from it, give spec.job.savepointRedeployNonce a new number: what runs is saved first.")
    .hint(format!("To leave the state as it is, write the path that was there before, or none; `kubectl flink restore {name} --from …` goes back to any snapshot."))
}

/// The steps that take the snapshots which new trigger nonces of the document ask for.
fn saving(active: &Active, document: &FlinkDeployment) -> Vec<Step> {
    let (wanted, had) = (Nonces::of(document), active.nonces);
    let generation = active.revision.generation;
    let step = |wanted: Option<i64>, had, take| {
        (wanted.is_some() && wanted != had).then_some(Step::Snapshot { generation, take })
    };
    let mut steps: Vec<Step> = [
        step(wanted.savepoint, had.savepoint, Take::Savepoint),
        step(wanted.checkpoint, had.checkpoint, Take::Checkpoint),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !steps.is_empty() {
        steps.push(Step::Acknowledge { nonces: wanted.or(had) });
    }
    steps
}

/// Ends the running job as `stop` does; one that can take no savepoint goes on from its newest snapshot.
fn suspend(input: &Input<'_>, active: &Active) -> Result<Plan> {
    if active.has_finished() {
        return Err(transition::finished(&active.revision.application));
    }
    let directory = active.revision.layout().operation_savepoints(input.operation);
    let mut steps = transition::ending(active, input.operation, &directory)?.steps;
    steps.push(Step::Rest { snapshot: active.known_snapshot().cloned() });
    Ok(plan(input, steps, Vec::new()))
}

/// The steps that bring `revision` to where its spec wants it: running and proven, or resting.
fn bringing(revision: Revision, from: From) -> Vec<Step> {
    match revision.spec.is_suspended() {
        true => transition::resting(revision, from),
        false => transition::beginning(revision, from),
    }
}

fn create(input: &Input<'_>) -> Result<Plan> {
    let from = match (&input.from, input.left_behind) {
        (Some(from), _) => from.clone(),
        (None, None) => From::Empty,
        (None, Some(left)) => return Err(would_forget(left)),
    };
    let generation = input.highest.map_or(Generation::FIRST, Generation::next);
    let mut steps = Vec::new();
    if let Some(request) = &input.claim {
        let name = input.target.application.claim();
        steps.push(Step::Claim { name, request: request.clone() });
    }
    steps.extend(prepare(input, &from));
    let target = transition::successor(input.target, generation, None, input.operation);
    steps.extend(bringing(target, from));
    Ok(plan(input, steps, Vec::new()))
}

fn upgrade(input: &Input<'_>, active: &Active, redeploys: bool) -> Result<Plan> {
    if input.from.is_some() {
        let name = &input.target.application;
        return Err(Error::new(
            Kind::Conflict,
            format!("application {name} exists: --from is for a new one"),
        )
        .hint(format!("Go back to a snapshot with `kubectl flink restore {name} --from …`.")));
    }
    let starts_over = redeploys || is_stateless(input.target);
    if active.run == Run::Running && active.has_finished() && !starts_over {
        return Err(transition::finished(&active.revision.application));
    }
    let old = &active.revision;
    let highest = input.highest.unwrap_or(old.generation).max(old.generation);
    let target =
        transition::successor(input.target, highest.next(), Some(old.generation), input.operation);
    let directory = input.target.layout().operation_savepoints(input.operation);
    let mut ending = match initial(input.target).filter(|_| redeploys) {
        Some(path) => Ending {
            steps: transition::giving_way(active, input.operation, &directory),
            from: From::Snapshot(path.parse()?),
            interrupts: active.run == Run::Running && active.job == Job::Running,
        },
        None => transition::ending(active, input.operation, &directory)?,
    };
    if is_stateless(input.target) && !redeploys {
        ending.from = From::Empty;
    }
    let mut steps = prepare(input, &ending.from);
    steps.extend(ending.steps.clone());
    steps.extend(bringing(target.clone(), ending.from.clone()));
    steps.push(Step::Retire { generation: old.generation });
    // Whatever the new generation was to start from, the old one goes on from where it was stopped.
    let back = if redeploys { From::Stopped } else { ending.from };
    let fallback = match ending.interrupts {
        true => transition::fallback(old, &target, back, input.operation),
        false => Vec::new(),
    };
    Ok(plan(input, steps, fallback))
}

/// The savepoint that the document names.
fn initial(target: &Revision) -> Option<&str> {
    let job = target.spec.job()?;
    job.initial_savepoint_path.as_deref().filter(|path| !path.is_empty())
}

/// Goes on with a generation whose making was interrupted: every step can be done twice.
fn resume(input: &Input<'_>, active: &Active) -> Plan {
    let revision = active.revision.clone();
    let from = revision.restored_from.clone().map_or(From::Empty, From::Snapshot);
    let mut steps = prepare(input, &From::Empty);
    steps.extend(transition::beginning(revision, from));
    plan(input, steps, Vec::new())
}

/// Sets the objects of the active generation back; `then` is what is to be done besides.
pub fn repair(active: &Active, operation: &OperationId, then: Vec<Step>) -> Decision {
    let Revision { generation, application, namespace, .. } = &active.revision;
    let generation = *generation;
    Decision::Repair(Plan {
        operation: operation.clone(),
        verb: Verb::Deploy,
        namespace: namespace.clone(),
        application: application.clone(),
        steps: [vec![Step::Repair { generation }, Step::Prove { generation }], then].concat(),
        fallback: Vec::new(),
        force: false,
    })
}

/// What is made sure of before anything running is touched.
fn prepare(input: &Input<'_>, from: &From) -> Vec<Step> {
    let upload = input
        .upload
        .as_ref()
        .map(|(sha256, bytes)| Step::Upload { sha256: sha256.clone(), bytes: *bytes });
    let verify = match from {
        From::Snapshot(snapshot) => Some(Step::Verify { snapshot: snapshot.clone() }),
        From::Empty | From::Stopped | From::Found => None,
    };
    upload.into_iter().chain(verify).collect()
}

/// Only a document can ask to start empty, and only by `upgradeMode: stateless` in so many words.
pub(super) fn is_stateless(target: &Revision) -> bool {
    target.spec.job().and_then(|job| job.upgrade_mode) == Some(UpgradeMode::Stateless)
}

fn plan(input: &Input<'_>, steps: Vec<Step>, fallback: Vec<Step>) -> Plan {
    Plan {
        operation: input.operation.clone(),
        verb: Verb::Deploy,
        namespace: input.target.namespace.clone(),
        application: input.target.application.clone(),
        steps,
        fallback,
        force: false,
    }
}

fn would_forget(left: &Revision) -> Error {
    let name = &left.application;
    let storage = &left.storage;
    Error::new(
        Kind::Conflict,
        format!(
            "{storage} holds the state of an earlier {name} (generation {}), which a plain deploy would not use",
            left.generation
        ),
    )
    .hint(format!("Go on from it with `kubectl flink restore {name}`, or with this new spec by `deploy … --from latest`."))
    .hint("Start with empty state by `--from none`; the old snapshots stay where they are.")
}

/// What `--from` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromRequest {
    /// The newest snapshot there is.
    Latest,
    /// Empty state.
    Empty,
    /// A snapshot by its URI.
    Path(SnapshotPath),
    /// A snapshot by its name (`chk-12`, `savepoint-…`) or its operation id.
    Id(String),
}

impl std::str::FromStr for FromRequest {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "latest" => Ok(FromRequest::Latest),
            "none" => Ok(FromRequest::Empty),
            path if path.contains('/') => path.parse().map(FromRequest::Path),
            id if !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Ok(FromRequest::Id(id.to_owned()))
            }
            other => Err(Error::usage(format!(
                "--from {other:?} is neither latest, nor a path, nor an id"
            ))
            .hint("Give latest, the URI that savepoint printed, or the last part of it.")),
        }
    }
}

#[cfg(test)]
mod tests {
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
                "Start 8 from Stopped",
                "Prove 8",
                "Catalogue 8",
                "Retire 7",
                "Retire 4"
            ]
        );
        let Some(Step::Start { revision: again, .. }) = plan.fallback.get(2) else { panic!() };
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
        assert!(
            steps[1].starts_with("Start 5 from Snapshot") && steps[2] == "Prove 5",
            "{steps:?}"
        );
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
        target.spec.spec.job.as_mut().expect("a job").initial_savepoint_path =
            Some(path.to_string());
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
        assert_eq!(names(&plan.fallback)[1], "Start 6 from Stopped", "what ran comes back");
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
}
