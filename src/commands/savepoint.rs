//! `savepoint`: take a savepoint and follow it to its proven end.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitArgs;
use crate::cluster::Cluster;
use crate::commands::narrate::Narrator;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::ids::OperationId;
use crate::model::name::ApplicationName;
use crate::model::snapshot::{SavepointFormat, SnapshotPath};
use crate::ops::savepoint::Savepoint;
use crate::ui::Format;
use crate::view::outcome::OutcomeView;

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
/// [`Kind::Flink`] when Flink fails it; [`Kind::Interrupted`] at Ctrl-C, while it goes on.
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
    let savepoint = Savepoint::prepare(&cluster, &args.name, operation, format, args.to).await?;
    if !args.wait.wait() {
        savepoint.trigger().await?;
        ctx.ui.status(&format!("savepoint of {} started", args.name));
        ctx.ui.hint(&format!("Follow it with `{}`.", savepoint.reattach()));
        return ctx.show(&outcome(&cluster, &args.name, &savepoint.operation, None), args.output);
    }
    let interrupted = ctx.ui.interrupted();
    let mut narrator = Narrator::new(&ctx.ui, format!("Savepoint of {}", args.name));
    let taken = async {
        match attach {
            true => savepoint.attach(deadline, &mut narrator).await,
            false => savepoint.take(deadline, &mut narrator).await,
        }
    };
    let path = tokio::select! {
        path = taken => path?,
        () = interrupted => {
            return Err(Error::new(Kind::Interrupted, "interrupted; the savepoint goes on")
                .hint(format!("Follow it with `{}`.", savepoint.reattach())));
        }
    };
    drop(narrator);
    ctx.ui.status(&format!("savepoint of {} completed", args.name));
    ctx.ui.hint(&format!(
        "Go back to it with `kubectl flink restore {} --from {}`.",
        args.name,
        path.name()
    ));
    ctx.show(&outcome(&cluster, &args.name, &savepoint.operation, Some(&path)), args.output)
}

/// The answer: the path, or the id to follow it with as long as there is none.
fn outcome(
    cluster: &Cluster,
    name: &ApplicationName,
    operation: &OperationId,
    path: Option<&SnapshotPath>,
) -> OutcomeView {
    let what = if path.is_some() { "saved" } else { "saving" };
    let target = format!("application/{name}");
    let mut outcome = OutcomeView::new(target, cluster.namespace(), what);
    outcome.operation = Some(operation.to_string());
    outcome.text = if path.is_some() { String::new() } else { format!("{operation}\n") };
    outcome.ends_with(path);
    outcome
}
