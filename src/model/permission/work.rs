//! What each part of the work of verbs needs.

use super::{Grant, Permission};

const APPS: &str = "apps";
const POLICY: &str = "policy";
const NETWORK: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const LEASES: &str = "coordination.k8s.io";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io";

/// Looking whose an object is, and server-side apply of it, whether it exists or not.
const APPLY: &[&str] = &["create", "get", "patch"];
/// Comparing what is there with what should be: a list of each kind.
const COMPARE: &[&str] = &["list"];
/// Deleting what a selector finds.
const SWEEP: &[&str] = &["delete", "list"];
/// Following a set of objects.
const FOLLOW: &[&str] = &["list", "watch"];

/// Part of the work of verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Reading the anchor of an application: whether it is there, and its active generation.
    Find,
    /// Reading the record of one generation.
    Revision,
    /// Reading the records of all generations.
    Revisions,
    /// Listing applications.
    List,
    /// Hearing of new applications, and of the end of others.
    WatchList,
    /// Asking Flink, through the API server's proxy to its Service.
    AskFlink,
    /// Telling Flink to take a snapshot, which is a POST.
    Snapshot,
    /// Cancelling a job, which is a PATCH.
    Cancel,
    /// Looking for an operation that is not finished.
    Unfinished,
    /// Listing operations that are not finished.
    Operations,
    /// Writing the record of an operation, and the lease beside it.
    Record,
    /// Reading a claim by name.
    ReadClaim,
    /// Listing claims.
    Claims,
    /// Creating a claim.
    Claim,
    /// Following a claim until it has a volume.
    AwaitClaim,
    /// Asking for a larger claim.
    GrowClaim,
    /// Deleting a claim and waiting until it is gone.
    DeleteClaim,
    /// Listing pods, to see which of them mount a claim.
    Pods,
    /// Following pods.
    FollowPods,
    /// Reading the logs of containers.
    Logs,
    /// Reading what happened to an object.
    Events,
    /// Looking at the pods of an application, and at what keeps them from running.
    Observe,
    /// Reading and writing the state storage, through a pod that mounts it.
    Storage,
    /// Changing the anchor.
    Anchor,
    /// Comparing the objects of an application with its record.
    Compare,
    /// Scaling a generation to zero and waiting until its pods are gone.
    Quiesce,
    /// Creating the objects of a generation.
    Start,
    /// Deleting the objects of a generation.
    Retire,
    /// Deleting what the generations share.
    RetireApplication,
    /// Comparing the Ingress with the record.
    CompareIngress,
    /// Creating the Ingress, or changing it.
    MakeIngress,
    /// Deleting the Ingress.
    RetireIngress,
    /// Seeing that the IngressClass is there.
    IngressClass,
    /// Seeing that a quota leaves room.
    Quotas,
    /// Seeing that the ServiceAccount that a spec names is there.
    Account,
    /// Seeing that the namespace is there.
    Namespace,
    /// Seeing whether there are several nodes.
    Nodes,
    /// Seeing which StorageClass serves a claim.
    StorageClasses,
    /// Reading a storage profile.
    Profile,
    /// Listing storage profiles.
    Profiles,
    /// Seeing that the Secret that a profile names is there; only its metadata is read.
    ReadSecret,
    /// Making a storage profile, and its Secret.
    MakeProfile,
    /// Deleting a storage profile, and the Secret that was made with it.
    DeleteProfile,
    /// Listing volume snapshots.
    VolumeSnapshots,
    /// Reading a volume snapshot.
    ReadVolumeSnapshot,
    /// Taking a volume snapshot.
    TakeVolumeSnapshot,
    /// Following a volume snapshot until it is ready.
    AwaitVolumeSnapshot,
    /// Seeing how volume snapshots can be taken, and of which driver.
    VolumeSnapshotClasses,
    /// Seeing which driver keeps a volume.
    ReadVolume,
}

