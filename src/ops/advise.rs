//! `storage advise`: what the cluster offers for the state of an application.

use crate::cluster::Cluster;
use crate::cluster::survey::{self, StorageClassInfo};
use crate::error::Result;
use crate::model::advise::{Advice, Class, Wish, rank};
use crate::model::name::ApplicationName;
use crate::model::spec::FlinkDeployment;
use crate::ops::{anchor, observe};

/// State backends that keep state in files of RocksDB's kind.
const ON_DISK: [&str; 2] = ["rocksdb", "forst"];

/// The wish of an application that is deployed, as far as it tells: the size of its newest checkpoint, and its spec.
///
/// # Errors
/// [`NotFound`](crate::error::Kind::NotFound) when there is none of that name.
pub async fn of_application(cluster: &Cluster, name: &ApplicationName) -> Result<Wish> {
    let anchor = anchor::get(cluster, name).await?;
    let revision = observe::revision(cluster, name, anchor.generation).await?;
    let flink = observe::flink(cluster, name, anchor.generation);
    let newest = flink.checkpoints(revision.job_id).await.ok();
    let state = newest.and_then(|found| found.latest.completed.map(|found| found.state_size));
    Ok(Wish { state: state.unwrap_or(0), ..of_spec(&revision.spec) })
}

/// The wish of a spec.
pub fn of_spec(deployment: &FlinkDeployment) -> Wish {
    let backend = deployment.spec.flink_configuration.find("state.backend.type");
    let rocksdb = backend.is_some_and(|(_, name)| ON_DISK.contains(&name));
    Wish { rocksdb, ..Wish::default() }
}

/// Ranks the StorageClasses for `wish`, whose nodes are looked up.
///
/// # Errors
/// When the API server cannot be asked. Whoever may not list StorageClasses gets `None`.
pub async fn advise(cluster: &Cluster, wish: Wish) -> Result<(Wish, Option<Vec<Advice>>)> {
    let (classes, nodes) =
        tokio::try_join!(survey::storage_classes(cluster), survey::schedulable_nodes(cluster))?;
    let wish = Wish { nodes, ..wish };
    let classes = classes.map(|classes| classes.into_iter().map(class).collect::<Vec<_>>());
    Ok((wish, classes.map(|classes| rank(&classes, &wish))))
}

fn class(info: StorageClassInfo) -> Class {
    Class {
        name: info.name,
        provisioner: info.provisioner,
        is_default: info.is_default,
        waits_for_consumer: info.waits_for_consumer,
        expandable: info.expandable,
        deletes_with_claim: info.deletes_with_claim,
    }
}
