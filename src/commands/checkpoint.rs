//! `checkpoint`: have Flink take a checkpoint now, and follow it to its proven end.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitArgs;
use crate::commands::saving;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::model::ids::OperationId;
use crate::model::name::ApplicationName;
use crate::ops::saving::Saving;
use crate::ui::Format;

/// A checkpoint of terabytes takes as long as a savepoint, where it is not incremental.
const TIMEOUT: Duration = Duration::from_secs(3600);

const EXAMPLES: &str = "\
Examples:
  # Take a checkpoint now; the last line is its path
  kubectl flink checkpoint orders

  # One that refers to no earlier one, though checkpoints are incremental
  kubectl flink checkpoint orders --full

  # The same as data
  kubectl flink checkpoint orders -o json

  # Start it and go; follow it later
  kubectl flink checkpoint orders --no-wait
  kubectl flink checkpoint orders --attach 0k3j5n7q1x";

/// Arguments of `checkpoint`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckpointArgs {
    /// Name of the application
    name: ApplicationName,
    /// Write all state, also where the job's checkpoints are incremental
    #[arg(long, conflicts_with = "attach")]
    full: bool,
    /// Follow a checkpoint that was started earlier, by its operation id
    #[arg(long, value_name = "ID", conflicts_with = "no_wait")]
    attach: Option<OperationId>,
    /// Format of the answer: table, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value_t)]
    output: Format,
    #[command(flatten)]
    wait: WaitArgs,
}

/// Takes the checkpoint, and prints its path as the last line of standard output.
///
/// # Errors
/// [`Kind::Flink`](crate::error::Kind::Flink) when Flink fails it; [`Kind::Interrupted`](crate::error::Kind::Interrupted) at Ctrl-C, while it goes on.
pub async fn run(ctx: &mut Ctx, args: CheckpointArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    let attach = args.attach.is_some();
    let operation = match args.attach {
        Some(operation) => operation,
        None => ctx.operation_id()?,
    };
    let saving = Saving::checkpoint(&cluster, &args.name, operation, args.full).await?;
    if !args.wait.wait() {
        return saving::start(ctx, &saving, args.output).await;
    }
    let path = saving::follow(ctx, &saving, attach, deadline).await?;
    // A later checkpoint takes its place in the end; a savepoint stays.
    ctx.ui.hint(&format!(
        "Flink deletes it when newer ones have taken its place. To keep one, run `kubectl flink savepoint {}`.",
        args.name
    ));
    ctx.show(&saving::outcome(&saving, Some(&path)), args.output)
}