impl Work {
    /// What it needs.
    pub fn grants(self) -> &'static [Grant] {
        match self {
            Work::Find => &[Grant("", "services", &["get"])],
            Work::Revision => &[Grant(APPS, "controllerrevisions", &["get"])],
            Work::Revisions => &[Grant(APPS, "controllerrevisions", &["list"])],
            Work::List => LIST,
            Work::WatchList => WATCH_LIST,
            Work::AskFlink => &[Grant("", "services/proxy", &["get"])],
            Work::Snapshot => &[Grant("", "services/proxy", &["create"])],
            Work::Cancel => &[Grant("", "services/proxy", &["patch"])],
            Work::Unfinished => &[Grant("", "configmaps", &["get"])],
            Work::Operations => &[Grant("", "configmaps", &["list"])],
            Work::Record => RECORD,
            Work::ReadClaim => &[Grant("", "persistentvolumeclaims", &["get"])],
            Work::Claims => &[Grant("", "persistentvolumeclaims", &["list"])],
            Work::Claim => &[Grant("", "persistentvolumeclaims", &["create", "get"])],
            Work::AwaitClaim => AWAIT_CLAIM,
            Work::GrowClaim => &[Grant("", "persistentvolumeclaims", &["patch"])],
            Work::DeleteClaim => DELETE_CLAIM,
            Work::Pods => &[Grant("", "pods", &["list"])],
            Work::FollowPods => &[Grant("", "pods", FOLLOW)],
            Work::Logs => &[Grant("", "pods/log", &["get"])],
            Work::Events => &[Grant("", "events", &["list"])],
            Work::Observe => OBSERVE,
            Work::Storage => STORAGE,
            Work::Anchor => &[Grant("", "services", &["get", "patch"])],
            Work::Compare => DRIFT,
            Work::Quiesce => QUIESCE,
            Work::Start => START,
            Work::Retire => RETIRE,
            Work::RetireApplication => RETIRE_APPLICATION,
            Work::CompareIngress => &[Grant(NETWORK, "ingresses", COMPARE)],
            Work::MakeIngress => &[Grant(NETWORK, "ingresses", APPLY)],
            Work::RetireIngress => &[Grant(NETWORK, "ingresses", SWEEP)],
            Work::IngressClass => &[Grant(NETWORK, "ingressclasses", &["get"])],
            Work::Quotas => &[Grant("", "resourcequotas", &["list"])],
            Work::Account => &[Grant("", "serviceaccounts", &["get"])],
            Work::Namespace => &[Grant("", "namespaces", &["get"])],
            Work::Nodes => &[Grant("", "nodes", &["list"])],
            Work::StorageClasses => &[Grant("storage.k8s.io", "storageclasses", &["list"])],
            Work::Profile => &[Grant("", "configmaps", &["get"])],
            Work::Profiles => &[Grant("", "configmaps", &["list"])],
            Work::ReadSecret => &[Grant("", "secrets", &["get"])],
            Work::MakeProfile => {
                &[Grant("", "configmaps", &["create"]), Grant("", "secrets", &["create", "patch"])]
            }
            Work::DeleteProfile => {
                &[Grant("", "configmaps", &["delete"]), Grant("", "secrets", &["delete", "get"])]
            }
            Work::VolumeSnapshots => &[Grant(SNAPSHOTS, "volumesnapshots", &["list"])],
            Work::ReadVolumeSnapshot => &[Grant(SNAPSHOTS, "volumesnapshots", &["get"])],
            Work::TakeVolumeSnapshot => &[Grant(SNAPSHOTS, "volumesnapshots", &["create", "get"])],
            Work::AwaitVolumeSnapshot => &[Grant(SNAPSHOTS, "volumesnapshots", FOLLOW)],
            Work::VolumeSnapshotClasses => &[Grant(SNAPSHOTS, "volumesnapshotclasses", &["list"])],
            Work::ReadVolume => &[Grant("", "persistentvolumes", &["get"])],
        }
    }

    /// Whether it looks at the cluster as a whole, so that no Role can allow it.
    pub fn is_cluster_wide(self) -> bool {
        matches!(
            self,
            Work::Namespace
                | Work::Nodes
                | Work::StorageClasses
                | Work::IngressClass
                | Work::VolumeSnapshotClasses
                | Work::ReadVolume
        )
    }

    /// The permissions it needs, one by one.
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        self.grants().iter().copied().flat_map(Grant::permissions)
    }
}

