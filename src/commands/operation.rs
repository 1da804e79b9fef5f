//! `operation`: what was begun and is not finished.

use std::time::Duration;

use clap::{Args, Subcommand};
use k8s_openapi::api::core::v1::ConfigMap;

use crate::cli::WaitTimeout;
use crate::cluster::Cluster;
use crate::commands::answers::Answers;
use crate::commands::narrate::Narrator;
use crate::commands::operate::{self, Towards};
use crate::commands::scope;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::name::ApplicationName;
use crate::ops::execute::Executor;
use crate::ops::operation::abort::{self, Way};
use crate::ops::operation::record::Record;
use crate::ops::operation::unfinished::{self, Unfinished};
use crate::ops::permissions;
use crate::ui::{Format, OutputArgs, SortArgs};
use crate::view::operation::{OperationList, OperationView};
use crate::view::outcome::OutcomeView;
use crate::view::step::words;

/// As long as the longest verb: a stop that waits for a savepoint of terabytes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3600);

const EXAMPLES: &str = "\
Examples:
  # What was begun in this namespace and is not finished
  kubectl flink operation list

  # How far it is, and who began it
  kubectl flink operation show orders

  # Go on with it, whoever began it
  kubectl flink operation resume orders

  # Give it up, and bring back what was before
  kubectl flink operation abort orders";

/// Arguments of `operation`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct OperationArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the operations that are not finished
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show the plan of an operation, and how far it is
    Show(ShowArgs),
    /// Go on with an operation that was cut off
    Resume(GoArgs),
    /// Give an operation up and bring back what was before
    Abort(GoArgs),
}

/// Arguments of `operation list`.
#[derive(Debug, Args)]
struct ListArgs {
    /// List the operations of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    #[command(flatten)]
    sort: SortArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `operation show`.
#[derive(Debug, Args)]
struct ShowArgs {
    /// Name of the application
    name: ApplicationName,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `operation resume` and `operation abort`.
#[derive(Debug, Args)]
struct GoArgs {
    /// Name of the application
    name: ApplicationName,
    #[command(flatten)]
    wait: WaitTimeout,
    /// Format of the answer: table, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// Runs one of the operation verbs.
///
/// # Errors
/// Those of the verb; [`Kind::NotFound`] when nothing is unfinished.
pub async fn run(ctx: &mut Ctx, args: OperationArgs) -> Result<()> {
    match args.verb {
        Verb::List(args) => list(ctx, args).await,
        Verb::Show(args) => show(ctx, args).await,
        Verb::Resume(args) => {
            let mut answers = Answers::new(&args.output);
            let timeout = args.wait.timeout(TIMEOUT);
            go(ctx, &args.name, timeout, Towards::End, &mut answers).await?;
            answers.end(ctx)
        }
        Verb::Abort(args) => abort(ctx, &args.name, args.wait.timeout(TIMEOUT), &args.output).await,
    }
}

/// Gives the unfinished operation of `application` up and brings back what was before: `operation abort`,
/// and `--abort` of every verb that changes an application.
///
/// # Errors
/// [`Kind::NotFound`] when nothing is unfinished, [`Kind::Conflict`] when it can only be finished.
pub(super) async fn abort(
    ctx: &mut Ctx,
    application: &ApplicationName,
    timeout: Option<Duration>,
    format: &Format,
) -> Result<()> {
    let mut answers = Answers::new(format);
    go(ctx, application, timeout, Towards::Start, &mut answers).await?;
    answers.end(ctx)
}

async fn list(ctx: &mut Ctx, args: ListArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let api = scope::<ConfigMap>(&cluster, args.all_namespaces);
    let found = unfinished::list(&cluster, &api).await?;
    let mut items: Vec<_> =
        found.iter().map(|found| OperationView::new(&found.record, words)).collect();
    items.sort_by(|a, b| (&a.namespace, &a.application).cmp(&(&b.namespace, &b.application)));
    args.sort.sort(&mut items)?;
    if items.is_empty() {
        ctx.ui.status("No operation is unfinished.");
    }
    let list = OperationList { items, all_namespaces: args.all_namespaces };
    ctx.show(&list, &args.output)
}

async fn show(ctx: &mut Ctx, args: ShowArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let found = existing(&cluster, &args.name).await?;
    ctx.show(&OperationView::new(&found.record, words), &args.output)
}

/// Takes the unfinished operation of `application` to its end, or back.
///
/// # Errors
/// As [`abort`], and those of the operation itself.
pub(super) async fn go(
    ctx: &mut Ctx,
    application: &ApplicationName,
    timeout: Option<Duration>,
    towards: Towards,
    answers: &mut Answers,
) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let found = existing(&cluster, application).await?;
    let (id, verb) = (found.record.plan.operation.clone(), found.record.plan.verb);
    let doing = match towards {
        Towards::End => format!("Finishing {verb} of {application}"),
        Towards::Start => format!("Undoing {verb} of {application}"),
    };
    let mut narrator = Narrator::new(&ctx.ui, doing);
    let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    if let (Towards::Start, Way::Back(steps)) = (towards, abort::way(&found.record)) {
        // The way back can take what the plan does not.
        permissions::steps(&cluster, &found.record, &steps).await?;
    }
    let journal = found.take_over(&cluster, ctx.runner()?, &mut narrator).await?;
    let mut executor = Executor::resume(&cluster, journal, deadline).await?;
    let outcome = operate::run(ctx, &mut executor, &mut narrator, towards).await;
    drop(narrator);
    outcome?;
    match towards {
        Towards::End => {
            let (record, proof) = (&executor.journal.record, executor.proof.as_ref());
            operate::answer(ctx, record, proof, answers)?;
        }
        Towards::Start => {
            let target = format!("operation/{id}");
            let mut outcome = OutcomeView::new(target, cluster.namespace(), "aborted");
            outcome.operation = Some(id.to_string());
            answers.give(ctx, outcome)?;
            undone(ctx, &executor.journal.record);
        }
    }
    Ok(())
}

/// What is there after an abort.
fn undone(ctx: &Ctx, record: &Record) {
    let name = &record.plan.application;
    match (&record.before, record.any_revision()) {
        (None, Some(revision)) => {
            ctx.ui.status(&format!("{} and what is on it are kept", revision.storage));
        }
        _ => ctx.ui.hint(&format!("Look at it with `kubectl flink status {name}`.")),
    }
}

async fn existing(cluster: &Cluster, application: &ApplicationName) -> Result<Unfinished> {
    unfinished::find(cluster, application).await?.ok_or_else(|| {
        Error::new(Kind::NotFound, format!("no operation on {application} is unfinished"))
            .hint("List those of all namespaces with `kubectl flink operation list -A`.")
    })
}
