//! `storage check` of a data store: measured from a pod where a job would run, with the variables and files of one that is
//! bound to it.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::cluster::Cluster;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::config::FlinkConfig;
use crate::model::data::{Binding, DataMeasurements};
use crate::model::ids::OperationId;
use crate::ops::check::{Place, node, unless};
use crate::ops::event::{Event, Observer};
use crate::ops::halt::Halt;
use crate::ops::{anchor, data_stores};
use crate::storage::access::{self, HelperPod};
use crate::storage::agent::AgentStore;
use crate::storage::helper_pod::HelperSpec;

/// How long the pod that measures may take to run: an image may have to be pulled for it.
const OPENING: Duration = Duration::from_secs(300);

/// The application that the pod belongs to: none has this name.
const NOBODY: &str = "storage-check";

/// Rows that are written, changed and deleted to see whether that is seen.
const ROWS: u64 = 20;

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// All that was measured.
    pub measured: DataMeasurements,
    /// By whom.
    pub pod: Place,
    /// In which table; it is gone.
    pub table: String,
}

/// The data store that `text` names, unless there is an application of that name.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn find(cluster: &Cluster, text: &str) -> Result<Option<Binding>> {
    let Some(store) = data_stores::find(cluster, text).await? else { return Ok(None) };
    if let Ok(name) = text.parse()
        && anchor::find(cluster, &name).await?.is_some()
    {
        return Ok(None);
    }
    data_stores::has_secret(cluster, text, &store).await?;
    Ok(Some(Binding { name: text.to_owned(), store }))
}

/// Measures for about so many `seconds`. The table that is made for it is dropped at the end, and the pod deleted.
///
/// # Errors
/// When the pod does not run, or the agent in it does not start; [`Kind::Interrupted`] when `halt` asks for it. What the
/// store refuses is part of the result.
pub async fn run(
    cluster: &Cluster,
    store: &Binding,
    image: &str,
    operation: OperationId,
    seconds: u64,
    halt: &Halt,
    observer: &mut dyn Observer,
) -> Result<Checked> {
    let table = format!("kubectl_flink_check_{operation}");
    let pod = unless(halt, open(cluster, store, image, operation, observer)).await?;
    let agent = pod.agent(cluster);
    let mut probe = Probe { agent: &agent, prefix: store.prefix(), table: table.clone(), observer };
    let outcome = unless(halt, probe.all(cluster, &pod, seconds)).await;
    // An interrupted probe did not get to it; its own agent drops the table too, when it ends.
    let dropped = match outcome.as_ref().is_ok_and(|(measured, _)| measured.facts.is_none()) {
        true => Ok(()),
        false => probe.drop_table().await,
    };
    agent.close().await;
    pod.close().await?;
    let (measured, place) = outcome?;
    dropped?;
    Ok(Checked { measured, pod: place, table })
}

async fn open(
    cluster: &Cluster,
    store: &Binding,
    image: &str,
    operation: OperationId,
    observer: &mut dyn Observer,
) -> Result<HelperPod> {
    observer.event(Event::Phase("starting a pod that measures".to_owned()));
    let spec = HelperSpec {
        application: NOBODY.parse()?,
        operation,
        storage: None,
        also: None,
        data_store: Some(store.clone()),
        config: FlinkConfig::default(),
        service_account: None,
        image: image.to_owned(),
        like: None,
    };
    let mut waiting = |waiting: &crate::cluster::diagnose::Waiting| {
        observer
            .event(Event::Phase(format!("starting a pod that measures: waiting for {waiting}")));
    };
    access::open_helper(cluster, &spec, false, Deadline::after(OPENING), &mut waiting).await
}

struct Probe<'a> {
    agent: &'a AgentStore,
    prefix: String,
    table: String,
    observer: &'a mut dyn Observer,
}

impl Probe<'_> {
    async fn all(
        &mut self,
        cluster: &Cluster,
        pod: &HelperPod,
        seconds: u64,
    ) -> Result<(DataMeasurements, Place)> {
        let node = node(cluster, pod).await?;
        let place = (pod.target.pod.clone(), node);
        let mut measured = DataMeasurements::default();
        let mut failures = Vec::new();
        self.phase("connecting");
        measured.facts = self.run("facts", "reach the data store", &mut failures).await?;
        if measured.facts.is_some() {
            self.phase("making a table");
            let made: Option<Done> = self.run("make", "make a table", &mut failures).await?;
            if made.is_some() {
                self.phase("checking what is seen of a write");
                let what = format!("consistency {ROWS} {}", seconds * 1000 / 4);
                measured.read_after_write =
                    self.run(&what, "read what was written", &mut failures).await?;
                self.phase("measuring latency");
                let what = format!("latency {}", seconds * 1000 * 3 / 4);
                measured.latency = self.run(&what, "write and read rows", &mut failures).await?;
            }
        }
        measured.failures = failures;
        Ok((measured, place))
    }

    fn phase(&mut self, phase: &str) {
        self.observer.event(Event::Phase(phase.to_owned()));
    }

    /// What a probe found; `None` when the store refused, which is noted.
    async fn run<T: DeserializeOwned>(
        &mut self,
        what: &str,
        doing: &str,
        failures: &mut Vec<String>,
    ) -> Result<Option<T>> {
        match self.agent.data(&self.prefix, &self.table, what, doing).await {
            Ok(json) => serde_json::from_str(&json).map(Some).map_err(|e| {
                Error::new(Kind::Other, format!("cannot read what {what} found")).caused_by(e)
            }),
            Err(error) if error.kind() == Kind::Unreachable => Err(error),
            Err(error) => {
                failures.push(error.to_string());
                Ok(None)
            }
        }
    }

    async fn drop_table(&mut self) -> Result<()> {
        self.phase("cleaning up");
        let dropped = self.agent.data(&self.prefix, &self.table, "drop", "drop the table").await;
        dropped.map(drop).map_err(|e| {
            e.context("the check's own table is still there")
                .hint(format!("Drop {}; nothing else uses it.", self.table))
        })
    }
}

/// An answer without content.
#[derive(serde::Deserialize)]
struct Done {}
