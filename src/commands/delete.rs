//! `delete`: remove an application; its state stays unless the user says otherwise and consents.

use std::time::Duration;

use clap::Args;
use k8s_openapi::api::core::v1::Pod;

use crate::cli::WaitTimeout;
use crate::cluster::read;
use crate::commands::narrate::{Narrator, run_plan};
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::model::name::ApplicationName;
use crate::ops::claims::{self, Users};
use crate::ops::execute::Executor;
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
}

/// Deletes.
///
/// # Errors
/// [`crate::error::Kind::NotFound`] when there is nothing to delete,
/// [`crate::error::Kind::Declined`] without consent.
pub async fn run(ctx: &mut Ctx, args: DeleteArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let (anchor, active) = observe::existing(&cluster, &args.name).await?;
    let claim = active.revision.storage.claim().claim.clone();
    if args.delete_storage {
        let found = claims::get(&cluster, &claim).await?;
        let (pods, records) = (cluster.api::<Pod>(), cluster.api());
        let (pods, users) =
            tokio::try_join!(read::list(&cluster, &pods, ""), Users::find(&cluster, &records))?;
        claims::is_only_of(&args.name, &found, &users, &pods)?;
        let question = format!(
            "Delete application {} and claim {claim} with every savepoint and checkpoint on it?",
            args.name
        );
        ctx.ui.confirm(&question, args.yes).await?;
    }
    let plan = lifecycle::delete(Some(&active), &active.revision, args.delete_storage, &operation);
    let mut narrator = Narrator::new(&ctx.ui, format!("Deleting {}", args.name));
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    let state = State::of(&cluster, &active.revision, &operation).within(deadline);
    let revisions = vec![active.revision.clone()];
    let mut executor = Executor::new(&cluster, &plan, state, Some(anchor), revisions, deadline);
    let outcome = run_plan(ctx, &mut executor, &mut narrator, "delete").await;
    drop(narrator);
    outcome?;
    ctx.ui.answer(&format!("application/{} deleted", args.name))?;
    if !args.delete_storage {
        ctx.ui.status(&format!("claim {claim} and the snapshots on it are kept"));
        if let Some(snapshot) = executor.stopped_at.as_ref().or(active.known_snapshot()) {
            ctx.ui.status(&format!("the latest snapshot is {snapshot}"));
        }
        ctx.ui.hint(&format!("Bring it back with `kubectl flink restore {}`.", args.name));
    }
    Ok(())
}
