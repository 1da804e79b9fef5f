//! `storage move`: an upgrade whose next generation has the same spec on another storage.
//!
//! The old job saves where it always does. The next generation reaches both storages, starts from that savepoint, and
//! writes everything else to the new one; the generation after it needs the new one alone. Nothing on the old storage is
//! deleted.

use crate::cluster::Cluster;
use crate::error::{Error, Kind, Result};
use crate::model::ids::OperationId;
use crate::model::labels;
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::storage::{StateStorage, StorageSpec};
use crate::ops::event::Observer;
use crate::ops::observed::{Active, Run};
use crate::ops::plan::{From, Plan, Step, Verb};
use crate::ops::{preflight, profiles, transition};

/// Finds the storage to move to, and checks that it can be used together with the old one.
///
/// # Errors
/// As [`preflight::storage`] and [`together`].
pub async fn destination(
    cluster: &Cluster,
    active: &Active,
    to: &StorageSpec,
    observer: &mut dyn Observer,
) -> Result<preflight::Storage> {
    let revision = &active.revision;
    let found = preflight::storage(cluster, &revision.application, to, observer).await?;
    together(&revision.storage, &found.storage).map_err(|error| match error.kind() {
        Kind::Conflict => error.hint(format!(
            "Nothing has to be done: `kubectl flink status {}` shows where it is.",
            revision.application
        )),
        _ => error,
    })?;
    if let StateStorage::Remote(remote) = &found.storage {
        profiles::check(cluster, remote, revision.flink_version).await?;
    }
    Ok(found)
}

/// Whether one pod can reach both.
///
/// # Errors
/// [`Kind::Conflict`] when they are the same place; [`Kind::Preflight`] when a pod reaches one of them only.
fn together(old: &StateStorage, new: &StateStorage) -> Result<()> {
    if old.is_same_place(new) {
        return Err(Error::new(Kind::Conflict, format!("the state is on {new} already")));
    }
    match (old, new) {
        (StateStorage::Claim(_), StateStorage::Claim(_)) => Err(Error::new(
            Kind::Preflight,
            "both are volumes, and a pod has its state's volume in one place",
        )
        .hint("Move by way of a store: to a storage profile first, and from there to the other claim. A larger volume of the same class is had by growing the claim.")),
        (StateStorage::Remote(one), StateStorage::Remote(other))
            if !one.store.goes_with(&other.store) =>
        {
            let kind = one.store.kind().title();
            Err(Error::new(
                Kind::Preflight,
                format!("{old} and {new} differ in server or credentials, and Flink has one set of keys for {kind}"),
            )
            .hint("Move by way of a claim, or of another kind of store. Or copy the folder with the store's own tools, delete the application, and `kubectl flink restore --storage` from the copy."))
        }
        _ => Ok(()),
    }
}

/// The plan.
///
/// # Errors
/// As [`transition::ending`].
pub fn plan(
    active: &Active,
    to: &StorageSpec,
    found: &preflight::Storage,
    highest: Generation,
    operation: &OperationId,
) -> Result<Plan> {
    let old = &active.revision;
    if active.run == Run::Running && active.has_finished() {
        return Err(transition::finished(&old.application));
    }
    let target = moved(old, to, &found.storage);
    let target = transition::successor(&target, highest.next(), Some(old.generation), operation);
    let directory = old.layout().operation_savepoints(operation);
    let ending = transition::ending(active, operation, &directory)?;
    if ending.from == From::Found {
        // What it left is looked for on one storage, and the next generation's is the other.
        return Err(Error::new(
            Kind::Unreachable,
            format!("nobody knows what the newest state of the job of {} is", old.application),
        )
        .hint(format!(
            "Wait until it runs, or bring it back first: `kubectl flink restore {}`.",
            old.application
        )));
    }
    let mut steps = Vec::new();
    if let Some(request) = &found.create {
        steps.push(Step::Claim { name: old.application.claim(), request: request.clone() });
    }
    if target.jar.uri != old.jar.uri {
        steps.push(Step::CopyJar { from: old.jar.uri.clone(), to: target.jar.uri.clone() });
    }
    if let From::Snapshot(snapshot) = &ending.from {
        steps.push(Step::Verify { snapshot: snapshot.clone() });
    }
    steps.extend(ending.steps.clone());
    steps.extend(transition::beginning(target.clone(), ending.from.clone()));
    steps.push(Step::Retire { generation: old.generation });
    let fallback = match ending.interrupts {
        true => transition::fallback(old, &target, ending.from, operation),
        false => Vec::new(),
    };
    Ok(Plan {
        operation: operation.clone(),
        verb: Verb::Move,
        namespace: old.namespace.clone(),
        application: old.application.clone(),
        steps,
        fallback,
        force: false,
    })
}

