//! `storage delete`: the end of a claim and of all that is on it, or of a profile or data store alone.

use std::time::Duration;

use clap::Args;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;

use crate::cli::WaitArgs;
use crate::cluster::{read, volume_snapshots};
use crate::commands::dry_run::DryRunArgs;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::data::DataStore;
use crate::model::store::Profile;
use crate::ops::claims::{self, Users};
use crate::ops::{data_stores, new_data_store, new_profile, permissions, profiles};
use crate::view::claim::ClaimView;
use crate::view::outcome::OutcomeView;
use crate::view::plan::{PlanView, StepView};
use crate::view::volume_snapshot::{self, VolumeSnapshotView};

const EXAMPLES: &str = "\
Examples:
  # Delete the storage of an application that is gone; asks first
  kubectl flink storage delete orders-state";

/// Arguments of `storage delete`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeleteArgs {
    /// Name of the claim, profile or data store
    name: String,
    /// Consent beforehand
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Deletes a claim that nobody uses, after consent.
pub(super) async fn run(ctx: &mut Ctx, args: DeleteArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    if let Some(profile) = profiles::find(&cluster, &args.name).await? {
        return delete_profile(ctx, &args, &profile).await;
    }
    if let Some(store) = data_stores::find(&cluster, &args.name).await? {
        return forget(ctx, &args, &store).await;
    }
    let claim = claims::get(&cluster, &args.name).await?;
    let (pods, records) = (cluster.api::<Pod>(), cluster.api());
    let (pods, users, snapshots) = tokio::try_join!(
        read::list(&cluster, &pods, ""),
        Users::find(&cluster, &records),
        volume_snapshots::list(&cluster),
    )?;
    claims::is_free(&claim, &users, &pods)?;
    // They stay; whoever may not look is not told of them.
    let snapshots = volume_snapshot::of_claim(&args.name, &snapshots.found());
    if let Some(by) = args.dry_run.by() {
        let change = claims::dry_delete(&cluster, &claim, by).await?;
        let step = StepView {
            does: format!("delete claim {} and everything on it", args.name),
            writes: vec![change.object.to_string()],
            proves: "the claim is gone".to_owned(),
            undo: "cannot be undone".to_owned(),
        };
        let view = PlanView::of_one(step, "deleted", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    permissions::verb(&cluster, "storage-delete").await?;
    ctx.ui.confirm(&question(&claim, &snapshots), args.yes).await?;
    let deadline =
        args.wait.timeout(Duration::from_secs(120)).map_or(Deadline::NEVER, Deadline::after);
    let progress = ctx.ui.progress(format!("Deleting {}", args.name));
    if args.wait.wait() {
        progress.phase("waiting until the claim is gone");
    }
    let gone = claims::delete(&cluster, &claim, args.wait.wait().then_some(deadline)).await?;
    progress.finish();
    if args.wait.wait() && !gone {
        let what = format!(
            "persistentvolumeclaim {:?} is marked for deletion, but still there",
            args.name
        );
        return Err(still_there(Error::new(Kind::Timeout, what), &snapshots));
    }
    let target = format!("persistentvolumeclaim/{}", args.name);
    args.dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), "deleted"))?;
    if !snapshots.is_empty() {
        let names: Vec<&str> = snapshots.iter().map(|one| one.name.as_str()).collect();
        ctx.ui.status(&format!("volume snapshots of it are kept: {}", names.join(", ")));
    }
    Ok(())
}

/// What may hold a claim that is on its way out: a snapshot that is not ready, for one (pvc-as-source-protection).
fn still_there(error: Error, snapshots: &[VolumeSnapshotView]) -> Error {
    match snapshots.iter().find(|one| !one.ready).map(|one| one.name.as_str()) {
        Some(name) => error.hint(format!(
            "Volume snapshot {name} of it is not ready and may hold it until it is: `kubectl delete volumesnapshot {name}` gives that up."
        )),
        None => error.hint("Something still holds it: see `kubectl flink storage describe`."),
    }
}

/// Deletes a profile that nobody uses, after consent.
async fn delete_profile(ctx: &mut Ctx, args: &DeleteArgs, profile: &Profile) -> Result<()> {
    let (cluster, name) = (ctx.cluster().await?, &args.name);
    let users = Users::find(&cluster, &cluster.api()).await?;
    new_profile::is_free(name, &users.of_profile(cluster.namespace(), name))?;
    if let Some(by) = args.dry_run.by() {
        let change = new_profile::dry_delete(&cluster, name, by).await?;
        let step = StepView {
            does: format!(
                "delete storage profile {name}, and nothing of what is in {}",
                profile.uri
            ),
            writes: vec![change.object.to_string()],
            proves: "the profile is gone".to_owned(),
            undo: "create it again".to_owned(),
        };
        let view = PlanView::of_one(step, "deleted", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    permissions::verb(&cluster, "storage-delete-profile").await?;
    let question = format!(
        "Delete storage profile {name:?} in namespace {:?}? What is in {} stays.",
        cluster.namespace(),
        profile.uri
    );
    ctx.ui.confirm(&question, args.yes).await?;
    new_profile::delete(&cluster, name, profile).await?;
    let target = format!("profile/{name}");
    args.dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), "deleted"))?;
    ctx.ui.status(&format!("what is in {} is kept", profile.uri));
    Ok(())
}

/// Forgets a data store that nobody is bound to, after consent.
async fn forget(ctx: &mut Ctx, args: &DeleteArgs, store: &DataStore) -> Result<()> {
    let (cluster, name) = (ctx.cluster().await?, &args.name);
    let users = Users::find(&cluster, &cluster.api()).await?;
    new_data_store::is_free(name, &users.of_data_store(cluster.namespace(), name))?;
    if let Some(by) = args.dry_run.by() {
        let change = new_data_store::dry_delete(&cluster, name, by).await?;
        let step = StepView {
            does: format!("delete data store {name}, and no row of {}", store.uri),
            writes: vec![change.object.to_string()],
            proves: "the data store is no longer known".to_owned(),
            undo: "create it again".to_owned(),
        };
        let view = PlanView::of_one(step, "deleted", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    permissions::verb(&cluster, "storage-delete-profile").await?;
    let question = format!(
        "Delete data store {name:?} in namespace {:?}? What is in {} stays.",
        cluster.namespace(),
        store.uri
    );
    ctx.ui.confirm(&question, args.yes).await?;
    new_data_store::delete(&cluster, name, store).await?;
    let target = format!("datastore/{}", args.name);
    args.dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), "deleted"))?;
    ctx.ui.status(&format!("what is in {} is kept", store.uri));
    Ok(())
}

fn question(claim: &PersistentVolumeClaim, snapshots: &[VolumeSnapshotView]) -> String {
    let view = ClaimView::from(claim);
    let whose = match &view.application {
        Some(application) => format!(" of application {application}"),
        None => String::new(),
    };
    let kept = match snapshots {
        [] => String::new(),
        [one] => format!(" Its volume snapshot {} stays.", one.name),
        several => format!(" Its {} volume snapshots stay.", several.len()),
    };
    format!(
        "Delete persistentvolumeclaim {:?} ({}) in namespace {:?} and, for good, every checkpoint, savepoint and job jar{whose} on it?{kept}",
        claim.name_any(),
        view.size(),
        view.namespace
    )
}
