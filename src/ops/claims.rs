//! The claims that hold state: who uses which, and their end.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{Api, ResourceExt};

use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::cluster::watch::wait_gone;
use crate::cluster::write::{self, Mode};
use crate::cluster::{Cluster, condition, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::labels::{self, Component, FIELD_MANAGER};
use crate::model::name::ApplicationName;
use crate::model::revision::Revision;
use crate::ops::dry_run::{self, By, Change};
use crate::ops::observe;

/// Namespace and name of a claim.
pub type ClaimKey = (String, String);

/// The applications whose state each claim holds, and each profile reaches, by the record of their newest generation: what
/// was moved away is no longer used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    claims: BTreeMap<ClaimKey, BTreeSet<String>>,
    profiles: BTreeMap<ClaimKey, BTreeSet<String>>,
    data_stores: BTreeMap<ClaimKey, BTreeSet<String>>,
}

impl Users {
    /// Reads the records behind `api`: those of one namespace, or of all.
    ///
    /// # Errors
    /// Also when a record cannot be read: whoever it belongs to might be using any claim.
    pub async fn find(cluster: &Cluster, api: &Api<ControllerRevision>) -> Result<Users> {
        let selector = format!("{}={}", labels::COMPONENT, Component::Revision.as_str());
        let records = read::list::<ControllerRevision>(cluster, api, &selector).await?;
        Users::from_records(&records)
    }

    fn from_records(records: &[ControllerRevision]) -> Result<Users> {
        let mut newest: BTreeMap<(String, ApplicationName), Revision> = BTreeMap::new();
        for record in records {
            let revision = observe::from_record(record)?;
            let key = (revision.namespace.clone(), revision.application.clone());
            if newest.get(&key).is_none_or(|known| known.generation < revision.generation) {
                newest.insert(key, revision);
            }
        }
        let mut users = Users::default();
        for revision in newest.into_values() {
            let name = revision.application.to_string();
            let key = |object: String| (revision.namespace.clone(), object);
            for claim in revision.claims() {
                users.claims.entry(key(claim)).or_default().insert(name.clone());
            }
            for profile in revision.profiles() {
                users.profiles.entry(key(profile)).or_default().insert(name.clone());
            }
            for store in &revision.data_stores {
                users.data_stores.entry(key(store.name.clone())).or_default().insert(name.clone());
            }
        }
        Ok(users)
    }

    /// The applications whose state the profile of this name reaches.
    pub fn of_profile(&self, namespace: &str, name: &str) -> Vec<String> {
        let users = self.profiles.get(&(namespace.to_owned(), name.to_owned()));
        users.into_iter().flatten().cloned().collect()
    }

    /// The applications that are bound to the data store of this name.
    pub fn of_data_store(&self, namespace: &str, name: &str) -> Vec<String> {
        let users = self.data_stores.get(&(namespace.to_owned(), name.to_owned()));
        users.into_iter().flatten().cloned().collect()
    }

    /// The applications whose state is on `claim`.
    pub fn of(&self, claim: &PersistentVolumeClaim) -> Vec<String> {
        let users = self.claims.get(&key(claim));
        users.into_iter().flatten().cloned().collect()
    }

    /// The names of the claims that hold state of an application.
    pub fn claims_of<'a>(&'a self, application: &'a str) -> impl Iterator<Item = &'a str> {
        let holds = move |(_, users): &(&ClaimKey, &BTreeSet<String>)| users.contains(application);
        self.claims.iter().filter(holds).map(|((_, claim), _)| claim.as_str())
    }

    /// Whether the claim holds state of ours, now or from before.
    pub fn concerns(&self, claim: &PersistentVolumeClaim) -> bool {
        is_ours(claim) || self.claims.contains_key(&key(claim))
    }
}

fn key(claim: &PersistentVolumeClaim) -> ClaimKey {
    (claim.namespace().unwrap_or_default(), claim.name_any())
}

fn is_ours(claim: &PersistentVolumeClaim) -> bool {
    claim.labels().get(labels::MANAGED_BY).is_some_and(|manager| manager == FIELD_MANAGER)
}