/// The same spec on another storage. A jar that was uploaded moves along.
pub fn moved(old: &Revision, to: &StorageSpec, storage: &StateStorage) -> Revision {
    let mut target =
        Revision { storage: storage.clone(), also_reads: Some(old.storage.clone()), ..old.clone() };
    target.spec.metadata.annotations.insert(labels::STORAGE.to_owned(), to.to_string());
    if let Some(sha256) = old.jar.sha256.as_ref().filter(|_| old.storage.reaches(&old.jar.uri)) {
        target.jar.uri = target.layout().jar(sha256);
        if let Some(job) = &mut target.spec.spec.job {
            job.jar_uri = Some(target.jar.uri.clone());
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::storage::{AccessMode, ClaimStorage, RemoteStorage};
    use crate::model::store::{Credentials, Profile};
    use crate::ops::observed::Job;
    use crate::ops::testing::{active, names, operation, snapshot};

    fn remote(uri: &str, secret: &str) -> StateStorage {
        let mut store = Profile::ambient(uri.parse().expect(uri));
        store.credentials = Credentials::Secret(secret.to_owned());
        StateStorage::Remote(Box::new(RemoteStorage { profile: Some("minio".to_owned()), store }))
    }

    fn claim(name: &str) -> StateStorage {
        StateStorage::Claim(ClaimStorage {
            claim: name.to_owned(),
            path: String::new(),
            access: AccessMode::Rwo,
        })
    }

    #[test]
    fn the_savepoint_is_where_the_old_job_can_write_and_the_new_one_reads_both() -> Result<()> {
        let mut active = active(4, Run::Running, Job::Running);
        active.revision.jar.uri = "file:///flink/state/shop/orders/jars/ab.jar".to_owned();
        active.revision.jar.sha256 = Some("ab".to_owned());
        let found =
            preflight::Storage { storage: remote("s3://bucket/flink", "keys"), create: None };
        let to = "minio".parse()?;
        let plan = plan(&active, &to, &found, Generation::new(6), &operation())?;
        let kinds = names(&plan.steps);
        assert!(kinds[0].starts_with("CopyJar"), "{kinds:?}");
        assert_eq!(
            kinds[1..],
            [
                "Stop 4 by savepoint",
                "Quiesce 4",
                "Start 7 from Stopped",
                "Prove 7",
                "Catalogue 7",
                "Retire 4"
            ]
        );
        let directory = plan.steps.iter().find_map(|step| match step {
            Step::Stop { how: crate::ops::plan::Stop::Savepoint { directory, .. }, .. } => {
                Some(directory)
            }
            _ => None,
        });
        assert!(directory.is_some_and(|directory| directory.starts_with("file:///flink/state/")));
        let start = plan.steps.iter().find_map(|step| match step {
            Step::Start { revision, .. } => Some(revision.as_ref().clone()),
            _ => None,
        });
        let start = start.expect("a start");
        assert_eq!(start.jar.uri, "s3://bucket/flink/shop/orders/jars/ab.jar");
        assert_eq!(start.spec.annotation(labels::STORAGE), Some("minio"));
        let there = start.clone().starting_from(Some(snapshot("savepoint-1")));
        assert_eq!(
            there.also_reads,
            Some(active.revision.storage.clone()),
            "it starts from the claim"
        );
        let next = there.starting_from(Some("s3://bucket/flink/shop/orders/savepoints/x".parse()?));
        assert_eq!(next.also_reads, None, "the one after it does not need the claim");
        let Some(Step::Start { revision: back, .. }) = plan.fallback.get(2) else { panic!("none") };
        assert_eq!(back.storage, active.revision.storage, "the way back is to the old storage");
        Ok(())
    }

    #[test]
    fn two_storages_that_no_pod_can_reach_together_are_refused() {
        let s3 = remote("s3://bucket/flink", "keys");
        assert!(together(&claim("a"), &s3).is_ok() && together(&s3, &claim("a")).is_ok());
        assert!(together(&s3, &remote("gs://bucket/flink", "keys")).is_ok());
        assert!(together(&s3, &remote("s3://other/flink", "keys")).is_ok());
        for (one, other) in [
            (claim("a"), claim("b")),
            (s3.clone(), remote("s3://other/flink", "other")),
            (s3.clone(), s3.clone()),
        ] {
            assert!(together(&one, &other).is_err(), "{one} and {other}");
        }
    }
}
