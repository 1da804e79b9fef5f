//! Writing objects: server-side apply, guarded create, guarded delete.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connect::Cluster;
use super::{failure, read, retry};
use crate::error::{Error, Kind, Result};
use crate::model::labels::{self, FIELD_MANAGER};

/// Whether a write is real or only validated by the API server (`--dry-run=server`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The write takes effect.
    Real,
    /// The write takes effect, also on fields that somebody else manages: they are ours from then on.
    Forced,
    /// The API server validates, admits and answers, but stores nothing.
    DryRun,
}

impl Mode {
    fn is_dry(self) -> bool {
        self == Mode::DryRun
    }
}

/// Applies the object under our field manager. Unless [`Mode::Forced`], a field that somebody else manages is
/// a [`Kind::Conflict`] that names owner and field.
///
/// Applying the same object twice is the same as once, so this is retried.
pub async fn apply<K>(cluster: &Cluster, api: &Api<K>, object: &K, mode: Mode) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
{
    let name = object.name_any();
    let mut params = PatchParams::apply(FIELD_MANAGER).validation_strict();
    params.dry_run = mode.is_dry();
    params.force = mode == Mode::Forced;
    let doing = format!("apply {} {name:?}", read::kind::<K>());
    let patch = Patch::Apply(object);
    retry::idempotent(cluster, &doing, || api.patch(&name, &params, &patch)).await
}

/// Merges `patch` into an object that may be somebody else's, leaving every other field alone.
///
/// Merging the same twice is the same as once, so this is retried.
pub async fn merge<K>(
    cluster: &Cluster,
    api: &Api<K>,
    name: &str,
    patch: &Value,
    mode: Mode,
) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        dry_run: mode.is_dry(),
        ..PatchParams::default()
    };
    let doing = format!("patch {} {name:?}", read::kind::<K>());
    let patch = Patch::Merge(patch);
    retry::idempotent(cluster, &doing, || api.patch(name, &params, &patch)).await
}

/// What [`create`] found out.
#[derive(Debug)]
pub enum Created<K> {
    /// The object is ours: created by this call, or by an earlier attempt of the same operation.
    Ours(K),
    /// An object of this name existed already and belongs to somebody else.
    Exists(K),
}

/// Creates the object; the call that creates it wins, which makes it usable as a mutex.
///
/// Sent once. When the answer is lost or ambiguous (5xx, connection cut, timeout), the object is read
/// back, and counts as created only if `ours` recognises it, by its operation id.
pub async fn create<K>(
    cluster: &Cluster,
    api: &Api<K>,
    object: &K,
    mode: Mode,
    ours: impl Fn(&K) -> bool,
) -> Result<Created<K>>
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
{
    let name = object.name_any();
    let doing = format!("create {} {name:?}", read::kind::<K>());
    let params =
        PostParams { dry_run: mode.is_dry(), field_manager: Some(FIELD_MANAGER.to_owned()) };
    let error = match retry::once(cluster, || api.create(&params, object)).await {
        Ok(created) => return Ok(Created::Ours(created)),
        Err(error) => error,
    };
    let exists = failure::status_code(&error) == Some(409);
    if !exists && !failure::is_ambiguous(&error) {
        return Err(failure::from_kube(error, doing));
    }
    match read::get(cluster, api, &name).await? {
        Some(found) if ours(&found) => Ok(Created::Ours(found)),
        Some(found) => Ok(Created::Exists(found)),
        None => Err(failure::from_kube(error, doing)),
    }
}

/// Replaces the object, guarded by the `resourceVersion` inside it: [`Kind::Conflict`] when it changed
/// in between. Sent once.
pub async fn replace<K>(cluster: &Cluster, api: &Api<K>, object: &K) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
{
    let name = object.name_any();
    let doing = format!("update {} {name:?}", read::kind::<K>());
    if object.resource_version().is_none() {
        return Err(Error::new(Kind::Other, format!("failed to {doing}: it was not read first")));
    }
    let params = PostParams { dry_run: false, field_manager: Some(FIELD_MANAGER.to_owned()) };
    retry::once(cluster, || api.replace(&name, &params, object))
        .await
        .map_err(|e| failure::from_kube(e, doing))
}

/// How often a delete is tried whose object changed between the look and the delete.
const RACES: u32 = 5;

