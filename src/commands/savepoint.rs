//! `savepoint`: take a savepoint and follow it to its proven end.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitArgs;
use crate::commands::saving;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::model::ids::OperationId;
use crate::model::name::ApplicationName;
use crate::model::snapshot::SavepointFormat;
use crate::ops::saving::Saving;
use crate::ui::Format;

/// A savepoint of terabytes takes half an hour; a longer one needs `--timeout`.
const TIMEOUT: Duration = Duration::from_secs(3600);

const EXAMPLES: &str = "\
Examples:
  # Take a savepoint; the last line is its path
  kubectl flink savepoint orders

  # One that another state backend can read, somewhere else on the storage
  kubectl flink savepoint orders --format canonical --to file:///flink/state/archive

  # Start it and go; follow it later
  kubectl flink savepoint orders --no-wait
  kubectl flink savepoint orders --attach 0k3j5n7q1x";

/// Arguments of `savepoint`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SavepointArgs {
    /// Name of the application
    name: ApplicationName,
    /// Format: native is fast, canonical can be read by another state backend
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// Directory to write it into; the application's own storage when absent
    #[arg(long, value_name = "URI")]
    to: Option<String>,
    /// Follow a savepoint that was started earlier, by its operation id
    #[arg(long, value_name = "ID", conflicts_with_all = ["format", "no_wait"])]
    attach: Option<OperationId>,
    #[command(flatten)]
    wait: WaitArgs,
    /// Format of the answer: table, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// The values of `--format`.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum FormatArg {
    /// The state backend's own format
    #[default]
    Native,
    /// Independent of the state backend
    Canonical,
}

/// Takes the savepoint, and prints its path as the last line of standard output.
///
/// # Errors
/// [`Kind::Flink`](crate::error::Kind::Flink) when Flink fails it; [`Kind::Interrupted`](crate::error::Kind::Interrupted) at Ctrl-C, while it goes on.
pub async fn run(ctx: &mut Ctx, args: SavepointArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    let attach = args.attach.is_some();
    let operation = match args.attach {
        Some(operation) => operation,
        None => ctx.operation_id()?,
    };
    let format = match args.format {
        FormatArg::Native => SavepointFormat::Native,
        FormatArg::Canonical => SavepointFormat::Canonical,
    };
    let savepoint = Saving::savepoint(&cluster, &args.name, operation, format, args.to).await?;
    if !args.wait.wait() {
        return saving::start(ctx, &savepoint, args.output).await;
    }
    let path = saving::follow(ctx, &savepoint, attach, deadline).await?;
    ctx.ui.hint(&format!(
        "Go back to it with `kubectl flink restore {} --from {}`.",
        args.name,
        path.name()
    ));
    ctx.show(&saving::outcome(&savepoint, Some(&path)), args.output)
}
