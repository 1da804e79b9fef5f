//! `storage create`: a claim before any application needs it, or a profile of a store.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitArgs;
use crate::commands::dry_run::DryRunArgs;
use crate::commands::storage::profile_args::ProfileArgs;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::model::labels;
use crate::model::storage::{NewClaim, StorageSpec};
use crate::model::store::StoreUri;
use crate::ops::{new_claim, new_profile, permissions};
use crate::view::outcome::OutcomeView;
use crate::view::plan::{PlanView, StepView};

const EXAMPLES: &str = "\
Examples:
  # 10 GiB of the default StorageClass
  kubectl flink storage create shared pvc:10Gi

  # A shared file system that pods on several nodes can mount
  kubectl flink storage create shared pvc:100Gi,class=nfs,access=rwx

  # Then keep the state of several applications on it
  kubectl flink deploy orders --jar ./orders.jar --storage claim:shared

  # A bucket of an S3 server; the Secret is there already
  kubectl flink storage create minio s3://flink/state --endpoint http://minio:9000 --secret minio-keys

  # A bucket of AWS, whose role trusts a ServiceAccount
  kubectl flink storage create prod s3://shop-flink --region eu-west-1 --service-account flink

  # Google Cloud Storage; the key is read from a file and becomes a Secret
  kubectl flink storage create prod gs://shop-flink --from-file key.json=./key.json

  # HDFS; Hadoop's client is in the image
  kubectl flink storage create hdfs hdfs://namenode:8020/flink --class-path '/opt/hadoop/lib/*' --hdfs-user flink

  # Then keep state there
  kubectl flink deploy orders --jar ./orders.jar --storage prod";

/// Arguments of `storage create`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CreateArgs {
    /// Name of the claim or profile
    name: String,
    /// What to make: a claim (pvc:SIZE[,class=NAME][,access=rwo|rwx]), or a profile of the folder with this URI (s3, abfs, wasb, gs, oss, hdfs)
    #[arg(value_name = "STORAGE")]
    storage: String,
    /// Kind of storage: pvc, s3, azure, gcs, oss or hdfs; STORAGE says it already, and must agree
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Creates what is asked for.
pub(super) async fn run(ctx: &mut Ctx, args: CreateArgs) -> Result<()> {
    let spec: StorageSpec = parse(&args.storage, args.kind.as_deref())?;
    match spec {
        StorageSpec::Uri(uri) => create_profile(ctx, args, uri).await,
        _ => create_claim(ctx, args).await,
    }
}

/// What to make; `kind` must agree.
fn parse(text: &str, kind: Option<&str>) -> Result<StorageSpec> {
    if let Some(store @ ("cassandra" | "hbase")) = kind {
        // One refusal, with its reason.
        return format!("{store}://{text}").parse();
    }
    let spec: StorageSpec = text.parse()?;
    let is = match &spec {
        StorageSpec::Uri(uri) => uri.kind().as_str(),
        _ => "pvc",
    };
    match kind {
        Some(kind) if kind != is => Err(Error::usage(format!(
            "--type {kind} and {text:?} contradict each other"
        ))
        .hint(format!("{text:?} is of type {is}: leave --type out, or give another STORAGE."))),
        _ => Ok(spec),
    }
}

/// Creates a profile, and its Secret where values are given.
async fn create_profile(ctx: &mut Ctx, args: CreateArgs, uri: StoreUri) -> Result<()> {
    let new = args.profile.profile(&args.name, uri)?;
    let cluster = ctx.cluster().await?;
    new_profile::check(&cluster, &new).await?;
    let secret = new.secret.as_ref().map(|_| labels::profile_object(&new.name));
    if let Some(by) = args.dry_run.by() {
        let change = new_profile::dry_run(&cluster, &new, by).await?;
        let secret = secret.map(|name| format!("secret/{name}"));
        let step = StepView {
            does: format!("create storage profile {} ({})", new.name, new.profile.uri),
            writes: secret.into_iter().chain([change.object.to_string()]).collect(),
            proves: "the profile exists and was made by this command".to_owned(),
            undo: "nothing has to be undone".to_owned(),
        };
        let view = PlanView::of_one(step, "created", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    permissions::verb(&cluster, "storage-create-profile").await?;
    new_profile::create(&cluster, new).await?;
    if let Some(name) = secret {
        ctx.ui.status(&format!("the credentials are in secret {name}"));
    }
    let target = format!("profile/{}", args.name);
    args.dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), "created"))?;
    ctx.ui.hint(&format!(
        "Use it with `kubectl flink deploy NAME --jar PATH --storage {}`.",
        args.name
    ));
    Ok(())
}

/// Creates a claim, and waits for its volume where the StorageClass makes one at once.
async fn create_claim(ctx: &mut Ctx, args: CreateArgs) -> Result<()> {
    let new = request(&args.storage)?;
    if let Some(flag) = args.profile.given() {
        return Err(Error::usage(format!(
            "{flag} is for profiles, and {:?} is a claim",
            args.storage
        ))
        .hint("Leave it out, or give the URI of a folder such as s3://bucket/flink."));
    }
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
    fn the_type_agrees_or_is_refused() {
        assert!(parse("s3://bucket", Some("s3")).is_ok() && parse("pvc:1Gi", Some("pvc")).is_ok());
        assert!(parse("gs://bucket", Some("s3")).is_err());
        let refused = parse("hosts", Some("cassandra")).expect_err("no file system");
        assert!(refused.to_string().contains("no file system"), "{refused}");
    }

    #[test]
    fn a_name_must_be_usable_with_deploy() {
        assert!(check_name("shared-1").is_ok());
        for bad in ["", "Shared", "a/b", "a b", "a\u{202e}b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
