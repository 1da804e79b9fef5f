//! What makes state reachable and lasting: high availability, file systems, the REST endpoint.

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::configuration::{is_mounted_in, local_path};
use crate::model::config::{FlinkConfig, names};
use crate::model::pod_template::main_container;
use crate::model::spec::{FlinkDeployment, UpgradeMode};
use crate::model::violation::Violation;

/// Whether the configuration turns high availability off; it is on by default.
pub(super) fn without_ha(config: &FlinkConfig) -> bool {
    config
        .find("high-availability.type")
        .is_some_and(|(_, kind)| kind.trim().eq_ignore_ascii_case("none"))
}

pub(super) fn check(deployment: &FlinkDeployment) -> Vec<Violation> {
    let config = &deployment.spec.flink_configuration;
    let mut found = Vec::new();
    let mode = deployment.job().and_then(|job| job.upgrade_mode);
    if mode == Some(UpgradeMode::LastState) && without_ha(config) {
        found.push(Violation::new(
            "spec.job.upgradeMode",
            "last-state goes on from what high availability records, and the configuration turns it off",
            "Remove high-availability.type from spec.flinkConfiguration, or write savepoint.",
        ));
    }
    // `security.ssl.enabled` was the switch for both before 1.9 and still is, where the newer ones are absent.
    for key in ["security.ssl.rest.enabled", "security.ssl.enabled"] {
        if config.get(key).is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
            found.push(Violation::new(
                format!("spec.flinkConfiguration.{key}"),
                "the probes, and this plugin by way of the API server, speak plain HTTP to the JobManager",
                "Remove it: requests come encrypted to the API server, and a NetworkPolicy guards the pods; \
                 security.ssl.internal.enabled encrypts what the pods say to each other.",
            ));
        }
    }
    for (key, _) in places(deployment).into_iter().filter(|(_, place)| place.trim().is_empty()) {
        if key.starts_with("spec.flinkConfiguration") {
            found.push(Violation::new(
                key,
                "it is empty, and Flink would keep that state nowhere",
                "Remove it to use the state storage, or name a directory.",
            ));
        }
    }
    let mode = config.get("scheduler-mode").map(str::trim);
    if let Some(mode) = mode.filter(|mode| !mode.eq_ignore_ascii_case("reactive")) {
        found.push(Violation::new(
            "spec.flinkConfiguration.scheduler-mode",
            format!("Flink has no mode {mode:?}"),
            "Write reactive, where the TaskManagers decide the parallelism, or remove it.",
        ));
    }
    if let Some((key, most)) = config.find("pipeline.max-parallelism")
        && let Ok(most) = most.trim().parse::<i32>()
        && (1..deployment.parallelism()).contains(&most)
    {
        found.push(Violation::new(
            format!("spec.flinkConfiguration.{key}"),
            format!("it is {most}, and the job's parallelism is {}", deployment.parallelism()),
            "Raise it, or lower spec.job.parallelism; a job that has state keeps the value it began with.",
        ));
    }
    found
}

/// Where state is, or comes from: the key or field, and the URI.
fn places(deployment: &FlinkDeployment) -> Vec<(String, &str)> {
    const KEYS: [&str; 3] =
        ["state.checkpoints.dir", "state.savepoints.dir", "high-availability.storageDir"];
    let config = &deployment.spec.flink_configuration;
    let in_config = KEYS
        .iter()
        .flat_map(|key| names(key))
        .filter_map(|key| Some((format!("spec.flinkConfiguration.{key}"), config.get(key)?)));
    let initial = deployment.job().and_then(|job| job.initial_savepoint_path.as_deref());
    let initial = initial.map(|path| ("spec.job.initialSavepointPath".to_owned(), path));
    in_config.chain(initial).collect()
}

/// Schemes whose file system is a plugin that the official images hold in `opt/`, not enabled: scheme, plugin.
const PLUGINS: [(&str, &str); 9] = [
    ("s3", "flink-s3-fs-hadoop or flink-s3-fs-presto"),
    ("s3a", "flink-s3-fs-hadoop"),
    ("s3p", "flink-s3-fs-presto"),
    ("gs", "flink-gs-fs-hadoop"),
    ("oss", "flink-oss-fs-hadoop"),
    ("abfs", "flink-azure-fs-hadoop"),
    ("abfss", "flink-azure-fs-hadoop"),
    ("wasb", "flink-azure-fs-hadoop"),
    ("wasbs", "flink-azure-fs-hadoop"),
];

/// A file system that the official image does not have unless it is told so. Of other images nothing is known.
pub(super) fn check_plugins(
    deployment: &FlinkDeployment,
    templates: &[PodTemplateSpec],
) -> Vec<Violation> {
    // Its storage enables the plugin, and whether it is the right one is checked when the profile is known.
    let enabled = deployment.is_on_a_store() || templates.iter().all(brings_plugins);
    if enabled || !is_official(&deployment.image()) {
        return Vec::new();
    }
    let missing = |(path, uri): (String, &str)| {
        let scheme = uri.split_once("://")?.0;
        let (_, plugin) = PLUGINS.iter().find(|(known, _)| *known == scheme)?;
        let version = deployment.flink_version().release();
        let jar = plugin.split(' ').next().unwrap_or(plugin);
        Some(Violation::new(
            path,
            format!(
                "the image {} does not enable the plugin for {scheme}: ({plugin})",
                deployment.image()
            ),
            format!(
                "Set ENABLE_BUILT_IN_PLUGINS in the podTemplate, or with --env ENABLE_BUILT_IN_PLUGINS={jar}-{version}.jar, or use an image with the plugin."
            ),
        ))
    };
    places(deployment).into_iter().filter_map(missing).collect()
}

/// Whether the template enables a plugin of the image or mounts some.
fn brings_plugins(template: &PodTemplateSpec) -> bool {
    let Some(main) = main_container(template) else { return false };
    let by_variable = main.env.iter().flatten().any(|variable| {
        ["ENABLE_BUILT_IN_PLUGINS", "FLINK_PLUGINS_DIR"].contains(&variable.name.as_str())
    });
    let by_mount = main.volume_mounts.iter().flatten().any(|mount| {
        mount.mount_path.starts_with("/opt/flink/plugins")
            || mount.mount_path.starts_with("/opt/flink/lib")
    });
    by_variable || by_mount || main.env_from.is_some()
}

/// Docker's official image and the one of Apache.
fn is_official(image: &str) -> bool {
    let name = image.split(['@']).next().unwrap_or(image);
    let name = name
        .rsplit_once(':')
        .map_or(name, |(name, tag)| if tag.contains('/') { image } else { name });
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    ["flink", "library/flink", "apache/flink"].contains(&name)
}

/// The snapshot that a document starts from must be on something that both processes mount.
pub(super) fn check_initial_path(
    deployment: &FlinkDeployment,
    templates: &[PodTemplateSpec],
) -> Option<Violation> {
    let path = deployment.job()?.initial_savepoint_path.as_deref()?;
    let local = local_path(path)?;
    (!is_mounted_in(local, templates)).then(|| {
        Violation::new(
            "spec.job.initialSavepointPath",
            format!("no volume is mounted at {local} in JobManager and TaskManagers"),
            "Mount the volume that holds the snapshot in the podTemplate, or copy it to the state storage.",
        )
    })
}
