//! From flags to a FlinkDeployment: flags are a short way to write the document, and override one.

use std::path::Path;

use crate::commands::deploy::DeployArgs;
use crate::error::{Error, Kind, Result};
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::spec::{
    API_VERSION, FlinkDeployment, JobManagerSpec, JobSpec, KIND, Resource, Resources,
    TaskManagerSpec,
};
use crate::model::storage::StorageSpec;
use crate::yaml;

/// Manifests larger than this are refused unread, in bytes: etcd would not take the record.
const MAX_DOCUMENT: u64 = 1 << 20;

/// Reads the document of `-f`; `-` is standard input.
///
/// # Errors
/// [`Kind::Usage`] when it cannot be read or is not a FlinkDeployment.
pub(super) fn read(path: &Path) -> Result<FlinkDeployment> {
    let name = match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let cannot = |e: std::io::Error| {
        Error::usage(format!("cannot read {name}"))
            .caused_by(e)
            .hint("Check the path given with -f.")
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::Read::read_to_end(
            &mut std::io::Read::take(std::io::stdin(), MAX_DOCUMENT + 1),
            &mut bytes,
        )
        .map_err(cannot)?;
    } else {
        let file = std::fs::File::open(path).map_err(cannot)?;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_DOCUMENT + 1), &mut bytes)
            .map_err(cannot)?;
    }
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Error::usage(format!("{name} is larger than {MAX_DOCUMENT} bytes"))
            .hint("A FlinkDeployment is a few kilobytes: is this the right file?"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| Error::usage(format!("{name} is not UTF-8 text")).caused_by(e))?;
    parse(&text, &name)
}

fn parse(text: &str, name: &str) -> Result<FlinkDeployment> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        #[serde(default)]
        api_version: String,
        #[serde(default)]
        kind: String,
    }
    // What it is comes first: the fields of something else would only be puzzling.
    let Head { api_version, kind } = yaml::from_str(text, name)?;
    if api_version != API_VERSION || kind != KIND {
        let found = match (api_version.is_empty(), kind.is_empty()) {
            (false, false) => format!("a {api_version} {kind}"),
            _ => "no apiVersion and kind".to_owned(),
        };
        return Err(Error::usage(format!("{name} holds {found}, not a {API_VERSION} {KIND}"))
            .hint("Write one with `kubectl flink deploy NAME --jar … --dry-run=client -o yaml`."));
    }
    yaml::from_str::<FlinkDeployment>(text, name)
}

/// The document that the flags describe, over that of `-f` when there is one.
///
/// # Errors
/// [`Kind::Usage`] for flags that cannot be understood or contradict the document.
pub(super) fn from_args(args: &DeployArgs, namespace: &str) -> Result<FlinkDeployment> {
    let mut document = match &args.filename {
        Some(path) => read(path)?,
        None => {
            let mut new = FlinkDeployment::new("", Some(namespace), FlinkVersion::default());
            new.spec.job = Some(JobSpec::default());
            new
        }
    };
    name(&mut document, args, namespace)?;
    image(&mut document, args)?;
    storage(&mut document, args)?;
    resources(&mut document, args);
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
    job(&mut document, args);
    Ok(document)
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
