//! The Lease `<application>-operation`: a sign of life of the process that works on an operation.
//!
//! It decides only whether others wait or take over. What keeps a process that was taken for dead from
//! writing is the record, whose holder changes (see [`super::journal`]). Whether a holder lives is told from
//! the lease changing while one looks; times in it are never compared with a clock of one's own.

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use tokio::time::sleep;

use crate::cluster::write::{self, Created, Mode};
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::model::labels::{self, Component};
use crate::ops::operation::record::{Record, Runner};

/// How often a guarded write is tried again after it lost a race.
const RACES: u32 = 5;

/// The lease of one operation, as its holder sees it.
#[derive(Clone)]
pub struct Holding {
    cluster: Cluster,
    name: String,
    runner: Runner,
    /// The lease as it is to be written the next time.
    lease: Lease,
}

/// Who holds a lease; `None` when nobody does.
pub fn holder(lease: &Lease) -> Option<&str> {
    let spec = lease.spec.as_ref()?;
    spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// How long its holder may be silent.
pub fn patience(lease: &Lease) -> Option<Duration> {
    let seconds = lease.spec.as_ref()?.lease_duration_seconds?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

impl Holding {
    /// Takes the lease of the operation that `record`, stored as `object`, is about. One that is there
    /// is taken over: the caller holds the record, or knows that nobody else works on it.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when another process takes it at the same time.
    pub async fn take(
        cluster: &Cluster,
        record: &Record,
        object: &ConfigMap,
        runner: &Runner,
    ) -> Result<Holding> {
        let name = record.plan.application.operation();
        let mut lease = fresh(record, object, runner);
        let ours = |found: &Lease| holder(found) == Some(&runner.id);
        let api = cluster.api::<Lease>();
        let lease = match write::create(cluster, &api, &lease, Mode::Real, ours).await? {
            Created::Ours(lease) => lease,
            Created::Exists(there) => {
                let transitions = there.spec.and_then(|spec| spec.lease_transitions).unwrap_or(0);
                lease.metadata.resource_version = there.metadata.resource_version;
                if let Some(spec) = &mut lease.spec {
                    spec.lease_transitions = Some(transitions.saturating_add(1));
                }
                write::replace(cluster, &api, &lease).await?
            }
        };
        Ok(Holding { cluster: cluster.clone(), name, runner: runner.clone(), lease })
    }

    /// Renews it for as long as this is polled.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when another process has taken it. A lease that cannot be written is no reason
    /// to stop: the record still says who may go on.
    pub async fn keep(&mut self) -> Result<Infallible> {
        loop {
            sleep(self.runner.patience / 3).await;
            if let Err(error) = self.write(Some(self.runner.id.clone())).await {
                if error.kind() == Kind::Conflict {
                    return Err(error);
                }
                tracing::debug!(%error, "the lease was not renewed");
            }
        }
    }

    /// Gives it up, so that nobody has to wait for its end.
    ///
    /// # Errors
    /// When it cannot be written: then others wait until it has run out.
    pub async fn release(&mut self) -> Result<()> {
        self.write(None).await
    }

    /// Deletes it.
    ///
    /// # Errors
    /// As deletion.
    pub async fn delete(&self) -> Result<()> {
        let ours = |now: &Lease| holder(now) == Some(&self.runner.id);
        let api = self.cluster.api::<Lease>();
        write::delete_while(&self.cluster, &api, &self.lease, Mode::Real, ours).await
    }

    async fn write(&mut self, holder_identity: Option<String>) -> Result<()> {
        let api = self.cluster.api::<Lease>();
        let mut outcome = Ok(());
        for _ in 0..RACES {
            if let Some(spec) = &mut self.lease.spec {
                spec.holder_identity.clone_from(&holder_identity);
                spec.renew_time = Some(MicroTime(Timestamp::now()));
            }
            outcome = match write::replace(&self.cluster, &api, &self.lease).await {
                Ok(lease) => {
                    self.lease = lease;
                    return Ok(());
                }
                Err(error) => Err(error),
            };
            // A renewal whose answer was lost may have been stored.
            match read::get(&self.cluster, &api, &self.name).await? {
                Some(there) if holder(&there) == Some(&self.runner.id) => self.lease = there,
                Some(there) => return Err(taken(&self.name, holder(&there))),
                None => break,
            }
        }
        outcome.or_else(|error| match error.kind() {
            // Somebody deleted it; the record decides.
            Kind::NotFound | Kind::Conflict => Ok(()),
            _ => Err(error),
        })
    }
}

fn taken(name: &str, by: Option<&str>) -> Error {
    let by = by.unwrap_or("nobody");
    Error::new(Kind::Conflict, format!("lease {name:?} is held by {by} now, not by this run"))
        .hint("Another run goes on with the operation: this one stops.")
}

fn fresh(record: &Record, object: &ConfigMap, runner: &Runner) -> Lease {
    let application = &record.plan.application;
    let now = MicroTime(Timestamp::now());
    let seconds = i32::try_from(runner.patience.as_secs()).unwrap_or(i32::MAX);
    Lease {
        metadata: ObjectMeta {
            name: Some(application.operation()),
            namespace: Some(record.plan.namespace.clone()),
            labels: Some(labels::labels(application, None, Component::Operation)),
            // Whoever deletes the record by hand deletes the lease with it.
            owner_references: object.metadata.uid.clone().map(|uid| {
                vec![OwnerReference {
                    api_version: "v1".to_owned(),
                    kind: "ConfigMap".to_owned(),
                    name: application.operation(),
                    uid,
                    ..OwnerReference::default()
                }]
            }),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(runner.id.clone()),
            lease_duration_seconds: Some(seconds.max(1)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        }),
    }
}
