//! `stop`: end the job with a savepoint, so that `start` goes on where it was.

use std::time::Duration;

use clap::Args;

use crate::cli::{AbortArg, ConflictArg, WaitTimeout};
use crate::commands::dry_run::{self, DryRunArgs};
use crate::commands::narrate::Narrator;
use crate::commands::operate::{self, finish};
use crate::commands::operation;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::model::name::ApplicationName;
use crate::ops::event::{Event, Observer};
use crate::ops::execute::Executor;
use crate::ops::lifecycle::{self, StopMode};
use crate::ops::observed::Job;
use crate::ops::operation::record::request;
use crate::ops::plan::Plan;
use crate::ops::state::State;
use crate::ops::{observe, prepare};
use crate::view::outcome::OutcomeView;
use crate::view::plan::PlanView;

const TIMEOUT: Duration = Duration::from_secs(3600);

const EXAMPLES: &str = "\
Examples:
  # Stop with a savepoint; start goes on from it
  kubectl flink stop orders
  kubectl flink start orders

  # End a job for good: windows fire before the savepoint
  kubectl flink stop orders --drain

  # Stop at once, without a savepoint; start goes on from the latest checkpoint
  kubectl flink stop orders --discard";

/// Arguments of `stop`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StopArgs {
    /// Name of the application
    name: ApplicationName,
    /// Send the maximum watermark first, so that windows and timers fire
    #[arg(long, conflicts_with = "discard")]
    drain: bool,
    /// Take no savepoint: what came after the latest checkpoint is processed again
    #[arg(long)]
    discard: bool,
    #[command(flatten)]
    wait: WaitTimeout,
    #[command(flatten)]
    abort: AbortArg,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    conflicts: ConflictArg,
}

/// Stops, and prints the path of the savepoint as the last line of standard output.
///
/// # Errors
/// [`crate::error::Kind::Flink`] when the savepoint fails: the job goes on running.
pub async fn run(ctx: &mut Ctx, args: StopArgs) -> Result<()> {
    if args.abort.abort {
        return operation::abort(
            ctx,
            &args.name,
            args.wait.timeout(operation::TIMEOUT),
            args.dry_run.format(),
        )
        .await;
    }
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let (mode, word) = match (args.drain, args.discard) {
        (true, _) => (StopMode::Drain, "drain"),
        (_, true) => (StopMode::Discard, "discard"),
        _ => (StopMode::Savepoint, "savepoint"),
    };
    let request = request(&["stop", word]);
    let mut narrator = Narrator::new(&ctx.ui, format!("Stopping {}", args.name));
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    if let Some(by) = args.dry_run.by()
        && let Some(record) = operate::left(ctx, &cluster, &args.name, &request).await?
    {
        let view = dry_run::view(&cluster, record, by, "stopped", &mut narrator).await?;
        drop(narrator);
        return args.dry_run.show(ctx, &view);
    }
    if args.dry_run.by().is_none()
        && let Some(journal) =
            operate::resumable(ctx, &cluster, &args.name, &request, &mut narrator).await?
    {
        let executor = Executor::resume(&cluster, journal, deadline).await?;
        return finish(ctx, executor, narrator, args.dry_run.format()).await;
    }
    let (mut anchor, mut active) = observe::existing(&cluster, &args.name).await?;
    if !args.discard && matches!(active.job, Job::Unsettled(_)) {
        narrator.event(Event::Phase("waiting until all tasks run".to_owned()));
        (anchor, active) = observe::settled(&cluster, &args.name, &active, deadline).await?;
    }
    let mut state = State::of(&cluster, &active.revision, &operation).within(deadline);
    // Without a savepoint, what to go on from is what the job has left.
    if active.job == Job::Unknown || (args.discard && active.job == Job::Unreachable) {
        prepare::settle(&cluster, &mut active, &anchor, &mut state, &mut narrator).await?;
    }
    let Some(plan) = lifecycle::stop(&active, mode, &operation)? else {
        drop(narrator);
        if let Some(by) = args.dry_run.by() {
            let target = format!("application/{}", args.name);
            let view = PlanView::unchanged(target, cluster.namespace(), by);
            return args.dry_run.show(ctx, &view);
        }
        let target = format!("application/{}", args.name);
        let mut outcome = OutcomeView::new(target, cluster.namespace(), "unchanged");
        outcome.text = format!("application/{} already stopped\n", args.name);
        outcome.generation = Some(active.revision.generation);
        outcome.ends_with(anchor.snapshot.as_ref());
        return args.dry_run.show(ctx, &outcome);
    };
    let before = (Some(anchor), Some(&active));
    let plan = Plan { force: args.conflicts.force_conflicts, ..plan };
    let mut executor = operate::executor(ctx, &cluster, plan, request, before, state, deadline)?;
    if let Some(by) = args.dry_run.by() {
        executor.state.close().await;
        let record = executor.journal.record;
        let view = dry_run::view(&cluster, record, by, "stopped", &mut narrator).await?;
        drop(narrator);
        return args.dry_run.show(ctx, &view);
    }
    finish(ctx, executor, narrator, args.dry_run.format()).await
}
