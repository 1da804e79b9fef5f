//! Storage profiles in the cluster: found, checked, and who uses them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::ResourceExt;

use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::storage::{RemoteStorage, StorageSpec};
use crate::model::store::{CaBundle, Credentials, Profile, StoreUri, wiring};
use crate::model::violation;
use crate::ops::data_stores;
use crate::ops::secrets::{self, looked};

/// A profile by its name; `None` when there is none.
///
/// # Errors
/// When it cannot be understood.
pub async fn find(cluster: &Cluster, name: &str) -> Result<Option<Profile>> {
    let config_map = labels::profile_object(name);
    let found = read::get(cluster, &cluster.api::<ConfigMap>(), &config_map).await?;
    found.map(|found| read_profile(&found)).transpose()
}

/// A profile that must exist.
///
/// # Errors
/// [`Kind::NotFound`] when it does not.
pub async fn get(cluster: &Cluster, name: &str) -> Result<Profile> {
    if let Some(profile) = find(cluster, name).await? {
        return Ok(profile);
    }
    data_stores::is_none(cluster, name).await?;
    let namespace = cluster.namespace();
    Err(Error::new(Kind::NotFound, format!("no storage profile {name:?} in namespace {namespace:?}"))
            .hint("List them with `kubectl flink storage list`, or make one with `kubectl flink storage create NAME URI`.")
        .hint("A claim that exists is --storage claim:NAME, a new one pvc:SIZE."))
}

/// The profile that is named, if one is, as a list finds it: whoever may compare objects may list them.
///
/// # Errors
/// As [`all`].
pub async fn seen(cluster: &Cluster, name: Option<&str>) -> Result<Option<Profile>> {
    let Some(name) = name else { return Ok(None) };
    let selector = format!("{}={name}", labels::PROFILE);
    let found = read::list(cluster, &cluster.api::<ConfigMap>(), &selector).await?;
    found.first().map(read_profile).transpose()
}

/// All profiles of the namespace, by name.
///
/// # Errors
/// When they cannot be read, or one cannot be understood.
pub async fn all(cluster: &Cluster) -> Result<BTreeMap<String, Profile>> {
    let found = read::list(cluster, &cluster.api::<ConfigMap>(), labels::PROFILE).await?;
    found.iter().map(|found| Ok((name_of(found), read_profile(found)?))).collect()
}

/// The name of the profile that a ConfigMap holds.
pub fn name_of(config_map: &ConfigMap) -> String {
    config_map.labels().get(labels::PROFILE).cloned().unwrap_or_default()
}

/// The profile that a ConfigMap holds.
///
/// # Errors
/// [`Kind::Usage`] when it cannot be understood.
pub fn read_profile(config_map: &ConfigMap) -> Result<Profile> {
    let data = config_map.data.clone().unwrap_or_default();
    Profile::from_data(&data).map_err(|error| {
        error.context(format!("configmap {:?} is no storage profile", config_map.name_any()))
    })
}

/// What `--storage PROFILE` or `--storage URI` means; `None` for a claim.
///
/// # Errors
/// [`Kind::NotFound`] without such a profile; [`Kind::Usage`] when several could be meant.
pub async fn resolve(cluster: &Cluster, spec: &StorageSpec) -> Result<Option<RemoteStorage>> {
    match spec {
        StorageSpec::NewClaim(_) | StorageSpec::ExistingClaim { .. } => Ok(None),
        StorageSpec::Profile(name) => {
            let store = get(cluster, name).await?;
            Ok(Some(RemoteStorage { profile: Some(name.clone()), store }))
        }
        StorageSpec::Uri(uri) => by_uri(all(cluster).await?, uri).map(Some),
    }
}

/// The profile whose folder the URI is in, for that URI; what no profile is about, pods reach by themselves.
fn by_uri(profiles: BTreeMap<String, Profile>, uri: &StoreUri) -> Result<RemoteStorage> {
    let mut fitting: Vec<(String, Profile)> =
        profiles.into_iter().filter(|(_, profile)| profile.uri.holds(uri.as_str())).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (None, _) => Ok(RemoteStorage { profile: None, store: Profile::ambient(uri.clone()) }),
        (Some((name, profile)), true) => {
            let store = Profile { uri: uri.clone(), ..profile };
            Ok(RemoteStorage { profile: Some(name), store })
        }
        (Some((last, _)), false) => {
            let mut names: Vec<String> = fitting.into_iter().map(|(name, _)| name).collect();
            names.push(last);
            let names = names.join(", ");
            Err(Error::usage(format!(
                "{uri} is in the folder of several storage profiles: {names}"
            ))
            .hint("Name one of them: --storage NAME."))
        }
    }
}

