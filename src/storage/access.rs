//! Reaching the files of a claim: through a pod of the job that mounts it, else through a helper pod.

use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::ResourceExt;

use super::agent::AgentStore;
use super::helper_pod::{CONTAINER, HelperSpec};
use super::shell::PodShell;
use super::store::{ShellStore, StateStore};
use crate::cluster::diagnose::{Patience, Waiting};
use crate::cluster::exec::ExecTarget;
use crate::cluster::watch::Watched;
use crate::cluster::{Cluster, access as cluster_access, condition, observe, read, write};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::manifest;
use crate::model::labels::{self, Component};
use crate::model::name::ApplicationName;
use crate::model::permission::{Permission, Work};
use crate::model::storage::{MOUNT_PATH, StateStorage};

/// Open access to a claim. Close it when done; a helper pod behind it that is not closed is deleted by
/// [`Cluster::clean_up`], and failing that ends by itself.
pub struct OpenStore {
    store: Files,
    helper: Option<HelperGuard>,
}

/// How files are reached.
enum Files {
    /// They are on a volume that a shell sees.
    Mounted(ShellStore),
    /// They are where Flink's own file systems see them.
    Agent(AgentStore),
}

impl OpenStore {
    /// The files.
    pub fn store(&self) -> &dyn StateStore {
        match &self.store {
            Files::Mounted(store) => store,
            Files::Agent(store) => store,
        }
    }

    /// Copies a file from one storage to another, inside the cluster.
    ///
    /// # Errors
    /// When it cannot be read or written; [`Kind::Usage`] between two volumes.
    pub async fn copy(&self, from: &str, to: &str) -> Result<()> {
        match &self.store {
            Files::Agent(store) => store.copy(from, to).await,
            Files::Mounted(_) => Err(Error::usage(format!("cannot copy {from} to {to}"))),
        }
    }

    /// Makes sure that `folder` can be listed, and unless it is a `dry_run` written, by doing so: a file is made and taken
    /// away again.
    ///
    /// # Errors
    /// With the store's reason: a bucket that does not exist, credentials that do not allow it, no way to the server.
    pub async fn check_access(&self, folder: &str, dry_run: bool) -> Result<()> {
        match &self.store {
            Files::Mounted(_) => Ok(()),
            Files::Agent(store) => {
                store.list(folder, 1, &[]).await?;
                if dry_run {
                    return Ok(());
                }
                let probe = format!("{folder}/.kubectl-flink-access");
                store.write(&probe, b"kubectl flink was here").await?;
                store.delete(&[probe.as_str()]).await.map(drop)
            }
        }
    }

    /// Whether a helper pod had to be made for it.
    pub fn has_helper(&self) -> bool {
        self.helper.is_some()
    }

    /// Ends the access and deletes the helper pod, if there is one.
    ///
    /// # Errors
    /// When the helper pod cannot be deleted; it ends by itself, then.
    pub async fn close(mut self) -> Result<()> {
        if let Files::Agent(store) = &self.store {
            store.close().await;
        }
        match self.helper.as_mut().and_then(HelperGuard::take) {
            Some(deletion) => deletion.await,
            None => Ok(()),
        }
    }
}

/// Opens the claim through a running pod that mounts it, or through a helper pod.
///
/// `waiting` hears what the helper pod waits for.
///
/// # Errors
/// When the helper pod does not run before the deadline, or cannot run at all: with the reason.
pub async fn open(
    cluster: &Cluster,
    spec: &HelperSpec,
    deadline: Deadline,
    waiting: &mut (dyn FnMut(&Waiting) + Send),
) -> Result<OpenStore> {
    let pods: Vec<Pod> = read::list(cluster, &cluster.api(), "").await?;
    // A run of the same operation that died left its helper pod to us, to use and to delete.
    let own = |pod: &str| pod == spec.name();
    // A store is reached from a pod of its own, never from the job's: the agent's memory would count against Flink's.
    let claim = spec.storage.as_ref().and_then(StateStorage::claim).filter(|_| !spec.needs_agent());
    let target =
        claim.and_then(|claim| mounting(&pods, &claim.claim)).filter(|target| !own(&target.pod));
    sweep(cluster, &spec.application, &pods, |pod| target.is_some() && own(&pod.name_any())).await;
    if let Some(target) = target {
        return Ok(open_in(cluster, target));
    }
    let pod = helper(cluster, spec, spec.pod()?, &pods, deadline, waiting).await?;
    let store = match spec.needs_agent() {
        true => Files::Agent(pod.agent(cluster)),
        false => Files::Mounted(ShellStore::new(PodShell::new(cluster.clone(), pod.target))),
    };
    Ok(OpenStore { store, helper: Some(pod.guard) })
}

