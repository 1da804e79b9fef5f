//! Making data stores known, and forgetting them. What is in a store is never touched.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::cluster::survey::{self, NamespaceInfo};
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::data::{self, DataStore};
use crate::model::labels;
use crate::ops::described::{self, Described};
use crate::ops::dry_run::{By, Change};
use crate::ops::{data_stores, preflight, profiles};

/// A data store that is to be made known.
pub struct NewDataStore {
    /// Its name.
    pub name: String,
    /// What is not secret.
    pub store: DataStore,
    /// What is, for a Secret to be made beside it.
    pub secret: Option<BTreeMap<String, Vec<u8>>>,
}

/// Checks all that can be checked before anything is written.
///
/// # Errors
/// [`Kind::Conflict`] for a name that is taken, [`Kind::NotFound`] for a Secret that is not there.
pub async fn check(cluster: &Cluster, new: &NewDataStore) -> Result<()> {
    let name = &new.name;
    if !data::is_name(name) {
        return Err(Error::usage(format!("{name:?} is not the name of a data store"))
            .hint("Use at most 40 lowercase letters, digits and '-', with a letter first."));
    }
    with_secret(new).check()?;
    if let Some(values) = &new.secret {
        described::complete(&new.store.secret_keys(), values, new.store.kind().title())?;
    }
    if survey::namespace(cluster).await? == NamespaceInfo::Missing {
        return Err(preflight::no_namespace(cluster.namespace()));
    }
    is_free_name(cluster, name).await?;
    match &new.secret {
        None => data_stores::has_secret(cluster, name, &new.store).await,
        Some(_) => object(name).may_have_secret(cluster).await,
    }
}

/// `storage describe NAME` means one thing.
async fn is_free_name(cluster: &Cluster, name: &str) -> Result<()> {
    if data_stores::find(cluster, name).await?.is_some() {
        return Err(exists(name));
    }
    let taken = |by: &str| {
        Err(Error::new(Kind::Conflict, format!("there is a {by} of the name {name:?}"))
            .hint("Choose another name."))
    };
    if profiles::find(cluster, name).await?.is_some() {
        return taken("storage profile");
    }
    match read::get(cluster, &cluster.api::<PersistentVolumeClaim>(), name).await? {
        Some(_) => taken("claim"),
        None => Ok(()),
    }
}

/// Makes the Secret, if there is one to be made, and then the ConfigMap that names it.
///
/// # Errors
/// [`Kind::Conflict`] when somebody made one of that name in the meantime.
pub async fn create(cluster: &Cluster, new: NewDataStore) -> Result<()> {
    let namespace = cluster.namespace();
    let config_map = manifest::data_store(&new.name, namespace, &with_secret(&new))?;
    let secret = new.secret.map(|values| manifest::data_store_secret(&new.name, namespace, values));
    match described::create(cluster, config_map, secret).await? {
        true => Ok(()),
        false => Err(exists(&new.name)),
    }
}

/// What [`create`] would make; of the Secret, its keys alone are told, by the command.
///
/// # Errors
/// What the API server refuses, when it is asked.
pub async fn dry_run(cluster: &Cluster, new: &NewDataStore, by: By) -> Result<Change> {
    let config_map = manifest::data_store(&new.name, cluster.namespace(), &with_secret(new))?;
    let made = object(&new.name).dry_create(cluster, config_map, by).await?;
    made.ok_or_else(|| exists(&new.name))
}

fn with_secret(new: &NewDataStore) -> DataStore {
    let mut store = new.store.clone();
    if new.secret.is_some() {
        store.secret = Some(labels::data_store_object(&new.name));
    }
    store
}

fn object(name: &str) -> Described<'_> {
    Described { object: labels::data_store_object(name), label: labels::DATA_STORE, value: name }
}

fn exists(name: &str) -> Error {
    Error::new(Kind::Conflict, format!("data store {name:?} exists"))
        .hint(format!("Look at it with `kubectl flink storage describe {name}`; change it with `kubectl edit configmap {}`, and deploy.", labels::data_store_object(name)))
}

/// Refuses to forget a data store that an application's present generation is bound to.
///
/// # Errors
/// [`Kind::Conflict`], with its users.
pub fn is_free(name: &str, users: &[String]) -> Result<()> {
    match users {
        [] => Ok(()),
        users => {
            let what = format!("data store {name:?} is bound to {}", users.join(", "));
            Err(Error::new(Kind::Conflict, what)
                .hint("Delete the application, or deploy it without --data-store."))
        }
    }
}

/// Forgets a data store, and deletes the Secret that was made with it. What is in the store stays.
///
/// # Errors
/// As the API server gives them.
pub async fn delete(cluster: &Cluster, name: &str, store: &DataStore) -> Result<()> {
    let own = labels::data_store_object(name);
    object(name).delete(cluster, store.secret.as_ref() == Some(&own)).await
}

/// What [`delete`] would do to the ConfigMap.
///
/// # Errors
/// As the API server gives them.
pub async fn dry_delete(cluster: &Cluster, name: &str, by: By) -> Result<Change> {
    object(name).dry_delete(cluster, by).await
}
