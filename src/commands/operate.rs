//! What all verbs that change an application share: going on with what was left, running a plan, Ctrl-C,
//! and the answer at the end.

use crate::cluster::Cluster;
use crate::commands::answers::Answers;
use crate::commands::narrate::Narrator;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::name::{ApplicationName, Generation};
use crate::ops::anchor::Anchor;
use crate::ops::event::{Event, Observer};
use crate::ops::execute::Executor;
use crate::ops::observed::Active;
use crate::ops::operation::journal::Journal;
use crate::ops::operation::record::Record;
use crate::ops::operation::unfinished;
use crate::ops::plan::{Plan, Step, Verb};
use crate::ops::prove::Proof;
use crate::ops::state::State;
use crate::ui::Format;
use crate::view::outcome::OutcomeView;

/// Which way an operation is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Towards {
    /// To the end of its plan.
    End,
    /// Back to the state before.
    Start,
}

/// Takes up the operation that this very request began earlier; `None` when there is none.
///
/// # Errors
/// [`Kind::Conflict`] when a different operation is not finished, or another process works on this one.
pub(super) async fn resumable(
    ctx: &Ctx,
    cluster: &Cluster,
    application: &ApplicationName,
    request: &str,
    observer: &mut dyn Observer,
) -> Result<Option<Journal>> {
    let Some(found) = unfinished::find(cluster, application).await? else { return Ok(None) };
    if found.record.request != request {
        return Err(found.refusal(ctx.now()));
    }
    let id = &found.record.plan.operation;
    observer.event(Event::Note(format!(
        "going on with operation {id}: {}",
        found.description(ctx.now())
    )));
    found.take_over(cluster, ctx.runner()?, observer).await.map(Some)
}

/// What is left of the operation that this very request began earlier, for a dry run; `None` when there is none.
///
/// # Errors
/// [`Kind::Conflict`] when a different operation is not finished.
pub(super) async fn left(
    ctx: &Ctx,
    cluster: &Cluster,
    application: &ApplicationName,
    request: &str,
) -> Result<Option<Record>> {
    match unfinished::find(cluster, application).await? {
        Some(found) if found.record.request != request => Err(found.refusal(ctx.now())),
        found => Ok(found.map(|found| found.record)),
    }
}

/// An executor for a plan that was just made.
pub(super) fn executor<'a>(
    ctx: &Ctx,
    cluster: &'a Cluster,
    plan: Plan,
    request: String,
    (anchor, active): (Option<Anchor>, Option<&Active>),
    state: State<'a>,
    deadline: Deadline,
) -> Result<Executor<'a>> {
    let runner = ctx.runner()?;
    let record = Record::new(plan, request, anchor.clone(), active, &runner);
    let journal = Journal::new(cluster, record, runner);
    Ok(Executor::new(cluster, journal, state, anchor, deadline))
}

/// Runs a plan until it ends or the user interrupts it. The first Ctrl-C asks it to stop at the next safe
/// point; the second one ends the program, wherever it is. Without its terminal it goes on to the end.
///
/// # Errors
/// The plan's; [`Kind::Interrupted`] at Ctrl-C, with the way to go on.
pub(super) async fn run(
    ctx: &Ctx,
    executor: &mut Executor<'_>,
    narrator: &mut Narrator,
    towards: Towards,
) -> Result<()> {
    ctx.ui.outlive_the_terminal();
    let (halt, interrupted) = (executor.halt.clone(), ctx.ui.interrupted());
    let outcome = {
        let mut work = std::pin::pin!(async {
            match towards {
                Towards::End => executor.run(narrator).await,
                Towards::Start => executor.abort(narrator).await,
            }
        });
        tokio::select! {
            outcome = &mut work => outcome,
            () = interrupted => {
                // Of several that run at the same time, one says it.
                if halt.request() {
                    ctx.ui.status("stopping at the next safe point; Ctrl-C again leaves at once");
                }
                work.await
            }
        }
    };
    executor.state.close().await;
    outcome.map_err(|error| explain(executor, error))
}

/// Runs to the end of the plan and gives the verb's answer.
///
/// # Errors
/// As [`run`].
pub(super) async fn finish(
    ctx: &Ctx,
    mut executor: Executor<'_>,
    mut narrator: Narrator,
    format: &Format,
) -> Result<()> {
    let outcome = run(ctx, &mut executor, &mut narrator, Towards::End).await;
    drop(narrator);
    outcome?;
    let mut answers = Answers::new(format);
    let (record, proof) = (&executor.journal.record, executor.proof.as_ref());
    answer(ctx, record, proof, &mut answers)?;
    answers.end(ctx)
}

/// What an interrupted user wants to know.
fn explain(executor: &Executor<'_>, error: Error) -> Error {
    if error.kind() != Kind::Interrupted {
        return error;
    }
    let name = &executor.plan().application;
    let error = match executor.journal.record.current() {
        Some(Step::Stop { .. }) => error
            .hint("A savepoint that is under way goes on, and ends the job when it is complete."),
        _ => error,
    };
    let error = match executor.stopped_at() {
        Some(snapshot) => {
            error.hint(format!("The old job has stopped; its state is in {snapshot}."))
        }
        None => error,
    };
    error.hint(format!("See where it stands with `kubectl flink status {name}`."))
}

