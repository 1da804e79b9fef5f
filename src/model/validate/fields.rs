//! The fields of the document, apart from configuration and pod templates.

use crate::model::data;
use crate::model::labels;
use crate::model::name::ApplicationName;
use crate::model::snapshot::SnapshotPath;
use crate::model::spec::{API_VERSION, FlinkDeployment, FlinkDeploymentSpec, JobSpec, KIND, Mode};
use crate::model::storage::{StorageSpec, mounted_path};
use crate::model::store::Scheme;
use crate::model::validate::state::without_ha;
use crate::model::violation::Violation;

/// The most key groups there can be (`KeyGroupRangeAssignment.UPPER_BOUND_MAX_PARALLELISM`).
const MAX_PARALLELISM: i32 = 1 << 15;

pub(super) fn check(deployment: &FlinkDeployment) -> Vec<Violation> {
    let mut found = document(deployment);
    found.extend(annotations(deployment));
    found.extend(spec(&deployment.spec));
    found.extend(replicas(&deployment.spec));
    match deployment.job() {
        Some(spec) => found.extend(job(spec, deployment.is_on_a_store())),
        None => found.push(Violation::new(
            "spec.job",
            "it is missing, which makes this a session cluster, and those are not run by the direct engine",
            "Add spec.job with jarURI, entryClass and parallelism.",
        )),
    }
    found
}

fn document(deployment: &FlinkDeployment) -> Vec<Violation> {
    let mut found = Vec::new();
    if deployment.api_version != API_VERSION || deployment.kind != KIND {
        found.push(Violation::new(
            "kind",
            format!("it is a {} of {}", deployment.kind, deployment.api_version),
            format!("Give a {KIND} of {API_VERSION}."),
        ));
    }
    if let Err(e) = deployment.metadata.name.parse::<ApplicationName>() {
        found.push(Violation::from_error("metadata.name", &e));
    }
    found
}

fn annotations(deployment: &FlinkDeployment) -> Vec<Violation> {
    let prefix = format!("{}/", labels::PREFIX);
    let ours = deployment.metadata.annotations.iter().filter(|(key, _)| key.starts_with(&prefix));
    let check = |(key, value): (&String, &String)| {
        let path = format!("metadata.annotations[{key}]");
        match key.as_str() {
            labels::STORAGE => {
                value.parse::<StorageSpec>().err().map(|e| Violation::from_error(path, &e))
            }
            labels::DATA_STORES => {
                data::names(value).err().map(|e| Violation::from_error(path, &e))
            }
            labels::ENGINE if value == "direct" => None,
            labels::ENGINE => {
                Some(Violation::new(path, format!("there is no engine {value:?}"), "Use direct."))
            }
            _ => Some(Violation::new(
                path,
                "there is no such annotation",
                format!("Use {}, {} or {}.", labels::STORAGE, labels::DATA_STORES, labels::ENGINE),
            )),
        }
    };
    ours.filter_map(check).collect()
}

fn spec(spec: &FlinkDeploymentSpec) -> Vec<Violation> {
    let mut found = Vec::new();
    if spec.mode == Some(Mode::Native) {
        found.push(Violation::new(
            "spec.mode",
            "the direct engine makes the TaskManagers itself, so that they start beside the JobManager",
            "Remove it, or write standalone.",
        ));
    }
    if let Some(policy) = &spec.image_pull_policy
        && !["Always", "IfNotPresent", "Never"].contains(&policy.as_str())
    {
        found.push(Violation::new(
            "spec.imagePullPolicy",
            format!("{policy:?} is not a pull policy"),
            "Use Always, IfNotPresent or Never.",
        ));
    }
    for name in spec.log_configuration.keys() {
        if !["log4j-console.properties", "logback-console.xml"].contains(&name.as_str()) {
            found.push(Violation::new(
                format!("spec.logConfiguration.{name}"),
                "Flink reads no such file",
                "Use log4j-console.properties or logback-console.xml.",
            ));
        }
    }
    found
}