/// A helper pod of one's own, which runs. Close it when done; one that is not closed is deleted by
/// [`Cluster::clean_up`], and failing that ends by itself.
pub struct HelperPod {
    /// Where to run commands.
    pub target: ExecTarget,
    guard: HelperGuard,
    needs_agent: bool,
}

impl HelperPod {
    /// Access by way of Flink's own file systems.
    pub fn agent(&self, cluster: &Cluster) -> AgentStore {
        let prelude = match self.needs_agent {
            true => manifest::PRELUDE,
            false => "",
        };
        AgentStore::in_pod(cluster.clone(), self.target.clone(), prelude, &[])
    }

    /// Deletes it.
    ///
    /// # Errors
    /// When it cannot be deleted; it ends by itself, then.
    pub async fn close(mut self) -> Result<()> {
        match self.guard.take() {
            Some(deletion) => deletion.await,
            None => Ok(()),
        }
    }
}

/// Starts a helper pod whether or not a pod of the job could be used: for what would disturb the job. With `apart` it is
/// kept away from other helper pods of the application, if there is another node.
///
/// # Errors
/// See [`open`].
pub async fn open_helper(
    cluster: &Cluster,
    spec: &HelperSpec,
    apart: bool,
    deadline: Deadline,
    waiting: &mut (dyn FnMut(&Waiting) + Send),
) -> Result<HelperPod> {
    let pods: Vec<Pod> = read::list(cluster, &cluster.api(), "").await?;
    sweep(cluster, &spec.application, &pods, |_| false).await;
    let pod = if apart { spec.pod_apart()? } else { spec.pod()? };
    helper(cluster, spec, pod, &pods, deadline, waiting).await
}

async fn helper(
    cluster: &Cluster,
    spec: &HelperSpec,
    pod: Pod,
    pods: &[Pod],
    deadline: Deadline,
    waiting: &mut (dyn FnMut(&Waiting) + Send),
) -> Result<HelperPod> {
    let needed: Vec<Permission> = Work::Storage.permissions().collect();
    cluster_access::require(cluster, "reading the state storage", "it was not read", &needed)
        .await?;
    if pods.iter().any(|pod| pod.name_any() == spec.name() && is_over(pod)) {
        gone(cluster, &spec.name(), deadline).await?;
    }
    let guard = start(cluster, pod).await?;
    let target = ExecTarget { pod: guard.name.clone(), container: CONTAINER.to_owned() };
    wait_until_running(cluster, spec, deadline, waiting).await?;
    Ok(HelperPod { target, guard, needs_agent: spec.needs_agent() })
}

/// Opens the claim through a container that is known to run and to mount it at [`MOUNT_PATH`].
pub fn open_in(cluster: &Cluster, target: ExecTarget) -> OpenStore {
    let store = ShellStore::new(PodShell::new(cluster.clone(), target));
    OpenStore { store: Files::Mounted(store), helper: None }
}

/// A running container that mounts the whole claim at [`MOUNT_PATH`], writable. Pods that will stay
/// come first: ready ones, JobManagers, the newest.
pub fn mounting(pods: &[Pod], claim: &str) -> Option<ExecTarget> {
    let usable = |pod: &&Pod| !condition::pod_terminating(pod) && !condition::pod_ended(pod);
    let mut candidates: Vec<(&Pod, &str)> = pods
        .iter()
        .filter(usable)
        .filter_map(|pod| container_mounting(pod, claim).map(|container| (pod, container)))
        .collect();
    candidates.sort_by_key(|(pod, _)| {
        let component = pod.labels().get(labels::COMPONENT).map(String::as_str);
        let jobmanager = component == Some(Component::JobManager.as_str());
        let helper = component == Some(Component::Helper.as_str());
        (
            helper,
            !condition::pod_ready(pod),
            !jobmanager,
            std::cmp::Reverse(pod.creation_timestamp()),
        )
    });
    let (pod, container) = candidates.first()?;
    Some(ExecTarget { pod: pod.name_any(), container: (*container).to_owned() })
}

fn container_mounting<'a>(pod: &'a Pod, claim: &str) -> Option<&'a str> {
    let spec: &PodSpec = pod.spec.as_ref()?;
    let volume = spec.volumes.iter().flatten().find(|volume| {
        volume
            .persistent_volume_claim
            .as_ref()
            .is_some_and(|source| source.claim_name == claim && !source.read_only.unwrap_or(false))
    })?;
    let mounts_it = |container: &&Container| {
        container.volume_mounts.iter().flatten().any(|mount| {
            mount.name == volume.name
                && mount.mount_path.trim_end_matches('/') == MOUNT_PATH
                && mount.sub_path.as_deref().unwrap_or_default().is_empty()
                && !mount.read_only.unwrap_or(false)
        })
    };
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    containers
        .filter(mounts_it)
        .map(|container| container.name.as_str())
        .find(|name| condition::container_running(pod, name))
}

