//! What a pod needs in order to reach stores: plugins, keys of Flink's configuration, environment, volumes. Pure.
//!
//! Secrets go to the environment or into mounted files, never into a key: Flink's configuration is in a ConfigMap,
//! and its REST API shows it. The keys are those of Flink's documentation ("File Systems"), of Hadoop's
//! `core-default.xml` and of Presto's `S3ConfigurationUpdater`; the same text serves Flink 1.17 to 2.3.

mod azure;
mod gcs;
mod hdfs;
mod oss;
mod s3;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EnvVar, EnvVarSource, SecretKeySelector, SecretVolumeSource, Volume,
    VolumeMount,
};

use super::profile::{Credentials, Profile, S3Plugin};
use super::uri::StoreKind;
use crate::model::config::FlinkConfig;
use crate::model::flink_version::FlinkVersion;
use crate::model::violation::Violation;

/// Names of the plugins that [`PRELUDE`](crate::manifest::PRELUDE) enables, without version, separated by spaces.
const PLUGINS: &str = "FLINK_STORE_PLUGINS";
/// Where plugins come from that the image lacks: `NAME=URL` or `NAME=URL#SHA256`, separated by spaces.
const PLUGIN_JARS: &str = "FLINK_STORE_PLUGIN_JARS";
/// Folders with certificates that it has the JVM trust, separated by spaces.
const AUTHORITIES: &str = "FLINK_STORE_AUTHORITIES";
/// Read and write for nobody else than user and group of the pod.
const SECRET_MODE: i32 = 0o440;

/// What reaches the stores of one pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wiring {
    /// Flink's plugins, by the names of their jars without the version.
    pub plugins: Vec<&'static str>,
    /// Where some of them come from, as the start script reads it.
    pub plugin_jars: Vec<String>,
    /// Keys of Flink's configuration.
    pub config: FlinkConfig,
    /// Keys of the storage agent's alone, whose JVM is small.
    pub agent_config: FlinkConfig,
    /// Keys whose value is that of a variable of [`Wiring::env`], because it is secret.
    pub secret_config: Vec<(String, &'static str)>,
    /// Environment of every container that opens a store.
    pub env: Vec<EnvVar>,
    /// Volumes of the pod.
    pub volumes: Vec<Volume>,
    /// Mounts of every container that opens a store.
    pub mounts: Vec<VolumeMount>,
    /// Where certificates of authorities are mounted.
    pub authorities: Vec<String>,
    /// The account that the cloud trusts.
    pub service_account: Option<String>,
}

impl Wiring {
    /// Wires one pod to all of `stores`; see [`Profile::goes_with`].
    pub fn of<'a>(stores: impl IntoIterator<Item = &'a Profile>) -> Wiring {
        let mut wiring = Wiring::default();
        let mut kinds = Vec::new();
        for store in stores {
            if !kinds.contains(&store.kind()) {
                wiring.add(store);
                kinds.push(store.kind());
            }
        }
        if !wiring.plugins.is_empty() {
            let plugins = wiring.plugins.join(" ");
            wiring.env.push(variable(PLUGINS, &plugins));
        }
        if !wiring.plugin_jars.is_empty() {
            let jars = wiring.plugin_jars.join(" ");
            wiring.env.push(variable(PLUGIN_JARS, &jars));
        }
        if !wiring.authorities.is_empty() {
            let folders = wiring.authorities.join(" ");
            wiring.env.push(variable(AUTHORITIES, &folders));
        }
        wiring
    }

    fn add(&mut self, store: &Profile) {
        match store.kind() {
            StoreKind::S3 => s3::wire(self, store),
            StoreKind::Azure => azure::wire(self, store),
            StoreKind::Gcs => gcs::wire(self, store),
            StoreKind::Oss => oss::wire(self, store),
            StoreKind::Hdfs => hdfs::wire(self, store),
        }
        if let (Some(jar), Some(plugin)) = (&store.access.plugin_jar, self.plugins.last()) {
            self.plugin_jars.push(format!("{plugin}={}", jar.wanted()));
        }
        if let Some(bundle) = &store.access.ca_bundle {
            let folder = format!("/flink/authorities/{}", store.kind());
            let volume = bundle.volume(format!("flink-{}-authorities", store.kind()));
            self.mount(volume, &folder);
            self.authorities.push(folder);
        }
        if let Credentials::ServiceAccount(name) = &store.credentials {
            self.service_account = Some(name.clone());
        }
        self.config.overlay(&store.access.config);
    }

    fn set(&mut self, key: &str, value: &str) {
        self.config.set(key, value);
    }

    /// A variable whose value stays in the Secret of `store`.
    fn secret(&mut self, store: &Profile, name: &str, optional: bool) {
        let Credentials::Secret(secret) = &store.credentials else { return };
        let source = SecretKeySelector {
            name: secret.clone(),
            key: name.to_owned(),
            optional: optional.then_some(true),
        };
        self.env.push(EnvVar {
            name: name.to_owned(),
            value: None,
            value_from: Some(EnvVarSource {
                secret_key_ref: Some(source),
                ..EnvVarSource::default()
            }),
        });
    }

    /// Mounts the Secret of `store`; gives the folder.
    fn secret_files(&mut self, store: &Profile) -> Option<String> {
        let Credentials::Secret(secret) = &store.credentials else { return None };
        let source = SecretVolumeSource {
            secret_name: Some(secret.clone()),
            default_mode: Some(SECRET_MODE),
            ..SecretVolumeSource::default()
        };
        let name = format!("flink-{}-credentials", store.kind());
        let path = format!("/flink/credentials/{}", store.kind());
        let volume = Volume { name, secret: Some(source), ..Volume::default() };
        self.mount(volume, &path);
        Some(path)
    }

    fn config_map_files(&mut self, name: &str, config_map: &str, path: &str) {
        let source = ConfigMapVolumeSource {
            name: config_map.to_owned(),
            ..ConfigMapVolumeSource::default()
        };
        let volume =
            Volume { name: name.to_owned(), config_map: Some(source), ..Volume::default() };
        self.mount(volume, path);
    }

    fn mount(&mut self, volume: Volume, path: &str) {
        self.mounts.push(VolumeMount {
            name: volume.name.clone(),
            mount_path: path.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        });
        self.volumes.push(volume);
    }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None }
}

/// What keeps `version` of Flink from using this store.
pub fn check(store: &Profile, version: FlinkVersion) -> Option<Violation> {
    let native = store.kind() == StoreKind::S3 && store.s3_plugin() == S3Plugin::Native;
    (native && version < FlinkVersion::V2_3).then(|| {
        Violation::new(
            "the storage profile's plugin",
            format!("Flink {version} has no flink-s3-fs-native, which came with 2.3"),
            "Use a profile with the presto or the hadoop plugin.",
        )
    })
}

#[cfg(test)]
mod tests;
