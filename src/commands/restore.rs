//! `restore`: go back to a snapshot, or bring back an application whose storage was kept.

use std::time::Duration;

use clap::Args;

use crate::cli::{AbortArg, ConflictArg, WaitTimeout};
use crate::cluster::Cluster;
use crate::commands::dry_run::{self, DryRunArgs};
use crate::commands::narrate::Narrator;
use crate::commands::operate::{self, finish};
use crate::commands::operation;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::flink_version::FlinkVersion;
use crate::model::ids::OperationId;
use crate::model::name::ApplicationName;
use crate::model::storage::{StateStorage, StorageSpec};
use crate::ops::anchor::Anchor;
use crate::ops::deploy::FromRequest;
use crate::ops::event::Observer;
use crate::ops::execute::Executor;
use crate::ops::observed::Active;
use crate::ops::operation::record::request;
use crate::ops::plan::Plan;
use crate::ops::prepare::LeftBehind;
use crate::ops::state::State;
use crate::ops::{lifecycle, observe, permissions, preflight, prepare, profiles};

const TIMEOUT: Duration = Duration::from_secs(600);

const EXAMPLES: &str = "\
Examples:
  # Bring back a deleted application from its newest snapshot
  kubectl flink restore orders

  # Go back to one savepoint; the present state is saved first
  kubectl flink restore orders --from savepoint-83c1d4-1f2e3d4c5b6a

  # In a new cluster, from a claim that holds the state
  kubectl flink restore orders --storage claim:orders-state --image flink:2.3.0

  # In a new cluster, from a bucket alone: the profile, then the application
  kubectl flink storage create prod s3://shop-flink --secret s3-keys
  kubectl flink restore orders --storage prod";

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RestoreArgs {
    /// Name of the application
    name: ApplicationName,
    /// Snapshot to go back to: latest, a path, or the last part of one
    #[arg(long, value_name = "SNAPSHOT", default_value = "latest")]
    from: FromRequest,
    /// Drop state that no operator of the job claims
    #[arg(long)]
    allow_non_restored_state: bool,
    /// Storage that holds the state of an application that does not exist: claim:NAME[/path], a profile or a URI
    #[arg(long, value_name = "STORAGE")]
    storage: Option<StorageSpec>,
    /// Image that the storage is read with when the claim does not tell; any that has a shell
    #[arg(long)]
    image: Option<String>,
    #[command(flatten)]
    wait: WaitTimeout,
    #[command(flatten)]
    abort: AbortArg,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    conflicts: ConflictArg,
}

/// What a restore runs with.
struct Prepared<'a> {
    plan: Plan,
    state: State<'a>,
    anchor: Option<Anchor>,
    active: Option<Active>,
}

