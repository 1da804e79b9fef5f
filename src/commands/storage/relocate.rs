//! `storage move`: the state of an application goes on on another storage.

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
use crate::model::storage::StorageSpec;
use crate::ops::execute::Executor;
use crate::ops::operation::record::request;
use crate::ops::plan::Plan;
use crate::ops::state::State;
use crate::ops::{observe, permissions, prepare, relocate};

const TIMEOUT: Duration = Duration::from_secs(600);

const EXAMPLES: &str = "\
Examples:
  # From a claim to the bucket of a profile
  kubectl flink storage move orders --to minio

  # What would happen?
  kubectl flink storage move orders --to minio --dry-run=client

  # Afterwards, when nothing of the old state is needed any more
  kubectl flink storage delete orders-state";

/// Arguments of `storage move`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MoveArgs {
    /// Name of the application
    name: ApplicationName,
    /// Where its state goes on: the name of a profile, a URI, pvc:SIZE or claim:NAME[/path]
    #[arg(long, value_name = "STORAGE", required_unless_present = "abort")]
    to: Option<StorageSpec>,
    #[command(flatten)]
    wait: WaitTimeout,
    #[command(flatten)]
    abort: AbortArg,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    conflicts: ConflictArg,
}

/// Moves: an upgrade whose next generation starts from the old storage and keeps its state on the new one.
pub(super) async fn run(ctx: &mut Ctx, args: MoveArgs) -> Result<()> {
    let Some(to) = args.to.clone().filter(|_| !args.abort.abort) else {
        let timeout = args.wait.timeout(operation::TIMEOUT);
        return operation::abort(ctx, &args.name, timeout, args.dry_run.format()).await;
    };
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    let request = request(&["storage-move", &to.to_string()]);
    let mut narrator = Narrator::new(&ctx.ui, format!("Moving {}", args.name));
    if let Some(by) = args.dry_run.by()
        && let Some(record) = operate::left(ctx, &cluster, &args.name, &request).await?
    {
        let view = dry_run::view(&cluster, record, by, "moved", &mut narrator).await?;
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
    let found = relocate::destination(&cluster, &active, &to, &mut narrator).await?;
    // Looking at a store takes a pod, which is a write.
    permissions::verb(&cluster, "storage-move").await?;
    let target = relocate::moved(&active.revision, &to, &found.storage);
    let mut state = State::of(&cluster, &target, &operation).within(deadline);
    if target.storage.remote().is_some() {
        state.check_access(args.dry_run.by().is_some(), &mut narrator).await?;
    }
    let revisions = observe::revisions(&cluster, &args.name).await?;
    let highest = prepare::highest(&revisions, None).unwrap_or(active.revision.generation);
    let plan = relocate::plan(&active, &to, &found, highest, &operation)?;
    let before = (Some(anchor), Some(&active));
    let plan = Plan { force: args.conflicts.force_conflicts, ..plan };
    let mut executor = operate::executor(ctx, &cluster, plan, request, before, state, deadline)?;
    if let Some(by) = args.dry_run.by() {
        executor.state.close().await;
        let record = executor.journal.record;
        let view = dry_run::view(&cluster, record, by, "moved", &mut narrator).await?;
        drop(narrator);
        return args.dry_run.show(ctx, &view);
    }
    finish(ctx, executor, narrator, args.dry_run.format()).await
}
