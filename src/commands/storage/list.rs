//! `storage list`: the claims that hold state, and whose.

use clap::Args;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use crate::cluster::read;
use crate::commands::scope;
use crate::context::Ctx;
use crate::error::Result;
use crate::ops::claims::Users;
use crate::ui::{OutputArgs, SortArgs};
use crate::view::claim::{ClaimList, ClaimView};

const EXAMPLES: &str = "\
Examples:
  # The claims of the current namespace
  kubectl flink storage list

  # Those of all namespaces, with their volumes and the pods that mount them
  kubectl flink storage list -A -o wide";

/// Arguments of `storage list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// List the claims of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    #[command(flatten)]
    sort: SortArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Lists claims: those this plugin made, and those an application keeps its state on.
pub(super) async fn run(ctx: &mut Ctx, args: ListArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let everywhere = args.all_namespaces;
    let claims = scope::<PersistentVolumeClaim>(&cluster, everywhere);
    let (pods, records) = (scope::<Pod>(&cluster, everywhere), scope(&cluster, everywhere));
    let (claims, pods, users) = tokio::try_join!(
        read::list(&cluster, &claims, ""),
        read::list(&cluster, &pods, ""),
        Users::find(&cluster, &records),
    )?;
    let ours = claims.iter().filter(|claim| users.concerns(claim));
    let mut items: Vec<_> =
        ours.map(|claim| ClaimView::from(claim).used(users.of(claim), &pods)).collect();
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    args.sort.sort(&mut items)?;
    if items.is_empty() {
        let place = if everywhere {
            String::new()
        } else {
            format!(" in namespace {:?}", cluster.namespace())
        };
        ctx.ui.status(&format!("No storage found{place}."));
        ctx.ui.hint(
            "Make some with `kubectl flink storage create NAME pvc:10Gi`, or let deploy make it.",
        );
    }
    ctx.show(&ClaimList { items, all_namespaces: everywhere }, &args.output)
}