fn is_over(pod: &Pod) -> bool {
    condition::pod_ended(pod) || condition::pod_terminating(pod)
}

/// Waits until a pod that is on its way out has made room for another one of its name.
async fn gone(cluster: &Cluster, name: &str, deadline: Deadline) -> Result<()> {
    let mut watched = Watched::<Pod>::named(cluster.api(), name);
    let gone = watched.wait_for(deadline, |pods| pods.is_empty().then_some(())).await?;
    gone.ok_or_else(|| {
        Error::new(Kind::Timeout, format!("pod {name} of an earlier run does not go away"))
            .hint("Look for a node that is down with `kubectl get pods -o wide`.")
    })
}

/// Deletes helper pods of the application that ended without being deleted, and those that are `superfluous`.
/// They hold nothing, so a failure to delete one is not worth failing for.
async fn sweep(
    cluster: &Cluster,
    application: &ApplicationName,
    pods: &[Pod],
    superfluous: impl Fn(&Pod) -> bool,
) {
    let left_over = |pod: &&Pod| {
        pod.labels().get(labels::APPLICATION).is_some_and(|name| name == application.as_str())
            && pod.labels().get(labels::COMPONENT).is_some_and(|c| c == Component::Helper.as_str())
            && (condition::pod_ended(pod) || superfluous(pod))
    };
    for pod in pods.iter().filter(left_over) {
        if let Err(error) = write::delete_pod(cluster, pod).await {
            tracing::debug!(%error, "a helper pod that ended could not be deleted");
        }
    }
}

async fn start(cluster: &Cluster, new: Pod) -> Result<HelperGuard> {
    let ours = |pod: &Pod| pod.name_any() == new.name_any();
    let created = write::create(cluster, &cluster.api(), &new, write::Mode::Real, ours).await?;
    // The name holds the operation's random id, so that a pod of this name can only be ours.
    let (write::Created::Ours(pod) | write::Created::Exists(pod)) = created;
    Ok(HelperGuard { name: pod.name_any(), live: Some((cluster.clone(), pod)) })
}

async fn wait_until_running(
    cluster: &Cluster,
    spec: &HelperSpec,
    deadline: Deadline,
    waiting: &mut (dyn FnMut(&Waiting) + Send),
) -> Result<()> {
    let name = spec.name();
    let mut watched = Watched::<Pod>::named(cluster.api(), &name);
    let selector = labels::selector(&spec.application, None, Some(Component::Helper));
    let running = watched.wait_for(deadline, |pods| {
        let pod = pods.get(&name)?;
        let ended = condition::pod_ended(pod);
        (ended || condition::container_running(pod, CONTAINER)).then_some(!ended)
    });
    let mut running = std::pin::pin!(running);
    let claims = spec.claims();
    let mut told = None;
    let mut patience = Patience::default();
    loop {
        let tick = tokio::time::sleep(Duration::from_secs(1));
        let settled = tokio::select! {
            running = &mut running => match running? {
                Some(true) => return Ok(()),
                Some(false) | None => true,
            },
            () = tick => false,
        };
        let observed = observe::observe(cluster, &selector, &claims).await?;
        let diagnosis = observed.diagnoses().into_iter().next();
        let settled = patience.is_over(diagnosis.as_ref()) || settled;
        match diagnosis {
            Some(reason) if settled => {
                return Err(Error::new(
                    Kind::Preflight,
                    format!("the storage helper pod does not run: {reason}"),
                )
                .hint(reason.hint()));
            }
            None if settled => {
                let waits = observed.waiting();
                return Err(Error::new(
                    Kind::Timeout,
                    format!(
                        "the storage helper pod {name} does not run: it still waits for {waits}"
                    ),
                )
                .hint("Allow more time with --timeout."));
            }
            _ => {
                let now = observed.waiting();
                if told.as_ref() != Some(&now) {
                    waiting(&now);
                    told = Some(now);
                }
            }
        }
    }
}

/// Deletes the helper pod: at once when closed, through [`Cluster::clean_up`] when dropped.
struct HelperGuard {
    name: String,
    live: Option<(Cluster, Pod)>,
}

impl HelperGuard {
    fn take(&mut self) -> Option<BoxFuture<'static, Result<()>>> {
        let (cluster, pod) = self.live.take()?;
        Some(Box::pin(async move { write::delete_pod(&cluster, &pod).await }))
    }
}

impl Drop for HelperGuard {
    fn drop(&mut self) {
        let cluster = self.live.as_ref().map(|(cluster, _)| cluster.clone());
        if let (Some(cluster), Some(deletion)) = (cluster, self.take()) {
            cluster.clean_up_later(Box::pin(async move {
                if let Err(error) = deletion.await {
                    tracing::debug!(%error, "the helper pod could not be deleted; it ends by itself");
                }
            }));
        }
    }
}

#[cfg(test)]
mod tests;
