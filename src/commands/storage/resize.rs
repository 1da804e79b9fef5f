//! `storage resize`: more room for a claim, while it is in use.

use std::time::Duration;

use clap::Args;
use kube::ResourceExt;

use crate::cli::WaitArgs;
use crate::commands::dry_run::DryRunArgs;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::model::quantity::Quantity;
use crate::ops::resize::{self, Growth, Wanted};
use crate::ops::{claims, permissions};
use crate::view::outcome::OutcomeView;
use crate::view::plan::{PlanView, StepView};

const EXAMPLES: &str = "\
Examples:
  # More room for the state of an application, while it runs
  kubectl flink storage resize orders 20Gi

  # The same, by the name of the claim; see first what would be written
  kubectl flink storage resize orders-state 20Gi --dry-run=server";

/// Arguments of `storage resize`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ResizeArgs {
    /// Name of the claim, or of the application whose state is on it
    name: String,
    /// The new size, such as 20Gi; a volume cannot shrink
    size: Quantity,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Asks for a larger volume, and waits until the file system on it has the size.
pub(super) async fn run(ctx: &mut Ctx, args: ResizeArgs) -> Result<()> {
    let size = args.size;
    let cluster = ctx.cluster().await?;
    let claim = claims::find(&cluster, &args.name).await?;
    let name = claim.name_any();
    let wanted = resize::check(&cluster, &claim, size).await?;
    if let Some(by) = args.dry_run.by() {
        let change = resize::dry_run(&cluster, &claim, size, by).await?;
        let step = StepView {
            does: format!("grow claim {name} from {} to {size}", resize::capacity(&claim)),
            writes: vec![change.object.to_string()],
            proves: "the volume and the file system on it have the size".to_owned(),
            undo: "cannot be undone: a volume cannot shrink".to_owned(),
        };
        let view = PlanView::of_one(step, "resized", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    let answer = |ctx: &Ctx, outcome: &str| {
        let target = format!("persistentvolumeclaim/{name}");
        args.dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), outcome))
    };
    match wanted {
        Wanted::Has => {
            ctx.ui.status(&format!("It has {} already.", resize::capacity(&claim)));
            return answer(ctx, "unchanged");
        }
        Wanted::Asked => {}
        Wanted::Change => {
            permissions::verb(&cluster, "storage-resize").await?;
            resize::grow(&cluster, &name, size).await?;
        }
    }
    if !args.wait.wait() {
        return answer(ctx, "resizing");
    }
    let deadline =
        args.wait.timeout(Duration::from_secs(300)).map_or(Deadline::NEVER, Deadline::after);
    let progress = ctx.ui.progress(format!("Resizing {name} to {size}"));
    let told = |stage: &Growth| match stage {
        Growth::Volume => progress.phase("the volume grows"),
        Growth::FileSystem => progress.phase("the file system grows"),
        Growth::Done | Growth::Infeasible => {}
    };
    let reached = resize::finished(&cluster, &name, size, deadline, told).await;
    progress.finish();
    if reached? == Growth::FileSystem {
        ctx.ui.status("The volume has grown. Its file system follows when the next pod mounts it.");
    }
    answer(ctx, "resized")
}
