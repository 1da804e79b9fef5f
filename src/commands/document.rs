//! From flags to a FlinkDeployment: flags are a short way to write the document, and override one.

use crate::commands::deploy::DeployArgs;
use crate::commands::{pods, sources};
use crate::error::{Error, Kind, Result};
use crate::model::data;
use crate::model::document::{self, Document};
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::spec::{
    API_VERSION, FlinkDeployment, JobManagerSpec, JobSpec, KIND, Resource, Resources,
    TaskManagerSpec,
};
use crate::model::storage::{MOUNT_PATH, StorageSpec, mounted_path};
use crate::model::validate;
use crate::model::violation::{self, Violation};

/// The documents that the command line stands for, flags included, each sound in itself.
///
/// # Errors
/// [`Kind::Usage`] with everything that is wrong in any of them, each with its place; also for flags that
/// cannot be understood or contradict a document.
pub(super) async fn all(args: &DeployArgs, namespace: &str) -> Result<Vec<FlinkDeployment>> {
    let written = sources::documents(&args.filename, args.recursive).await?;
    if written.is_empty() {
        let mut new = FlinkDeployment::new("", Some(namespace), FlinkVersion::default());
        new.spec.job = Some(JobSpec::default());
        overlay(&mut new, args, namespace)?;
        return match check(&new) {
            found if found.is_empty() => Ok(vec![new]),
            found => Err(violation::error(&new.metadata.name, &found)),
        };
    }
    if let (Some(name), true) = (&args.name, written.len() > 1) {
        return Err(Error::usage(format!(
            "the name {name} is given, and there are {} documents",
            written.len()
        ))
        .hint("Leave the name out: each document has its own."));
    }
    let mut found = Vec::new();
    let mut deployments: Vec<FlinkDeployment> = Vec::new();
    for document in &written {
        match one(document, args, namespace)? {
            (None, violations) => found.extend(violations),
            (Some(deployment), violations) => {
                found.extend(violations);
                found.extend(twice(document, &deployment, &deployments));
                deployments.push(deployment);
            }
        }
    }
    match (found.is_empty(), deployments.as_slice()) {
        (true, _) => Ok(deployments),
        (false, [one]) if written.len() == 1 => Err(violation::error(&one.metadata.name, &found)),
        (false, _) => Err(violation::error_of_all(written.len(), &found)),
    }
}

/// A document with the flags over it, and all that is wrong with the result.
fn one(
    document: &Document,
    args: &DeployArgs,
    namespace: &str,
) -> Result<(Option<FlinkDeployment>, Vec<Violation>)> {
    if let Some(stranger) = stranger(document) {
        return Ok((None, document::placed(vec![stranger], document, &[])));
    }
    let reading = document.read();
    let mut deployment = reading.deployment.clone();
    overlay(&mut deployment, args, namespace)?;
    let changed = document::differences(&reading.deployment, &deployment);
    let found = document::placed(reading.with(check(&deployment)), document, &changed);
    Ok((Some(deployment), found))
}

/// Validates a document whose jar may still be on this machine: that it gets a place on the storage is
/// known, and only the place depends on the rest.
fn check(deployment: &FlinkDeployment) -> Vec<Violation> {
    let mut deployment = deployment.clone();
    if let Some(uri) = deployment.spec.job.as_mut().and_then(|job| job.jar_uri.as_mut())
        && is_on_this_machine(uri)
    {
        *uri = format!("file://{MOUNT_PATH}/jars/local.jar");
    }
    validate::violations(&deployment)
}

/// Whether a jar is a file here, which is to be uploaded.
pub(super) fn is_on_this_machine(uri: &str) -> bool {
    !uri.is_empty()
        && !uri.contains("://")
        && !uri.starts_with("local:")
        && mounted_path(uri).is_none()
}

/// Why a document of another kind is not deployed.
fn stranger(document: &Document) -> Option<Violation> {
    let (version, kind) = (document.api_version(), document.kind());
    if (version, kind) == (API_VERSION, KIND) {
        return None;
    }
    let ours = version.starts_with("flink.apache.org/");
    let (message, remedy) = match kind {
        "FlinkSessionJob" if ours => (
            "the direct engine runs applications, each on a cluster of its own, and no session jobs".to_owned(),
            "Write a FlinkDeployment with this spec.job.".to_owned(),
        ),
        "FlinkStateSnapshot" if ours => (
            "it is an order to the operator".to_owned(),
            "Use `kubectl flink savepoint` or `kubectl flink checkpoint`.".to_owned(),
        ),
        "FlinkBlueGreenDeployment" if ours => (
            "here every upgrade keeps the old generation until the new one has proven itself".to_owned(),
            "Write its spec.template.spec as a FlinkDeployment.".to_owned(),
        ),
        KIND if ours => (
            format!("{version} is not known"),
            format!("Write apiVersion: {API_VERSION}."),
        ),
        "" => (
            "the document has no kind".to_owned(),
            format!("Start it with apiVersion: {API_VERSION} and kind: {KIND}."),
        ),
        kind => (
            format!("deploy makes no {kind}"),
            "Leave it out here, and apply it with `kubectl apply`.".to_owned(),
        ),
    };
    Some(Violation::new("kind", message, remedy))
}

