//! What preflight checks want to know about the cluster. `None` means that the user may not look,
//! which is no reason to refuse anything.

use k8s_openapi::api::core::v1::{LimitRange, Namespace, Node, ResourceQuota};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::ResourceExt;

use super::connect::Cluster;
use super::read;
use crate::error::{Kind, Result};

/// The annotation that marks the default StorageClass.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// The label of a namespace that enforces a pod security level.
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";

/// A StorageClass, as far as a claim depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageClassInfo {
    /// Its name.
    pub name: String,
    /// Who makes the volumes.
    pub provisioner: String,
    /// Whether claims without a class get it.
    pub is_default: bool,
    /// Whether volumes are made only once a pod wants them (`WaitForFirstConsumer`): an unbound claim is
    /// normal until then.
    pub waits_for_consumer: bool,
    /// Whether volumes can grow.
    pub expandable: bool,
    /// Whether a volume goes with its claim (reclaim policy `Delete`, which is the default).
    pub deletes_with_claim: bool,
}

impl From<StorageClass> for StorageClassInfo {
    fn from(class: StorageClass) -> Self {
        let is_default = class.annotations().get(DEFAULT_CLASS).is_some_and(|v| v == "true");
        StorageClassInfo {
            name: class.name_any(),
            is_default,
            waits_for_consumer: class.volume_binding_mode.as_deref()
                == Some("WaitForFirstConsumer"),
            expandable: class.allow_volume_expansion.unwrap_or(false),
            deletes_with_claim: class.reclaim_policy.as_deref() != Some("Retain"),
            provisioner: class.provisioner,
        }
    }
}

/// All StorageClasses.
pub async fn storage_classes(cluster: &Cluster) -> Result<Option<Vec<StorageClassInfo>>> {
    let classes = read::list::<StorageClass>(cluster, &cluster.api_all(), "").await;
    let classes = unless_denied(classes)?;
    Ok(classes.map(|classes| classes.into_iter().map(StorageClassInfo::from).collect()))
}

/// How many nodes take new pods.
pub async fn schedulable_nodes(cluster: &Cluster) -> Result<Option<usize>> {
    let nodes = unless_denied(read::list::<Node>(cluster, &cluster.api_all(), "").await)?;
    Ok(nodes.map(|nodes| nodes.iter().filter(|node| takes_pods(node)).count()))
}

/// The namespace's quotas, with what is used of them.
pub async fn quotas(cluster: &Cluster) -> Result<Option<Vec<ResourceQuota>>> {
    unless_denied(read::list::<ResourceQuota>(cluster, &cluster.api(), "").await)
}

/// The namespace's limits on containers, pods and claims.
pub async fn limits(cluster: &Cluster) -> Result<Option<Vec<LimitRange>>> {
    unless_denied(read::list::<LimitRange>(cluster, &cluster.api(), "").await)
}

/// What is known about the namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceInfo {
    /// It does not exist.
    Missing,
    /// It exists; with the pod security level it enforces (`restricted`, `baseline`, `privileged`).
    Exists(Option<String>),
    /// The user may not look.
    Unknown,
}

/// The cluster's namespace.
pub async fn namespace(cluster: &Cluster) -> Result<NamespaceInfo> {
    let found = read::get::<Namespace>(cluster, &cluster.api_all(), cluster.namespace()).await;
    Ok(match unless_denied(found)? {
        None => NamespaceInfo::Unknown,
        Some(None) => NamespaceInfo::Missing,
        Some(Some(namespace)) => {
            NamespaceInfo::Exists(namespace.labels().get(POD_SECURITY).cloned())
        }
    })
}

fn unless_denied<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == Kind::Denied => Ok(None),
        Err(error) => Err(error),
    }
}

fn takes_pods(node: &Node) -> bool {
    let spec = node.spec.as_ref();
    let cordoned = spec.and_then(|spec| spec.unschedulable).unwrap_or(false);
    let taints = spec.and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let repels = taints.iter().any(|t| matches!(t.effect.as_str(), "NoSchedule" | "NoExecute"));
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
    let ready =
        conditions.unwrap_or_default().iter().any(|c| c.type_ == "Ready" && c.status == "True");
    ready && !cordoned && !repels
}