/// Reads a claim that must exist.
///
/// # Errors
/// [`Kind::NotFound`] when it does not.
pub async fn get(cluster: &Cluster, name: &str) -> Result<PersistentVolumeClaim> {
    let found = read::get(cluster, &cluster.api::<PersistentVolumeClaim>(), name).await?;
    found.ok_or_else(|| {
        let namespace = cluster.namespace();
        let what = format!("persistentvolumeclaim {name:?} not found in namespace {namespace:?}");
        Error::new(Kind::NotFound, what).hint("List the claims with `kubectl flink storage list`.")
    })
}

/// The claim of this name, or the one that an application of this name keeps its state on.
///
/// # Errors
/// [`Kind::NotFound`] when there is neither; [`Kind::Conflict`] when the application's generations have more than one.
pub async fn find(cluster: &Cluster, name: &str) -> Result<PersistentVolumeClaim> {
    let api = cluster.api::<PersistentVolumeClaim>();
    if let Some(claim) = read::get(cluster, &api, name).await? {
        return Ok(claim);
    }
    let users = Users::find(cluster, &cluster.api()).await?;
    let mut claims = users.claims_of(name);
    match (claims.next(), claims.next()) {
        (Some(claim), None) => get(cluster, claim).await,
        (Some(one), Some(other)) => Err(Error::new(
            Kind::Conflict,
            format!("application {name:?} has state on more than one claim: {one}, {other}"),
        )
        .hint("Name the claim.")),
        _ => get(cluster, name).await,
    }
}

/// Refuses to give up a claim that somebody needs.
///
/// # Errors
/// [`Kind::Conflict`] when an application's state is on it, a pod mounts it, or it is not ours.
pub fn is_free(claim: &PersistentVolumeClaim, users: &Users, pods: &[Pod]) -> Result<()> {
    let name = claim.name_any();
    let refuse =
        |why: String| Error::new(Kind::Conflict, format!("persistentvolumeclaim {name:?} {why}"));
    if !users.concerns(claim) {
        return Err(refuse("was not made by kubectl flink".to_owned())
            .hint(format!("If it is yours, delete it with `kubectl delete pvc {name}`.")));
    }
    if let Some(application) = users.of(claim).first() {
        return Err(refuse(format!("holds the state of application {application}")).hint(format!(
            "To give up the application and its state, run `kubectl flink delete {application} --delete-storage`."
        )));
    }
    match pods.iter().find(|pod| holds(pod, &name)) {
        Some(pod) => Err(refuse(format!("is mounted by pod {}", pod.name_any()))
            .hint("Wait until the pod has ended, or delete it.")),
        None => Ok(()),
    }
}

/// Refuses to give up, together with `application`, a claim that somebody else needs too.
///
/// # Errors
/// [`Kind::Conflict`] when another application's state is on it, or a pod of somebody else mounts it.
pub fn is_only_of(
    application: &ApplicationName,
    claim: &PersistentVolumeClaim,
    users: &Users,
    pods: &[Pod],
) -> Result<()> {
    let name = claim.name_any();
    let others = users.of(claim).into_iter().filter(|user| user != application.as_str());
    let own = |pod: &Pod| {
        pod.labels().get(labels::APPLICATION).is_some_and(|a| a == application.as_str())
    };
    let strangers = pods
        .iter()
        .filter(|pod| holds(pod, &name) && !own(pod))
        .map(|pod| format!("pod {}", pod.name_any()));
    match others.map(|user| format!("application {user}")).chain(strangers).next() {
        None => Ok(()),
        Some(user) => Err(Error::new(
            Kind::Conflict,
            format!("persistentvolumeclaim {name:?} is also used by {user}"),
        )
        .hint("Delete the application alone, without --delete-storage.")),
    }
}

/// Whether a pod keeps the claim from being given up. One that is on its way out does not: Kubernetes
/// itself keeps a claim that is deleted until the last pod that mounts it is gone
/// (`kubernetes.io/pvc-protection`).
fn holds(pod: &Pod, claim: &str) -> bool {
    !condition::pod_ended(pod) && !condition::pod_terminating(pod) && mounts(pod, claim)
}

/// Whether a pod mounts the claim.
pub fn mounts(pod: &Pod, claim: &str) -> bool {
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
    let mut sources =
        volumes.into_iter().flatten().filter_map(|v| v.persistent_volume_claim.as_ref());
    sources.any(|source| source.claim_name == claim)
}

