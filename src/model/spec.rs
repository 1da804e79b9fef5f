//! The spec: a FlinkDeployment document (`flink.apache.org/v1beta1`), whichever engine runs it.
//!
//! The types hold every field of the operator's resource definition. An unknown field is refused while
//! reading; what the direct engine cannot honour is refused by [`validate`](crate::model::validate).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::model::config::FlinkConfig;
use crate::model::flink_version::FlinkVersion;
use crate::model::labels;
use crate::model::process::Process;
use crate::model::storage::StorageSpec;

/// `apiVersion` of the document.
pub const API_VERSION: &str = "flink.apache.org/v1beta1";
/// `kind` of the document.
pub const KIND: &str = "FlinkDeployment";

/// A FlinkDeployment document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlinkDeployment {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// Name, namespace, labels and annotations.
    pub metadata: Metadata,
    /// What to run.
    pub spec: FlinkDeploymentSpec,
    /// What the operator wrote about it, in an exported document. Read and dropped: it describes the past.
    #[serde(default, skip_serializing)]
    pub status: Option<Value>,
}

impl FlinkDeployment {
    /// An empty document for `name`.
    pub fn new(name: &str, namespace: Option<&str>, flink_version: FlinkVersion) -> Self {
        FlinkDeployment {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            metadata: Metadata {
                name: name.to_owned(),
                namespace: namespace.map(str::to_owned),
                ..Metadata::default()
            },
            spec: FlinkDeploymentSpec { flink_version: Some(flink_version), ..Default::default() },
            status: None,
        }
    }

    /// The annotation `key`, when present.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.get(key).map(String::as_str)
    }

    /// Whether it asks for its state to be on a store instead of a claim.
    pub fn is_on_a_store(&self) -> bool {
        let asked = self.annotation(labels::STORAGE).and_then(|text| text.parse().ok());
        matches!(asked, Some(StorageSpec::Profile(_) | StorageSpec::Uri(_)))
    }

    /// The job's part; empty for a session cluster.
    pub fn job(&self) -> Option<&JobSpec> {
        self.spec.job.as_ref()
    }

    /// `job.parallelism`; 1 when absent, as the operator and Flink take it.
    pub fn parallelism(&self) -> i32 {
        self.job().and_then(|job| job.parallelism).unwrap_or(1)
    }

    /// How many JobManagers; all but the one that leads stand by.
    pub fn jobmanagers(&self) -> i32 {
        self.spec.job_manager.as_ref().and_then(|jm| jm.replicas).unwrap_or(1)
    }

    /// Whether the job is to rest (`job.state: suspended`).
    pub fn is_suspended(&self) -> bool {
        self.job().and_then(|job| job.state) == Some(JobState::Suspended)
    }

    /// The same document with a job that runs.
    pub fn awake(mut self) -> Self {
        if let (true, Some(job)) = (self.is_suspended(), &mut self.spec.job) {
            job.state = Some(JobState::Running);
        }
        self
    }

    /// The Flink version; the default one when the document names none.
    pub fn flink_version(&self) -> FlinkVersion {
        self.spec.flink_version.unwrap_or_default()
    }

    /// The image; the official one of the Flink version when the document names none.
    pub fn image(&self) -> String {
        let named = self.spec.image.as_deref().filter(|image| !image.trim().is_empty());
        named.map_or_else(|| self.flink_version().default_image(), str::to_owned)
    }
}

/// The parts of an object's metadata that a user writes; those that the API server fills in are read and
/// dropped, so that an exported document can be deployed again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The application's name.
    #[serde(default)]
    pub name: String,
    /// The namespace; the command's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Copied to the objects of the application.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub labels: BTreeMap<String, String>,
    /// Those under `kubectl-flink.io/` configure this plugin; the others are kept in the record.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: BTreeMap<String, String>,
    /// The operator's finalizer, in an exported document.
    #[serde(default, skip_serializing)]
    finalizers: Option<Value>,
    #[serde(default, skip_serializing)]
    creation_timestamp: Option<Value>,
    #[serde(default, skip_serializing)]
    generation: Option<Value>,
    #[serde(default, skip_serializing)]
    managed_fields: Option<Value>,
    #[serde(default, skip_serializing)]
    resource_version: Option<Value>,
    #[serde(default, skip_serializing)]
    self_link: Option<Value>,
    #[serde(default, skip_serializing)]
    uid: Option<Value>,
}

