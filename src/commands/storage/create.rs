//! `storage create`: a claim before any application needs it, a profile of a store, or a data store.

use std::time::Duration;

use clap::Args;

use crate::cli::WaitArgs;
use crate::cluster::survey::StorageClassInfo;
use crate::commands::dry_run::DryRunArgs;
use crate::commands::storage::data_store::{self, DataStoreArgs};
use crate::commands::storage::from_snapshot;
use crate::commands::storage::profile_args::ProfileArgs;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::model::data::{DataKind, DataUri};
use crate::model::labels;
use crate::model::storage::{NewClaim, StorageSpec};
use crate::model::store::StoreUri;
use crate::ops::new_claim::{self, Request};
use crate::ops::{new_profile, permissions};
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

  # What was on a volume when a snapshot of it was taken
  kubectl flink storage create orders-again --from-snapshot orders-friday

  # A bucket of an S3 server; the Secret is there already
  kubectl flink storage create minio s3://flink/state --endpoint http://minio:9000 --secret minio-keys

  # A bucket of AWS, whose role trusts a ServiceAccount
  kubectl flink storage create prod s3://shop-flink --region eu-west-1 --service-account flink

  # Google Cloud Storage; the key is read from a file and becomes a Secret
  kubectl flink storage create prod gs://shop-flink --from-file key.json=./key.json

  # HDFS; Hadoop's client is in the image
  kubectl flink storage create hdfs hdfs://namenode:8020/flink --class-path '/opt/hadoop/lib/*' --hdfs-user flink

  # Then keep state there
  kubectl flink deploy orders --jar ./orders.jar --storage prod

  # Cassandra, whose rows a job reads and writes; name and password become a Secret
  kubectl flink storage create rows cassandra://node1,node2/shop --local-datacenter dc1 --from-literal username=flink --from-file password=./password

  # HBase, by its ZooKeeper
  kubectl flink storage create rows hbase://zookeeper1,zookeeper2/shop

  # Then bind a job to it
  kubectl flink deploy orders --jar ./orders.jar --data-store rows";

/// Arguments of `storage create`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CreateArgs {
    /// Name of the claim, profile or data store
    pub(super) name: String,
    /// What to make: a claim (pvc:SIZE[,class=NAME][,access=rwo|rwx]), a profile of the folder with this URI (s3, abfs, wasb, gs, oss, hdfs), or a data store (cassandra://HOST,…/KEYSPACE, hbase://ZOOKEEPER,…/NAMESPACE)
    #[arg(value_name = "STORAGE", required_unless_present = "from_snapshot")]
    pub(super) storage: Option<String>,
    /// Kind of storage: pvc, s3, azure, gcs, oss, hdfs, cassandra or hbase; STORAGE says it already, and must agree
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Option<String>,
    /// Make a claim that has the content of this volume snapshot; without STORAGE it is like the claim that the snapshot is of
    #[arg(long, value_name = "SNAPSHOT")]
    from_snapshot: Option<String>,
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    data_store: DataStoreArgs,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    pub(super) dry_run: DryRunArgs,
}

/// Creates what is asked for.
pub(super) async fn run(ctx: &mut Ctx, args: CreateArgs) -> Result<()> {
    // The command line has no STORAGE only beside --from-snapshot.
    let storage = args.storage.as_deref().unwrap_or_default();
    if let Some(from) = &args.from_snapshot {
        only_a_claim(&args, &format!("--from-snapshot {from}"))?;
        return from_snapshot::run(ctx, &args, from).await;
    }
    if let Some(uri) = data_store_uri(storage, args.kind.as_deref())? {
        let flags = (&args.data_store, &args.profile);
        return data_store::create(ctx, &args.name, uri, flags, &args.dry_run).await;
    }
    let spec: StorageSpec = parse(storage, args.kind.as_deref())?;
    if let StorageSpec::Uri(uri) = spec {
        data_store::none_of(&args.data_store, storage)?;
        return create_profile(ctx, args, uri).await;
    }
    let new = request(storage)?;
    only_a_claim(&args, storage)?;
    let cluster = ctx.cluster().await?;
    let class = new_claim::check(&cluster, &new).await?;
    let next = format!(
        "Use it with `kubectl flink deploy NAME --jar PATH --storage claim:{}`.",
        args.name
    );
    let operation = ctx.operation_id()?;
    let request =
        Request { name: &args.name, new: &new, from: None, image: None, operation: &operation };
    claim(ctx, &args, request, class, &next).await
}

