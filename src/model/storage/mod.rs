//! State storage: the `--storage` request, the claim or store it ends in, and where things lie inside.

mod layout;
mod spec;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use layout::{StateLayout, mounted_path};
pub use spec::{AccessMode, NewClaim, StorageSpec, is_profile_name};

use crate::model::name::ApplicationName;
use crate::model::store::{Profile, Scheme};

/// Where a claim is mounted, in the JobManager and in every TaskManager.
pub const MOUNT_PATH: &str = "/flink/state";

/// The state storage of a generation, as its revision records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StateStorage {
    /// A PersistentVolumeClaim, mounted at [`MOUNT_PATH`].
    Claim(ClaimStorage),
    /// A folder on a store.
    Remote(Box<RemoteStorage>),
}

/// A claim and the folder in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimStorage {
    /// The claim's name.
    pub claim: String,
    /// A folder in it, relative, possibly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// How many nodes may mount it.
    pub access: AccessMode,
}

/// A folder on a store, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteStorage {
    /// The profile that it was resolved from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What the profile said then; its `uri` is the folder.
    pub store: Profile,
}

impl StateStorage {
    /// The claim behind it; `None` for a store.
    pub fn claim(&self) -> Option<&ClaimStorage> {
        match self {
            StateStorage::Claim(claim) => Some(claim),
            StateStorage::Remote(_) => None,
        }
    }

    /// The store behind it; `None` for a claim.
    pub fn remote(&self) -> Option<&RemoteStorage> {
        match self {
            StateStorage::Claim(_) => None,
            StateStorage::Remote(remote) => Some(remote),
        }
    }

    /// Whether one node at a time can mount it.
    pub fn is_for_one_node(&self) -> bool {
        self.claim().is_some_and(|claim| claim.access == AccessMode::Rwo)
    }

    /// Whether it is the same folder as `other`, however either is reached.
    pub fn is_same_place(&self, other: &StateStorage) -> bool {
        match (self, other) {
            (StateStorage::Claim(one), StateStorage::Claim(other)) => {
                one.claim == other.claim && one.path == other.path
            }
            (StateStorage::Remote(one), StateStorage::Remote(other)) => {
                one.store.uri == other.store.uri
            }
            _ => false,
        }
    }

    /// Whether pods with this storage can read `uri`, as far as its text tells: it is on the mounted volume, or on a
    /// store of the same kind.
    pub fn reaches(&self, uri: &str) -> bool {
        match self {
            StateStorage::Claim(_) => mounted_path(uri).is_some(),
            StateStorage::Remote(remote) => {
                Scheme::of(uri).is_some_and(|scheme| scheme.kind() == remote.store.kind())
            }
        }
    }

    /// The folder that the state of all applications goes under, as pods see it.
    pub fn root(&self) -> String {
        match self {
            StateStorage::Claim(claim) if claim.path.is_empty() => format!("file://{MOUNT_PATH}"),
            StateStorage::Claim(claim) => format!("file://{MOUNT_PATH}/{}", claim.path),
            StateStorage::Remote(remote) => remote.store.uri.to_string(),
        }
    }

    /// Where the state of `application` lies on it.
    pub fn layout(&self, namespace: &str, application: &ApplicationName) -> StateLayout {
        StateLayout::new(format!("{}/{namespace}/{application}", self.root()))
    }
}

/// `claim orders-state`, `claim shared/team`, or `storage profile minio (s3://bucket/flink)`, as messages name it.
impl fmt::Display for StateStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateStorage::Claim(claim) if claim.path.is_empty() => {
                write!(f, "claim {}", claim.claim)
            }
            StateStorage::Claim(claim) => write!(f, "claim {}/{}", claim.claim, claim.path),
            StateStorage::Remote(remote) => match &remote.profile {
                Some(name) => write!(f, "profile {name} ({})", remote.store.uri),
                None => remote.store.uri.fmt(f),
            },
        }
    }
}
