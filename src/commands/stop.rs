//! `stop`: end the job with a savepoint, so that `start` goes on where it was.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitTimeout;
use crate::commands::narrate::{Narrator, run_plan};
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::model::name::ApplicationName;
use crate::ops::execute::Executor;
use crate::ops::lifecycle::{self, StopMode};
use crate::ops::observe;
use crate::ops::state::State;

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
}

/// Stops, and prints the path of the savepoint as the last line of standard output.
///
/// # Errors
/// [`crate::error::Kind::Flink`] when the savepoint fails: the job goes on running.
pub async fn run(ctx: &mut Ctx, args: StopArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let (anchor, active) = observe::existing(&cluster, &args.name).await?;
    let mode = match (args.drain, args.discard) {
        (true, _) => StopMode::Drain,
        (_, true) => StopMode::Discard,
        _ => StopMode::Savepoint,
    };
    let mut narrator = Narrator::new(&ctx.ui, format!("Stopping {}", args.name));
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    let state = State::of(&cluster, &active.revision, &operation).within(deadline);
    let Some(plan) = lifecycle::stop(&active, mode, &operation)? else {
        drop(narrator);
        return ctx.ui.answer(&format!("application/{} already stopped", args.name));
    };
    let revisions = vec![active.revision.clone()];
    let mut executor = Executor::new(&cluster, &plan, state, Some(anchor), revisions, deadline);
    let outcome = run_plan(ctx, &mut executor, &mut narrator, "stop").await;
    drop(narrator);
    outcome?;
    let snapshot = executor.stopped_at.as_ref().or(active.known_snapshot()).cloned();
    ctx.ui.answer(&format!("application/{} stopped", args.name))?;
    ctx.ui.hint(&format!("Go on with `kubectl flink start {}`.", args.name));
    match snapshot {
        Some(path) => ctx.ui.answer(path.as_str()),
        None => Ok(()),
    }
}