/// Gives the answer of the verb that began an operation which went to its end, and says what could come next.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn answer(
    ctx: &Ctx,
    record: &Record,
    proof: Option<&Proof>,
    answers: &mut Answers,
) -> Result<()> {
    let name = record.plan.application.as_str();
    answers.give(ctx, outcome(record, proof))?;
    if record.plan.verb == Verb::Deploy && record.plan.steps.iter().any(rests) {
        ctx.ui.hint(&format!("It is stopped. Start it with `kubectl flink start {name}`."));
        return Ok(());
    }
    if record.plan.verb == Verb::Deploy && !record.saved.is_empty() && proof.is_none() {
        return Ok(());
    }
    match record.plan.verb {
        Verb::Stop => ctx.ui.hint(&format!("Go on with `kubectl flink start {name}`.")),
        Verb::Delete => kept(ctx, record),
        Verb::Move => {
            if let Some(old) = &record.old {
                ctx.ui.status(&format!("{} keeps what was on it until you delete it", old.storage));
            }
            tell(ctx, name, proof);
        }
        Verb::Deploy | Verb::Start | Verb::Restore => {
            if let (Verb::Restore, Some(saved)) = (record.plan.verb, &record.stopped_at) {
                ctx.ui.status(&format!("what it was before is in {saved}"));
            }
            tell(ctx, name, proof);
        }
    }
    Ok(())
}

/// What the operation did.
fn outcome(record: &Record, proof: Option<&Proof>) -> OutcomeView {
    let plan = &record.plan;
    let what = match plan.verb {
        Verb::Deploy => deployed(record),
        Verb::Start => "started",
        Verb::Restore => "restored",
        Verb::Stop => "stopped",
        Verb::Delete => "deleted",
        Verb::Move => "moved",
    };
    let target = format!("application/{}", plan.application);
    let mut outcome = OutcomeView::new(target, &plan.namespace, what);
    let before = || record.before.as_ref().map(|before| before.generation);
    outcome.operation = Some(plan.operation.to_string());
    outcome.generation = match plan.verb {
        Verb::Delete => None,
        _ => made(record).or_else(before),
    };
    outcome.restored_from = proof.and_then(|p| p.restored_from.as_ref()).map(ToString::to_string);
    let taken = record.stopped_at.as_ref();
    let snapshot = taken.or(record.latest.as_ref());
    match plan.verb {
        Verb::Stop => outcome.ends_with(snapshot),
        Verb::Deploy if plan.steps.iter().any(rests) => outcome.ends_with(snapshot),
        Verb::Deploy if !record.saved.is_empty() => {
            record.saved.iter().for_each(|path| outcome.ends_with(Some(path)));
        }
        Verb::Delete => outcome.snapshot = snapshot.map(ToString::to_string),
        _ => outcome.snapshot = taken.map(ToString::to_string),
    }
    outcome
}

/// Whether the application is stopped after this step.
fn rests(step: &Step) -> bool {
    match step {
        Step::Rest { .. } => true,
        Step::Start { revision, .. } => revision.spec.is_suspended(),
        _ => false,
    }
}

/// The generation that the plan starts.
fn made(record: &Record) -> Option<Generation> {
    record.plan.steps.iter().find_map(|step| match step {
        Step::Start { revision, .. } => Some(revision.generation),
        _ => None,
    })
}

/// What `deploy` did, or would do.
pub(super) fn deployed(record: &Record) -> &'static str {
    let made = made(record);
    let any = |is: fn(&Step) -> bool| record.plan.steps.iter().any(is);
    match &record.before {
        _ if any(|step| matches!(step, Step::Repair { .. })) => "repaired",
        _ if any(|step| matches!(step, Step::Rest { .. })) => "stopped",
        None => "created",
        Some(before) if Some(before.generation) == made => "running",
        Some(_) if made.is_none() => "saved",
        Some(_) => "upgraded",
    }
}

/// What `delete` left.
fn kept(ctx: &Ctx, record: &Record) {
    let takes_claim = |step: &Step| matches!(step, Step::DeleteClaim { .. });
    if record.plan.steps.iter().any(takes_claim) {
        return;
    }
    if let Some(revision) = &record.old {
        ctx.ui.status(&format!("{} and the snapshots on it are kept", revision.storage));
    }
    if let Some(snapshot) = record.stopped_at.as_ref().or(record.latest.as_ref()) {
        ctx.ui.status(&format!("the latest snapshot is {snapshot}"));
    }
    let name = &record.plan.application;
    ctx.ui.hint(&format!("Bring it back with `kubectl flink restore {name}`."));
}

/// Says what was proven, and what could come next.
fn tell(ctx: &Ctx, name: &str, proof: Option<&Proof>) {
    match proof {
        Some(Proof { finished: true, .. }) => ctx.ui.status("the job is FINISHED"),
        Some(Proof { restored_from: Some(path), .. }) => {
            ctx.ui
                .status(&format!("the job runs, restored from {path}, and completed a checkpoint"));
        }
        Some(Proof { checkpoint: Some(_), .. }) => {
            ctx.ui.status("the job runs and completed its first checkpoint");
        }
        Some(_) => ctx.ui.status("the job runs"),
        None => {
            ctx.ui.hint(&format!("Follow it with `kubectl flink status {name} -w`."));
            return;
        }
    }
    ctx.ui.hint(&format!("Take a savepoint with `kubectl flink savepoint {name}`."));
}
