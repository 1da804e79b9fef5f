//! The objects of a storage profile.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::error::Result;
use crate::model::labels;
use crate::model::store::Profile;

/// What is not secret.
///
/// # Errors
/// As [`Profile::to_data`].
pub fn profile(name: &str, namespace: &str, profile: &Profile) -> Result<ConfigMap> {
    Ok(ConfigMap {
        metadata: metadata(name, namespace),
        data: Some(profile.to_data()?),
        ..ConfigMap::default()
    })
}

/// What is: for a profile whose user has no Secret yet.
pub fn profile_secret(name: &str, namespace: &str, values: BTreeMap<String, Vec<u8>>) -> Secret {
    let data = values.into_iter().map(|(key, value)| (key, ByteString(value))).collect();
    Secret { metadata: metadata(name, namespace), data: Some(data), ..Secret::default() }
}

fn metadata(name: &str, namespace: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(labels::profile_object(name)),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels::of_profile(name)),
        ..ObjectMeta::default()
    }
}
