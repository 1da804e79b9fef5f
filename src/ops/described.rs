//! Making and deleting what a ConfigMap describes, with the Secret beside it: storage profiles and data stores. Both objects
//! have the same name, and a label that says what they describe.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use serde_json::Value;

use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::cluster::write::{self, Created, Mode};
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::ops::dry_run::{self, By, Change};
use crate::ops::secrets;

/// The object of this name; `label` and `value` tell those of ours.
#[derive(Debug, Clone)]
pub struct Described<'a> {
    /// The name of ConfigMap and Secret.
    pub object: String,
    /// The label that they have.
    pub label: &'static str,
    /// Its value.
    pub value: &'a str,
}

/// Every key that is `wanted`, and none without a value. `kind` is what they give access to.
///
/// # Errors
/// [`Kind::Usage`] for the first that is missing.
pub fn complete(wanted: &[&str], values: &BTreeMap<String, Vec<u8>>, kind: &str) -> Result<()> {
    let lacking: Vec<&str> =
        wanted.iter().copied().filter(|key| !values.contains_key(*key)).collect();
    if !lacking.is_empty() {
        return Err(Error::usage(format!("access to {kind} needs {} as well", lacking.join(", ")))
            .hint("Give it with --from-literal KEY=VALUE, --from-file KEY=PATH, or --from-file KEY=- for standard input."));
    }
    match values.iter().find(|(_, value)| value.is_empty()) {
        Some((key, _)) => Err(Error::usage(format!("the value of {key} is empty"))),
        None => Ok(()),
    }
}

impl Described<'_> {
    /// A Secret of ours that an earlier run left may be written again; anybody else's may not.
    ///
    /// # Errors
    /// [`Kind::Conflict`] for one of somebody else.
    pub async fn may_have_secret(&self, cluster: &Cluster) -> Result<()> {
        let secret = &self.object;
        let found = read::metadata(cluster, &cluster.api::<Secret>(), secret).await;
        match secrets::looked(found)?.flatten() {
            Some(found) if !self.is_ours(&found) => Err(Error::new(
                Kind::Conflict,
                format!("secret {secret:?} exists and belongs to somebody else"),
            )
            .hint(format!("Use it with --secret {secret}, or choose another name."))),
            _ => Ok(()),
        }
    }

    fn is_ours(&self, found: &Value) -> bool {
        found["metadata"]["labels"][self.label] == self.value
    }

    /// What [`create`] would make; `None` when there is one already.
    ///
    /// # Errors
    /// What the API server refuses, when it is asked.
    pub async fn dry_create(
        &self,
        cluster: &Cluster,
        config_map: ConfigMap,
        by: By,
    ) -> Result<Option<Change>> {
        let made = match by {
            By::Client => config_map,
            By::Server => {
                let api = cluster.api();
                match write::create(cluster, &api, &config_map, Mode::DryRun, |_| false).await? {
                    Created::Ours(made) => made,
                    Created::Exists(_) => return Ok(None),
                }
            }
        };
        dry_run::of_one(self.id(), None::<&ConfigMap>, Some(&made)).map(Some)
    }

    fn id(&self) -> ObjectId {
        ObjectId { kind: ObjectKind::ConfigMap, name: self.object.clone() }
    }

    /// Deletes the ConfigMap, and the Secret of the same name if it is `with_secret` and ours.
    ///
    /// # Errors
    /// As the API server gives them.
    pub async fn delete(&self, cluster: &Cluster, with_secret: bool) -> Result<()> {
        let own = &self.object;
        if let Some(found) = read::get(cluster, &cluster.api::<ConfigMap>(), own).await? {
            write::delete(cluster, &cluster.api::<ConfigMap>(), &found, Mode::Real).await?;
        }
        if !with_secret {
            return Ok(());
        }
        let metadata = read::metadata(cluster, &cluster.api::<Secret>(), own).await?;
        let secret = metadata.filter(|found| self.is_ours(found)).map(|found| {
            serde_json::from_value::<Secret>(serde_json::json!({"metadata": found["metadata"]}))
        });
        match secret {
            Some(Ok(secret)) => {
                let api = cluster.api::<Secret>();
                write::delete(cluster, &api, &secret, Mode::Real).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// What [`Described::delete`] would do to the ConfigMap.
    ///
    /// # Errors
    /// As the API server gives them.
    pub async fn dry_delete(&self, cluster: &Cluster, by: By) -> Result<Change> {
        let api = cluster.api::<ConfigMap>();
        let found = read::get(cluster, &api, &self.object).await?;
        if let (By::Server, Some(found)) = (by, &found) {
            write::delete(cluster, &api, found, Mode::DryRun).await?;
        }
        dry_run::of_one(self.id(), found.as_ref(), None::<&ConfigMap>)
    }
}

/// Makes the Secret, if there is one to be made, and then the ConfigMap that names it. `false` when somebody made one
/// of that name in the meantime.
///
/// # Errors
/// As the API server gives them.
pub async fn create(
    cluster: &Cluster,
    config_map: ConfigMap,
    secret: Option<Secret>,
) -> Result<bool> {
    if let Some(secret) = secret {
        tracing::debug!(secret = secret.name_any(), "writing the Secret first");
        write::apply(cluster, &cluster.api(), &secret, Mode::Real).await?;
    }
    let same = config_map.data.clone();
    let ours = move |found: &ConfigMap| found.data == same;
    let created = write::create(cluster, &cluster.api(), &config_map, Mode::Real, ours).await?;
    Ok(matches!(created, Created::Ours(_)))
}