/// `spec` of a FlinkDeployment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlinkDeploymentSpec {
    /// The image of all pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Kubernetes' `imagePullPolicy`: Always, IfNotPresent or Never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<String>,
    /// The Flink version inside the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flink_version: Option<FlinkVersion>,
    /// The pods' ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Who makes TaskManagers. The direct engine runs `standalone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Flink's configuration, flat or nested.
    #[serde(
        default,
        skip_serializing_if = "FlinkConfig::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub flink_configuration: FlinkConfig,
    /// File name to content: `log4j-console.properties`, `logback-console.xml`.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub log_configuration: BTreeMap<String, String>,
    /// A Pod that both kinds of pods start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Value>,
    /// The JobManager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_manager: Option<JobManagerSpec>,
    /// The TaskManagers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_manager: Option<TaskManagerSpec>,
    /// The job; absent for a session cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobSpec>,
    /// A new number restarts the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_nonce: Option<i64>,
    /// An Ingress for the web UI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressSpec>,
}

impl FlinkDeploymentSpec {
    /// The devices that the main container of a process uses.
    pub fn claims(&self, process: Process) -> &[DeviceClaim] {
        let resources = match process {
            Process::JobManager => self.job_manager.as_ref().and_then(|jm| jm.resources.as_ref()),
            Process::TaskManager => self.task_manager.as_ref().and_then(|tm| tm.resources.as_ref()),
        };
        resources.map_or(&[], |resources| &resources.claims)
    }
}

/// Who turns a need for slots into TaskManager pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The JobManager asks Kubernetes.
    Native,
    /// They are objects of ours.
    Standalone,
}

/// `spec.jobManager`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobManagerSpec {
    /// CPU and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// CPU and memory as Kubernetes spells them; wins over `resource`, as in the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How many JobManagers; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Merged over `spec.podTemplate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Value>,
}

/// `spec.taskManager`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskManagerSpec {
    /// CPU and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// CPU and memory as Kubernetes spells them; wins over `resource`, as in the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How many TaskManagers; parallelism / slots, rounded up, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Merged over `spec.podTemplate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Value>,
}

/// `resource`: one amount for request and limit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// Cores, a decimal number.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "scalar")]
    pub cpu: Option<String>,
    /// Flink's total process memory: Flink's syntax (`2048m` is mebibytes) or a quantity (`2Gi`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "scalar")]
    pub memory: Option<String>,
    /// A Kubernetes quantity.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "scalar")]
    pub ephemeral_storage: Option<String>,
}

/// `resources`: Kubernetes' ResourceRequirements.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Resource name to quantity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "scalars")]
    pub requests: BTreeMap<String, String>,
    /// Resource name to quantity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "scalars")]
    pub limits: BTreeMap<String, String>,
    /// Devices that the pod claims (`resourceClaims` of its template) and the container uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub claims: Vec<DeviceClaim>,
}

/// A device that a container uses, out of those that its pod claims.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceClaim {
    /// The pod's name for the claim.
    #[serde(default)]
    pub name: String,
    /// One request of the claim; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// `spec.job`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobSpec {
    /// The jar: `local://` in the image, `https://`, or a `file:` URI on the state storage.
    #[serde(rename = "jarURI", default, skip_serializing_if = "Option::is_none")]
    pub jar_uri: Option<String>,
    /// The main class; the jar's manifest names it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// The program's arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub args: Vec<String>,
    /// Default parallelism of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<i32>,
    /// Whether the job should run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Where the next generation takes its state from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_mode: Option<UpgradeMode>,
    /// The snapshot that the first generation starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_savepoint_path: Option<String>,
    /// Whether state that no operator of the job claims may be dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    /// A new number takes a savepoint of the running job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint_trigger_nonce: Option<i64>,
    /// A new number takes a checkpoint of the running job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_trigger_nonce: Option<i64>,
    /// A new number starts again from `initial_savepoint_path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint_redeploy_nonce: Option<i64>,
    /// The operator's autoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaler_reset_nonce: Option<i64>,
}

/// `job.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It should run.
    Running,
    /// It should be stopped, with its state kept.
    Suspended,
}

/// `job.upgradeMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeMode {
    /// Start the next generation with empty state.
    Stateless,
    /// Stop with a savepoint and start from it.
    Savepoint,
    /// Start from the latest checkpoint.
    LastState,
}

/// `spec.ingress`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IngressSpec {
    /// Host and path, with `{{name}}` and `{{namespace}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The IngressClass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Annotations of the Ingress.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Labels of the Ingress.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub labels: BTreeMap<String, String>,
    /// Certificates of the Ingress.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub tls: Vec<IngressTls>,
}

/// A certificate of an Ingress.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IngressTls {
    /// The hosts it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub hosts: Vec<String>,
    /// The Secret that holds it; the Ingress controller's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A string or a number: users write `cpu: 1` and `cpu: "1"`, and Kubernetes takes both.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => {
            Err(serde::de::Error::custom(format!("expected a string or a number, not {other}")))
        }
    }
}

fn scalars<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    struct Scalar(#[serde(deserialize_with = "scalar")] Option<String>);
    let map: Option<BTreeMap<String, Scalar>> = Option::deserialize(deserializer)?;
    Ok(map.unwrap_or_default().into_iter().filter_map(|(k, v)| Some((k, v.0?))).collect())
}
