//! What the main container of a job gets for its data stores: variables, and a folder of files for each.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::error::Result;
use crate::model::data::DataStore;
use crate::model::labels;
use crate::model::revision::Revision;

/// Gives `container` of the pod access to the data stores of the revision. Ours come first, and nobody replaces them.
pub(super) fn add(spec: &mut PodSpec, container: &mut Container, revision: &Revision) {
    let config_map = revision.application.config_map(revision.generation);
    let mut env = Vec::new();
    for store in &revision.data_stores {
        env.extend(store.env());
        if let Some(volume) = store.volume(Some(&config_map)) {
            spec.volumes.get_or_insert_default().push(volume);
            container.volume_mounts.get_or_insert_default().push(store.mount());
        }
    }
    let users = container.env.take().unwrap_or_default();
    let ours: Vec<String> = env.iter().map(|variable| variable.name.clone()).collect();
    env.extend(users.into_iter().filter(|variable| !ours.contains(&variable.name)));
    container.env = Some(env);
}

/// The object of a data store: what is not secret.
///
/// # Errors
/// As [`DataStore::to_data`].
pub fn data_store(name: &str, namespace: &str, store: &DataStore) -> Result<ConfigMap> {
    Ok(ConfigMap {
        metadata: metadata(name, namespace),
        data: Some(store.to_data()?),
        ..ConfigMap::default()
    })
}

/// What is: for a data store whose user has no Secret yet.
pub fn data_store_secret(name: &str, namespace: &str, values: BTreeMap<String, Vec<u8>>) -> Secret {
    let data = values.into_iter().map(|(key, value)| (key, ByteString(value))).collect();
    Secret { metadata: metadata(name, namespace), data: Some(data), ..Secret::default() }
}

fn metadata(name: &str, namespace: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(labels::data_store_object(name)),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels::of_data_store(name)),
        ..ObjectMeta::default()
    }
}