/// Refuses the flags of what is no claim, and a name that no claim can have. `what` says that a claim is wanted.
fn only_a_claim(args: &CreateArgs, what: &str) -> Result<()> {
    data_store::none_of(&args.data_store, what)?;
    if let Some(flag) = args.profile.given() {
        return Err(Error::usage(format!("{flag} is for profiles, and {what:?} is a claim"))
            .hint("Leave it out, or give the URI of a folder such as s3://bucket/flink."));
    }
    check_name(&args.name)
}

/// A data store, by the scheme of its URI or by `kind`, which makes hosts and a name of the rest.
fn data_store_uri(text: &str, kind: Option<&str>) -> Result<Option<DataUri>> {
    match (DataKind::of(text), kind.map(DataKind::named)) {
        (None, Some(Some(kind))) if !text.contains("://") => {
            format!("{kind}://{text}").parse().map(Some)
        }
        (Some(is), Some(Some(asked))) if is != asked => {
            Err(contradiction(text, asked.as_str(), is.as_str()))
        }
        (Some(is), Some(None)) => Err(contradiction(text, kind.unwrap_or_default(), is.as_str())),
        (Some(_), _) => text.parse().map(Some),
        _ => Ok(None),
    }
}

fn contradiction(text: &str, kind: &str, is: &str) -> Error {
    Error::usage(format!("--type {kind} and {text:?} contradict each other"))
        .hint(format!("{text:?} is of type {is}: leave --type out, or give another STORAGE."))
}

/// What to make; `kind` must agree.
fn parse(text: &str, kind: Option<&str>) -> Result<StorageSpec> {
    let spec: StorageSpec = text.parse()?;
    let is = match &spec {
        StorageSpec::Uri(uri) => uri.kind().as_str(),
        _ => "pvc",
    };
    match kind {
        Some(kind) if kind != is => Err(contradiction(text, kind, is)),
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

/// Creates a claim that was checked, and waits for its volume where the StorageClass makes one at once. `next` is the
/// last hint.
pub(super) async fn claim(
    ctx: &mut Ctx,
    args: &CreateArgs,
    request: Request<'_>,
    class: Option<StorageClassInfo>,
    next: &str,
) -> Result<()> {
    let cluster = ctx.cluster().await?;
    if let Some(by) = args.dry_run.by() {
        let change = new_claim::dry_run(&cluster, request, by).await?;
        let like = StorageSpec::NewClaim(request.new.clone());
        let source =
            request.from.map(|name| format!(" from volume snapshot {name}")).unwrap_or_default();
        let step = StepView {
            does: format!("create claim {} ({like}){source}", args.name),
            writes: vec![change.object.to_string()],
            proves: "the claim exists and was made by this command".to_owned(),
            undo: "nothing has to be undone".to_owned(),
        };
        let view = PlanView::of_one(step, "created", &change, cluster.namespace(), by)?;
        return args.dry_run.show(ctx, &view);
    }
    new_claim::create(&cluster, request).await?;
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
    ctx.ui.hint(next);
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
        let store = |text, kind| data_store_uri(text, kind).map(|uri| uri.map(|u| u.to_string()));
        let uri = Some("cassandra://a,b/shop".to_owned());
        assert_eq!(store("a,b/shop", Some("cassandra")).ok(), Some(uri.clone()));
        assert_eq!(store("cassandra://a,b/shop", None).ok(), Some(uri));
        assert_eq!(store("s3://bucket", Some("s3")).ok(), Some(None));
        for (text, kind) in [("cassandra://a/shop", "hbase"), ("hbase://z", "s3")] {
            assert!(store(text, Some(kind)).is_err(), "{text} {kind}");
        }
        assert!(parse("s3://bucket", Some("cassandra")).is_err());
    }

    #[test]
    fn a_name_must_be_usable_with_deploy() {
        assert!(check_name("shared-1").is_ok());
        for bad in ["", "Shared", "a/b", "a b", "a\u{202e}b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
