//! What the pods of a job on a store get beside Flink: access to it, and the job's jar from it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvVar, PodSecurityContext, PodSpec, ResourceRequirements,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{pod, security, volumes};
use crate::error::Result;
use crate::model::agent;
use crate::model::config::FlinkConfig;
use crate::model::flink_version::FlinkVersion;
use crate::model::revision::{JAR_FOLDER, Revision};
use crate::model::store::Wiring;

/// Sets up what every process of Flink needs around it; a script that uses it goes on with `$FLINK_LIB_DIR` and
/// `$hadoop` as its class path. For `/bin/sh`.
pub const PRELUDE: &str = include_str!("prelude.sh");

/// Where a container without Flink's ConfigMap has its configuration.
const CONFIG_PATH: &str = "/tmp/flink-conf";
/// The agent's jar in the generation's ConfigMap.
pub(super) const AGENT_FILE: &str = "kubectl-flink-agent.jar";
const JAR_VOLUME: &str = "flink-jar";
const PLUGIN_VOLUME: &str = "flink-plugins";
pub(super) const FETCH_SCRIPT: &str =
    concat!("agent=$1\n", include_str!("prelude.sh"), include_str!("fetch.sh"));
/// Name of the init container that brings the job's jar.
pub const FETCH: &str = "flink-fetch";

/// The environment of a container that opens stores without Flink's ConfigMap: the store's variables and, for
/// [`PRELUDE`], the keys of the configuration. `further` are keys of the user's.
pub fn agent_env(wiring: &Wiring, further: &FlinkConfig) -> Result<Vec<EnvVar>> {
    let mut config = wiring.config.clone();
    config.overlay(&wiring.agent_config);
    config.overlay(further);
    // Kubernetes puts the secrets into this one variable; the ConfigMap of a generation never has them.
    let mut env = wiring.env.clone();
    let with_secrets = |version: FlinkVersion| -> Result<String> {
        let mut text = pod::escape(&config.render(version)?);
        for (key, variable) in &wiring.secret_config {
            text.push_str(&format!("{key}: $({variable})\n"));
        }
        Ok(text)
    };
    let text = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    };
    env.push(text("FLINK_CONF_DIR", CONFIG_PATH.to_owned()));
    env.push(text("FLINK_STORE_CONFIG", with_secrets(FlinkVersion::V1_19)?));
    env.push(text("FLINK_STORE_CONFIG_LINES", with_secrets(FlinkVersion::V1_18)?));
    Ok(env)
}

/// What a container that opens stores takes: a JVM of 220 MB with the largest of the plugins.
pub fn agent_resources() -> ResourceRequirements {
    let quantities = |cpu: &str, memory: &str| {
        BTreeMap::from([
            ("cpu".to_owned(), Quantity(cpu.to_owned())),
            ("memory".to_owned(), Quantity(memory.to_owned())),
        ])
    };
    ResourceRequirements {
        requests: Some(quantities("100m", "256Mi")),
        limits: Some(quantities("2", "512Mi")),
        ..ResourceRequirements::default()
    }
}

/// Gives the pod's store volumes and, where the jar is on a store, the container that brings it.
pub(super) fn add(
    spec: &mut PodSpec,
    revision: &Revision,
    wiring: &Wiring,
    context: &PodSecurityContext,
) -> Result<()> {
    spec.volumes.get_or_insert_default().extend(wiring.volumes.clone());
    if !wiring.plugin_jars.is_empty() {
        spec.volumes.get_or_insert_default().push(empty(PLUGIN_VOLUME));
    }
    if !revision.jar.is_fetched() {
        return Ok(());
    }
    spec.volumes.get_or_insert_default().push(empty(JAR_VOLUME));
    let fetch = fetch(revision, wiring, context)?;
    spec.init_containers.get_or_insert_default().push(fetch);
    Ok(())
}

/// The mounts of the main container.
pub(super) fn mounts(revision: &Revision, wiring: &Wiring) -> Vec<VolumeMount> {
    let jar =
        revision.jar.is_fetched().then(|| VolumeMount { read_only: Some(true), ..jar_mount() });
    wiring.mounts.iter().cloned().chain(plugin_mount(wiring)).chain(jar).collect()
}

fn empty(name: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

/// Where plugins from the web stay while containers come and go; the folder is that of [`PRELUDE`].
fn plugin_mount(wiring: &Wiring) -> Option<VolumeMount> {
    (!wiring.plugin_jars.is_empty()).then(|| VolumeMount {
        name: PLUGIN_VOLUME.to_owned(),
        mount_path: "/flink/plugins".to_owned(),
        ..VolumeMount::default()
    })
}

/// Whether containers of the pod run the agent before Flink, so that its jar must be there.
pub(super) fn needs_agent(revision: &Revision) -> bool {
    revision.jar.is_fetched() || revision.stores().any(|store| store.access.plugin_jar.is_some())
}

fn jar_mount() -> VolumeMount {
    VolumeMount {
        name: JAR_VOLUME.to_owned(),
        mount_path: JAR_FOLDER.to_owned(),
        ..VolumeMount::default()
    }
}

fn fetch(revision: &Revision, wiring: &Wiring, context: &PodSecurityContext) -> Result<Container> {
    let jar = &revision.jar;
    let path = jar.in_pod();
    let path = path.strip_prefix("file://").unwrap_or(&path);
    let mut mounts = vec![volumes::config_mount(), jar_mount()];
    mounts.extend(wiring.mounts.clone());
    mounts.extend(plugin_mount(wiring));
    Ok(Container {
        name: FETCH.to_owned(),
        image: Some(revision.image.clone()),
        image_pull_policy: revision.spec.spec.image_pull_policy.clone(),
        command: Some(["/bin/sh", "-c", FETCH_SCRIPT, "fetch"].map(str::to_owned).to_vec()),
        args: Some(
            [&format!("{}/{AGENT_FILE}", volumes::CONFIG_PATH), agent::MAIN_CLASS, &jar.uri, path]
                .map(pod::escape)
                .to_vec(),
        ),
        env: Some(agent_env(wiring, &revision.spec.spec.flink_configuration)?),
        volume_mounts: Some(mounts),
        resources: Some(agent_resources()),
        security_context: Some(security::container(None, context)),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    })
}
