//! `storage check`: measuring state storage from pods where the job would run.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use crate::cluster::{Cluster, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::types::CheckpointConfig;
use crate::model::check::Measurements;
use crate::model::config::FlinkConfig;
use crate::model::flink_version::FlinkVersion;
use crate::model::ids::OperationId;
use crate::model::name::ApplicationName;
use crate::model::storage::{AccessMode, ClaimStorage, RemoteStorage, StateStorage, StorageSpec};
use crate::ops::event::{Event, Observer};
use crate::ops::halt::Halt;
use crate::ops::{anchor, claims, observe, profiles};
use crate::storage::access::{self, HelperPod};
use crate::storage::agent::AgentStore;
use crate::storage::helper_pod::HelperSpec;
use crate::storage::probe::{self, Load, Other};

/// How long the pods that measure may take to run: an image may have to be pulled for them.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The application that the pods of a check belong to when the storage has none.
const NOBODY: &str = "storage-check";

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct Target {
    /// The storage.
    pub storage: StateStorage,
    /// What it is called.
    pub name: String,
    /// The folder under which the check makes its own.
    pub base: String,
    /// The application whose storage it is.
    pub application: Option<ApplicationName>,
    /// The image that measures.
    pub image: String,
    /// Bytes of the newest checkpoint.
    pub state: Option<u64>,
    /// From one checkpoint to the next.
    pub interval: Option<Duration>,
}

/// A pod that measured, and its node.
pub type Place = (String, Option<String>);

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// All that was measured.
    pub measured: Measurements,
    /// By whom.
    pub pods: Vec<Place>,
    /// In which folder; it is gone.
    pub folder: String,
}

/// Finds what `text` names: an application, else a storage profile, else a claim (`NAME` or `claim:NAME`), or a URI.
///
/// # Errors
/// [`Kind::NotFound`] when there is neither.
pub async fn find(cluster: &Cluster, text: &str, image: Option<&str>) -> Result<Target> {
    if let Ok(name) = text.parse::<ApplicationName>()
        && let Some(anchor) = anchor::find(cluster, &name).await?
    {
        let revision = observe::revision(cluster, &name, anchor.generation).await?;
        let flink = observe::flink(cluster, &name, anchor.generation);
        // Only figures for the estimates: without an answer there are defaults.
        let state = flink.checkpoints(revision.job_id).await.ok();
        let state = state.and_then(|found| found.latest.completed.map(|found| found.state_size));
        let config = flink.checkpoint_config(revision.job_id).await.ok();
        let interval = config.filter(CheckpointConfig::is_periodic);
        let interval = interval.and_then(|config| u64::try_from(config.interval).ok());
        return Ok(Target {
            name: format!("{} of application {name}", revision.storage),
            base: revision.layout().base().to_owned(),
            storage: revision.storage,
            application: Some(name),
            image: image.map_or(revision.image, str::to_owned),
            state: state.filter(|&state| state > 0),
            interval: interval.map(Duration::from_millis),
        });
    }
    let spec = text.parse::<StorageSpec>()?;
    if let Some(remote) = store(cluster, &spec).await? {
        return Ok(Target::alone(StateStorage::Remote(Box::new(remote)), image));
    }
    let (claim, path) = match spec {
        StorageSpec::ExistingClaim { claim, path } => (claim, path),
        StorageSpec::Profile(name) => (name, String::new()),
        other => return Err(no_target(&other.to_string())),
    };
    let found = claims::get(cluster, &claim).await.map_err(|e| {
        e.context(format!("{text:?} is neither an application, a storage profile nor a claim"))
    })?;
    let modes = found.spec.and_then(|spec| spec.access_modes).unwrap_or_default();
    let many = modes.iter().any(|mode| mode == AccessMode::Rwx.as_kubernetes());
    let access = if many { AccessMode::Rwx } else { AccessMode::Rwo };
    Ok(Target::alone(StateStorage::Claim(ClaimStorage { claim, path, access }), image))
}

/// The store that a profile or URI names; a bare name may be a claim's.
async fn store(cluster: &Cluster, spec: &StorageSpec) -> Result<Option<RemoteStorage>> {
    match profiles::resolve(cluster, spec).await {
        Err(error) if error.kind() == Kind::NotFound && matches!(spec, StorageSpec::Profile(_)) => {
            Ok(None)
        }
        found => found,
    }
}

