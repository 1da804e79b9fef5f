//! Names from the kubeconfig and the cluster.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Service};
use kube::core::PartialObjectMeta;
use kube::{Resource, ResourceExt};

use super::answer::Question;
use super::wanted::Wanted;
use crate::cluster::{
    Cluster, ConnectOptions, kubeconfig, read, survey, volume_snapshots as served,
};
use crate::error::Result;
use crate::flink::types::{Checkpoint, CheckpointStatus};
use crate::model::labels;
use crate::model::name::ApplicationName;
use crate::model::snapshot::SnapshotPath;
use crate::model::volume_snapshot::VolumeSnapshot;
use crate::ops::observed::Run;
use crate::ops::{anchor, data_stores, observe, profiles};

/// A word that fits, and what there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) value: String,
    pub(super) help: String,
}

impl Candidate {
    fn new(value: impl Into<String>, help: impl Into<String>) -> Self {
        Candidate { value: value.into(), help: help.into() }
    }

    /// `claim:NAME`, as storage that can be used.
    fn of_claim(self) -> Self {
        Candidate { value: format!("claim:{}", self.value), ..self }
    }
}

/// Everything that the word can be; the caller picks what begins as it does.
///
/// # Errors
/// Those of the kubeconfig and the cluster. Nobody reads them: see [`super::answer`].
pub(super) async fn candidates(question: &Question, typed: &str) -> Result<Vec<Candidate>> {
    match question.wanted {
        Wanted::Context => contexts(&question.connect),
        Wanted::Cluster | Wanted::User => entries(&question.connect, question.wanted),
        Wanted::Path => Ok(Vec::new()),
        in_cluster => {
            let cluster = Cluster::connect(&question.connect).await?;
            match in_cluster {
                Wanted::Namespace => named::<Namespace>(&cluster, &cluster.api_all(), "").await,
                Wanted::Application => applications(&cluster).await,
                Wanted::Claim => claims(&cluster).await,
                Wanted::DataStore => data_stores(&cluster).await,
                Wanted::Volume => volumes(&cluster).await,
                Wanted::VolumeSnapshot => volume_snapshots(&cluster).await,
                Wanted::VolumeSnapshotClass => volume_snapshot_classes(&cluster).await,
                Wanted::Stored => stored(&cluster).await,
                Wanted::Measured => measured(&cluster).await,
                Wanted::NewStorage => Ok(new_storage(&cluster, typed).await),
                Wanted::Storage => storage(&cluster, typed).await,
                _ => snapshots(&cluster, question.application.as_ref()).await,
            }
        }
    }
}

fn contexts(connect: &ConnectOptions) -> Result<Vec<Candidate>> {
    let contexts = read_kubeconfig(connect)?.map(|config| config.contexts).unwrap_or_default();
    Ok(contexts
        .into_iter()
        .map(|named| {
            let cluster = named.context.map(|context| context.cluster).unwrap_or_default();
            Candidate::new(named.name, format!("cluster {cluster}"))
        })
        .collect())
}

fn entries(connect: &ConnectOptions, wanted: Wanted) -> Result<Vec<Candidate>> {
    let Some(config) = read_kubeconfig(connect)? else { return Ok(Vec::new()) };
    let names: Vec<String> = match wanted {
        Wanted::Cluster => config.clusters.into_iter().map(|named| named.name).collect(),
        _ => config.auth_infos.into_iter().map(|named| named.name).collect(),
    };
    Ok(names.into_iter().map(|name| Candidate::new(name, "")).collect())
}

fn read_kubeconfig(connect: &ConnectOptions) -> Result<Option<kube::config::Kubeconfig>> {
    kubeconfig::read(
        connect.kubeconfig.as_deref(),
        connect.kubeconfig_variable.as_deref(),
        connect.home.as_deref(),
    )
}

async fn named<K>(cluster: &Cluster, api: &kube::Api<K>, selector: &str) -> Result<Vec<Candidate>>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let found: Vec<PartialObjectMeta<K>> = read::list_as(cluster, api, selector).await?;
    Ok(found.iter().map(|object| Candidate::new(object.name_any(), "")).collect())
}

/// Every application has one Service that says so; see [`crate::ops::anchor`].
async fn applications(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let services: Vec<Service> =
        read::list(cluster, &cluster.api::<Service>(), labels::APPLICATION).await?;
    let application = |service: &Service| {
        let anchor = anchor::Anchor::from_service(service).transpose()?;
        let help = match anchor.map(|anchor| anchor.run) {
            Ok(Run::Running) => "running",
            Ok(Run::Stopped) => "stopped",
            Err(_) => "damaged",
        };
        Some(Candidate::new(service.labels().get(labels::APPLICATION)?, help))
    };
    Ok(services.iter().filter_map(application).collect())
}

async fn claims(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let ours = format!("{}={}", labels::MANAGED_BY, labels::FIELD_MANAGER);
    let claims = read::list::<PersistentVolumeClaim>(cluster, &cluster.api(), &ours).await?;
    Ok(claims
        .iter()
        .map(|claim| {
            let whose = claim.labels().get(labels::APPLICATION);
            let help = whose.map(|name| format!("state of {name}")).unwrap_or_default();
            Candidate::new(claim.name_any(), help)
        })
        .collect())
}

