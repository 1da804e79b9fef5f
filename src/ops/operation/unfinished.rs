//! Operations that somebody else began: finding them, refusing to step in, and taking them over.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use tokio::time::sleep;

use crate::cluster::{Cluster, read, write};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::labels::{self, Component};
use crate::model::name::ApplicationName;
use crate::ops::event::{Event, Observer};
use crate::ops::operation::journal::Journal;
use crate::ops::operation::lease::{self, Holding};
use crate::ops::operation::record::{Record, Runner};
use crate::ops::permissions;

/// How often a lease is looked at while one waits for a sign of life.
const LOOK: Duration = Duration::from_millis(250);

/// An operation that has a record.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// What the record says.
    pub record: Record,
    object: ConfigMap,
}

/// The command that shows an operation.
pub fn show(application: &ApplicationName) -> String {
    format!("kubectl flink operation show {application}")
}

/// The operation of `application` that is under way or was left.
///
/// # Errors
/// [`Kind::Conflict`] when its record cannot be read.
pub async fn find(cluster: &Cluster, application: &ApplicationName) -> Result<Option<Unfinished>> {
    let object = read::get(cluster, &cluster.api(), &application.operation()).await?;
    object.map(|object| Ok(Unfinished::new(Record::from_object(&object)?, object))).transpose()
}

/// All operations behind `api`: those of one namespace, or of all.
///
/// # Errors
/// [`Kind::Conflict`] when a record cannot be read.
pub async fn list(cluster: &Cluster, api: &Api<ConfigMap>) -> Result<Vec<Unfinished>> {
    let selector = format!("{}={}", labels::COMPONENT, Component::Operation.as_str());
    let objects = read::list::<ConfigMap>(cluster, api, &selector).await?;
    let read = |object: ConfigMap| Ok(Unfinished::new(Record::from_object(&object)?, object));
    objects.into_iter().map(read).collect()
}

impl Unfinished {
    /// What was read.
    pub fn new(record: Record, object: ConfigMap) -> Self {
        Unfinished { record, object }
    }

    /// Why another command must not begin, and the two ways out.
    pub fn refusal(&self, now: Timestamp) -> Error {
        let Record { plan, .. } = &self.record;
        let name = &plan.application;
        let what = format!(
            "operation {} on {name} is not finished: {}",
            plan.operation,
            self.description(now)
        );
        Error::new(Kind::Conflict, what)
            .hint(format!("See where it stands with `{}`.", show(name)))
            .hint(format!("Finish it with `kubectl flink operation resume {name}`, or undo it with `kubectl flink operation abort {name}` (the same as this command with --abort); then run this again."))
    }

    /// `deploy by ann, begun 5m ago`.
    pub fn description(&self, now: Timestamp) -> String {
        let ago = now.duration_since(self.record.started).as_secs().max(0);
        let (verb, user) = (self.record.plan.verb, &self.record.user);
        format!(
            "{verb} by {user}, begun {} ({} ago)",
            self.record.started.strftime("%FT%TZ"),
            Ago(ago)
        )
    }

    /// Takes the operation over from a process that is gone.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when that process lives, or a third one was faster.
    pub async fn take_over(
        self,
        cluster: &Cluster,
        runner: Runner,
        observer: &mut dyn Observer,
    ) -> Result<Journal> {
        // The holder is the first thing that is written.
        permissions::check(cluster, &self.record).await?;
        if !self.is_left(cluster, &runner, observer).await? {
            return Err(self.alive(runner.now));
        }
        let Unfinished { mut record, mut object } = self;
        record.holder.clone_from(&runner.id);
        let version = object.metadata.resource_version.take();
        let uid = object.metadata.uid.take();
        object = record.to_object()?;
        object.metadata.resource_version = version;
        object.metadata.uid = uid;
        // From this write on the old process can write no more: its version of the record is stale.
        let stored = match write::replace(cluster, &cluster.api(), &object).await {
            Ok(stored) => stored,
            Err(error) => stored_after_all(cluster, &record, error).await?,
        };
        let holding = Holding::take(cluster, &record, &stored, &runner).await?;
        Ok(Journal::taken_over(cluster, record, runner, stored, holding))
    }

    /// Whether nobody works on it: the lease was given up, or neither lease nor record change for as long
    /// as their holder said it may be silent.
    async fn is_left(
        &self,
        cluster: &Cluster,
        runner: &Runner,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        let first = self.signs(cluster).await?;
        if first.released {
            return Ok(true);
        }
        let patience = first.patience.unwrap_or(runner.patience);
        observer.event(Event::Phase(format!(
            "waiting up to {} s to see whether the run that began this still works",
            patience.as_secs()
        )));
        // A little longer, for a renewal that is on its way.
        let deadline = Deadline::after(patience + patience / 4);
        while deadline.allows(LOOK) {
            sleep(LOOK).await;
            let now = self.signs(cluster).await?;
            if now.released {
                return Ok(true);
            }
            if now.versions != first.versions {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn signs(&self, cluster: &Cluster) -> Result<Signs> {
        let name = self.record.plan.application.operation();
        let (leases, maps) = (cluster.api::<Lease>(), cluster.api::<ConfigMap>());
        let (lease, map) =
            tokio::try_join!(read::get(cluster, &leases, &name), read::get(cluster, &maps, &name))?;
        let Some(map) = map else { return Err(self.ended()) };
        Ok(Signs {
            released: lease.as_ref().is_some_and(|lease| lease::holder(lease).is_none()),
            patience: lease.as_ref().and_then(lease::patience),
            versions: (
                map.metadata.resource_version,
                lease.and_then(|lease| lease.metadata.resource_version),
            ),
        })
    }

    fn alive(&self, now: Timestamp) -> Error {
        let name = &self.record.plan.application;
        Error::new(
            Kind::Conflict,
            format!("another process works on {name}: {}", self.description(now)),
        )
        .hint(format!("Wait for it; see where it stands with `{}`.", show(name)))
    }

    fn ended(&self) -> Error {
        let Record { plan, .. } = &self.record;
        Error::new(
            Kind::Conflict,
            format!("the {} of {} has just come to its end", plan.verb, plan.application),
        )
        .hint(format!("Look at it with `kubectl flink status {}`.", plan.application))
    }
}

/// What tells whether somebody works on an operation.
struct Signs {
    released: bool,
    patience: Option<Duration>,
    /// Of the record and the lease.
    versions: (Option<String>, Option<String>),
}

/// A replacement whose answer was lost may have been stored.
async fn stored_after_all(cluster: &Cluster, record: &Record, error: Error) -> Result<ConfigMap> {
    let name = record.plan.application.operation();
    match read::get::<ConfigMap>(cluster, &cluster.api(), &name).await? {
        Some(there) if Record::from_object(&there)?.holder == record.holder => Ok(there),
        Some(_) => Err(error.context(format!(
            "somebody else took the {} of {} over first",
            record.plan.verb, record.plan.application
        ))),
        None => Err(error),
    }
}

/// Whole seconds as `45s`, `12m` or `3h`.
struct Ago(i64);

impl std::fmt::Display for Ago {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            seconds if seconds < 120 => write!(f, "{seconds}s"),
            seconds if seconds < 7200 => write!(f, "{}m", seconds / 60),
            seconds => write!(f, "{}h", seconds / 3600),
        }
    }
}