/// Deletes exactly this claim, and with it all that is on it. Only after consent; see [`is_free`].
/// `true` when it was gone before the deadline.
///
/// # Errors
/// As the API server gives them.
pub async fn delete(
    cluster: &Cluster,
    claim: &PersistentVolumeClaim,
    deadline: Option<Deadline>,
) -> Result<bool> {
    let api = cluster.api::<PersistentVolumeClaim>();
    write::delete(cluster, &api, claim, Mode::Real).await?;
    match deadline {
        Some(deadline) => wait_gone(api, claim, deadline).await,
        None => Ok(false),
    }
}

/// What [`delete`] would do.
///
/// # Errors
/// What the API server refuses, when it is asked.
pub async fn dry_delete(
    cluster: &Cluster,
    claim: &PersistentVolumeClaim,
    by: By,
) -> Result<Change> {
    if by == By::Server {
        write::delete(cluster, &cluster.api(), claim, Mode::DryRun).await?;
    }
    let object = ObjectId { kind: ObjectKind::PersistentVolumeClaim, name: claim.name_any() };
    dry_run::of_one(object, Some(claim), None::<&PersistentVolumeClaim>)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::storage::{RemoteStorage, StateStorage};
    use crate::model::store::Profile;
    use crate::ops::testing;

    fn claim(managed_by: &str) -> PersistentVolumeClaim {
        let value = json!({"metadata": {"name": "orders-state", "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": managed_by}}});
        serde_json::from_value(value).expect("a claim")
    }

    fn pod(phase: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "storage-helper"},
            "spec": {"containers": [], "volumes": [
                {"name": "state", "persistentVolumeClaim": {"claimName": "orders-state"}},
            ]},
            "status": {"phase": phase},
        }))
        .expect("a pod")
    }

    fn record(data: &Value) -> ControllerRevision {
        serde_json::from_value(
            json!({"metadata": {"name": "orders-4"}, "revision": 4, "data": data}),
        )
        .expect("a record")
    }

    #[test]
    fn a_claim_with_the_state_of_an_application_is_never_free() -> Result<()> {
        let data = serde_json::to_value(testing::revision(4)).expect("serialisable");
        let users = Users::from_records(&[record(&data)])?;
        assert_eq!(users.of(&claim("kubectl-flink")), ["orders"]);
        for manager in ["kubectl-flink", "helm"] {
            let error = is_free(&claim(manager), &users, &[]).expect_err("in use");
            assert_eq!(error.kind(), Kind::Conflict);
            assert!(error.to_string().contains("application orders"), "{error}");
        }
        Ok(())
    }

    #[test]
    fn state_that_was_moved_away_leaves_its_claim_free() -> Result<()> {
        let mut moved = testing::revision(5);
        moved.storage = StateStorage::Remote(Box::new(RemoteStorage {
            profile: Some("minio".to_owned()),
            store: Profile::ambient("s3://bucket/flink".parse()?),
        }));
        moved.also_reads = Some(testing::revision(4).storage);
        let json = |revision: &Revision| serde_json::to_value(revision).expect("serialisable");
        let old = record(&json(&testing::revision(4)));
        let users = Users::from_records(&[record(&json(&moved)), old.clone()])?;
        assert_eq!(users.of(&claim("kubectl-flink")), ["orders"], "it still starts from there");
        assert_eq!(users.of_profile("shop", "minio"), ["orders"]);
        moved.also_reads = None;
        let users = Users::from_records(&[old, record(&json(&moved))])?;
        assert!(users.of(&claim("kubectl-flink")).is_empty());
        Ok(())
    }

    #[test]
    fn a_record_that_cannot_be_read_might_use_any_claim() {
        assert!(Users::from_records(&[record(&json!({"from": "the future"}))]).is_err());
    }

    #[test]
    fn claims_of_others_and_claims_that_are_mounted_are_not_ours_to_delete() {
        let users = Users::default();
        assert!(is_free(&claim("kubectl-flink"), &users, &[]).is_ok());
        assert!(is_free(&claim("helm"), &users, &[]).is_err());
        assert!(is_free(&claim("kubectl-flink"), &users, &[pod("Running")]).is_err());
        assert!(is_free(&claim("kubectl-flink"), &users, &[pod("Succeeded")]).is_ok());
        let mut leaving = pod("Running");
        leaving.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
        assert!(is_free(&claim("kubectl-flink"), &users, &[leaving]).is_ok());
    }
}
