//! `spec.flinkConfiguration`.

use k8s_openapi::api::core::v1::PodTemplateSpec;

use crate::model::config::names;
use crate::model::effective::OWNED;
use crate::model::flink_version::FlinkVersion;
use crate::model::pod_template::{MERGE_BY_NAME, main_container};
use crate::model::spec::FlinkDeployment;
use crate::model::storage::MOUNT_PATH;
use crate::model::violation::Violation;

/// `kubernetes.*` keys that mean something without Flink's native mode: they steer the HA client, or the
/// operator and we both read them.
const KUBERNETES_KEYS: [&str; 9] = [
    "kubernetes.client.",
    "kubernetes.config.file",
    "kubernetes.context",
    "kubernetes.jobmanager.cpu.limit-factor",
    "kubernetes.jobmanager.memory.limit-factor",
    "kubernetes.taskmanager.cpu.limit-factor",
    "kubernetes.taskmanager.memory.limit-factor",
    "kubernetes.transactional-operation.",
    MERGE_BY_NAME,
];

/// Sizes from before Flink 1.10, which mean different things to different versions or nothing at all.
const FORMER_SIZES: [&str; 7] = [
    "jobmanager.heap.mb",
    "jobmanager.heap.size",
    "taskmanager.heap.mb",
    "taskmanager.heap.size",
    "taskmanager.network.numberOfBuffers",
    "containerized.heap-cutoff-min",
    "containerized.heap-cutoff-ratio",
];

const DIRECTORIES: [&str; 3] =
    ["state.checkpoints.dir", "state.savepoints.dir", "high-availability.storageDir"];

pub(super) fn check(deployment: &FlinkDeployment) -> Vec<Violation> {
    let config = &deployment.spec.flink_configuration;
    let version = deployment.flink_version();
    let mut found = Vec::new();
    for (key, value) in config.iter() {
        let at = |message: String, remedy: &str| {
            Violation::new(format!("spec.flinkConfiguration.{key}"), message, remedy)
        };
        if let Some(reason) = owned(key) {
            found.push(at(format!("kubectl-flink sets it: {reason}"), "Remove it."));
        } else if key.starts_with("$internal.") {
            found.push(at("it is internal to Flink".to_owned(), "Remove it."));
        } else if FORMER_SIZES.contains(&key) {
            let remedy = "Use jobmanager.memory.process.size, taskmanager.memory.process.size or the fields for resources.";
            found.push(at("Flink replaced it in 1.10".to_owned(), remedy));
        } else if let Some((message, remedy)) = foreign(key) {
            found.push(at(message.to_owned(), remedy));
        } else if let Some(message) = claims_snapshots(key, value) {
            found.push(at(message, "Remove it."));
        } else if version < FlinkVersion::V1_19 && !fits_a_line(key, value) {
            let message =
                format!("Flink {version} reads its configuration line by line and cuts at '#'");
            found.push(at(message, "Change the value, or use Flink 1.19 or later."));
        }
    }
    found
}

fn owned(key: &str) -> Option<&'static str> {
    OWNED.iter().find(|(name, _)| names(name).any(|name| name == key)).map(|(_, reason)| *reason)
}

/// Keys that are addressed to somebody else.
fn foreign(key: &str) -> Option<(&'static str, &'static str)> {
    if KUBERNETES_KEYS
        .iter()
        .any(|known| known == &key || (known.ends_with('.') && key.starts_with(known)))
    {
        return None;
    }
    if key.starts_with("kubernetes.operator.") || key.starts_with("job.autoscaler.") {
        return Some((
            "it configures the operator, which does not run this application",
            "Remove it.",
        ));
    }
    key.starts_with("kubernetes.").then_some((
        "it configures Flink's native mode, which the direct engine does not use",
        "Remove it, and use the fields of the spec or the podTemplate instead.",
    ))
}

/// With CLAIM or LEGACY a snapshot becomes Flink's, which deletes it in the end.
fn claims_snapshots(key: &str, value: &str) -> Option<String> {
    let is_mode = names("execution.savepoint-restore-mode").any(|name| name == key);
    (is_mode && !value.trim().eq_ignore_ascii_case("no_claim"))
        .then(|| format!("{value} would let Flink delete the snapshot that the job starts from"))
}

fn fits_a_line(key: &str, value: &str) -> bool {
    !value.contains(['#', '\n', '\r'])
        && !key.contains([':', '#', '\n'])
        && !value.trim().is_empty()
}

/// A directory in the file system must be on a volume that both processes mount: anything else is a folder
/// of one container, gone with it.
pub(super) fn check_directories(
    deployment: &FlinkDeployment,
    templates: &[PodTemplateSpec],
) -> Vec<Violation> {
    let config = &deployment.spec.flink_configuration;
    let given = DIRECTORIES.iter().filter_map(|key| config.find(key));
    let local = given.filter_map(|(key, value)| Some((key, local_path(value)?)));
    let violation = |(key, path): (&str, &str)| {
        Violation::new(
            format!("spec.flinkConfiguration.{key}"),
            format!(
                "no volume is mounted at {path} in JobManager and TaskManagers, so the state would be gone with the container"
            ),
            "Remove it to use the state storage, or mount a volume there in the podTemplate.",
        )
    };
    local.filter(|(_, path)| !is_mounted_in(path, templates)).map(violation).collect()
}

/// Whether `path` is on the state storage, or on a volume that the main container of every template mounts.
pub(super) fn is_mounted_in(path: &str, templates: &[PodTemplateSpec]) -> bool {
    is_under(path, MOUNT_PATH)
        || templates.iter().all(|template| {
            let mounts = main_container(template).and_then(|main| main.volume_mounts.as_ref());
            mounts.into_iter().flatten().any(|mount| is_under(path, &mount.mount_path))
        })
}

/// The path of a `file:` URI, or of one without a scheme.
pub(super) fn local_path(uri: &str) -> Option<&str> {
    let uri = uri.trim();
    let path = uri.strip_prefix("file:").unwrap_or(uri);
    let path = path.strip_prefix("//").unwrap_or(path);
    (path.starts_with('/') && (uri.starts_with("file:") || uri.starts_with('/'))).then_some(path)
}

fn is_under(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
