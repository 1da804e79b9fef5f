//! `delete`: remove an application; its state stays unless the user says otherwise and consents.

use std::time::Duration;

use clap::Args;
use k8s_openapi::api::core::v1::Pod;

use crate::cli::{AbortArg, WaitTimeout};
use crate::cluster::read;
use crate::commands::dry_run::{self, DryRunArgs};
use crate::commands::narrate::Narrator;
use crate::commands::operate::{self, finish};
use crate::commands::operation;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::model::name::ApplicationName;
use crate::model::storage::StateStorage;
use crate::ops::claims::{self, Users};
use crate::ops::execute::Executor;
use crate::ops::operation::record::request;
use crate::ops::operation::unfinished;
use crate::ops::state::State;
use crate::ops::{lifecycle, observe};

const TIMEOUT: Duration = Duration::from_secs(300);

const EXAMPLES: &str = "\
Examples:
  # Delete the application and keep its state; restore brings it back
  kubectl flink delete orders
  kubectl flink restore orders

  # Delete the claim too, with every savepoint and checkpoint on it
  kubectl flink delete orders --delete-storage";

/// Arguments of `delete`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DeleteArgs {
    /// Name of the application
    name: ApplicationName,
    /// Delete the claim as well: every savepoint and checkpoint on it is lost
    #[arg(long)]
    delete_storage: bool,
    /// Consent to what --delete-storage deletes
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    wait: WaitTimeout,
    #[command(flatten)]
    abort: AbortArg,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Deletes.
///
/// # Errors
/// [`crate::error::Kind::NotFound`] when there is nothing to delete,
/// [`crate::error::Kind::Declined`] without consent.
pub async fn run(ctx: &mut Ctx, args: DeleteArgs) -> Result<()> {
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
    let request = request(&["delete", &format!("storage={}", args.delete_storage)]);
    let dry_run = args.dry_run.by();
    if let Some(by) = dry_run
        && let Some(record) = operate::left(ctx, &cluster, &args.name, &request).await?
    {
        let mut narrator = Narrator::new(&ctx.ui, format!("Deleting {}", args.name));
        let view = dry_run::view(&cluster, record, by, "deleted", &mut narrator).await?;
        drop(narrator);
        return args.dry_run.show(ctx, &view);
    }
    if let (None, Some(found)) = (dry_run, unfinished::find(&cluster, &args.name).await?) {
        if let (true, Some(revision)) = (args.delete_storage, &found.record.old) {
            consent(ctx, &args, deletable(&args.name, &revision.storage)?).await?;
        }
        let mut narrator = Narrator::new(&ctx.ui, format!("Deleting {}", args.name));
        if let Some(journal) =
            operate::resumable(ctx, &cluster, &args.name, &request, &mut narrator).await?
        {
            let executor = Executor::resume(&cluster, journal, deadline).await?;
            return finish(ctx, executor, narrator, args.dry_run.format()).await;
        }
    }
    let (anchor, active) = observe::existing(&cluster, &args.name).await?;
    if args.delete_storage {
        let claim = deletable(&args.name, &active.revision.storage)?;
        let found = claims::get(&cluster, claim).await?;
        let (pods, records) = (cluster.api::<Pod>(), cluster.api());
        let (pods, users) =
            tokio::try_join!(read::list(&cluster, &pods, ""), Users::find(&cluster, &records))?;
        claims::is_only_of(&args.name, &found, &users, &pods)?;
        if dry_run.is_none() {
            consent(ctx, &args, claim).await?;
        }
    }
    let plan = lifecycle::delete(Some(&active), &active.revision, args.delete_storage, &operation);
    let mut narrator = Narrator::new(&ctx.ui, format!("Deleting {}", args.name));
    let state = State::of(&cluster, &active.revision, &operation).within(deadline);
    let before = (Some(anchor), Some(&active));
    let executor = operate::executor(ctx, &cluster, plan, request, before, state, deadline)?;
    if let Some(by) = dry_run {
        let record = executor.journal.record;
        let view = dry_run::view(&cluster, record, by, "deleted", &mut narrator).await?;
        drop(narrator);
        return args.dry_run.show(ctx, &view);
    }
    finish(ctx, executor, narrator, args.dry_run.format()).await
}

/// The claim that goes together with an application.
fn deletable<'a>(name: &ApplicationName, storage: &'a StateStorage) -> Result<&'a str> {
    storage.claim().map(|storage| storage.claim.as_str()).ok_or_else(|| {
        Error::usage(format!("the state of {name} is on {storage}, which --delete-storage does not delete"))
            .hint("Delete the application alone; the folder on the store is yours to delete, with the store's own tools.")
    })
}

/// The user agrees to the loss of all state on the claim.
async fn consent(ctx: &Ctx, args: &DeleteArgs, claim: &str) -> Result<()> {
    let question = format!(
        "Delete application {} and claim {claim} with every savepoint and checkpoint on it?",
        args.name
    );
    ctx.ui.confirm(&question, args.yes).await
}
