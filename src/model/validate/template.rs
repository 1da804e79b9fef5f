//! Pod templates: what the main container may not say, because Flink's start depends on it or another field
//! says it.

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};

use crate::model::pod_template::{MAIN_CONTAINER, main_container};
use crate::model::process::Process;
use crate::model::spec::{DeviceClaim, FlinkDeploymentSpec};
use crate::model::storage::MOUNT_PATH;
use crate::model::violation::Violation;

/// Variables that only Flink's start scripts read, or that we set.
const VARIABLES: [(&str, &str); 10] = [
    ("FLINK_PROPERTIES", "Use spec.flinkConfiguration."),
    ("JOB_MANAGER_RPC_ADDRESS", "Remove it: the address is found by itself."),
    (
        "TASK_MANAGER_NUMBER_OF_TASK_SLOTS",
        "Use taskmanager.numberOfTaskSlots in spec.flinkConfiguration.",
    ),
    ("JVM_ARGS", "Use env.java.opts.all in spec.flinkConfiguration."),
    ("FLINK_ENV_JAVA_OPTS", "Use env.java.opts.all in spec.flinkConfiguration."),
    ("FLINK_ENV_JAVA_OPTS_JM", "Use env.java.opts.jobmanager in spec.flinkConfiguration."),
    ("FLINK_ENV_JAVA_OPTS_TM", "Use env.java.opts.taskmanager in spec.flinkConfiguration."),
    ("FLINK_CONF_DIR", "Remove it: the configuration is mounted."),
    ("POD_IP", "Use another name."),
    ("POD_NAME", "Use another name."),
];

/// Names and places of our own volumes.
const VOLUMES: [(&str, &str); 2] =
    [("flink-config", "/opt/flink/conf"), ("flink-state", MOUNT_PATH)];

pub(super) fn check(
    spec: &FlinkDeploymentSpec,
    process: Process,
    template: &PodTemplateSpec,
) -> Vec<Violation> {
    let own = match process {
        Process::JobManager => {
            spec.job_manager.as_ref().is_some_and(|jm| jm.pod_template.is_some())
        }
        Process::TaskManager => {
            spec.task_manager.as_ref().is_some_and(|tm| tm.pod_template.is_some())
        }
    };
    let path = match own {
        true => format!("{}.podTemplate.spec", process.field()),
        false => "spec.podTemplate.spec".to_owned(),
    };
    let mut found = pod(spec, template, &path);
    found.extend(claims(spec, process, template));
    if let Some(main) = main_container(template) {
        let path = format!("{path}.containers[{MAIN_CONTAINER}]");
        found.extend(container(main, &path));
        found.extend(mounts(main, &path));
    }
    found
}

fn pod(spec: &FlinkDeploymentSpec, template: &PodTemplateSpec, path: &str) -> Vec<Violation> {
    let Some(pod) = &template.spec else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(policy) = pod.restart_policy.as_ref().filter(|policy| *policy != "Always") {
        found.push(Violation::new(
            format!("{path}.restartPolicy"),
            format!("it is {policy}, and Flink's pods are started again when they die"),
            "Remove it.",
        ));
    }
    if let Some(account) = &pod.service_account_name
        && spec.service_account.as_ref() != Some(account)
    {
        found.push(Violation::new(
            format!("{path}.serviceAccountName"),
            "the account needs permissions, which are given to the one that the spec names",
            "Use spec.serviceAccount.",
        ));
    }
    for volume in pod.volumes.iter().flatten() {
        if VOLUMES.iter().any(|(name, _)| *name == volume.name) {
            found.push(Violation::new(
                format!("{path}.volumes[{}]", volume.name),
                "kubectl-flink makes a volume of this name",
                "Use another name.",
            ));
        }
    }
    found
}

/// A container can only use what its pod claims.
fn claims(
    spec: &FlinkDeploymentSpec,
    process: Process,
    template: &PodTemplateSpec,
) -> Vec<Violation> {
    let made = template.spec.iter().flat_map(|pod| pod.resource_claims.iter().flatten());
    let made: Vec<&str> = made.map(|claim| claim.name.as_str()).collect();
    let unmade =
        spec.claims(process).iter().enumerate().filter(|(_, c)| !made.contains(&c.name.as_str()));
    let violation = |(position, claim): (usize, &DeviceClaim)| {
        Violation::new(
            format!("{}.resources.claims[{position}].name", process.field()),
            format!("the pod makes no claim {:?}", claim.name),
            "Add it to spec.resourceClaims of the podTemplate.",
        )
    };
    unmade.map(violation).collect()
}

fn container(main: &Container, path: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut refuse = |field: String, message: &str, remedy: String| {
        found.push(Violation::new(format!("{path}.{field}"), message, remedy));
    };
    let starts = "kubectl-flink starts java itself, with the memory that it computed";
    if main.command.is_some() {
        refuse("command".to_owned(), starts, "Remove it.".to_owned());
    }
    if main.args.is_some() {
        refuse("args".to_owned(), starts, "Use spec.job.args.".to_owned());
    }
    if main.image.is_some() {
        refuse("image".to_owned(), "the spec says it", "Use spec.image.".to_owned());
    }
    if main.image_pull_policy.is_some() {
        refuse(
            "imagePullPolicy".to_owned(),
            "the spec says it",
            "Use spec.imagePullPolicy.".to_owned(),
        );
    }
    let resources = main.resources.clone().unwrap_or_default();
    for (part, amounts) in [("requests", resources.requests), ("limits", resources.limits)] {
        for name in amounts
            .unwrap_or_default()
            .into_keys()
            .filter(|n| ["cpu", "memory"].contains(&n.as_str()))
        {
            let remedy =
                "Use resource or resources of spec.jobManager and spec.taskManager.".to_owned();
            refuse(format!("resources.{part}.{name}"), "the spec says it", remedy);
        }
    }
    for variable in main.env.iter().flatten() {
        if let Some((name, remedy)) = VARIABLES.iter().find(|(name, _)| *name == variable.name) {
            refuse(format!("env[{name}]"), "it would have no effect", (*remedy).to_owned());
        }
    }
    found
}

fn mounts(main: &Container, path: &str) -> Vec<Violation> {
    let ours = |mount_path: &str| {
        VOLUMES.iter().any(|(_, place)| mount_path.trim_end_matches('/') == *place)
    };
    let taken = main.volume_mounts.iter().flatten().filter(|mount| ours(&mount.mount_path));
    let violation = |place: &String| {
        Violation::new(
            format!("{path}.volumeMounts[{place}]"),
            "kubectl-flink mounts a volume of its own there",
            "Mount it somewhere else.",
        )
    };
    taken.map(|mount| violation(&mount.mount_path)).collect()
}
