//! `storage snapshot`: a snapshot of the volume that holds the state.

use std::time::Duration;

use clap::Args;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;

use crate::cli::WaitArgs;
use crate::commands::dry_run::DryRunArgs;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::manifest::NewVolumeSnapshot;
use crate::model::labels;
use crate::model::name::is_object_name;
use crate::ops::claims::{self, Users};
use crate::ops::{permissions, volume_snapshots};
use crate::view::outcome::OutcomeView;
use crate::view::plan::{PlanView, StepView};

const HELP: &str = "\
A volume snapshot (VolumeSnapshot, snapshot.storage.k8s.io/v1) shows the volume at one instant, as after a crash: every checkpoint and savepoint that was complete by then is on it; one that was being written is not taken for one, as its _metadata is missing. It lives on the same storage system as the volume, and stays when claim and application are deleted. It is no savepoint: of a running job, the newest checkpoint is what there is to go back to.

Examples:
  # The volume of an application, while it runs or after it was stopped
  kubectl flink storage snapshot orders

  # With a savepoint on it, and nothing newer
  kubectl flink stop orders
  kubectl flink storage snapshot orders --name orders-friday

  # A new volume from it, and the application from that
  kubectl flink storage create orders-again --from-snapshot orders-friday
  kubectl flink restore orders --storage claim:orders-again";

/// Arguments of `storage snapshot`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct SnapshotArgs {
    /// Name of the claim, or of the application whose state is on it
    name: String,
    /// Name of the volume snapshot; that of the claim and the id of the operation when absent
    #[arg(long = "name", value_name = "NAME")]
    called: Option<String>,
    /// VolumeSnapshotClass to take it with; the default of the volume's driver when absent
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Takes a snapshot of a claim's volume, and waits until it can be used.
pub(super) async fn run(ctx: &mut Ctx, args: SnapshotArgs) -> Result<()> {
    if let Some(name) = args.called.as_deref().filter(|name| !is_object_name(name)) {
        return Err(Error::usage(format!("--name {name:?} is not a valid name"))
            .hint("Use lowercase letters, digits, '-' and '.', at most 253 of them."));
    }
    let cluster = ctx.cluster().await?;
    let claim = claims::find(&cluster, &args.name).await?;
    let class = volume_snapshots::check(&cluster, &claim, args.class.as_deref()).await?;
    let users = Users::find(&cluster, &cluster.api()).await?;
    let new = request(ctx, &args, &claim, &users, class)?;
    let target = format!("volumesnapshot/{}", new.name);
    if let Some(by) = args.dry_run.by() {
        let change = volume_snapshots::dry_run(&cluster, &new, by).await?;
        let step = StepView {
            does: format!("take volume snapshot {} of claim {}", new.name, new.claim),
            writes: vec![change.object.to_string()],
            proves: "the driver says that the snapshot is ready to use".to_owned(),
            undo: "nothing has to be undone".to_owned(),
        };
        let view = PlanView::of_one(step, "ready", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    permissions::verb(&cluster, "storage-snapshot").await?;
    volume_snapshots::create(&cluster, &new).await?;
    if args.wait.wait() {
        let timeout = args.wait.timeout(Duration::from_secs(300));
        let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
        let progress = ctx.ui.progress(format!("Taking snapshot {}", new.name));
        progress.phase("waiting until the driver has taken it");
        let ready = volume_snapshots::ready(&cluster, &new.name, deadline).await;
        progress.finish();
        ready?;
    }
    let outcome = if args.wait.wait() { "ready" } else { "begun" };
    args.dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), outcome))?;
    ctx.ui.hint(&format!(
        "Make a claim from it with `kubectl flink storage create NAME --from-snapshot {}`.",
        new.name
    ));
    Ok(())
}

fn request(
    ctx: &mut Ctx,
    args: &SnapshotArgs,
    claim: &PersistentVolumeClaim,
    users: &Users,
    class: Option<String>,
) -> Result<NewVolumeSnapshot> {
    let (operation, name) = (ctx.operation_id()?, claim.name_any());
    Ok(NewVolumeSnapshot {
        name: args.called.clone().unwrap_or_else(|| format!("{name}-{operation}")),
        claim: name,
        like: volume_snapshots::like(claim),
        image: claim.annotations().get(labels::IMAGE).cloned(),
        application: volume_snapshots::application(claim, users),
        class,
        operation,
    })
}
