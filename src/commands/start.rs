//! `start`: go on with a stopped application from the snapshot it was stopped with.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitTimeout;
use crate::commands::narrate::{Narrator, run_plan};
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::model::name::ApplicationName;
use crate::ops::execute::Executor;
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
}

/// Starts, and waits until the job runs from its snapshot and has completed a checkpoint.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when it is not stopped.
pub async fn run(ctx: &mut Ctx, args: StartArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let (anchor, active) = observe::existing(&cluster, &args.name).await?;
    let revisions = observe::revisions(&cluster, &args.name).await?;
    let highest = prepare::highest(&revisions, None).unwrap_or(active.revision.generation);
    let plan = lifecycle::start(&active, highest, &operation)?;
    let mut narrator = Narrator::new(&ctx.ui, format!("Starting {}", args.name));
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    let state = State::of(&cluster, &active.revision, &operation).within(deadline);
    let mut executor = Executor::new(&cluster, &plan, state, Some(anchor), revisions, deadline);
    let outcome = run_plan(ctx, &mut executor, &mut narrator, "start").await;
    drop(narrator);
    outcome?;
    ctx.ui.answer(&format!("application/{} started", args.name))?;
    crate::commands::deploy::tell(ctx, args.name.as_str(), executor.proof.as_ref());
    Ok(())
}
