//! Reads what a deployment depends on, checks it, and makes the plan. Nothing is written here.

use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::ids::OperationId;
use crate::model::labels;
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::{Jar, Revision};
use crate::model::snapshot::{Snapshot, SnapshotPath};
use crate::model::spec::FlinkDeployment;
use crate::model::storage::{AccessMode, MOUNT_PATH, RemoteStorage, StateStorage, StorageSpec};
use crate::model::store::Profile;
use crate::model::validate;
use crate::ops::anchor::Anchor;
use crate::ops::deploy::{self, Decision, FromRequest, Input};
use crate::ops::event::Observer;
use crate::ops::observed::{Active, Job, Run};
use crate::ops::plan::From;
use crate::ops::state::State;
use crate::ops::{
    await_up, data_stores, drift, observe, permissions, preflight, profiles, transition,
};
use crate::storage::jar::LocalJar;

/// The storage of a new application whose user names none.
pub const DEFAULT_STORAGE: &str = "pvc:10Gi";

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The document, flags included.
    pub document: FlinkDeployment,
    /// The local jar, when there is one.
    pub jar: Option<LocalJar>,
    /// What a new application starts from.
    pub from: Option<FromRequest>,
    /// When waiting ends.
    pub deadline: Deadline,
    /// Whether it is only to be shown, so that not even a probe is written.
    pub dry_run: bool,
}

/// A deployment, ready to be run or shown.
pub struct Prepared<'a> {
    /// What is to be done.
    pub decision: Decision,
    /// The record of what is wanted, without a generation of its own.
    pub target: Revision,
    /// Access to the state, possibly open already.
    pub state: State<'a>,
    /// The anchor as read.
    pub anchor: Option<Anchor>,
    /// The application as it is.
    pub active: Option<Active>,
}

/// Prepares a deployment.
///
/// # Errors
/// Everything that is wrong with the request or the cluster, before the first write.
pub async fn prepare<'a>(
    cluster: &'a Cluster,
    request: &Request,
    operation: &OperationId,
    now: Timestamp,
    observer: &mut dyn Observer,
) -> Result<Prepared<'a>> {
    let application: ApplicationName = request.document.metadata.name.parse()?;
    let found = observe::active(cluster, &application).await?;
    let (anchor, mut active) = found.unzip();
    let storage = storage(cluster, &application, request, active.as_ref(), observer).await?;
    let account = request.document.spec.service_account.as_deref();
    preflight::service_account(cluster, account).await?;
    let ingress = request.document.spec.ingress.as_ref();
    let class = ingress.and_then(|ingress| ingress.class_name.as_deref());
    preflight::ingress_class(cluster, class, observer).await?;
    let mut target = target(cluster, &application, request, &storage.storage, operation, now);
    target.data_stores = data_stores::bindings(cluster, &request.document).await?;
    if let StateStorage::Remote(remote) = &target.storage {
        profiles::check(cluster, remote, target.flink_version).await?;
    }
    if target.jar.is_fetched() && !target.storage.reaches(&target.jar.uri) {
        return Err(unfetchable(&target));
    }
    if let Some(active) = active.as_ref().filter(|_| !deploy::is_stateless(&target)) {
        let wrote = active.revision.flink_version;
        preflight::no_downgrade(&application, wrote, target.flink_version)?;
    }
    // What only shows when the objects are built, such as a main class that nobody names.
    manifest::generation(&target)?;
    let revisions = observe::revisions(cluster, &application).await?;
    let mut state = State::of(cluster, &target, operation).within(request.deadline);
    if let (Some(active), Some(anchor)) = (&mut active, &anchor) {
        settle(cluster, active, anchor, &mut state, observer).await?;
    }
    let left = match (&active, &storage.create) {
        (None, None) => {
            // Looking may take a pod, which is a write.
            permissions::verb(cluster, "deploy").await?;
            if target.storage.remote().is_some() {
                state.check_access(request.dry_run, observer).await?;
            }
            LeftBehind::read(&mut state, observer).await?
        }
        _ => LeftBehind::default(),
    };
    let input = Input {
        operation,
        target: &target,
        active: active.as_ref(),
        left_behind: left.newest.as_ref(),
        highest: highest(&revisions, left.newest.as_ref()),
        claim: storage.create.clone(),
        upload: request.jar.as_ref().map(|jar| (jar.sha256.clone(), jar.size)),
        from: match &active {
            None => left.resolve(request, &application)?,
            // It is refused where it would matter: only a new application starts from what --from says.
            Some(_) => request.from.as_ref().map(|_| From::Empty),
        },
    };
    let mut decision = deploy::decide(&input)?;
    if let Decision::Create(_) | Decision::Upgrade(_) = &decision {
        data_stores::tell_clients(&target.data_stores, target.flink_version, observer);
    }
    // What is stopped is set back by the start that makes its objects anew.
    if let (Decision::Unchanged | Decision::Save(_), Some(active), Some(anchor)) =
        (&decision, &active, &anchor)
        && active.run == Run::Running
        && !drift::find(cluster, &active.revision, anchor).await?.is_empty()
    {
        let then = decision.plan().map(|plan| plan.steps.clone()).unwrap_or_default();
        decision = deploy::repair(active, operation, then);
    }
    Ok(Prepared { decision, target, state, anchor, active })
}