impl Target {
    /// Storage that is nobody's yet.
    fn alone(storage: StateStorage, image: Option<&str>) -> Target {
        Target {
            name: storage.to_string(),
            base: storage.root(),
            storage,
            application: None,
            image: image.map_or_else(|| FlinkVersion::default().default_image(), str::to_owned),
            state: None,
            interval: None,
        }
    }
}

fn no_target(text: &str) -> Error {
    Error::usage(format!("{text} cannot be checked"))
        .hint("Name an application, a storage profile, a URI, or a claim (claim:NAME); make one first with `kubectl flink storage create`.")
}

/// Measures from two pods, which must run by `opening`. The first one's folder is deleted at the end, the pods too.
///
/// # Errors
/// When a pod does not run, or the agent in it does not start; [`Kind::Interrupted`] when `halt` asks for it.
pub async fn run(
    cluster: &Cluster,
    target: &Target,
    operations: [OperationId; 2],
    load: &Load,
    opening: Deadline,
    halt: &Halt,
    observer: &mut dyn Observer,
) -> Result<Checked> {
    let folder = format!("{}/kubectl-flink-check-{}", target.base, operations[0]);
    let [first, second] = operations;
    let apart = !target.storage.is_for_one_node();
    let first = unless(halt, open(cluster, target, (first, false), opening, observer)).await?;
    let second = unless(halt, open(cluster, target, (second, apart), opening, observer)).await?;
    let store = first.agent(cluster);
    let outcome = {
        let other = second.agent(cluster);
        let measuring = both(cluster, [&first, &second], [&store, &other], &folder, load, observer);
        unless(halt, measuring).await
    };
    if outcome.as_ref().is_err_and(|error| error.kind() == Kind::Interrupted) {
        // What was interrupted did not get to it.
        store.delete(&[&folder]).await?;
    }
    store.close().await;
    first.close().await?;
    second.close().await?;
    let (measured, pods) = outcome?;
    Ok(Checked { measured, pods, folder })
}

/// Does the work, or gives up when the user asks for it.
pub(super) async fn unless<T>(halt: &Halt, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        outcome = work => outcome,
        () = halt.requested() => Err(Error::new(Kind::Interrupted, "interrupted; nothing of the check is left")),
    }
}

async fn both(
    cluster: &Cluster,
    [first, second]: [&HelperPod; 2],
    [store, other]: [&AgentStore; 2],
    folder: &str,
    load: &Load,
    observer: &mut dyn Observer,
) -> Result<(Measurements, Vec<Place>)> {
    let nodes = [node(cluster, first).await?, node(cluster, second).await?];
    let other = Other { store: other, on_another_node: nodes[0] != nodes[1] };
    observer.event(Event::Phase("starting the storage agent".to_owned()));
    let mut phase = |what: &str| observer.event(Event::Phase(what.to_owned()));
    let measured = probe::measure(store, Some(other), folder, load, &mut phase).await?;
    let [one, two] = nodes;
    let pods = vec![(first.target.pod.clone(), one), (second.target.pod.clone(), two)];
    Ok((measured, pods))
}

async fn open(
    cluster: &Cluster,
    target: &Target,
    (operation, apart): (OperationId, bool),
    opening: Deadline,
    observer: &mut dyn Observer,
) -> Result<HelperPod> {
    observer.event(Event::Phase("starting a pod that measures".to_owned()));
    let nobody = || NOBODY.parse();
    let application = target.application.clone().map_or_else(nobody, Ok)?;
    let spec = HelperSpec {
        application,
        operation,
        storage: Some(target.storage.clone()),
        also: None,
        data_store: None,
        config: FlinkConfig::default(),
        service_account: None,
        image: target.image.clone(),
        like: None,
    };
    let mut waiting = |waiting: &crate::cluster::diagnose::Waiting| {
        observer
            .event(Event::Phase(format!("starting a pod that measures: waiting for {waiting}")));
    };
    access::open_helper(cluster, &spec, apart, opening, &mut waiting).await
}

pub(super) async fn node(cluster: &Cluster, pod: &HelperPod) -> Result<Option<String>> {
    let found = read::get::<Pod>(cluster, &cluster.api(), &pod.target.pod).await?;
    Ok(found.and_then(|pod| pod.spec?.node_name))
}
