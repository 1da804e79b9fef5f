//! Data stores in the cluster: found, checked, and bound to jobs.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::model::data::{self, Binding, DataStore};
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::spec::FlinkDeployment;
use crate::ops::event::{Event, Observer};
use crate::ops::{profiles, secrets};

/// A data store by its name; `None` when there is none.
///
/// # Errors
/// When it cannot be understood.
pub async fn find(cluster: &Cluster, name: &str) -> Result<Option<DataStore>> {
    if !data::is_name(name) {
        return Ok(None);
    }
    let config_map = labels::data_store_object(name);
    let found = read::get(cluster, &cluster.api::<ConfigMap>(), &config_map).await?;
    found.map(|found| read_store(&found)).transpose()
}

/// The name of the data store that a ConfigMap holds.
pub fn name_of(config_map: &ConfigMap) -> String {
    config_map.labels().get(labels::DATA_STORE).cloned().unwrap_or_default()
}

/// The data store that a ConfigMap holds.
///
/// # Errors
/// [`Kind::Usage`] when it cannot be understood.
pub fn read_store(config_map: &ConfigMap) -> Result<DataStore> {
    let data = config_map.data.clone().unwrap_or_default();
    DataStore::from_data(&data).map_err(|error| {
        error.context(format!("configmap {:?} is no data store", config_map.name_any()))
    })
}

/// Refuses to keep state on what is a data store.
///
/// # Errors
/// [`Kind::Usage`], with the reason and the alternatives, when there is a data store of that name.
pub async fn is_none(cluster: &Cluster, name: &str) -> Result<()> {
    match find(cluster, name).await? {
        Some(store) => Err(no_state(name, &store)),
        None => Ok(()),
    }
}

fn no_state(name: &str, store: &DataStore) -> Error {
    let kind = store.kind().title();
    Error::usage(format!("{name:?} is a data store: {kind} holds the rows that a job reads and writes; Flink has no file system on it, and a checkpoint consists of files"))
        .hint("Keep state on a claim (pvc:SIZE), S3, Azure, Google Cloud Storage, OSS or HDFS.")
        .hint(format!("A job gets at its rows with --data-store {name}."))
}

/// The data stores that a document names, as they are now, each with a Secret that has what it needs.
///
/// # Errors
/// [`Kind::NotFound`] for one that is not there, or whose Secret is not.
pub async fn bindings(cluster: &Cluster, document: &FlinkDeployment) -> Result<Vec<Binding>> {
    let Some(list) = document.annotation(labels::DATA_STORES) else { return Ok(Vec::new()) };
    let mut bindings = Vec::new();
    for name in data::names(list)? {
        let Some(store) = find(cluster, &name).await? else {
            return Err(missing(cluster, &name).await);
        };
        has_secret(cluster, &name, &store).await?;
        bindings.push(Binding { name, store });
    }
    Ok(bindings)
}

async fn missing(cluster: &Cluster, name: &str) -> Error {
    let namespace = cluster.namespace();
    let what = format!("no data store {name:?} in namespace {namespace:?}");
    match profiles::find(cluster, name).await {
        Ok(Some(_)) => Error::usage(format!("{name:?} is a storage profile, and no data store"))
            .hint(format!("State goes there with --storage {name}.")),
        _ => Error::new(Kind::NotFound, what)
            .hint("List them with `kubectl flink storage list`, or make one known with `kubectl flink storage create NAME cassandra://HOST/KEYSPACE --local-datacenter DC`."),
    }
}

/// Says what the job's code talks to each data store with: nothing is put on its class path.
pub fn tell_clients(bindings: &[Binding], version: FlinkVersion, observer: &mut dyn Observer) {
    for Binding { name, store } in bindings {
        let (kind, client) = (store.kind(), data::client(store.kind()));
        let title = kind.title();
        let told = match data::connector(kind, version) {
            Some(connector) => format!(
                "data store {name}: Flink's connector for {title} is {connector}; the job's jar brings it along, or the client {client}"
            ),
            None => format!(
                "data store {name}: no connector for {title} was released for Flink {version}; the job's jar brings the client {client} along"
            ),
        };
        observer.event(Event::Note(told));
    }
}

/// The Secret that it names must be there, and have the keys.
///
/// # Errors
/// [`Kind::NotFound`] when it is not, or has not.
pub async fn has_secret(cluster: &Cluster, name: &str, store: &DataStore) -> Result<()> {
    let Some(secret) = &store.secret else { return Ok(()) };
    let (kind, whose) = (store.kind().title(), format!("data store {name:?}"));
    secrets::check(cluster, secret, &store.secret_keys(), kind, &whose).await
}
