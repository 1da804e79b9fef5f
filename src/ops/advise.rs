//! `storage advise`: what the cluster offers for the state of an application.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::cluster::survey::{self, StorageClassInfo};
use crate::error::{Kind, Result};
use crate::flink::types::CheckpointConfig;
use crate::model::advise::{Advice, Class, Wish, rank};
use crate::model::name::ApplicationName;
use crate::model::spec::FlinkDeployment;
use crate::model::store::Profile;
use crate::ops::{anchor, observe, profiles};

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
    let wish = of_spec(&revision.spec);
    let config = flink.checkpoint_config(revision.job_id).await.ok();
    let interval = config.filter(CheckpointConfig::is_periodic);
    let interval = interval.and_then(|config| u64::try_from(config.interval).ok());
    let interval = interval.map(Duration::from_millis).or(wish.interval);
    Ok(Wish { state: state.unwrap_or(0), interval, ..wish })
}

/// The wish of a spec.
pub fn of_spec(deployment: &FlinkDeployment) -> Wish {
    let backend = deployment.spec.flink_configuration.find("state.backend.type");
    let rocksdb = backend.is_some_and(|(_, name)| ON_DISK.contains(&name));
    let interval = deployment.spec.flink_configuration.find("execution.checkpointing.interval");
    let interval = interval.and_then(|(_, text)| duration(text));
    Wish { rocksdb, interval, version: deployment.flink_version(), ..Wish::default() }
}

/// What there is to choose from, ranked.
#[derive(Debug)]
pub struct Ranking {
    /// What was asked, with the nodes that there are.
    pub wish: Wish,
    /// The most suitable first.
    pub choices: Vec<Advice>,
    /// What the user may not list: `storageclasses.storage.k8s.io`, `configmaps`.
    pub unseen: Vec<&'static str>,
}

/// Ranks the StorageClasses and storage profiles for `wish`, whose nodes are looked up.
///
/// # Errors
/// When the API server cannot be asked, or a profile cannot be understood.
pub async fn advise(cluster: &Cluster, wish: Wish) -> Result<Ranking> {
    let (classes, nodes, profiles) = tokio::try_join!(
        survey::storage_classes(cluster),
        survey::schedulable_nodes(cluster),
        visible(cluster),
    )?;
    let wish = Wish { nodes, ..wish };
    let unseen = [
        classes.is_none().then_some("storageclasses.storage.k8s.io"),
        profiles.is_none().then_some("configmaps"),
    ];
    let classes: Vec<Class> = classes.unwrap_or_default().into_iter().map(class).collect();
    let choices = rank(&classes, &profiles.unwrap_or_default(), &wish);
    Ok(Ranking { wish, choices, unseen: unseen.into_iter().flatten().collect() })
}

/// The profiles; `None` for whoever may not look.
async fn visible(cluster: &Cluster) -> Result<Option<BTreeMap<String, Profile>>> {
    match profiles::all(cluster).await {
        Err(error) if error.kind() == Kind::Denied => Ok(None),
        found => found.map(Some),
    }
}

/// A duration in Flink's configuration: `30 s`, `1min`, or milliseconds without a unit (`TimeUtils`).
fn duration(text: &str) -> Option<Duration> {
    match text.trim().parse::<u64>() {
        Ok(millis) => Some(Duration::from_millis(millis)),
        Err(_) => text.trim().parse::<jiff::SignedDuration>().ok()?.try_into().ok(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_flinks() {
        for (text, millis) in [("30 s", 30_000), ("1min", 60_000), ("250ms", 250), ("1500", 1500)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!((duration("soon"), duration("-1 s")), (None, None));
    }
}
