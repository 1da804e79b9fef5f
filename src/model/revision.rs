//! The immutable record of a generation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::data::Binding;
use crate::model::flink_version::FlinkVersion;
use crate::model::ids::JobId;
use crate::model::name::{ApplicationName, Generation};
use crate::model::snapshot::SnapshotPath;
use crate::model::spec::FlinkDeployment;
use crate::model::storage::{StateLayout, StateStorage};
use crate::model::store::{Profile, Scheme};

/// Everything that is needed to make a generation's objects again: the data of its ControllerRevision, and
/// `catalogue/<generation>.json` on the state storage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The application.
    pub application: ApplicationName,
    /// Its namespace.
    pub namespace: String,
    /// The generation that this record is about.
    pub generation: Generation,
    /// The generation it was upgraded or restored from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Generation>,
    /// The spec as the user gave it.
    pub spec: FlinkDeployment,
    /// The Flink version, resolved.
    pub flink_version: FlinkVersion,
    /// The image, resolved.
    pub image: String,
    /// Flink's id of the job, unique per generation.
    pub job_id: JobId,
    /// The job's jar.
    pub jar: Jar,
    /// Where the state lives.
    pub storage: StateStorage,
    /// Another storage, which holds the snapshot that it starts from: the state is moving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also_reads: Option<StateStorage>,
    /// The data stores that the job is bound to, as they were then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_stores: Vec<Binding>,
    /// The snapshot it starts from; empty state when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<SnapshotPath>,
    /// When the record was made.
    pub created: Timestamp,
    /// The version of this plugin that made it.
    pub created_by: String,
}

/// The jar of a job, as its pods see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Jar {
    /// `file:` on the state storage, the URI of a store, or `local://` in the image.
    pub uri: String,
    /// The file's name, for people.
    pub name: String,
    /// SHA-256 of the content, 64 lowercase hexadecimal digits; unknown for a jar in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The main class: from the spec, else from the jar's manifest; Flink looks for it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_class: Option<String>,
}

/// Where an init container puts a jar that it fetches from a store.
pub const JAR_FOLDER: &str = "/flink/jar";

impl Jar {
    /// Whether each pod has to fetch it from a store before Flink starts.
    pub fn is_fetched(&self) -> bool {
        Scheme::of(&self.uri).is_some()
    }

    /// Its URI for the processes in the pods.
    pub fn in_pod(&self) -> String {
        match self.is_fetched() {
            true => {
                format!("file://{JAR_FOLDER}/{}", self.uri.rsplit('/').next().unwrap_or_default())
            }
            false => self.uri.clone(),
        }
    }
}

impl Revision {
    /// The storages that its pods reach: its own first.
    pub fn storages(&self) -> impl Iterator<Item = &StateStorage> {
        std::iter::once(&self.storage).chain(&self.also_reads)
    }

    /// The profiles by which its pods reach stores.
    pub fn profiles(&self) -> Vec<String> {
        let remotes = self.storages().filter_map(StateStorage::remote);
        remotes.filter_map(|remote| remote.profile.clone()).collect()
    }

    /// The stores that its pods reach, beside mounted volumes.
    pub fn stores(&self) -> impl Iterator<Item = &Profile> {
        self.storages().filter_map(StateStorage::remote).map(|remote| &remote.store)
    }

    /// The same, found on `storage`: a claim that was made from a snapshot of the volume has another name than the one in the
    /// record. Pods see it at the same path, so that every path in the state holds.
    #[must_use]
    pub fn found_on(mut self, storage: &StateStorage) -> Revision {
        let are_claims = self.storage.claim().is_some() && storage.claim().is_some();
        if are_claims && self.storage.root() == storage.root() {
            self.storage = storage.clone();
        }
        self
    }

    /// The same, starting from `snapshot`. Another storage is needed only by a snapshot that is on it.
    #[must_use]
    pub fn starting_from(mut self, snapshot: Option<SnapshotPath>) -> Revision {
        let here = |path: &SnapshotPath| self.storage.reaches(path.as_str());
        if snapshot.as_ref().is_none_or(here) {
            self.also_reads = None;
        }
        self.restored_from = snapshot;
        self
    }

    /// The claims that its pods mount for state.
    pub fn claims(&self) -> Vec<String> {
        self.storages()
            .filter_map(StateStorage::claim)
            .map(|storage| storage.claim.clone())
            .collect()
    }

    /// Whether an Ingress leads to it.
    pub fn has_ingress(&self) -> bool {
        self.spec.spec.ingress.is_some()
    }

    /// Where this application's state lies.
    pub fn layout(&self) -> StateLayout {
        self.storage.layout(&self.namespace, &self.application)
    }
}
