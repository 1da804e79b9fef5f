//! Making and deleting storage profiles. What lies on the store is never touched.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret};
use serde_json::Value;

use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::cluster::survey::{self, NamespaceInfo};
use crate::cluster::write::{self, Created, Mode};
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::storage::{RemoteStorage, is_profile_name};
use crate::model::store::{Credentials, Profile};
use crate::ops::dry_run::{self, By, Change};
use crate::ops::{preflight, profiles};

/// A profile that is to be made.
pub struct NewProfile {
    /// Its name.
    pub name: String,
    /// What is not secret.
    pub profile: Profile,
    /// What is, for a Secret to be made beside it.
    pub secret: Option<BTreeMap<String, Vec<u8>>>,
}

/// Checks all that can be checked before anything is written.
///
/// # Errors
/// [`Kind::Conflict`] for a name that is taken, [`Kind::NotFound`] for a Secret, account or ConfigMap that is not there.
pub async fn check(cluster: &Cluster, new: &NewProfile) -> Result<()> {
    let name = &new.name;
    if !is_profile_name(name) {
        return Err(Error::usage(format!("{name:?} is not the name of a storage profile"))
            .hint("Use lowercase letters, digits and '-', with a letter first."));
    }
    new.profile.check()?;
    if let Some(values) = &new.secret {
        complete(&new.profile, values)?;
    }
    if survey::namespace(cluster).await? == NamespaceInfo::Missing {
        return Err(preflight::no_namespace(cluster.namespace()));
    }
    if profiles::find(cluster, name).await?.is_some() {
        return Err(exists(name));
    }
    // `storage describe NAME` means one thing.
    if read::get(cluster, &cluster.api::<PersistentVolumeClaim>(), name).await?.is_some() {
        return Err(Error::new(Kind::Conflict, format!("there is a claim of the name {name:?}"))
            .hint("Choose another name."));
    }
    match &new.secret {
        None => {
            let store = new.profile.clone();
            let storage = RemoteStorage { profile: Some(name.clone()), store };
            profiles::check(cluster, &storage, FlinkVersion::default()).await
        }
        Some(_) => whose_secret(cluster, name).await,
    }
}

/// Every key that the store needs, and no other.
fn complete(profile: &Profile, values: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let (wanted, kind) = (profile.secret_keys(), profile.kind().title());
    let lacking: Vec<&str> =
        wanted.iter().copied().filter(|key| !values.contains_key(*key)).collect();
    if !lacking.is_empty() {
        return Err(Error::usage(format!("access to {kind} needs {} as well", lacking.join(", ")))
            .hint("Give it with --from-literal KEY=VALUE, --from-file KEY=PATH, or --from-file KEY=- for standard input."));
    }
    if let Some(key) = values.iter().find(|(_, value)| value.is_empty()).map(|(key, _)| key) {
        return Err(Error::usage(format!("the value of {key} is empty")));
    }
    Ok(())
}

/// A Secret of ours that an earlier run left may be written again; anybody else's may not.
async fn whose_secret(cluster: &Cluster, name: &str) -> Result<()> {
    let secret = labels::profile_object(name);
    let found = match read::metadata(cluster, &cluster.api::<Secret>(), &secret).await {
        Err(error) if error.kind() == Kind::Denied => return Ok(()),
        found => found?,
    };
    let ours = |found: &Value| found["metadata"]["labels"][labels::PROFILE] == name;
    match found {
        Some(found) if !ours(&found) => Err(Error::new(
            Kind::Conflict,
            format!("secret {secret:?} exists and belongs to somebody else"),
        )
        .hint(format!("Use it with --secret {secret}, or choose another name."))),
        _ => Ok(()),
    }
}

