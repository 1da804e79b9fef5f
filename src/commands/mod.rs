//! One file a verb: its arguments, the call, and what is shown.

mod answers;
pub mod checkpoint;
pub mod completion;
pub mod delete;
pub mod deploy;
mod document;
pub(crate) mod dry_run;
pub mod list;
pub mod logs;
mod narrate;
mod operate;
pub mod operation;
pub mod options;
mod pods;
pub mod rbac;
pub mod restore;
pub mod savepoint;
mod saving;
mod sources;
pub mod start;
pub mod status;
pub mod stop;
pub mod storage;
pub mod version;

use kube::Api;

use crate::cluster::Cluster;

/// The objects of the cluster's namespace, or of all namespaces (`-A`).
fn scope<K>(cluster: &Cluster, all_namespaces: bool) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    if all_namespaces { cluster.api_all() } else { cluster.api() }
}
