//! `storage create`: a claim before any application needs it.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitArgs;
use crate::commands::dry_run::DryRunArgs;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::model::storage::{NewClaim, StorageSpec};
use crate::ops::new_claim;
use crate::view::outcome::OutcomeView;
use crate::view::plan::{PlanView, StepView};

const EXAMPLES: &str = "\
Examples:
  # 10 GiB of the default StorageClass
  kubectl flink storage create shared pvc:10Gi

  # A shared file system that pods on several nodes can mount
  kubectl flink storage create shared pvc:100Gi,class=nfs,access=rwx

  # Then keep the state of several applications on it
  kubectl flink deploy orders --jar ./orders.jar --storage claim:shared";

/// Arguments of `storage create`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CreateArgs {
    /// Name of the claim
    name: String,
    /// What to make: pvc:SIZE[,class=NAME][,access=rwo|rwx]
    #[arg(value_name = "STORAGE")]
    storage: String,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Creates a claim, and waits for its volume where the StorageClass makes one at once.
pub(super) async fn run(ctx: &mut Ctx, args: CreateArgs) -> Result<()> {
    let new = request(&args.storage)?;
    check_name(&args.name)?;
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let class = new_claim::check(&cluster, &new).await?;
    if let Some(by) = args.dry_run.by() {
        let change = new_claim::dry_run(&cluster, &args.name, &new, &operation, by).await?;
        let step = StepView {
            does: format!("create claim {} ({})", args.name, args.storage),
            writes: vec![change.object.to_string()],
            proves: "the claim exists and was made by this command".to_owned(),
            undo: "nothing has to be undone".to_owned(),
        };
        let view = PlanView::of_one(step, "created", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    new_claim::create(&cluster, &args.name, &new, &operation).await?;
    match class {
        Some(class) if !class.waits_for_consumer && args.wait.wait() => {
            let progress = ctx.ui.progress(format!("Creating {}", args.name));
            progress.phase("waiting for the volume");
            let timeout = args.wait.timeout(Duration::from_secs(120));
            let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
            new_claim::bound(&cluster, &args.name, deadline).await?;
        }
        Some(class) if class.waits_for_consumer => {
            ctx.ui.status("Its volume is made when the first pod mounts it.");
        }
        _ => {}
    }
    let target = format!("persistentvolumeclaim/{}", args.name);
    args.dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), "created"))?;
    let storage = format!("--storage claim:{}", args.name);
    ctx.ui.hint(&format!("Use it with `kubectl flink deploy NAME --jar PATH {storage}`."));
    Ok(())
}

fn request(text: &str) -> Result<NewClaim> {
    match text.parse()? {
        StorageSpec::NewClaim(new) => Ok(new),
        StorageSpec::ExistingClaim { claim, .. } => Err(Error::usage(format!(
            "{text:?} names a claim that exists; there is nothing to create"
        ))
        .hint(format!("Give pvc:SIZE, or use claim {claim} as it is."))),
        StorageSpec::Profile(_) | StorageSpec::Uri(_) => {
            Err(Error::usage(format!("{text:?} is not a claim")).hint("Give pvc:SIZE."))
        }
    }
}

/// The name must be one that `--storage claim:NAME` can say.
fn check_name(name: &str) -> Result<()> {
    match format!("claim:{name}").parse() {
        Ok(StorageSpec::ExistingClaim { claim, .. }) if claim == name => Ok(()),
        _ => Err(Error::usage(format!("{name:?} is not the name of a claim"))
            .hint("Use lowercase letters, digits, '-' and '.'.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_claim_can_be_created() {
        assert!(request("pvc:10Gi").is_ok());
        for bad in ["claim:shared", "10Gi", "pvc:0", "pvc:10Gi,access=rwop"] {
            assert_eq!(request(bad).map_err(|e| e.kind()), Err(crate::error::Kind::Usage), "{bad}");
        }
    }

    #[test]
    fn a_name_must_be_usable_with_deploy() {
        assert!(check_name("shared-1").is_ok());
        for bad in ["", "Shared", "a/b", "a b", "a\u{202e}b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