/// What `storage snapshot` takes.
async fn volumes(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let (applications, claims) = tokio::join!(applications(cluster), claims(cluster));
    let mut found = applications?;
    found.extend(claims?);
    Ok(found)
}

/// Volume snapshots, each with what it is of; one that is not ready is no choice.
async fn volume_snapshots(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let found = served::list(cluster).await?.found();
    let ready = found.iter().filter(|snapshot| snapshot.is_ready());
    let candidate = |snapshot: &VolumeSnapshot| {
        let help = snapshot.claim().map(|claim| format!("of claim {claim}")).unwrap_or_default();
        Candidate::new(snapshot.name_any(), help)
    };
    Ok(ready.map(candidate).collect())
}

async fn volume_snapshot_classes(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let found = served::classes(cluster).await?.unwrap_or_default();
    Ok(found.into_iter().map(|class| Candidate::new(class.name_any(), class.driver)).collect())
}

async fn data_stores(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let found = read::list::<ConfigMap>(cluster, &cluster.api(), labels::DATA_STORE).await?;
    let candidate = |found: &ConfigMap| {
        let uri = found.data.as_ref().and_then(|data| data.get("uri")).cloned();
        Candidate::new(data_stores::name_of(found), uri.unwrap_or_default())
    };
    Ok(found.iter().map(candidate).collect())
}

/// `pvc:SIZE` with the size that is typed already, and the same of each StorageClass.
async fn new_storage(cluster: &Cluster, typed: &str) -> Vec<Candidate> {
    let size = typed.strip_prefix("pvc:").and_then(|rest| rest.split(',').next());
    let size = size.filter(|size| !size.is_empty()).unwrap_or("10Gi");
    let mut found = vec![Candidate::new(format!("pvc:{size}"), "of the default StorageClass")];
    // That classes may not be listed takes nothing from the rest.
    let classes = survey::storage_classes(cluster).await.ok().flatten().unwrap_or_default();
    found.extend(classes.into_iter().map(|class| {
        Candidate::new(format!("pvc:{size},class={}", class.name), class.provisioner)
    }));
    found
}

/// Storage profiles. Those that may not be listed take nothing from the rest.
async fn profiles(cluster: &Cluster) -> Vec<Candidate> {
    let api = cluster.api::<ConfigMap>();
    let found = read::list(cluster, &api, labels::PROFILE).await.unwrap_or_default();
    let candidate = |map: &ConfigMap| {
        let uri = map.data.as_ref().and_then(|data| data.get("uri").cloned());
        Candidate::new(profiles::name_of(map), uri.unwrap_or_default())
    };
    found.iter().map(candidate).collect()
}

/// What `storage describe` and `storage delete` take.
async fn stored(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let (claims, mut found, data_stores) =
        tokio::join!(claims(cluster), profiles(cluster), data_stores(cluster));
    found.extend(data_stores.unwrap_or_default());
    found.extend(claims?);
    Ok(found)
}

/// What `storage check` takes.
async fn measured(cluster: &Cluster) -> Result<Vec<Candidate>> {
    let (applications, profiles, data_stores, claims) = tokio::join!(
        applications(cluster),
        profiles(cluster),
        data_stores(cluster),
        claims(cluster)
    );
    let mut found = applications?;
    found.extend(profiles);
    found.extend(data_stores.unwrap_or_default());
    found.extend(claims?.into_iter().map(Candidate::of_claim));
    Ok(found)
}

async fn storage(cluster: &Cluster, typed: &str) -> Result<Vec<Candidate>> {
    let (mut found, new, claims) =
        tokio::join!(profiles(cluster), new_storage(cluster, typed), claims(cluster));
    found.extend(new);
    found.extend(claims?.into_iter().map(Candidate::of_claim));
    Ok(found)
}

/// What Flink and the anchor know without a look at the storage, which takes a pod and so seconds.
async fn snapshots(
    cluster: &Cluster,
    application: Option<&ApplicationName>,
) -> Result<Vec<Candidate>> {
    let mut found = vec![Candidate::new("latest", "the newest snapshot")];
    let Some(application) = application else { return Ok(found) };
    let Some(anchor) = anchor::find(cluster, application).await? else { return Ok(found) };
    if let Some(path) = &anchor.snapshot {
        found.push(Candidate::new(path.name(), "what it was stopped with"));
    }
    if anchor.run == Run::Running {
        let job = observe::revision(cluster, application, anchor.generation).await?.job_id;
        let flink = observe::flink(cluster, application, anchor.generation);
        if let Ok(checkpoints) = flink.checkpoints(job).await {
            found.extend(checkpoints.history.iter().filter_map(snapshot));
        }
    }
    Ok(found)
}

/// A checkpoint or savepoint that can still be restored. Flink's history begins with the newest.
fn snapshot(checkpoint: &Checkpoint) -> Option<Candidate> {
    if checkpoint.status != CheckpointStatus::Completed || checkpoint.discarded {
        return None;
    }
    let path: SnapshotPath = checkpoint.external_path.as_ref()?.parse().ok()?;
    let help = if checkpoint.is_savepoint { "savepoint" } else { "checkpoint" };
    Some(Candidate::new(path.name(), help))
}