/// Deletes exactly the object that was read: guarded by its UID, so that a successor of the same name
/// survives, and by its resourceVersion, so that one that somebody took over meanwhile does too. An object
/// that only changed is read again, and deleted if it still carries the labels it was found by. Dependents are
/// deleted in the background. `Ok` when it is gone already.
///
/// The preconditions make a repeated delete harmless, so this is retried.
///
/// # Errors
/// [`Kind::Conflict`] when it has another owner by now, or changes faster than it can be deleted.
pub async fn delete<K>(cluster: &Cluster, api: &Api<K>, object: &K, mode: Mode) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let found_by = ownership(object);
    delete_while(cluster, api, object, mode, |now| ownership(now) == found_by).await
}

/// As [`delete`], of an object that is only deleted as long as `ours` recognises it.
///
/// # Errors
/// As [`delete`].
pub async fn delete_while<K>(
    cluster: &Cluster,
    api: &Api<K>,
    object: &K,
    mode: Mode,
    ours: impl Fn(&K) -> bool,
) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let name = object.name_any();
    let doing = format!("delete {} {name:?}", read::kind::<K>());
    let mut found = object.clone();
    for _ in 0..RACES {
        let version = found.resource_version();
        if try_delete(cluster, api, &found, version, mode).await? == Attempt::Deleted {
            return Ok(());
        }
        found = match read::get(cluster, api, &name).await? {
            Some(now) if now.uid() == object.uid() && ours(&now) => now,
            Some(now) if now.uid() == object.uid() => return Err(lost(&doing, &now)),
            // It is gone; what has its name now is not what was to be deleted.
            _ => return Ok(()),
        };
    }
    Err(Error::new(Kind::Conflict, format!("failed to {doing}: it changes all the time"))
        .hint("Find out who changes it (`kubectl get -o yaml --show-managed-fields`), then run this again."))
}

/// Deletes a pod of ours that holds nothing, by its UID alone: its status changes all the time.
///
/// # Errors
/// As deletion.
pub async fn delete_pod(cluster: &Cluster, pod: &Pod) -> Result<()> {
    try_delete(cluster, &cluster.api::<Pod>(), pod, None, Mode::Real).await.map(drop)
}

/// What a delete found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// It is deleted, or was gone already.
    Deleted,
    /// It is not as it was read.
    Changed,
}

async fn try_delete<K>(
    cluster: &Cluster,
    api: &Api<K>,
    object: &K,
    resource_version: Option<String>,
    mode: Mode,
) -> Result<Attempt>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let name = object.name_any();
    let doing = format!("delete {} {name:?}", read::kind::<K>());
    let uid = object.uid().ok_or_else(|| {
        Error::new(Kind::Other, format!("failed to {doing}: it was not read first"))
    })?;
    let params = DeleteParams {
        dry_run: mode.is_dry(),
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(Preconditions { uid: Some(uid), resource_version }),
        ..DeleteParams::default()
    };
    retry::idempotent(cluster, &doing, || async {
        match api.delete(&name, &params).await {
            Err(error) if failure::status_code(&error) == Some(404) => Ok(Attempt::Deleted),
            Err(error) if failure::status_code(&error) == Some(409) => Ok(Attempt::Changed),
            other => other.map(|_| Attempt::Deleted),
        }
    })
    .await
}

/// The labels that say whose an object is.
fn ownership<K: Resource>(object: &K) -> Vec<(String, String)> {
    let whose = |key: &str| key == labels::MANAGED_BY || key.starts_with(labels::PREFIX);
    let all = object.meta().labels.iter().flatten();
    all.filter(|(key, _)| whose(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn lost<K: Resource<DynamicType = ()>>(doing: &str, now: &K) -> Error {
    let label = |key: &str| now.meta().labels.as_ref().and_then(|labels| labels.get(key));
    let by = match (label(labels::APPLICATION), label(labels::MANAGED_BY)) {
        (Some(application), _) => format!("application {application}"),
        (None, Some(manager)) => manager.clone(),
        (None, None) => "somebody else".to_owned(),
    };
    Error::new(Kind::Conflict, format!("failed to {doing}: it belongs to {by} by now"))
        .hint("It was left alone. Look at its labels, then run this again.")
}

#[cfg(test)]
mod tests;
