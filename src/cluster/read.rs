//! Getting and listing: with retries, and in pages.

use std::fmt::Debug;

use kube::api::{ListParams, Request};
use kube::core::ObjectList;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connect::Cluster;
use super::{failure, retry};
use crate::error::{Error, Kind, Result};

/// How many objects one page holds; client-go's default.
const PAGE: u32 = 500;

/// Gets one object; `None` when it does not exist.
///
/// # Errors
/// As [`super::failure::from_kube`] maps them; "not found" is not an error here.
pub async fn get<K>(cluster: &Cluster, api: &Api<K>, name: &str) -> Result<Option<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let doing = format!("read {} {name:?}", kind::<K>());
    retry::idempotent(cluster, &doing, || api.get_opt(name)).await
}

/// Gets the metadata of one object, as JSON; `None` when it does not exist. The rest of it is not sent: of a Secret, no
/// value leaves the API server.
///
/// # Errors
/// As [`get`].
pub async fn metadata<K>(cluster: &Cluster, api: &Api<K>, name: &str) -> Result<Option<Value>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let doing = format!("read {} {name:?}", kind::<K>());
    let found = retry::idempotent(cluster, &doing, || api.get_metadata_opt(name)).await?;
    found.map(serde_json::to_value).transpose().map_err(|e| {
        Error::new(Kind::Other, format!("cannot understand {} {name:?}", kind::<K>())).caused_by(e)
    })
}

/// Lists every object that the label selector matches (the empty selector matches all), page by page.
pub async fn list<K>(cluster: &Cluster, api: &Api<K>, selector: &str) -> Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    list_as::<K, K>(cluster, api, selector).await
}

/// Lists objects of kind `K` but reads only what the slim type `T` names.
///
/// A list of thousands then costs a few megabytes instead of hundreds: unknown fields are skipped
/// while parsing.
pub async fn list_as<K, T>(cluster: &Cluster, api: &Api<K>, selector: &str) -> Result<Vec<T>>
where
    K: Resource<DynamicType = ()>,
    T: Clone + DeserializeOwned,
{
    list_keeping::<K, T, T>(cluster, api, selector, |object| object).await
}

/// Lists objects of kind `K`, read as `T`, and of each keeps only what `keep` takes from it: no more than one page of
/// whole objects is ever in memory.
pub async fn list_keeping<K, T, R>(
    cluster: &Cluster,
    api: &Api<K>,
    selector: &str,
    keep: impl Fn(T) -> R,
) -> Result<Vec<R>>
where
    K: Resource<DynamicType = ()>,
    T: Clone + DeserializeOwned,
{
    let doing = format!("list {}", K::plural(&()));
    let mut found = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    if !selector.is_empty() {
        params = params.labels(selector);
    }
    let mut restarted = false;
    loop {
        let page = retry::idempotent_raw(cluster, || page::<K, T>(cluster, api, &params)).await;
        let page = match page {
            // The continue token is older than etcd's history: the list starts again, once. A partial
            // list must never pass for a whole one.
            Err(error)
                if !restarted
                    && params.continue_token.is_some()
                    && failure::status_code(&error) == Some(410) =>
            {
                restarted = true;
                found.clear();
                params.continue_token = None;
                continue;
            }
            other => other.map_err(|e| failure::from_kube(e, &doing))?,
        };
        found.extend(page.items.into_iter().map(&keep));
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => params.continue_token = Some(token),
            _ => return Ok(found),
        }
    }
}

async fn page<K, T>(
    cluster: &Cluster,
    api: &Api<K>,
    params: &ListParams,
) -> kube::Result<ObjectList<T>>
where
    K: Resource<DynamicType = ()>,
    T: Clone + DeserializeOwned,
{
    let request =
        Request::new(api.resource_url()).list(params).map_err(kube::Error::BuildRequest)?;
    cluster.client().request(request).await
}

/// The kind's name in a sentence: `PersistentVolumeClaim`.
pub(crate) fn kind<K: Resource<DynamicType = ()>>() -> String {
    K::kind(&()).into_owned()
}

#[cfg(test)]
mod tests;
