//! `storage create` of a data store: what a job reads and writes rows in.

use clap::Args;

use super::profile_args::ProfileArgs;
use crate::commands::dry_run::DryRunArgs;
use crate::context::Ctx;
use crate::error::{Error, Result};
use crate::model::data::{Consistency, DataStore, DataUri, Tls};
use crate::model::labels;
use crate::ops::new_data_store::{self, NewDataStore};
use crate::ops::permissions;
use crate::view::outcome::OutcomeView;
use crate::view::plan::{PlanView, StepView};

/// How a data store is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data stores")]
pub(super) struct DataStoreArgs {
    /// Datacenter of Cassandra that the job runs in or next to
    #[arg(long, value_name = "NAME")]
    local_datacenter: Option<String>,
    /// Consistency level of Cassandra for reads and writes; LOCAL_QUORUM when absent
    #[arg(long, value_name = "LEVEL")]
    consistency: Option<Consistency>,
    /// Encrypt connections to Cassandra, trusting the system's authorities, or truststore.p12 of the Secret
    #[arg(long, value_name = "TRUST", num_args = 0..=1, require_equals = true, default_missing_value = "system")]
    tls: Option<Tls>,
    /// Folder of HBase in ZooKeeper; /hbase when absent
    #[arg(long, value_name = "PATH")]
    znode_parent: Option<String>,
}

impl DataStoreArgs {
    /// The first flag that was given: file systems take none of them.
    pub(super) fn given(&self) -> Option<&'static str> {
        [
            ("--local-datacenter", self.local_datacenter.is_some()),
            ("--consistency", self.consistency.is_some()),
            ("--tls", self.tls.is_some()),
            ("--znode-parent", self.znode_parent.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }

    fn store(&self, uri: DataUri) -> DataStore {
        DataStore {
            consistency: self.consistency,
            local_datacenter: self.local_datacenter.clone(),
            tls: self.tls,
            znode_parent: self.znode_parent.clone(),
            ..DataStore::at(uri)
        }
    }
}

/// Refuses flags of data stores for anything else.
pub(super) fn none_of(args: &DataStoreArgs, storage: &str) -> Result<()> {
    match args.given() {
        Some(flag) => Err(Error::usage(format!(
            "{flag} is for data stores, and {storage:?} is none"
        ))
        .hint("Leave it out, or give the URI of a data store such as cassandra://node1/shop.")),
        None => Ok(()),
    }
}

/// Makes the data store known, and its Secret where values are given.
pub(super) async fn create(
    ctx: &mut Ctx,
    name: &str,
    uri: DataUri,
    (args, profile): (&DataStoreArgs, &ProfileArgs),
    dry_run: &DryRunArgs,
) -> Result<()> {
    let new: NewDataStore = profile.data_store(name, args.store(uri))?;
    let cluster = ctx.cluster().await?;
    new_data_store::check(&cluster, &new).await?;
    let secret = new.secret.as_ref().map(|_| labels::data_store_object(&new.name));
    if let Some(by) = dry_run.by() {
        let change = new_data_store::dry_run(&cluster, &new, by).await?;
        let secret = secret.map(|name| format!("secret/{name}"));
        let step = StepView {
            does: format!("create data store {name} ({})", new.store.uri),
            writes: secret.into_iter().chain([change.object.to_string()]).collect(),
            proves: "the data store is known and was made so by this command".to_owned(),
            undo: "nothing has to be undone".to_owned(),
        };
        let view = PlanView::of_one(step, "created", &change, cluster.namespace(), by)?;
        return dry_run.show(ctx, &view);
    }
    permissions::verb(&cluster, "storage-create-profile").await?;
    new_data_store::create(&cluster, new).await?;
    if let Some(name) = secret {
        ctx.ui.status(&format!("the credentials are in secret {name}"));
    }
    let target = format!("datastore/{name}");
    dry_run.show(ctx, &OutcomeView::new(target, cluster.namespace(), "created"))?;
    ctx.ui.hint(&format!("Measure it with `kubectl flink storage check {name}`."));
    ctx.ui.hint(&format!(
        "Bind a job to it with `kubectl flink deploy NAME --jar PATH --data-store {name}`."
    ));
    Ok(())
}