const LIST: &[Grant] =
    &[Grant("", "services", &["list"]), Grant(APPS, "controllerrevisions", &["list"])];

const WATCH_LIST: &[Grant] =
    &[Grant("", "services", &["watch"]), Grant(APPS, "controllerrevisions", &["watch"])];

const AWAIT_CLAIM: &[Grant] =
    &[Grant("", "persistentvolumeclaims", FOLLOW), Grant("", "events", &["list"])];

const DELETE_CLAIM: &[Grant] =
    &[Grant("", "persistentvolumeclaims", &["delete", "get", "list", "watch"])];

const QUIESCE: &[Grant] =
    &[Grant(APPS, "deployments", &["get", "patch"]), Grant("", "pods", FOLLOW)];

const DRIFT: &[Grant] = &[
    Grant("", "serviceaccounts", COMPARE),
    Grant(RBAC, "roles", COMPARE),
    Grant(RBAC, "rolebindings", COMPARE),
    Grant("", "configmaps", COMPARE),
    Grant("", "services", COMPARE),
    Grant(APPS, "deployments", COMPARE),
    Grant(POLICY, "poddisruptionbudgets", COMPARE),
    Grant(NETWORK, "networkpolicies", COMPARE),
];

/// The read after a write whose answer was lost is part of the write.
const RECORD: &[Grant] = &[
    Grant("", "configmaps", &["create", "delete", "get", "update"]),
    Grant(LEASES, "leases", &["create", "delete", "get", "update"]),
];

/// A WebSocket to `pods/exec` is a GET; since Kubernetes 1.35 (KEP-4006) the API server also wants `create`,
/// as it always did of SPDY.
const STORAGE: &[Grant] = &[
    Grant("", "pods", &["create", "delete", "get", "list", "watch"]),
    Grant("", "pods/exec", &["create", "get"]),
    Grant("", "persistentvolumeclaims", &["get"]),
    Grant("", "events", &["list"]),
    Grant(APPS, "replicasets", &["list"]),
];

/// Kubernetes lets nobody hand out permissions that they do not have, so that making the Role of the pods
/// takes what the Role allows: Flink's high availability on ConfigMaps
/// (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>).
const START: &[Grant] = &[
    Grant(APPS, "controllerrevisions", &["create", "get"]),
    Grant("", "persistentvolumeclaims", &["patch"]),
    Grant("", "serviceaccounts", APPLY),
    Grant(RBAC, "roles", APPLY),
    Grant(RBAC, "rolebindings", APPLY),
    Grant("", "configmaps", &["create", "delete", "get", "list", "patch", "update", "watch"]),
    Grant("", "services", APPLY),
    Grant(APPS, "deployments", APPLY),
    Grant(POLICY, "poddisruptionbudgets", APPLY),
    Grant(NETWORK, "networkpolicies", APPLY),
];

const OBSERVE: &[Grant] = &[
    Grant("", "pods", &["list"]),
    Grant(APPS, "replicasets", &["list"]),
    Grant("", "persistentvolumeclaims", &["get"]),
    Grant("", "events", &["list"]),
];

const RETIRE: &[Grant] = &[
    Grant(APPS, "deployments", SWEEP),
    Grant("", "services", SWEEP),
    Grant("", "configmaps", SWEEP),
    Grant(POLICY, "poddisruptionbudgets", SWEEP),
    Grant(NETWORK, "networkpolicies", SWEEP),
    Grant("", "pods", FOLLOW),
];

const RETIRE_APPLICATION: &[Grant] = &[
    Grant(APPS, "deployments", SWEEP),
    Grant("", "services", SWEEP),
    Grant("", "configmaps", SWEEP),
    Grant(POLICY, "poddisruptionbudgets", SWEEP),
    Grant(NETWORK, "networkpolicies", SWEEP),
    Grant(APPS, "controllerrevisions", SWEEP),
    Grant(RBAC, "rolebindings", SWEEP),
    Grant(RBAC, "roles", SWEEP),
    Grant("", "serviceaccounts", SWEEP),
];
