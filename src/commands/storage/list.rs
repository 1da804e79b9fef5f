//! `storage list`: the claims that hold state, the profiles of stores and the data stores, and whose.

use clap::Args;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use kube::{Api, ResourceExt};

use crate::cluster::{Cluster, read};
use crate::commands::scope;
use crate::context::Ctx;
use crate::error::{Kind, Result};
use crate::model::labels;
use crate::ops::claims::Users;
use crate::ops::{data_stores, profiles};
use crate::ui::{OutputArgs, SortArgs};
use crate::view::claim::{ClaimView, StorageList};
use crate::view::data_store::DataStoreView;
use crate::view::profile::ProfileView;

const EXAMPLES: &str = "\
Examples:
  # The claims, profiles and data stores of the current namespace
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
    let (claims, pods, users, found, stores) = tokio::try_join!(
        read::list(&cluster, &claims, ""),
        read::list(&cluster, &pods, ""),
        Users::find(&cluster, &records),
        described(&cluster, &config_maps, labels::PROFILE),
        described(&cluster, &config_maps, labels::DATA_STORE),
    )?;
    let mut profiles = Vec::new();
    for found in found.as_deref().unwrap_or_default() {
        let namespace = found.namespace().unwrap_or_default();
        let used_by = users.of_profile(&namespace, &profiles::name_of(found));
        profiles.push(ProfileView::new(found, used_by)?);
    }
    let mut data_stores = Vec::new();
    for found in stores.as_deref().unwrap_or_default() {
        let namespace = found.namespace().unwrap_or_default();
        let used_by = users.of_data_store(&namespace, &data_stores::name_of(found));
        data_stores.push(DataStoreView::new(found, used_by)?);
    }
    if found.is_none() {
        ctx.ui.status(
            "you may not list configmaps, so that storage profiles and data stores are left out",
        );
    }
    let ours = claims.iter().filter(|claim| users.concerns(claim));
    let mut items: Vec<_> =
        ours.map(|claim| ClaimView::from(claim).used(users.of(claim), &pods)).collect();
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    args.sort.sort(&mut items)?;
    profiles.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    data_stores.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    if items.is_empty() && profiles.is_empty() && data_stores.is_empty() {
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
    let list = StorageList { items, profiles, data_stores, all_namespaces: everywhere };
    ctx.show(&list, &args.output)
}

/// The ConfigMaps with this label; `None` for whoever may not look.
async fn described(
    cluster: &Cluster,
    api: &Api<ConfigMap>,
    label: &str,
) -> Result<Option<Vec<ConfigMap>>> {
    match read::list(cluster, api, label).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == Kind::Denied => Ok(None),
        Err(error) => Err(error),
    }
}
