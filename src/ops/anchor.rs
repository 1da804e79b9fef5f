//! The anchor of an application: its REST Service, `<name>-rest`.
//!
//! The Service exists as long as the application does, points at the active generation, and carries in
//! annotations what no other object says: which generation is active, whether the job is meant to run,
//! and the snapshot it was stopped with. It is always written whole, by server-side apply.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use serde::{Deserialize, Serialize};

use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::observed::{Nonces, Run};

const ACTIVE: &str = "kubectl-flink.io/active-generation";
const RUN: &str = "kubectl-flink.io/run";
const SNAPSHOT: &str = "kubectl-flink.io/snapshot";
const STOPPING_INTO: &str = "kubectl-flink.io/stopping-into";
const SAVEPOINT_NONCE: &str = "kubectl-flink.io/savepoint-trigger-nonce";
const CHECKPOINT_NONCE: &str = "kubectl-flink.io/checkpoint-trigger-nonce";

/// What the anchor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// The active generation.
    pub generation: Generation,
    /// Whether its job is meant to run.
    pub run: Run,
    /// The snapshot that a stop left, or that a cancelled job had last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotPath>,
    /// The directory that a stop with savepoint writes to, set before the stop is sent: a savepoint
    /// that finished behind the back of a client that died is found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping_into: Option<String>,
    /// The trigger nonces that were honoured since the generation was made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nonces: Nonces,
}

fn is_default(nonces: &Nonces) -> bool {
    *nonces == Nonces::default()
}

impl Anchor {
    /// The anchor of a generation that runs.
    pub fn running(generation: Generation) -> Self {
        let nonces = Nonces::default();
        Anchor { generation, run: Run::Running, snapshot: None, stopping_into: None, nonces }
    }

    /// The anchor of a generation that was just made: it runs, unless its spec wants it to rest.
    pub fn new(revision: &Revision) -> Self {
        let running = Anchor::running(revision.generation);
        match revision.spec.is_suspended() {
            false => running,
            true => {
                Anchor { run: Run::Stopped, snapshot: revision.restored_from.clone(), ..running }
            }
        }
    }

    /// Writes the anchor into the annotations of `service`.
    pub fn annotate(&self, service: &mut Service) {
        let annotations = service.metadata.annotations.get_or_insert_with(BTreeMap::new);
        annotations.insert(ACTIVE.to_owned(), self.generation.to_string());
        let run = match self.run {
            Run::Running => "running",
            Run::Stopped => "stopped",
        };
        annotations.insert(RUN.to_owned(), run.to_owned());
        if let Some(snapshot) = &self.snapshot {
            annotations.insert(SNAPSHOT.to_owned(), snapshot.to_string());
        }
        if let Some(directory) = &self.stopping_into {
            annotations.insert(STOPPING_INTO.to_owned(), directory.clone());
        }
        for (key, nonce) in
            [(SAVEPOINT_NONCE, self.nonces.savepoint), (CHECKPOINT_NONCE, self.nonces.checkpoint)]
        {
            if let Some(nonce) = nonce {
                annotations.insert(key.to_owned(), nonce.to_string());
            }
        }
    }

    /// Reads the anchor from a Service; `None` when the Service is not one of ours.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when its annotations were damaged.
    pub fn from_service(service: &Service) -> Result<Option<Anchor>> {
        let get = |key: &str| service.metadata.annotations.as_ref().and_then(|all| all.get(key));
        let Some(generation) = get(ACTIVE) else { return Ok(None) };
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let damaged = |e: Error| {
            Error::new(Kind::Conflict, format!("the annotations of service {name:?} are damaged"))
                .caused_by(e)
                .hint(
                    "Repair them by hand: they say which generation of the application is active.",
                )
        };
        Ok(Some(Anchor {
            generation: generation.parse().map_err(damaged)?,
            run: match get(RUN).map(String::as_str) {
                Some("stopped") => Run::Stopped,
                _ => Run::Running,
            },
            snapshot: get(SNAPSHOT).map(|path| path.parse()).transpose().map_err(damaged)?,
            stopping_into: get(STOPPING_INTO).cloned(),
            nonces: Nonces {
                savepoint: nonce(get(SAVEPOINT_NONCE)).map_err(damaged)?,
                checkpoint: nonce(get(CHECKPOINT_NONCE)).map_err(damaged)?,
            },
        }))
    }
}

