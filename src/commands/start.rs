//! `start`: go on with a stopped application from the snapshot it was stopped with.

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
use crate::ops::execute::Executor;
use crate::ops::operation::record::request;
use crate::ops::plan::Plan;
use crate::ops::state::State;
use crate::ops::{lifecycle, observe, prepare};

const TIMEOUT: Duration = Duration::from_secs(600);

const EXAMPLES: &str = "\
Examples:
  # Go on where stop left off
  kubectl flink start orders";

/// Arguments of `start`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StartArgs {
    /// Name of the application
    name: ApplicationName,
    #[command(flatten)]
    wait: WaitTimeout,
    #[command(flatten)]
    abort: AbortArg,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    conflicts: ConflictArg,
}

/// Starts, and waits until the job runs from its snapshot and has completed a checkpoint.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when it is not stopped.
pub async fn run(ctx: &mut Ctx, args: StartArgs) -> Result<()> {
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
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    let request = request(&["start"]);
    let mut narrator = Narrator::new(&ctx.ui, format!("Starting {}", args.name));
    if let Some(by) = args.dry_run.by()
        && let Some(record) = operate::left(ctx, &cluster, &args.name, &request).await?
    {
        let view = dry_run::view(&cluster, record, by, "started", &mut narrator).await?;
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
    let (anchor, active) = observe::existing(&cluster, &args.name).await?;
    let revisions = observe::revisions(&cluster, &args.name).await?;
    let highest = prepare::highest(&revisions, None).unwrap_or(active.revision.generation);
    let plan = lifecycle::start(&active, highest, &operation)?;
    let state = State::of(&cluster, &active.revision, &operation).within(deadline);
    let before = (Some(anchor), Some(&active));
    let plan = Plan { force: args.conflicts.force_conflicts, ..plan };
    let mut executor = operate::executor(ctx, &cluster, plan, request, before, state, deadline)?;
    if let Some(by) = args.dry_run.by() {
        executor.state.close().await;
        let record = executor.journal.record;
        let view = dry_run::view(&cluster, record, by, "started", &mut narrator).await?;
        drop(narrator);
        return args.dry_run.show(ctx, &view);
    }
    finish(ctx, executor, narrator, args.dry_run.format()).await
}
