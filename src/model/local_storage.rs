//! A volume of its own for each TaskManager: what RocksDB works on, and local copies of the state.
//!
//! It holds no state that is nowhere else. The claim is a part of the pod (a generic ephemeral volume): Kubernetes makes
//! it with the pod and deletes it with the pod, so no claim is ever left over, and none can be mistaken for state.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::model::flink_version::FlinkVersion;
use crate::model::pod_template;
use crate::model::process::Process;
use crate::model::quantity::Quantity;
use crate::model::spec::FlinkDeploymentSpec;
use crate::model::storage::{AccessMode, NewClaim};

/// Where the volume is mounted, and Flink's working directory.
pub const LOCAL_PATH: &str = "/flink/local";
/// Name of the volume.
pub const LOCAL_VOLUME: &str = "flink-local";

const SYNTAX: &str = "Write pvc:SIZE[,class=NAME][,access=rwo|rwop], such as pvc:20Gi,class=fast.";

/// What `--taskmanager-storage` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalStorage {
    /// Capacity of each volume.
    pub size: Quantity,
    /// The StorageClass; the cluster's default when absent.
    pub class: Option<String>,
    /// ReadWriteOncePod: not even another pod of the same node can mount it.
    pub one_pod: bool,
}

impl LocalStorage {
    /// The volume, as a pod template has it.
    pub fn volume(&self) -> Value {
        let mut spec = json!({
            "accessModes": [if self.one_pod { "ReadWriteOncePod" } else { "ReadWriteOnce" }],
            "resources": {"requests": {"storage": self.size.to_string()}},
        });
        if let Some(class) = &self.class {
            spec["storageClassName"] = class.as_str().into();
        }
        json!({"name": LOCAL_VOLUME, "ephemeral": {"volumeClaimTemplate": {"spec": spec}}})
    }

    /// Its mount.
    pub fn mount() -> Value {
        json!({"name": LOCAL_VOLUME, "mountPath": LOCAL_PATH})
    }

    /// The configuration that makes Flink use it: the working directory (FLIP-198) holds RocksDB's files and the local
    /// copies, which a TaskManager finds again that comes back under its old resource id. From Flink 1.20 on the
    /// copies have two options (FLINK-34456), before that one.
    pub fn settings(version: FlinkVersion) -> Vec<(&'static str, &'static str)> {
        let mut settings = vec![("process.taskmanager.working-dir", LOCAL_PATH)];
        match version >= FlinkVersion::V1_20 {
            true => settings.extend([
                ("execution.checkpointing.local-backup.enabled", "true"),
                ("execution.state-recovery.from-local", "true"),
            ]),
            false => settings.push(("state.backend.local-recovery", "true")),
        }
        settings
    }
}

/// The claims that Kubernetes makes with each pod of a process, by the names of their volumes: those of
/// `--taskmanager-storage`, and those that a pod template has by itself.
pub fn claims(spec: &FlinkDeploymentSpec, process: Process) -> Vec<(String, NewClaim)> {
    let template = pod_template::merged(spec, process);
    let volumes = template.pointer("/spec/volumes").and_then(Value::as_array);
    let claim = |volume: &Value| {
        let spec = volume.pointer("/ephemeral/volumeClaimTemplate/spec")?;
        let size = spec.pointer("/resources/requests/storage")?.as_str()?.parse().ok()?;
        let class = spec["storageClassName"].as_str().map(str::to_owned);
        let name = volume["name"].as_str().unwrap_or_default().to_owned();
        Some((name, NewClaim { size, class, access: AccessMode::Rwo }))
    };
    volumes.into_iter().flatten().filter_map(claim).collect()
}

impl FromStr for LocalStorage {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            Error::usage(format!("--taskmanager-storage {text:?}: {why}")).hint(SYNTAX)
        };
        let rest = text.strip_prefix("pvc:").ok_or_else(|| wrong("it is not pvc:…".to_owned()))?;
        let mut parts = rest.split(',');
        let size = parts.next().unwrap_or_default();
        let size: Quantity = size.parse().map_err(|e: Error| wrong(e.to_string()))?;
        if size.is_zero() {
            return Err(wrong("the size is zero".to_owned()));
        }
        let mut storage = LocalStorage { size, class: None, one_pod: false };
        for part in parts {
            match part.split_once('=') {
                Some(("class", name)) if !name.is_empty() => storage.class = Some(name.to_owned()),
                Some(("access", "rwo")) => storage.one_pod = false,
                Some(("access", "rwop")) => storage.one_pod = true,
                Some(("access", "rwx")) => {
                    return Err(wrong(
                        "no two TaskManagers share a volume of their own".to_owned(),
                    ));
                }
                _ => return Err(wrong(format!("{part:?} is not an option of pvc"))),
            }
        }
        Ok(storage)
    }
}

impl fmt::Display for LocalStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pvc:{}", self.size)?;
        if let Some(class) = &self.class {
            write!(f, ",class={class}")?;
        }
        if self.one_pod { f.write_str(",access=rwop") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_requests() {
        for text in ["pvc:10Gi", "pvc:10Gi,class=fast", "pvc:10Gi,class=fast,access=rwop"] {
            assert_eq!(text.parse::<LocalStorage>().expect(text).to_string(), text);
        }
        for (text, reason) in [
            ("10Gi", "not pvc:"),
            ("claim:shared", "not pvc:"),
            ("pvc:0", "zero"),
            ("pvc:1gb", "quantity"),
            ("pvc:1Gi,access=rwx", "share"),
            ("pvc:1Gi,size=2", "not an option"),
        ] {
            let error = text.parse::<LocalStorage>().expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(!error.hints().is_empty(), "{text}");
        }
    }

    #[test]
    fn each_flink_gets_the_options_that_it_knows() {
        let names = |version| LocalStorage::settings(version).into_iter().map(|(name, _)| name);
        assert!(names(FlinkVersion::V1_19).any(|name| name == "state.backend.local-recovery"));
        assert!(
            names(FlinkVersion::V2_3).any(|name| name == "execution.state-recovery.from-local")
        );
    }
}