fn nonce(text: Option<&String>) -> Result<Option<i64>> {
    let parse = |text: &String| {
        text.parse().map_err(|_| Error::new(Kind::Conflict, format!("{text:?} is no number")))
    };
    text.map(parse).transpose()
}

/// Reads the anchor of `application`; `None` when there is no such application.
///
/// # Errors
/// [`Kind::Conflict`] when a Service of that name belongs to somebody else.
pub async fn find(cluster: &Cluster, application: &ApplicationName) -> Result<Option<Anchor>> {
    Ok(service(cluster, application).await?.map(|(anchor, _)| anchor))
}

async fn service(
    cluster: &Cluster,
    application: &ApplicationName,
) -> Result<Option<(Anchor, Service)>> {
    let name = application.rest_service();
    let Some(service) = read::get(cluster, &cluster.api::<Service>(), &name).await? else {
        return Ok(None);
    };
    match Anchor::from_service(&service)? {
        Some(anchor) => Ok(Some((anchor, service))),
        None => Err(foreign(&service, &name)),
    }
}

/// Reads the anchor of an application that must exist.
///
/// # Errors
/// [`Kind::NotFound`] when it does not.
pub async fn get(cluster: &Cluster, application: &ApplicationName) -> Result<Anchor> {
    find(cluster, application).await?.ok_or_else(|| not_found(cluster, application))
}

/// As [`get`], with the Service that carries it.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such application.
pub async fn get_service(
    cluster: &Cluster,
    application: &ApplicationName,
) -> Result<(Anchor, Service)> {
    service(cluster, application).await?.ok_or_else(|| not_found(cluster, application))
}

/// The error about an application that does not exist.
pub fn not_found(cluster: &Cluster, application: &ApplicationName) -> Error {
    let (name, namespace) = (application.as_str(), cluster.namespace());
    Error::new(Kind::NotFound, format!("application {name:?} not found in namespace {namespace:?}"))
        .hint("List the applications with `kubectl flink list`, those of all namespaces with -A.")
        .hint(format!(
            "If it was deleted and its storage was kept, bring it back with `kubectl flink restore {name}`."
        ))
}

fn foreign(service: &Service, name: &str) -> Error {
    let owner = service
        .metadata
        .managed_fields
        .iter()
        .flatten()
        .find_map(|field| field.manager.clone())
        .unwrap_or_else(|| "somebody else".to_owned());
    Error::new(Kind::Conflict, format!("service {name:?} exists already and belongs to {owner}"))
        .hint("Choose another name for the application. One that the operator runs is managed by its FlinkDeployment.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anchor_survives_the_service() -> Result<()> {
        let anchor = Anchor {
            generation: Generation::new(4),
            run: Run::Stopped,
            snapshot: Some("file:///flink/state/shop/orders/savepoints/x/savepoint-1-2".parse()?),
            stopping_into: Some("file:///flink/state/shop/orders/savepoints/x".to_owned()),
            nonces: Nonces { savepoint: Some(-3), checkpoint: None },
        };
        let mut service = Service::default();
        assert_eq!(Anchor::from_service(&service)?, None);
        anchor.annotate(&mut service);
        assert_eq!(Anchor::from_service(&service)?, Some(anchor));
        Ok(())
    }

    #[test]
    fn damaged_annotations_are_not_guessed_at() {
        let mut service = Service::default();
        Anchor::running(Generation::FIRST).annotate(&mut service);
        if let Some(annotations) = &mut service.metadata.annotations {
            annotations.insert(ACTIVE.to_owned(), "four".to_owned());
        }
        assert!(Anchor::from_service(&service).is_err_and(|e| e.kind() == Kind::Conflict));
    }
}