/// Restores, and proves that the job runs from that very snapshot.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such snapshot: then nothing was touched.
pub async fn run(ctx: &mut Ctx, args: RestoreArgs) -> Result<()> {
    if args.abort.abort {
        return operation::abort(
            ctx,
            &args.name,
            args.wait.timeout(operation::TIMEOUT),
            args.dry_run.format(),
        )
        .await;
    }
    if args.from == FromRequest::Empty {
        return Err(
            Error::usage("--from none is not a restore").hint("Give a snapshot, or latest.")
        );
    }
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let mut narrator = Narrator::new(&ctx.ui, format!("Restoring {}", args.name));
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    let request = args.request();
    if let Some(by) = args.dry_run.by()
        && let Some(record) = operate::left(ctx, &cluster, &args.name, &request).await?
    {
        let view = dry_run::view(&cluster, record, by, "restored", &mut narrator).await?;
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
    let Prepared { plan, state, anchor, active } =
        plan(&cluster, &args, &operation, deadline, &mut narrator).await?;
    let before = (anchor, active.as_ref());
    let plan = Plan { force: args.conflicts.force_conflicts, ..plan };
    let mut executor = operate::executor(ctx, &cluster, plan, request, before, state, deadline)?;
    if let Some(by) = args.dry_run.by() {
        executor.state.close().await;
        let record = executor.journal.record;
        let view = dry_run::view(&cluster, record, by, "restored", &mut narrator).await?;
        drop(narrator);
        return args.dry_run.show(ctx, &view);
    }
    finish(ctx, executor, narrator, args.dry_run.format()).await
}

impl RestoreArgs {
    /// What tells this restore from another one.
    fn request(&self) -> String {
        let storage = self.storage.as_ref().map(ToString::to_string).unwrap_or_default();
        let allow = format!("allow={}", self.allow_non_restored_state);
        request(&["restore", &format!("{:?}", self.from), &allow, &storage])
    }
}

async fn plan<'a>(
    cluster: &'a Cluster,
    args: &RestoreArgs,
    operation: &OperationId,
    deadline: Deadline,
    observer: &mut dyn Observer,
) -> Result<Prepared<'a>> {
    // Looking for snapshots may take a pod, which is a write.
    permissions::verb(cluster, "restore").await?;
    let revisions = observe::revisions(cluster, &args.name).await?;
    if let Some((anchor, active)) = observe::active(cluster, &args.name).await? {
        if args.storage.is_some() {
            return Err(Error::usage(format!(
                "{} exists: --storage is for one that does not",
                args.name
            ))
            .hint("Leave --storage out."));
        }
        let mut state = State::of(cluster, &active.revision, operation).within(deadline);
        let snapshots = state.snapshots(observer).await?;
        let snapshot = prepare::resolve(&args.from, &snapshots, &args.name)?;
        let highest = prepare::highest(&revisions, Some(&active.revision));
        let highest = highest.unwrap_or(active.revision.generation);
        let allow = args.allow_non_restored_state;
        let named = args.from != FromRequest::Latest;
        let from = lifecycle::restored_from(&active, snapshot, named)?;
        let plan = lifecycle::restore(&active, highest, from, allow, operation);
        return Ok(Prepared { plan, state, anchor: Some(anchor), active: Some(active) });
    }
    let (mut state, storage) = orphaned(cluster, args, operation, deadline, observer).await?;
    let left = LeftBehind::read(&mut state, observer).await?;
    let Some(record) = left.newest else {
        state.close().await;
        return Err(Error::new(
            Kind::NotFound,
            format!("{storage} holds no record of an application {}", args.name),
        )
        .hint("The state is under <namespace>/<application> on the storage: check the name, the namespace and the path of --storage."));
    };
    let record = record.found_on(&storage);
    let snapshot = prepare::resolve(&args.from, &left.snapshots, &args.name)?;
    let plan = lifecycle::revive(&record, snapshot, args.allow_non_restored_state, operation);
    Ok(Prepared { plan, state, anchor: None, active: None })
}

/// Opens the storage of an application that does not exist.
async fn orphaned<'a>(
    cluster: &'a Cluster,
    args: &RestoreArgs,
    operation: &OperationId,
    deadline: Deadline,
    observer: &mut dyn Observer,
) -> Result<(State<'a>, StateStorage)> {
    let spec = match &args.storage {
        Some(spec) => spec.clone(),
        None => StorageSpec::ExistingClaim { claim: args.name.claim(), path: String::new() },
    };
    let found = preflight::storage(cluster, &args.name, &spec, observer).await.map_err(|error| {
        match error.kind() {
            Kind::NotFound => error.hint("There is no application of that name either. Name the claim that holds its state with --storage claim:NAME."),
            _ => error,
        }
    })?;
    if let Some(remote) = found.storage.remote() {
        profiles::check(cluster, remote, FlinkVersion::default()).await?;
    }
    let image = match (&args.image, found.storage.claim()) {
        (Some(image), _) => image.clone(),
        (None, Some(storage)) => observe::image_of_claim(cluster, &storage.claim).await?,
        (None, None) => FlinkVersion::default().default_image(),
    };
    let state = State::new(cluster, &args.name, &found.storage, &image, operation).within(deadline);
    Ok((state, found.storage))
}
