//! Which parts of the work each verb does.

use super::Work;

/// What a verb needs.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// The verb; those below another are joined by a hyphen: `storage-list`.
    pub verb: &'static str,
    /// Without any of this it fails with [`DENIED`](crate::exit_code::DENIED) before its first write.
    pub refused_without: &'static [Work],
    /// Without any of this it does the rest of its work and says what it was not allowed.
    pub less_without: &'static [Work],
    /// Checks that are left out where they are not allowed, and what only a failure calls for.
    pub checks: &'static [Work],
    /// What it also needs for a spec with an Ingress.
    pub with_ingress: &'static [Work],
}

use Work::{
    Account, Anchor, AskFlink, AwaitClaim, AwaitVolumeSnapshot, Cancel, Claim, Claims, Compare,
    CompareIngress, DeleteClaim, DeleteProfile, Events, Find, FollowPods, GrowClaim, IngressClass,
    List, Logs, MakeIngress, MakeProfile, Namespace, Nodes, Observe, Operations, Pods, Profile,
    Profiles, Quiesce, Quotas, ReadClaim, ReadSecret, ReadVolume, ReadVolumeSnapshot, Record,
    Retire, RetireApplication, RetireIngress, Revision, Revisions, Snapshot, Start, Storage,
    StorageClasses, TakeVolumeSnapshot, Unfinished, VolumeSnapshotClasses, VolumeSnapshots,
    WatchList,
};

const fn needs(verb: &'static str, refused_without: &'static [Work]) -> Needs {
    Needs { verb, refused_without, less_without: &[], checks: &[], with_ingress: &[] }
}

/// What brings a generation up, and the old one down.
const DEPLOY: &[Work] = &[
    Find, Revision, Revisions, AskFlink, Unfinished, Record, ReadClaim, Claim, Storage, Snapshot,
    Cancel, Anchor, Quiesce, Start, Observe, Retire, Compare,
];
const RESTORE: &[Work] = &[
    Find, Revision, Revisions, AskFlink, Unfinished, Record, ReadClaim, Storage, Snapshot, Cancel,
    Anchor, Quiesce, Start, Observe, Retire,
];
const DEPLOY_CHECKS: &[Work] =
    &[Account, Quotas, Logs, Namespace, Nodes, StorageClasses, IngressClass];
/// What brings an Ingress up, and the old one down.
const INGRESS: &[Work] = &[MakeIngress, RetireIngress];
const INGRESS_AND_DRIFT: &[Work] = &[MakeIngress, RetireIngress, CompareIngress];
/// Whatever the operation is that is taken over.
const ANY: &[Work] = &[
    Find,
    Revision,
    Revisions,
    AskFlink,
    Unfinished,
    Record,
    ReadClaim,
    Claim,
    Storage,
    Snapshot,
    Cancel,
    Anchor,
    Quiesce,
    Start,
    Observe,
    Retire,
    RetireApplication,
    Compare,
];

/// Every verb, in the order of `--help`.
pub const VERBS: &[Needs] = &[
    Needs { checks: DEPLOY_CHECKS, with_ingress: INGRESS_AND_DRIFT, ..needs("deploy", DEPLOY) },
    Needs { checks: &[Storage], ..needs("savepoint", &[Find, Revision, AskFlink, Snapshot]) },
    needs("checkpoint", &[Find, Revision, AskFlink, Snapshot]),
    Needs { checks: &[Logs, Namespace, Nodes], with_ingress: INGRESS, ..needs("restore", RESTORE) },
    Needs {
        checks: &[Storage],
        ..needs(
            "stop",
            &[Find, Revision, AskFlink, Unfinished, Record, Snapshot, Cancel, Anchor, Quiesce],
        )
    },
    Needs {
        checks: &[Logs],
        with_ingress: INGRESS,
        ..needs(
            "start",
            &[
                Find, Revision, Revisions, AskFlink, Unfinished, Record, Storage, Snapshot, Start,
                Observe, Retire,
            ],
        )
    },
    Needs { less_without: &[Storage], with_ingress: &[RetireIngress], ..needs("delete", DELETE) },
    Needs {
        less_without: &[Storage],
        with_ingress: &[RetireIngress],
        ..needs(
            "delete-storage",
            &[
                Find,
                Revision,
                Revisions,
                AskFlink,
                Unfinished,
                Record,
                Cancel,
                Anchor,
                Retire,
                RetireApplication,
                ReadClaim,
                Pods,
                DeleteClaim,
            ],
        )
    },
    Needs { less_without: &[AskFlink], checks: &[WatchList], ..needs("list", &[List]) },
    Needs {
        less_without: &[AskFlink, Observe, Compare],
        with_ingress: &[CompareIngress],
        ..needs("status", &[Find, Revision])
    },
    needs("logs", &[Find, FollowPods, Logs]),
    needs("operation-list", &[Operations]),
    needs("operation-show", &[Unfinished]),
    Needs { checks: &[Logs], with_ingress: INGRESS_AND_DRIFT, ..needs("operation-resume", ANY) },
    Needs { checks: &[Logs], with_ingress: INGRESS_AND_DRIFT, ..needs("operation-abort", ANY) },
    Needs {
        checks: &[Quotas, AwaitClaim, Namespace, StorageClasses],
        ..needs("storage-create", &[Claim])
    },
    Needs {
        checks: &[Quotas, AwaitClaim, Namespace, StorageClasses, VolumeSnapshotClasses],
        ..needs("storage-create-from-snapshot", &[Claim, ReadVolumeSnapshot])
    },
    Needs {
        checks: &[Namespace, Account, ReadSecret],
        ..needs("storage-create-profile", &[ReadClaim, Profile, MakeProfile])
    },
    Needs { less_without: &[Profiles], ..needs("storage-list", &[Claims, Pods, Revisions]) },
    Needs {
        less_without: &[VolumeSnapshots],
        checks: &[StorageClasses],
        ..needs("storage-describe", &[Profile, ReadClaim, Pods, Revisions, Events])
    },
    Needs {
        checks: &[Account, Quotas, Logs, Namespace, Nodes, StorageClasses, ReadSecret, Claim],
        ..needs("storage-move", RESTORE)
    },
    Needs {
        checks: &[AskFlink, ReadSecret],
        ..needs("storage-check", &[Profile, Find, Revision, ReadClaim, Storage])
    },
    Needs {
        less_without: &[StorageClasses, Nodes, Profiles],
        checks: &[Find, Revision, AskFlink],
        ..needs("storage-advise", &[])
    },
    Needs {
        checks: &[Quotas, StorageClasses],
        ..needs("storage-resize", &[ReadClaim, Revisions, Pods, GrowClaim, AwaitClaim])
    },
    Needs {
        checks: &[ReadVolume, VolumeSnapshotClasses],
        ..needs(
            "storage-snapshot",
            &[ReadClaim, Revisions, TakeVolumeSnapshot, AwaitVolumeSnapshot],
        )
    },
    Needs {
        checks: &[VolumeSnapshots],
        ..needs("storage-delete", &[Profile, ReadClaim, Pods, Revisions, DeleteClaim])
    },
    needs("storage-delete-profile", &[Profile, Revisions, DeleteProfile]),
];

const DELETE: &[Work] =
    &[Find, Revision, AskFlink, Unfinished, Record, Cancel, Anchor, Retire, RetireApplication];

/// The needs of a verb; `None` for one that asks the cluster for nothing.
pub fn of(verb: &str) -> Option<&'static Needs> {
    VERBS.iter().find(|needs| needs.verb == verb)
}