/// Validates the document before the cluster is asked anything.
///
/// # Errors
/// [`Kind::Usage`] with all that is wrong with it.
pub fn validate_request(request: &Request) -> Result<()> {
    let mut document = request.document.clone();
    if let (Some(jar), Some(job)) = (&request.jar, &mut document.spec.job) {
        // Its place depends on the storage, which is not known yet; that it has one is known.
        job.jar_uri = Some(format!("file://{MOUNT_PATH}/jars/{}.jar", jar.sha256));
    }
    validate::validate(&document)
}

/// The highest generation on record anywhere.
pub fn highest(revisions: &[Revision], left: Option<&Revision>) -> Option<Generation> {
    revisions.iter().chain(left).map(|revision| revision.generation).max()
}

async fn storage(
    cluster: &Cluster,
    application: &ApplicationName,
    request: &Request,
    active: Option<&Active>,
    observer: &mut dyn Observer,
) -> Result<preflight::Storage> {
    let asked = request.document.annotation(labels::STORAGE);
    let asked = asked.map(str::parse::<StorageSpec>).transpose()?;
    let Some(active) = active else {
        let spec = match asked {
            Some(spec) => spec,
            None => DEFAULT_STORAGE.parse()?,
        };
        return preflight::storage(cluster, application, &spec, observer).await;
    };
    let current = &active.revision.storage;
    let found = match asked {
        None => again(cluster, current).await?,
        Some(spec) => match spec.claim(application, AccessMode::default()) {
            // How many nodes may mount it was found out when it was first used.
            Some(claim) if StateStorage::Claim(claim.clone()).is_same_place(current) => {
                current.clone()
            }
            Some(claim) => StateStorage::Claim(claim),
            None => preflight::storage(cluster, application, &spec, observer).await?.storage,
        },
    };
    match found.is_same_place(current) {
        true => Ok(preflight::Storage { storage: found, create: None }),
        false => Err(Error::new(
            Kind::Conflict,
            format!("{application} keeps its state on {current}, and deploy leaves it there"),
        )
        .hint(format!("Leave --storage out, or move the state first with `kubectl flink storage move {application} --to STORAGE`."))),
    }
}

/// The storage that an application has, as its profile is by now: its Secret or endpoint may have changed.
async fn again(cluster: &Cluster, current: &StateStorage) -> Result<StateStorage> {
    let StateStorage::Remote(remote) = current else { return Ok(current.clone()) };
    let Some(name) = &remote.profile else { return Ok(current.clone()) };
    // A profile that is gone leaves what its applications have on record.
    let Some(profile) = profiles::find(cluster, name).await? else { return Ok(current.clone()) };
    let uri = match profile.uri.holds(remote.store.uri.as_str()) {
        true => remote.store.uri.clone(),
        false => profile.uri.clone(),
    };
    let store = Profile { uri, ..profile };
    Ok(StateStorage::Remote(Box::new(RemoteStorage { profile: remote.profile.clone(), store })))
}

