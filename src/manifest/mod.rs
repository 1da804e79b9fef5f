//! Pure builders of Kubernetes objects (DESIGN "Direct engine: objects").

mod access;
mod config_map;
mod data_stores;
mod deployments;
mod env;
mod guards;
mod ingress;
mod meta;
mod pod;
mod probes;
mod profiles;
mod revisions;
pub mod security;
mod services;
mod store;
mod volume_snapshot;
mod volumes;

#[cfg(test)]
mod tests;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use serde_json::Value;

pub use data_stores::{data_store, data_store_secret};
pub use profiles::{profile, profile_secret};
pub use revisions::{controller_revision, read_revision};
pub use store::{FETCH, PRELUDE, agent_env, agent_resources};
pub use volume_snapshot::{NewVolumeSnapshot, volume_snapshot};
pub use volumes::{STATE_VOLUME, affinity, claim, shared_claim, state_mount, state_volume};

use crate::error::{Error, Kind, Result};
use crate::model::effective::Effective;
use crate::model::pod_template;
use crate::model::process::Process;
use crate::model::revision::Revision;
use crate::model::violation::{self, Violation};

/// The objects of a whole application, which every generation shares.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationObjects {
    /// The pods' account; absent when the spec names one of the user's.
    pub service_account: Option<ServiceAccount>,
    /// What Flink's HA may do.
    pub role: Role,
    /// Binds the role to the pods' account.
    pub role_binding: RoleBinding,
}

/// The objects of one generation, in the order in which they are made: nothing refers to a later one. All
/// carry the generation's label, so that they can be deleted by it.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationObjects {
    /// Flink's configuration and logging.
    pub config_map: ConfigMap,
    /// Points at this generation's JobManager.
    pub service: Service,
    /// Who may reach the pods.
    pub network_policy: NetworkPolicy,
    /// How many pods a drain may take at once.
    pub disruption_budget: PodDisruptionBudget,
    /// Leads to the web UI from outside, where the spec asks for it. It alone is named after the application.
    pub ingress: Option<Ingress>,
    /// The JobManager.
    pub jobmanager: Deployment,
    /// The TaskManagers.
    pub taskmanager: Deployment,
}

/// Builds what all generations of the application share.
pub fn application(revision: &Revision) -> ApplicationObjects {
    ApplicationObjects {
        service_account: access::service_account(revision),
        role: access::role(revision),
        role_binding: access::role_binding(revision),
    }
}

/// The Service that points at the active generation, pointing at this one.
pub fn rest_service(revision: &Revision) -> Service {
    services::rest(revision)
}

/// The Ingress of the generation that `revision` records, where its spec asks for one.
///
/// # Errors
/// [`Kind::Usage`] when the spec was not validated before.
pub fn ingress(revision: &Revision) -> Result<Option<Ingress>> {
    ingress::build(revision)
}

/// Builds the objects of the generation that `revision` records.
///
/// # Errors
/// [`Kind::Usage`] with every violation, when the spec was not validated before.
pub fn generation(revision: &Revision) -> Result<GenerationObjects> {
    let resolved = Effective::of(revision);
    let templates =
        Process::ALL.map(|process| pod_template::template(&revision.spec.spec, process));
    let (effective, [jobmanager, taskmanager]) = match (resolved, templates) {
        (Ok(effective), [Ok(jobmanager), Ok(taskmanager)]) => {
            (effective, [jobmanager, taskmanager])
        }
        (resolved, templates) => {
            let mut violations: Vec<Violation> = resolved.err().unwrap_or_default();
            violations.extend(templates.into_iter().filter_map(Result::err).flatten());
            return Err(violation::error(revision.application.as_str(), &violations));
        }
    };
    if revision.jar.main_class.is_none() && !deployments::finds_main_class(revision.flink_version) {
        return Err(Error::usage(format!(
            "Flink {} does not find the main class of {} by itself",
            revision.flink_version, revision.jar.uri
        ))
        .hint("Name it: --class, or spec.job.entryClass."));
    }
    let policy = guards::network_policy(revision, &effective.config, &[&jobmanager, &taskmanager]);
    Ok(GenerationObjects {
        config_map: config_map::build(revision, &effective.config)?,
        service: services::jobmanager(revision),
        network_policy: policy,
        disruption_budget: guards::disruption_budget(revision),
        ingress: ingress::build(revision)?,
        jobmanager: deployments::jobmanager(revision, &effective, jobmanager)?,
        taskmanager: deployments::taskmanager(revision, &effective, taskmanager)?,
    })
}

/// Whether `target` would run as `current` does: the same objects, but for the identity of the generation
/// and whether the job is to rest, and no restart asked for. Spelling a default out, or spelling a size differently, changes nothing.
///
/// # Errors
/// As [`generation`].
pub fn runs_alike(current: &Revision, target: &Revision) -> Result<bool> {
    let mut target = Revision {
        generation: current.generation,
        job_id: current.job_id,
        restored_from: current.restored_from.clone(),
        ..target.clone()
    };
    let restart = target.spec.spec.restart_nonce;
    if restart.is_some() && restart != current.spec.spec.restart_nonce {
        return Ok(false);
    }
    // What to do with leftover state matters while restoring only.
    let allow = current.spec.job().and_then(|job| job.allow_non_restored_state);
    let state = current.spec.job().and_then(|job| job.state);
    if let Some(job) = &mut target.spec.spec.job {
        job.allow_non_restored_state = allow;
        job.state = state;
    }
    Ok(application(current) == application(&target) && generation(current)? == generation(&target)?)
}

impl ApplicationObjects {
    /// The same as documents, for `--dry-run` and `-o yaml`.
    ///
    /// # Errors
    /// None in practice: Kubernetes' types can always be written as JSON.
    pub fn documents(&self) -> Result<Vec<Value>> {
        let account = self.service_account.as_ref().map(document).transpose()?;
        let mut documents: Vec<Value> = account.into_iter().collect();
        documents.extend([document(&self.role)?, document(&self.role_binding)?]);
        Ok(documents)
    }
}

impl GenerationObjects {
    /// The same as documents, for `--dry-run` and `-o yaml`.
    ///
    /// # Errors
    /// As [`ApplicationObjects::documents`].
    pub fn documents(&self) -> Result<Vec<Value>> {
        let mut documents = vec![
            document(&self.config_map)?,
            document(&self.service)?,
            document(&self.network_policy)?,
            document(&self.disruption_budget)?,
            document(&self.jobmanager)?,
            document(&self.taskmanager)?,
        ];
        documents.extend(self.ingress.as_ref().map(document).transpose()?);
        Ok(documents)
    }
}

fn document<T: serde::Serialize>(object: &T) -> Result<Value> {
    serde_json::to_value(object)
        .map_err(|e| Error::new(Kind::Other, "cannot write a Kubernetes object").caused_by(e))
}
