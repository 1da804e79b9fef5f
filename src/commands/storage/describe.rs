//! `storage describe`: one claim, profile or data store in all detail.

use clap::Args;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};

use crate::cluster::diagnose::Observed;
use crate::cluster::observe::events_about;
use crate::cluster::volume_snapshots::{self, Listed};
use crate::cluster::{read, survey};
use crate::context::Ctx;
use crate::error::Result;
use crate::model::labels;
use crate::ops::claims::{self, Users};
use crate::ui::OutputArgs;
use crate::view::claim::ClaimView;
use crate::view::data_store::DataStoreView;
use crate::view::profile::ProfileView;
use crate::view::storage::{ClassView, StorageView};
use crate::view::volume_snapshot;

const EXAMPLES: &str = "\
Examples:
  # Who uses this claim, and why is it pending?
  kubectl flink storage describe orders-state";

/// Arguments of `storage describe`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DescribeArgs {
    /// Name of the claim, profile or data store
    name: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Describes a claim, a profile or a data store.
pub(super) async fn run(ctx: &mut Ctx, args: DescribeArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    let config_map = labels::profile_object(&args.name);
    if let Some(found) = read::get(&cluster, &cluster.api::<ConfigMap>(), &config_map).await? {
        let users = Users::find(&cluster, &cluster.api()).await?;
        let users = users.of_profile(cluster.namespace(), &args.name);
        return ctx.show(&ProfileView::new(&found, users)?, &args.output);
    }
    let config_map = labels::data_store_object(&args.name);
    if let Some(found) = read::get(&cluster, &cluster.api::<ConfigMap>(), &config_map).await? {
        let users = Users::find(&cluster, &cluster.api()).await?;
        let users = users.of_data_store(cluster.namespace(), &args.name);
        return ctx.show(&DataStoreView::new(&found, users)?, &args.output);
    }
    let claim = claims::get(&cluster, &args.name).await?;
    let (pods, records) = (cluster.api::<Pod>(), cluster.api());
    let (pods, users, classes, events, snapshots) = tokio::try_join!(
        read::list(&cluster, &pods, ""),
        Users::find(&cluster, &records),
        survey::storage_classes(&cluster),
        events_about(&cluster, &args.name),
        volume_snapshots::list(&cluster),
    )?;
    if snapshots == Listed::Denied {
        ctx.ui.status("you may not list volumesnapshots, so that those of the claim are left out");
    }
    let snapshots = volume_snapshot::of_claim(&args.name, &snapshots.found());
    let claim_view = ClaimView::from(&claim).used(users.of(&claim), &pods);
    let named = |info: &survey::StorageClassInfo| Some(&info.name) == claim_view.class.as_ref();
    let class = classes.into_iter().flatten().find(named).map(ClassView::from);
    let observed = Observed { claims: vec![claim], events, ..Observed::default() };
    let view = StorageView::new(claim_view, class, &observed).with_snapshots(snapshots);
    ctx.show(&view, &args.output)
}
