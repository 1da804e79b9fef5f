//! Making and deleting storage profiles. What lies on the store is never touched.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::cluster::survey::{self, NamespaceInfo};
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::storage::{RemoteStorage, is_profile_name};
use crate::model::store::{Credentials, Profile};
use crate::ops::described::{self, Described};
use crate::ops::dry_run::{By, Change};
use crate::ops::{data_stores, preflight, profiles};

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
        described::complete(new.profile.secret_keys(), values, new.profile.kind().title())?;
    }
    if survey::namespace(cluster).await? == NamespaceInfo::Missing {
        return Err(preflight::no_namespace(cluster.namespace()));
    }
    if profiles::find(cluster, name).await?.is_some() {
        return Err(exists(name));
    }
    // `storage describe NAME` means one thing.
    if data_stores::find(cluster, name).await?.is_some() {
        return Err(Error::new(
            Kind::Conflict,
            format!("there is a data store of the name {name:?}"),
        )
        .hint("Choose another name."));
    }
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
        Some(_) => object(name).may_have_secret(cluster).await,
    }
}

/// Makes the Secret, if there is one to be made, and then the profile that names it.
///
/// # Errors
/// [`Kind::Conflict`] when somebody made the profile in the meantime.
pub async fn create(cluster: &Cluster, new: NewProfile) -> Result<()> {
    let namespace = cluster.namespace();
    let config_map = manifest::profile(&new.name, namespace, &with_secret(&new))?;
    let secret = new.secret.map(|values| manifest::profile_secret(&new.name, namespace, values));
    match described::create(cluster, config_map, secret).await? {
        true => Ok(()),
        false => Err(exists(&new.name)),
    }
}

/// What [`create`] would make; of the Secret, its keys alone are told, by the command.
///
/// # Errors
/// What the API server refuses, when it is asked.
pub async fn dry_run(cluster: &Cluster, new: &NewProfile, by: By) -> Result<Change> {
    let config_map = manifest::profile(&new.name, cluster.namespace(), &with_secret(new))?;
    let made = object(&new.name).dry_create(cluster, config_map, by).await?;
    made.ok_or_else(|| exists(&new.name))
}

fn with_secret(new: &NewProfile) -> Profile {
    let mut profile = new.profile.clone();
    if new.secret.is_some() {
        profile.credentials = Credentials::Secret(labels::profile_object(&new.name));
    }
    profile
}

fn object(name: &str) -> Described<'_> {
    Described { object: labels::profile_object(name), label: labels::PROFILE, value: name }
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
    let own = Credentials::Secret(labels::profile_object(name));
    object(name).delete(cluster, profile.credentials == own).await
}

/// What [`delete`] would do to the profile.
///
/// # Errors
/// As the API server gives them.
pub async fn dry_delete(cluster: &Cluster, name: &str, by: By) -> Result<Change> {
    object(name).dry_delete(cluster, by).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_is_used_is_not_free() {
        assert!(is_free("minio", &[]).is_ok());
        let users = ["orders".to_owned(), "bills".to_owned()];
        let error = is_free("minio", &users).expect_err("it is used");
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.to_string().contains("orders, bills"), "{error}");
    }
}