fn replicas(spec: &FlinkDeploymentSpec) -> Vec<Violation> {
    let mut found = Vec::new();
    let jobmanagers = spec.job_manager.as_ref().and_then(|jm| jm.replicas).unwrap_or(1);
    if jobmanagers < 1 {
        found.push(Violation::new(
            "spec.jobManager.replicas",
            format!("{jobmanagers} JobManagers cannot run a job"),
            "Give at least 1, or remove it.",
        ));
    } else if jobmanagers > 1 && without_ha(&spec.flink_configuration) {
        found.push(Violation::new(
            "spec.jobManager.replicas",
            format!("one of {jobmanagers} JobManagers has to lead, and without high availability nobody decides which"),
            "Remove high-availability.type from spec.flinkConfiguration, or write 1.",
        ));
    }
    let taskmanagers = spec.task_manager.as_ref().and_then(|tm| tm.replicas);
    if let Some(count) = taskmanagers.filter(|count| *count < 1) {
        found.push(Violation::new(
            "spec.taskManager.replicas",
            format!("{count} TaskManagers cannot run a job"),
            "Give at least 1, or remove it: the parallelism tells how many are needed.",
        ));
    }
    found
}

fn job(job: &JobSpec, is_on_a_store: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    match &job.jar_uri {
        Some(uri) => found.extend(jar(uri, is_on_a_store)),
        None => found.push(Violation::new(
            "spec.job.jarURI",
            "it is missing, and the job's code is looked for nowhere else",
            "Name the jar: --jar PATH, or local:///PATH for one in the image.",
        )),
    }
    if let Some(parallelism) = job.parallelism.filter(|parallelism| *parallelism < 1) {
        found.push(Violation::new(
            "spec.job.parallelism",
            format!("it is {parallelism}"),
            "Give at least 1.",
        ));
    }
    if let Some(parallelism) = job.parallelism.filter(|parallelism| *parallelism > MAX_PARALLELISM)
    {
        found.push(Violation::new(
            "spec.job.parallelism",
            format!("it is {parallelism}, more than Flink can run"),
            format!("Give at most {MAX_PARALLELISM}."),
        ));
    }
    if let Some(Err(e)) = job
        .initial_savepoint_path
        .as_ref()
        .filter(|path| !path.is_empty())
        .map(|path| path.parse::<SnapshotPath>())
    {
        found.push(Violation::from_error("spec.job.initialSavepointPath", &e));
    }
    let path = job.initial_savepoint_path.as_deref().unwrap_or_default();
    if job.savepoint_redeploy_nonce.is_some() && path.is_empty() {
        found.push(Violation::new(
            "spec.job.savepointRedeployNonce",
            "it starts the job from a savepoint, and none is named",
            "Name it in spec.job.initialSavepointPath, or remove this.",
        ));
    }
    if job.autoscaler_reset_nonce.is_some() {
        found.push(Violation::new(
            "spec.job.autoscalerResetNonce",
            "it resets the operator's autoscaler, which does not run this application",
            "Remove it, and set spec.job.parallelism.",
        ));
    }
    found
}

/// Where a jar can be, in terms of `jarURI`.
fn jar(uri: &str, is_on_a_store: bool) -> Option<Violation> {
    let reachable = uri.strip_prefix("local://").is_some_and(|path| path.starts_with('/'))
        || uri.starts_with("https://")
        || (is_on_a_store && Scheme::of(uri).is_some())
        || (mounted_path(uri).is_some() && !uri.split('/').any(|part| part == ".."));
    (!reachable).then(|| {
        Violation::new(
            "spec.job.jarURI",
            format!("{uri:?} is not a place that the direct engine takes a jar from"),
            "Use local:///PATH for a jar in the image or https://… for one to be fetched; a jar on this machine goes with --jar.",
        )
    })
}
