//! Writing objects: server-side apply, guarded create, guarded delete.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connect::Cluster;
use super::{failure, read, retry};
use crate::error::{Error, Kind, Result};
use crate::model::labels::FIELD_MANAGER;

/// Whether a write is real or only validated by the API server (`--dry-run=server`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The write takes effect.
    Real,
    /// The API server validates, admits and answers, but stores nothing.
    DryRun,
}

impl Mode {
    fn is_dry(self) -> bool {
        self == Mode::DryRun
    }
}

/// Applies the object under our field manager, without force: a field that somebody else manages is
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
    let doing = format!("apply {} {name:?}", read::kind::<K>());
    let patch = Patch::Apply(object);
    retry::idempotent(cluster, &doing, || api.patch(&name, &params, &patch)).await
}

/// Merges `patch` into an object that may be somebody else's, leaving every other field alone.
///
/// Merging the same twice is the same as once, so this is retried.
pub async fn merge<K>(cluster: &Cluster, api: &Api<K>, name: &str, patch: &Value) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
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
    let error = match retry::once(cluster, api.create(&params, object)).await {
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
    retry::once(cluster, api.replace(&name, &params, object))
        .await
        .map_err(|e| failure::from_kube(e, doing))
}

/// Deletes exactly the object that was read: guarded by its UID, so that a successor of the same name
/// survives. Dependents are deleted in the background. `Ok` when it is gone already.
///
/// The precondition makes a repeated delete harmless, so this is retried.
pub async fn delete<K>(cluster: &Cluster, api: &Api<K>, object: &K, mode: Mode) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    delete_with(cluster, api, object, mode, None).await
}

/// As [`delete`], with a grace period of its own for a pod (whole seconds).
pub async fn delete_within<K>(
    cluster: &Cluster,
    api: &Api<K>,
    object: &K,
    grace: Duration,
) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    delete_with(cluster, api, object, Mode::Real, u32::try_from(grace.as_secs()).ok()).await
}

async fn delete_with<K>(
    cluster: &Cluster,
    api: &Api<K>,
    object: &K,
    mode: Mode,
    grace_period_seconds: Option<u32>,
) -> Result<()>
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
        grace_period_seconds,
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
    };
    retry::idempotent(cluster, &doing, || async {
        match api.delete(&name, &params).await {
            // 409: an object of this name exists, but it is not the one that was to be deleted.
            Err(error) if matches!(failure::status_code(&error), Some(404 | 409)) => Ok(()),
            other => other.map(drop),
        }
    })
    .await
}

#[cfg(test)]
mod tests;