/// Makes the Secret, if there is one to be made, and then the profile that names it.
///
/// # Errors
/// [`Kind::Conflict`] when somebody made the profile in the meantime.
pub async fn create(cluster: &Cluster, new: NewProfile) -> Result<()> {
    let namespace = cluster.namespace();
    let config_map = manifest::profile(&new.name, namespace, &with_secret(&new))?;
    if let Some(values) = new.secret {
        let secret = manifest::profile_secret(&new.name, namespace, values);
        write::apply(cluster, &cluster.api(), &secret, Mode::Real).await?;
    }
    let same = config_map.data.clone();
    let ours = move |found: &ConfigMap| found.data == same;
    match write::create(cluster, &cluster.api(), &config_map, Mode::Real, ours).await? {
        Created::Ours(_) => Ok(()),
        Created::Exists(_) => Err(exists(&new.name)),
    }
}

/// What [`create`] would make; of the Secret, its keys alone are told, by the command.
///
/// # Errors
/// What the API server refuses, when it is asked.
pub async fn dry_run(cluster: &Cluster, new: &NewProfile, by: By) -> Result<Change> {
    let config_map = manifest::profile(&new.name, cluster.namespace(), &with_secret(new))?;
    let made = match by {
        By::Client => config_map,
        By::Server => {
            match write::create(cluster, &cluster.api(), &config_map, Mode::DryRun, |_| false)
                .await?
            {
                Created::Ours(made) => made,
                Created::Exists(_) => return Err(exists(&new.name)),
            }
        }
    };
    dry_run::of_one(object(&new.name), None::<&ConfigMap>, Some(&made))
}

fn with_secret(new: &NewProfile) -> Profile {
    let mut profile = new.profile.clone();
    if new.secret.is_some() {
        profile.credentials = Credentials::Secret(labels::profile_object(&new.name));
    }
    profile
}

fn object(name: &str) -> ObjectId {
    ObjectId { kind: ObjectKind::ConfigMap, name: labels::profile_object(name) }
}

fn exists(name: &str) -> Error {
    Error::new(Kind::Conflict, format!("storage profile {name:?} exists"))
        .hint(format!("Look at it with `kubectl flink storage describe {name}`; change it with `kubectl edit configmap {}`, and deploy.", labels::profile_object(name)))
}

/// Refuses to give up a profile that an application's present generation uses.
///
/// # Errors
/// [`Kind::Conflict`], with its users.
pub fn is_free(name: &str, users: &[String]) -> Result<()> {
    match users {
        [] => Ok(()),
        users => Err(Error::new(
            Kind::Conflict,
            format!("the state of {} is reached by storage profile {name:?}", users.join(", ")),
        )
        .hint(
            "Delete the application, or move its state first with `kubectl flink storage move`.",
        )),
    }
}

/// Deletes the profile, and the Secret that was made with it. What is on the store stays.
///
/// # Errors
/// As the API server gives them.
pub async fn delete(cluster: &Cluster, name: &str, profile: &Profile) -> Result<()> {
    let own = labels::profile_object(name);
    if let Some(found) = read::get(cluster, &cluster.api::<ConfigMap>(), &own).await? {
        write::delete(cluster, &cluster.api::<ConfigMap>(), &found, Mode::Real).await?;
    }
    if profile.credentials != Credentials::Secret(own.clone()) {
        return Ok(());
    }
    let metadata = read::metadata(cluster, &cluster.api::<Secret>(), &own).await?;
    let ours = |found: &Value| found["metadata"]["labels"][labels::PROFILE] == name;
    match metadata.filter(ours).map(|found| {
        serde_json::from_value::<Secret>(serde_json::json!({"metadata": found["metadata"]}))
    }) {
        Some(Ok(secret)) => {
            write::delete(cluster, &cluster.api::<Secret>(), &secret, Mode::Real).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// What [`delete`] would do to the profile.
///
/// # Errors
/// As the API server gives them.
pub async fn dry_delete(cluster: &Cluster, name: &str, by: By) -> Result<Change> {
    let own = labels::profile_object(name);
    let found = read::get(cluster, &cluster.api::<ConfigMap>(), &own).await?;
    if let (By::Server, Some(found)) = (by, &found) {
        write::delete(cluster, &cluster.api::<ConfigMap>(), found, Mode::DryRun).await?;
    }
    dry_run::of_one(object(name), found.as_ref(), None::<&ConfigMap>)
}