/// Two documents for one application would be two upgrades in a row.
fn twice(
    document: &Document,
    deployment: &FlinkDeployment,
    before: &[FlinkDeployment],
) -> Option<Violation> {
    let name = &deployment.metadata.name;
    before.iter().any(|other| &other.metadata.name == name).then(|| Violation {
        place: Some(document.place("metadata.name")),
        ..Violation::new(
            "metadata.name",
            format!("an earlier document is about {name:?} too"),
            "Keep one of them.",
        )
    })
}

/// Puts what the flags say over the document.
///
/// # Errors
/// [`Kind::Usage`] for flags that cannot be understood or contradict the document.
fn overlay(document: &mut FlinkDeployment, args: &DeployArgs, namespace: &str) -> Result<()> {
    name(document, args, namespace)?;
    image(document, args)?;
    storage(document, args)?;
    resources(document, args);
    for pair in &args.set {
        let (key, value) =
            pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
                Error::usage(format!("--set {pair:?} is not KEY=VALUE"))
                    .hint("Write --set execution.checkpointing.interval=30s.")
            })?;
        document.spec.flink_configuration.set(key.trim(), value.trim());
    }
    if let Some(slots) = args.task_slots {
        document.spec.flink_configuration.set("taskmanager.numberOfTaskSlots", slots.to_string());
    }
    job(document, args);
    pods::overlay(document, &args.pods)
}

fn name(document: &mut FlinkDeployment, args: &DeployArgs, namespace: &str) -> Result<()> {
    if let Some(name) = &args.name {
        let given = &document.metadata.name;
        if !given.is_empty() && given != name {
            return Err(Error::usage(format!("the document is about {given:?}, not {name:?}"))
                .hint("Leave the name out, or change metadata.name."));
        }
        document.metadata.name.clone_from(name);
    }
    let given = document.metadata.namespace.get_or_insert_with(|| namespace.to_owned());
    if given != namespace {
        return Err(Error::new(
            Kind::Usage,
            format!("the document is for namespace {given:?}, not {namespace:?}"),
        )
        .hint(format!("Say -n {given}, or change metadata.namespace.")));
    }
    Ok(())
}

fn image(document: &mut FlinkDeployment, args: &DeployArgs) -> Result<()> {
    if let Some(version) = &args.flink_version {
        document.spec.flink_version = Some(version.parse()?);
    }
    if let Some(image) = &args.image {
        document.spec.image = Some(image.clone());
    }
    Ok(())
}

fn storage(document: &mut FlinkDeployment, args: &DeployArgs) -> Result<()> {
    if let Some(storage) = &args.storage {
        let storage: StorageSpec = storage.parse()?;
        document.metadata.annotations.insert(labels::STORAGE.to_owned(), storage.to_string());
    }
    if !args.data_store.is_empty() {
        let names = data::names(&args.data_store.join(","))?.join(",");
        document.metadata.annotations.insert(labels::DATA_STORES.to_owned(), names);
    }
    Ok(())
}

fn resources(document: &mut FlinkDeployment, args: &DeployArgs) {
    if args.jobmanager_memory.is_some() || args.jobmanager_cpu.is_some() {
        let spec = document.spec.job_manager.get_or_insert_with(JobManagerSpec::default);
        resource(
            &mut spec.resource,
            &mut spec.resources,
            &args.jobmanager_memory,
            &args.jobmanager_cpu,
        );
    }
    if args.taskmanager_memory.is_some() || args.taskmanager_cpu.is_some() {
        let spec = document.spec.task_manager.get_or_insert_with(TaskManagerSpec::default);
        resource(
            &mut spec.resource,
            &mut spec.resources,
            &args.taskmanager_memory,
            &args.taskmanager_cpu,
        );
    }
}

/// `resources` wins over `resource`, so where a document has it the flag goes there.
fn resource(
    resource: &mut Option<Resource>,
    resources: &mut Option<Resources>,
    memory: &Option<String>,
    cpu: &Option<String>,
) {
    if let Some(resources) = resources {
        for (name, value) in [("memory", memory), ("cpu", cpu)] {
            if let Some(value) = value {
                resources.requests.insert(name.to_owned(), value.clone());
                resources.limits.insert(name.to_owned(), value.clone());
            }
        }
        return;
    }
    let resource = resource.get_or_insert_with(Resource::default);
    if memory.is_some() {
        resource.memory.clone_from(memory);
    }
    if cpu.is_some() {
        resource.cpu.clone_from(cpu);
    }
}

fn job(document: &mut FlinkDeployment, args: &DeployArgs) {
    // A document without a job is a session cluster, which validation refuses with its reason.
    let given = args.jar.is_some()
        || args.class.is_some()
        || args.parallelism.is_some()
        || !args.args.is_empty();
    if document.spec.job.is_none() && !given {
        return;
    }
    let job = document.spec.job.get_or_insert_with(JobSpec::default);
    if let Some(jar) = &args.jar {
        // A local jar gets its place on the storage once its content is known.
        job.jar_uri = Some(jar.clone());
    }
    if args.class.is_some() {
        job.entry_class.clone_from(&args.class);
    }
    if args.parallelism.is_some() {
        job.parallelism = args.parallelism;
    }
    if !args.args.is_empty() {
        job.args.clone_from(&args.args);
    }
    if args.allow_non_restored_state {
        job.allow_non_restored_state = Some(true);
    }
}
