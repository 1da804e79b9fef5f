//! The hand that writes the record: created before the first effect, moved on after every step, removed at
//! the end. Each write is guarded by the version that was written before, and by who the holder is.

use k8s_openapi::api::core::v1::ConfigMap;

use crate::cluster::write::{self, Created, Mode};
use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::ops::operation::lease::Holding;
use crate::ops::operation::record::{Record, Runner};
use crate::ops::operation::unfinished::{self, Unfinished};
use crate::ops::plan::Step;

/// How often a write is tried whose outcome is unknown or that lost a race with itself.
const ATTEMPTS: u32 = 5;

/// The record of the operation that this process runs.
pub struct Journal {
    cluster: Cluster,
    runner: Runner,
    /// What it says; written by [`Journal::advance`] and [`Journal::turn_back`].
    pub record: Record,
    /// As it is stored; `None` until it was created.
    stored: Option<ConfigMap>,
    holding: Option<Holding>,
    lost: bool,
}

impl Journal {
    /// The journal of an operation that is about to begin; nothing is written yet.
    pub fn new(cluster: &Cluster, record: Record, runner: Runner) -> Self {
        let cluster = cluster.clone();
        Journal { cluster, runner, record, stored: None, holding: None, lost: false }
    }

    /// The journal of an operation that was taken over.
    pub(super) fn taken_over(
        cluster: &Cluster,
        record: Record,
        runner: Runner,
        stored: ConfigMap,
        holding: Holding,
    ) -> Self {
        let (stored, holding) = (Some(stored), Some(holding));
        Journal { cluster: cluster.clone(), runner, record, stored, holding, lost: false }
    }

    /// Whether the record is in the cluster.
    pub fn is_open(&self) -> bool {
        self.stored.is_some()
    }

    /// The lease, to be renewed while the operation runs.
    pub fn holding(&self) -> Option<Holding> {
        self.holding.clone()
    }

    /// Creates the record. From here on no other command changes the application.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when another operation has begun in the meantime.
    pub async fn open(&mut self, user: String) -> Result<()> {
        self.record.user = user;
        let object = self.record.to_object()?;
        let ours = |found: &ConfigMap| {
            Record::from_object(found).is_ok_and(|found| found.holder == self.runner.id)
        };
        let api = self.cluster.api();
        let stored = match write::create(&self.cluster, &api, &object, Mode::Real, ours).await? {
            Created::Ours(stored) => stored,
            Created::Exists(there) => {
                let record = Record::from_object(&there)?;
                return Err(Unfinished::new(record, there).refusal(self.runner.now));
            }
        };
        let holding = Holding::take(&self.cluster, &self.record, &stored, &self.runner).await;
        self.stored = Some(stored);
        match holding {
            Ok(holding) => {
                self.holding = Some(holding);
                Ok(())
            }
            Err(error) => {
                // Nothing was done yet, so nothing is unfinished.
                self.close().await?;
                Err(error)
            }
        }
    }

    /// Writes down that the current step is proven. The last one is not written: the record goes next.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when another process holds the operation by now.
    pub async fn advance(&mut self) -> Result<()> {
        self.record.step += 1;
        match self.record.current() {
            Some(_) => self.write().await,
            None => Ok(()),
        }
    }

    /// From now on it goes back: by the plan's fallback, or by `steps`.
    ///
    /// # Errors
    /// As [`Journal::advance`].
    pub async fn turn_back(
        &mut self,
        failure: Option<String>,
        steps: Option<Vec<Step>>,
    ) -> Result<()> {
        self.record.turn_back(failure, steps);
        self.write().await
    }

    /// Whether another process was found to hold the operation.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Notes that another process holds the operation: from here on nothing is written.
    pub fn lose(&mut self) {
        self.lost = true;
    }

    /// Removes record and lease: the operation is over.
    ///
    /// # Errors
    /// As deletion.
    pub async fn close(&mut self) -> Result<()> {
        if let Some(holding) = self.holding.take() {
            holding.delete().await?;
        }
        if let Some(stored) = self.stored.take() {
            let ours = |now: &ConfigMap| {
                Record::from_object(now).is_ok_and(|found| found.holder == self.runner.id)
            };
            let api = self.cluster.api();
            write::delete_while(&self.cluster, &api, &stored, Mode::Real, ours).await?;
        }
        Ok(())
    }

    /// Leaves the operation to whoever comes next.
    ///
    /// # Errors
    /// As the lease: others then wait until it has run out.
    pub async fn release(&mut self) -> Result<()> {
        match &mut self.holding {
            Some(holding) => holding.release().await,
            None => Ok(()),
        }
    }

    async fn write(&mut self) -> Result<()> {
        let api = self.cluster.api::<ConfigMap>();
        let mut outcome = Ok(());
        for _ in 0..ATTEMPTS {
            let Some(stored) = &self.stored else { return Ok(()) };
            let mut object = self.record.to_object()?;
            object.metadata.resource_version.clone_from(&stored.metadata.resource_version);
            object.metadata.uid.clone_from(&stored.metadata.uid);
            let error = match write::replace(&self.cluster, &api, &object).await {
                Ok(stored) => {
                    self.stored = Some(stored);
                    return Ok(());
                }
                Err(error) => error,
            };
            let name = object.metadata.name.unwrap_or_default();
            let there = read::get(&self.cluster, &api, &name).await?;
            // Ours still: an earlier write of this run was stored although its answer was lost.
            let ours = there.filter(|there| {
                Record::from_object(there).is_ok_and(|found| found.holder == self.runner.id)
            });
            let Some(ours) = ours else {
                self.lost = true;
                return Err(taken_over(&self.record));
            };
            self.stored = Some(ours);
            if error.kind() == Kind::Denied {
                return Err(error);
            }
            outcome = Err(error);
        }
        outcome
    }
}

fn taken_over(record: &Record) -> Error {
    let name = &record.plan.application;
    Error::new(Kind::Conflict, format!("another run took this {} of {name} over", record.plan.verb))
        .hint(format!("See how it goes with `{}`.", unfinished::show(name)))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::cluster::testing::{expect, scripted, status};
    use crate::ops::testing::{recorded_upgrade, runner};

    const OBJECT: &str = "/configmaps/orders-operation";

    fn stored(holder: &str, version: &str) -> Result<ConfigMap> {
        let record = Record { holder: holder.to_owned(), ..recorded_upgrade() };
        let mut object = record.to_object()?;
        object.metadata.resource_version = Some(version.to_owned());
        Ok(object)
    }

    #[tokio::test]
    async fn whoever_was_taken_over_writes_no_more() -> Result<()> {
        let changed = status(409, "Conflict", "the object has been modified");
        let theirs = json!(stored("runner-two", "9")?);
        let (cluster, served) = scripted(vec![
            expect(Method::PUT, OBJECT, 409, &changed),
            expect(Method::GET, OBJECT, 200, &theirs),
        ]);
        let mut journal = Journal::new(&cluster, recorded_upgrade(), runner());
        journal.stored = Some(stored("runner-one", "7")?);
        let error = journal.advance().await.expect_err("somebody else holds it");
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.to_string().contains("another run took"), "{error}");
        assert!(journal.is_lost());
        served.await.expect("no other request");
        Ok(())
    }
}