/// Checks that what a profile names is there, and that Flink `version` can use it. Whoever may not look finds out from
/// the pods.
///
/// # Errors
/// [`Kind::NotFound`] for a missing Secret, account or ConfigMap; [`Kind::Usage`] for a plugin that the version lacks.
pub async fn check(
    cluster: &Cluster,
    storage: &RemoteStorage,
    version: FlinkVersion,
) -> Result<()> {
    let store = &storage.store;
    if let Some(found) = wiring::check(store, version) {
        let name = storage.profile.clone().unwrap_or_else(|| store.uri.to_string());
        return Err(violation::error(&name, &[found]));
    }
    match &store.credentials {
        Credentials::Secret(name) => {
            let kind = store.kind().title();
            let profile = storage.profile.as_deref().unwrap_or_default();
            let whose = format!("storage profile {profile:?}");
            secrets::check(cluster, name, store.secret_keys(), kind, &whose).await?;
        }
        Credentials::ServiceAccount(name) => {
            let api = cluster.api::<ServiceAccount>();
            if looked(read::metadata(cluster, &api, name).await)? == Some(None) {
                return Err(missing(storage, "serviceaccount", name).hint(format!(
                    "Create it with `kubectl create serviceaccount {name}`, with the annotation by which your cloud trusts it."
                )));
            }
        }
        Credentials::Ambient => {}
    }
    authorities(cluster, storage).await?;
    if let Some(name) = &store.access.hadoop_conf
        && looked(read::metadata(cluster, &cluster.api::<ConfigMap>(), name).await)? == Some(None)
    {
        return Err(missing(storage, "configmap", name).hint(format!(
            "Create it with `kubectl create configmap {name} --from-file=core-site.xml --from-file=hdfs-site.xml`."
        )));
    }
    Ok(())
}

/// The object with the certificates of the server's authorities must be there.
async fn authorities(cluster: &Cluster, storage: &RemoteStorage) -> Result<()> {
    let (found, kind, create, name) = match &storage.store.access.ca_bundle {
        None => return Ok(()),
        Some(CaBundle::ConfigMap(name)) => {
            let found = read::metadata(cluster, &cluster.api::<ConfigMap>(), name).await;
            (found, "configmap", "configmap", name)
        }
        Some(CaBundle::Secret(name)) => {
            let found = read::metadata(cluster, &cluster.api::<Secret>(), name).await;
            (found, "secret", "secret generic", name)
        }
    };
    match looked(found)? {
        Some(None) => Err(missing(storage, kind, name)
            .hint(format!("Create it with `kubectl create {create} {name} --from-file=ca.crt`."))),
        _ => Ok(()),
    }
}

fn missing(storage: &RemoteStorage, what: &str, name: &str) -> Error {
    let profile = storage.profile.as_deref().unwrap_or_default();
    Error::new(
        Kind::NotFound,
        format!("{what} {name:?} not found, which storage profile {profile:?} names"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_finds_its_profile() -> Result<()> {
        let profile = |uri: &str| {
            let mut profile = Profile::ambient(uri.parse().expect(uri));
            profile.credentials = Credentials::Secret("keys".to_owned());
            profile
        };
        let profiles = BTreeMap::from([
            ("all".to_owned(), profile("s3://bucket")),
            ("team".to_owned(), profile("s3://bucket/team")),
            ("other".to_owned(), profile("s3://other/flink")),
        ]);
        let find = |uri: &str| by_uri(profiles.clone(), &uri.parse().expect(uri));
        let found = find("s3://other/flink/sub")?;
        assert_eq!(found.profile.as_deref(), Some("other"));
        assert_eq!(found.store, profile("s3://other/flink/sub"));
        let none = find("s3://other/flinkish")?;
        assert_eq!((none.profile, none.store.credentials), (None, Credentials::Ambient));
        let error = find("s3://bucket/team/a").expect_err("two");
        assert!(error.to_string().contains("all, team"), "{error}");
        Ok(())
    }
}
