//! The Deployments of a generation.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::{meta, pod, volumes};
use crate::error::Result;
use crate::model::effective::Effective;
use crate::model::flink_version::FlinkVersion;
use crate::model::process::Process;
use crate::model::revision::Revision;
use crate::model::store::Wiring;

const JOBMANAGER_CLASS: &str =
    "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint";
const TASKMANAGER_CLASS: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";

/// The JobManager, which runs the job's `main()`.
pub(super) fn jobmanager(
    revision: &Revision,
    effective: &Effective,
    template: PodTemplateSpec,
) -> Result<Deployment> {
    let arguments = jobmanager_arguments(revision, effective);
    let template = pod::template(revision, Process::JobManager, effective, template, arguments)?;
    Ok(deployment(revision, Process::JobManager, revision.spec.jobmanagers(), template))
}

/// The TaskManagers.
pub(super) fn taskmanager(
    revision: &Revision,
    effective: &Effective,
    template: PodTemplateSpec,
) -> Result<Deployment> {
    let arguments = [
        TASKMANAGER_CLASS,
        "--configDir",
        volumes::CONFIG_PATH,
        // A pod's name resolves nowhere, its address does.
        "-D",
        "taskmanager.host=$(POD_IP)",
        // The id in Flink's answers and logs is the name of the pod. A container that is restarted comes
        // back under it, which tells the JobManager at once that the old process is gone.
        "-D",
        "taskmanager.resource-id=$(POD_NAME)",
    ];
    let mut arguments = arguments.map(str::to_owned).to_vec();
    for (key, variable) in Wiring::of(revision.stores()).secret_config {
        arguments.extend(["-D".to_owned(), secret(&key, variable)]);
    }
    let template = pod::template(revision, Process::TaskManager, effective, template, arguments)?;
    Ok(deployment(revision, Process::TaskManager, effective.taskmanagers, template))
}

fn jobmanager_arguments(revision: &Revision, effective: &Effective) -> Vec<String> {
    let job = revision.spec.job();
    let mut arguments = vec![
        JOBMANAGER_CLASS.to_owned(),
        "--configDir".to_owned(),
        volumes::CONFIG_PATH.to_owned(),
    ];
    let mut option =
        |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    // `--jars` swallows every word up to the next option, so it stands before others.
    if effective.config.get("pipeline.classpaths").is_none() {
        option("--jars", &pod::escape(&revision.jar.in_pod()));
    }
    if let Some(class) = &revision.jar.main_class {
        option("--job-classname", &pod::escape(class));
    }
    option("--job-id", &revision.job_id.to_string());
    if let Some(snapshot) = &revision.restored_from {
        option("--fromSavepoint", snapshot.as_str());
    }
    // With HA the TaskManagers read the address that the JobManager publishes; without, they use the
    // Service's name, which the JobManager must then go by too.
    if high_availability(effective) {
        option("-D", "jobmanager.rpc.address=$(POD_IP)");
    }
    for (key, variable) in Wiring::of(revision.stores()).secret_config {
        option("-D", &secret(&key, variable));
    }
    if job.and_then(|job| job.allow_non_restored_state) == Some(true) {
        arguments.push("--allowNonRestoredState".to_owned());
    }
    if let Some(job) = job.filter(|job| !job.args.is_empty()) {
        // Without it Flink would take the program's `-D` or `--job-id` for its own.
        arguments.push("--".to_owned());
        arguments.extend(job.args.iter().map(|argument| pod::escape(argument)));
    }
    arguments
}

/// A key whose secret value the kubelet fills in: it is in no object.
fn secret(key: &str, variable: &str) -> String {
    format!("{key}=$({variable})")
}

fn high_availability(effective: &Effective) -> bool {
    let kind = effective.config.find("high-availability.type").map(|(_, kind)| kind);
    kind.is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("none"))
}

fn deployment(
    revision: &Revision,
    process: Process,
    replicas: i32,
    template: PodTemplateSpec,
) -> Deployment {
    let component = pod::component(process);
    let (application, generation) = (&revision.application, revision.generation);
    let name = match process {
        Process::JobManager => application.jobmanager(generation),
        Process::TaskManager => application.taskmanager(generation),
    };
    Deployment {
        metadata: meta::of_generation(revision, name, component),
        spec: Some(DeploymentSpec {
            replicas: Some(if revision.spec.is_suspended() { 0 } else { replicas }),
            selector: meta::selector(application, Some(generation), Some(component)),
            // Never one JobManager more than was asked for; TaskManagers have no reason to overlap either.
            strategy: Some(DeploymentStrategy {
                type_: Some("Recreate".to_owned()),
                rolling_update: None,
            }),
            // A generation never changes: its revision is the record, not an old ReplicaSet.
            revision_history_limit: Some(1),
            template,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

/// Whether Flink finds the main class of a jar by itself (`--jars`).
pub(super) fn finds_main_class(version: FlinkVersion) -> bool {
    version >= FlinkVersion::V1_19
}
