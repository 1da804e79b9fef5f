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
    // Whatever the new generation was to start from, the old one goes on from where it was stopped, or from where
    // the new one got to since.
    let mut back = if redeploys { From::Stopped } else { From::Found };
    if is_stateless(input.target) && !redeploys {
        back = std::mem::replace(&mut ending.from, From::Empty);
    }
    let mut steps = prepare(input, &ending.from);
    steps.extend(ending.steps.clone());
    steps.extend(bringing(target.clone(), ending.from.clone()));
    steps.push(Step::Retire { generation: old.generation });
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
mod tests;
