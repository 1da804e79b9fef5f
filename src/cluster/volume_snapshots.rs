//! What a cluster says of VolumeSnapshots, which it serves only where somebody added them.

use k8s_openapi::api::core::v1::PersistentVolume;

use super::connect::Cluster;
use super::{failure, read, retry};
use crate::error::{Kind, Result};
use crate::model::volume_snapshot::{API_VERSION, VolumeSnapshot, VolumeSnapshotClass};

/// Whether the cluster serves VolumeSnapshots. Everybody who may log in may ask.
///
/// # Errors
/// When the API server cannot be reached.
pub async fn is_served(cluster: &Cluster) -> Result<bool> {
    let asked =
        retry::idempotent_raw(cluster, || cluster.client().list_api_group_resources(API_VERSION));
    match asked.await {
        Ok(found) => Ok(found.resources.iter().any(|one| one.name == "volumesnapshots")),
        Err(error) if failure::status_code(&error) == Some(404) => Ok(false),
        Err(error) => Err(failure::from_kube(error, "ask which VolumeSnapshots are served")),
    }
}

/// What a list of the namespace's snapshots came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Listed {
    /// These are there.
    Found(Vec<VolumeSnapshot>),
    /// The cluster serves none.
    NotServed,
    /// The user may not look.
    Denied,
}

impl Listed {
    /// Those that were found.
    pub fn found(self) -> Vec<VolumeSnapshot> {
        match self {
            Listed::Found(found) => found,
            Listed::NotServed | Listed::Denied => Vec::new(),
        }
    }
}

/// The snapshots of the namespace.
///
/// # Errors
/// When the API server cannot be reached.
pub async fn list(cluster: &Cluster) -> Result<Listed> {
    match read::list::<VolumeSnapshot>(cluster, &cluster.api(), "").await {
        Ok(found) => Ok(Listed::Found(found)),
        Err(error) if error.kind() == Kind::NotFound => Ok(Listed::NotServed),
        Err(error) if error.kind() == Kind::Denied => Ok(Listed::Denied),
        Err(error) => Err(error),
    }
}

/// All classes; `None` where they are not served, or the user may not look.
///
/// # Errors
/// When the API server cannot be reached.
pub async fn classes(cluster: &Cluster) -> Result<Option<Vec<VolumeSnapshotClass>>> {
    match read::list::<VolumeSnapshotClass>(cluster, &cluster.api_all(), "").await {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Denied) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is known of who keeps a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// A CSI driver of this name.
    Driver(String),
    /// Not a CSI driver, or nobody: the volume cannot have snapshots.
    Other,
    /// The user may not look at volumes.
    Unknown,
}

/// Who keeps the volume of this name.
///
/// # Errors
/// When the API server cannot be reached.
pub async fn keeper(cluster: &Cluster, volume: &str) -> Result<Keeper> {
    match read::get::<PersistentVolume>(cluster, &cluster.api_all(), volume).await {
        Ok(found) => {
            let csi = found.and_then(|volume| volume.spec?.csi);
            Ok(csi.map_or(Keeper::Other, |csi| Keeper::Driver(csi.driver)))
        }
        Err(error) if error.kind() == Kind::Denied => Ok(Keeper::Unknown),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::cluster::testing::{expect, scripted, status};

    #[tokio::test]
    async fn a_cluster_without_the_kinds_is_told_from_one_that_forbids_them() {
        let path = "/apis/snapshot.storage.k8s.io/v1";
        let ask = |code: u16, reason: &'static str| async move {
            let answer = status(code, reason, "no");
            let (cluster, served) = scripted(vec![expect(Method::GET, path, code, &answer)]);
            let found = list(&cluster).await.map_err(|error| error.kind());
            served.await.expect("all was asked");
            found
        };
        assert_eq!(ask(404, "NotFound").await, Ok(Listed::NotServed));
        assert_eq!(ask(403, "Forbidden").await, Ok(Listed::Denied));
    }
}