fn target(
    cluster: &Cluster,
    application: &ApplicationName,
    request: &Request,
    storage: &StateStorage,
    operation: &OperationId,
    now: Timestamp,
) -> Revision {
    let namespace = cluster.namespace().to_owned();
    let mut spec = request.document.clone();
    let layout = storage.layout(&namespace, application);
    if let (Some(jar), Some(job)) = (&request.jar, &mut spec.spec.job) {
        job.jar_uri = Some(layout.jar(&jar.sha256));
        // The printed document has no jar at hand to read it from.
        job.entry_class = job.entry_class.take().or_else(|| jar.main_class.clone());
    }
    let job = spec.job().cloned().unwrap_or_default();
    let uri = job.jar_uri.unwrap_or_default();
    let name = uri.rsplit('/').next().unwrap_or_default().to_owned();
    let jar = Jar {
        name: request.jar.as_ref().map_or(name, |jar| jar.name.clone()),
        sha256: request.jar.as_ref().map(|jar| jar.sha256.clone()),
        main_class: job.entry_class,
        uri,
    };
    Revision {
        job_id: transition::job_id(&namespace, application, Generation::FIRST, operation),
        application: application.clone(),
        namespace,
        generation: Generation::FIRST,
        parent: None,
        flink_version: spec.flink_version(),
        image: spec.image(),
        jar,
        storage: storage.clone(),
        spec,
        also_reads: None,
        data_stores: Vec::new(),
        restored_from: None,
        created: now,
        created_by: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn unfetchable(target: &Revision) -> Error {
    let Revision { jar, storage, .. } = target;
    Error::usage(format!("the pods cannot fetch {}: their storage is {storage}", jar.uri))
        .hint("Give a local jar with --jar, one in the image as local:///PATH, or one on the application's own storage.")
}

/// Finds out what became of a job that does not answer, or that ended behind our back, and the newest state
/// that it left.
///
/// # Errors
/// When the cluster or the storage cannot be read.
pub async fn settle(
    cluster: &Cluster,
    active: &mut Active,
    anchor: &Anchor,
    state: &mut State<'_>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let ended = matches!(active.job, Job::Ended(_) | Job::Unknown | Job::Unreachable);
    if active.run == Run::Stopped || !ended {
        return Ok(());
    }
    // A client that died after the stop left this note. A complete savepoint of a stop ends the job: if its
    // JobManager cannot be asked, its pods are removed before anything is started.
    if let Some(directory) = &anchor.stopping_into {
        let left = match &anchor.snapshot {
            Some(snapshot) => Some(snapshot.clone()),
            None => state.find_in(directory, observer).await?,
        };
        if let Some(path) = left {
            active.latest = Some(path);
            active.job = Job::Ended("stopped".to_owned());
            return Ok(());
        }
    }
    if matches!(active.job, Job::Unknown | Job::Unreachable)
        && let Some(end) = state.result_of(&active.revision, observer).await?
    {
        active.job = end;
    }
    if active.job == Job::Unreachable && has_no_pods(cluster, active).await? {
        active.job = Job::Ended("scaled to zero".to_owned());
    }
    // Whatever a job that is at its end left on the way is not where it is now.
    if active.latest.is_none() && !active.has_finished() {
        active.latest = state.newest_of(active.job_id(), observer).await?;
    }
    Ok(())
}

/// Whether nothing of the generation runs or is about to: an earlier command scaled it to zero. The pods of
/// a lost node, or of one that is full, still exist.
async fn has_no_pods(cluster: &Cluster, active: &Active) -> Result<bool> {
    Ok(await_up::pods(cluster, &active.revision).await?.pods.is_empty())
}

/// What an application that does not exist any more left on the storage.
#[derive(Debug, Default)]
pub struct LeftBehind {
    /// Its last record.
    pub newest: Option<Revision>,
    /// Its snapshots, newest first.
    pub snapshots: Vec<Snapshot>,
}

impl LeftBehind {
    /// Reads it.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn read(state: &mut State<'_>, observer: &mut dyn Observer) -> Result<LeftBehind> {
        let newest = state.catalogue(observer).await?.newest().cloned();
        let snapshots = match &newest {
            Some(_) => state.snapshots(observer).await?,
            None => Vec::new(),
        };
        Ok(LeftBehind { newest, snapshots })
    }

    fn resolve(&self, request: &Request, application: &ApplicationName) -> Result<Option<From>> {
        let initial = request.document.job().and_then(|job| job.initial_savepoint_path.clone());
        let asked = match (&request.from, initial.filter(|path| !path.is_empty())) {
            (Some(from), _) => from.clone(),
            (None, Some(path)) => FromRequest::Path(path.parse()?),
            (None, None) => return Ok(None),
        };
        Ok(Some(match asked {
            FromRequest::Empty => From::Empty,
            other => From::Snapshot(resolve(&other, &self.snapshots, application)?),
        }))
    }
}

/// The snapshot that `--from` names, out of those there are (newest first).
///
/// # Errors
/// [`Kind::NotFound`] when there is none like it.
pub fn resolve(
    from: &FromRequest,
    snapshots: &[Snapshot],
    application: &ApplicationName,
) -> Result<SnapshotPath> {
    let found = match from {
        FromRequest::Path(path) => return Ok(path.clone()),
        FromRequest::Latest => snapshots.first(),
        FromRequest::Id(id) => snapshots.iter().find(|snapshot| {
            snapshot.path.name() == id || snapshot.path.as_str().split('/').any(|part| part == id)
        }),
        FromRequest::Empty => None,
    };
    found.map(|snapshot| snapshot.path.clone()).ok_or_else(|| {
        let wanted = match from {
            FromRequest::Id(id) => format!("no snapshot {id:?} of {application} found"),
            _ => format!("no snapshot of {application} found"),
        };
        let error = Error::new(Kind::NotFound, wanted);
        let names: Vec<&str> = snapshots.iter().take(5).map(|found| found.path.name()).collect();
        match names.is_empty() {
            true => error.hint("Its storage holds no complete savepoint or retained checkpoint."),
            false => error.hint(format!("The newest are: {}.", names.join(", "))),
        }
    })
}
