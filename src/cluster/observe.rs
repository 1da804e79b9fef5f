//! Fetching what [`super::diagnose`] looks at.

use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use kube::api::ListParams;

use super::connect::Cluster;
use super::diagnose::Observed;
use super::{condition, read, retry};
use crate::error::Result;

/// Reads the pods and ReplicaSets that a label selector matches, the claims named, and the events about
/// those that are not well.
pub async fn observe(cluster: &Cluster, selector: &str, claims: &[String]) -> Result<Observed> {
    let (pod_api, set_api, claim_api) =
        (cluster.api::<Pod>(), cluster.api::<ReplicaSet>(), cluster.api::<PersistentVolumeClaim>());
    let claim_reads = claims.iter().map(|name| read::get(cluster, &claim_api, name));
    let (pods, replica_sets, claims) = tokio::try_join!(
        read::list(cluster, &pod_api, selector),
        read::list(cluster, &set_api, selector),
        try_join_all(claim_reads),
    )?;
    let claims: Vec<PersistentVolumeClaim> = claims.into_iter().flatten().collect();
    let unwell_pods =
        pods.iter().filter(|pod| !condition::pod_ready(pod)).map(ResourceExt::name_any);
    let unbound = claims.iter().filter(|claim| !condition::claim_bound(claim));
    let names: Vec<String> = unwell_pods.chain(unbound.map(ResourceExt::name_any)).collect();
    let events = try_join_all(names.iter().map(|name| events_about(cluster, name))).await?;
    Ok(Observed { pods, replica_sets, claims, events: events.into_iter().flatten().collect() })
}

/// The events about the objects of one name, in no order.
pub async fn events_about(cluster: &Cluster, name: &str) -> Result<Vec<Event>> {
    let api = cluster.api::<Event>();
    let params = ListParams::default().fields(&format!("involvedObject.name={name}")).limit(200);
    let doing = format!("list events about {name:?}");
    retry::idempotent(cluster, &doing, || api.list(&params)).await.map(|list| list.items)
}
