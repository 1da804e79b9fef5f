//! `storage list`: the claims that hold state and the profiles of stores, and whose.

use clap::Args;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use kube::{Api, ResourceExt};

use crate::cluster::{Cluster, read};
use crate::commands::scope;
use crate::context::Ctx;
use crate::error::{Kind, Result};
use crate::model::labels;
use crate::ops::claims::Users;
use crate::ops::profiles;
use crate::ui::{OutputArgs, SortArgs};
use crate::view::claim::{ClaimView, StorageList};
use crate::view::profile::ProfileView;

const EXAMPLES: &str = "\
Examples:
  # The claims and profiles of the current namespace
  kubectl flink storage list

  # Those of all namespaces, with their volumes and the pods that mount them
  kubectl flink storage list -A -o wide";

/// Arguments of `storage list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// List the storage of all namespaces
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
    let config_maps = scope::<ConfigMap>(&cluster, everywhere);
    let (claims, pods, users, config_maps) = tokio::try_join!(
        read::list(&cluster, &claims, ""),
        read::list(&cluster, &pods, ""),
        Users::find(&cluster, &records),
        profiles(&cluster, &config_maps),
    )?;
    let mut profiles = Vec::new();
    for found in config_maps.as_deref().unwrap_or_default() {
        let namespace = found.namespace().unwrap_or_default();
        let used_by = users.of_profile(&namespace, &profiles::name_of(found));
        profiles.push(ProfileView::new(found, used_by)?);
    }
    if config_maps.is_none() {
        ctx.ui.status("you may not list configmaps, so that storage profiles are left out");
    }
    let ours = claims.iter().filter(|claim| users.concerns(claim));
    let mut items: Vec<_> =
        ours.map(|claim| ClaimView::from(claim).used(users.of(claim), &pods)).collect();
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    args.sort.sort(&mut items)?;
    profiles.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    if items.is_empty() && profiles.is_empty() {
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
    ctx.show(&StorageList { items, profiles, all_namespaces: everywhere }, &args.output)
}

/// The profiles; `None` for whoever may not look.
async fn profiles(cluster: &Cluster, api: &Api<ConfigMap>) -> Result<Option<Vec<ConfigMap>>> {
    match read::list(cluster, api, labels::PROFILE).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == Kind::Denied => Ok(None),
        Err(error) => Err(error),
    }
}
