//! Validation of a spec for the direct engine: every violation at once, before any write.
//!
//! The operator's rules (`DefaultValidator`) where they apply, what the operator leaves unchecked, and a
//! refusal with its reason for every field that this engine does not honour.

mod configuration;
mod fields;
mod metadata;
mod secrets;
mod state;
mod template;

pub(crate) use secrets::is_secret;
pub use secrets::plain_secrets;

use crate::error::Result;
use crate::model::effective::Effective;
use crate::model::pod_template;
use crate::model::process::Process;
use crate::model::spec::FlinkDeployment;
use crate::model::violation::{self, Violation};

/// Every violation of the document, in the order of its fields.
pub fn violations(deployment: &FlinkDeployment) -> Vec<Violation> {
    let mut found = fields::check(deployment);
    found.extend(metadata::check(deployment));
    found.extend(configuration::check(deployment));
    found.extend(state::check(deployment));
    let mut templates = Vec::new();
    for process in Process::ALL {
        match pod_template::template(&deployment.spec, process) {
            Ok(template) => {
                found.extend(template::check(&deployment.spec, process, &template));
                templates.push(template);
            }
            Err(violations) => found.extend(violations),
        }
    }
    if templates.len() == Process::ALL.len() {
        found.extend(configuration::check_directories(deployment, &templates));
        found.extend(state::check_initial_path(deployment, &templates));
        found.extend(state::check_plugins(deployment, &templates));
    }
    found.extend(Effective::of_spec(deployment).err().unwrap_or_default());
    // A common template is read once for each process.
    let mut unique: Vec<Violation> = Vec::new();
    for violation in found {
        if !unique.contains(&violation) {
            unique.push(violation);
        }
    }
    unique
}

/// Refuses a document with every violation in one error.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage), each violation with its field and its remedy.
pub fn validate(deployment: &FlinkDeployment) -> Result<()> {
    match violations(deployment) {
        violations if violations.is_empty() => Ok(()),
        violations => Err(violation::error(&deployment.metadata.name, &violations)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing;
    use crate::yaml;

    fn document(spec: &str) -> FlinkDeployment {
        let text = format!(
            "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {{name: orders}}\nspec: {{flinkVersion: v2_3, {spec}}}"
        );
        yaml::from_str(&text, "test").expect(&text)
    }

    const JOB: &str = "job: {jarURI: 'local:///opt/flink/examples/x.jar', parallelism: 2}";

    /// Every field of `spec` that the engine refuses, in order.
    fn refused(spec: &str) -> Vec<String> {
        violations(&document(spec)).into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn a_spec_from_flags_is_valid() {
        assert_eq!(violations(&testing::revision().spec), []);
        assert_eq!(refused(JOB), Vec::<String>::new());
    }

    #[test]
    fn everything_is_said_at_once() {
        let mut deployment = document(
            "mode: native, imagePullPolicy: Sometimes, restartNonce: 3,
             ingress: {template: 'Big.example.com', tls: [{hosts: [a_b]}], labels: {team: 'a b'}}, logConfiguration: {log4j.properties: x},
             flinkConfiguration: {high-availability: {cluster-id: x}, taskmanager.memory.process.size: 100m},
             podTemplate: {spec: {containers: [{name: flink-main-container, image: x}]}},
             jobManager: {replicas: 0, resource: {cpu: much}},
             taskManager: {replicas: 0},
             job: {jarURI: 'ftp://x', parallelism: 0, state: suspended, savepointRedeployNonce: 1, autoscalerResetNonce: 2}",
        );
        deployment.metadata.name = "Orders".to_owned();
        let error = validate(&deployment).expect_err("many");
        insta::assert_snapshot!(error.to_string(), @r#"
        the spec of "Orders" has 17 problems, and nothing was written:
          metadata.name: "Orders" is not a valid application name. Use at most 45 lowercase letters, digits and '-', starting with a letter and not ending with '-'.
          spec.mode: the direct engine makes the TaskManagers itself, so that they start beside the JobManager. Remove it, or write standalone.
          spec.imagePullPolicy: "Sometimes" is not a pull policy. Use Always, IfNotPresent or Never.
          spec.logConfiguration.log4j.properties: Flink reads no such file. Use log4j-console.properties or logback-console.xml.
          spec.jobManager.replicas: 0 JobManagers cannot run a job. Give at least 1, or remove it.
          spec.taskManager.replicas: 0 TaskManagers cannot run a job. Give at least 1, or remove it: the parallelism tells how many are needed.
          spec.job.jarURI: "ftp://x" is not a place that the direct engine takes a jar from. Use local:///PATH for a jar in the image or https://… for one to be fetched; a jar on this machine goes with --jar.
          spec.job.parallelism: it is 0. Give at least 1.
          spec.job.savepointRedeployNonce: it starts the job from a savepoint, and none is named. Name it in spec.job.initialSavepointPath, or remove this.
          spec.job.autoscalerResetNonce: it resets the operator's autoscaler, which does not run this application. Remove it, and set spec.job.parallelism.
          spec.ingress.template: "Big.example.com" is not a host that an Ingress can have. Write a DNS name in lower case, such as {{name}}.example.com; a path alone begins with a slash.
          spec.ingress.labels[team]: "a b" cannot be the value of a label. Use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends; longer text can be an annotation.
          spec.ingress.tls[0].hosts[0]: "a_b" is not a name. Use lowercase letters, digits, '-' and '.'.
          spec.flinkConfiguration.high-availability.cluster-id: kubectl-flink sets it: each generation has an identity of its own, so that no two jobs write the same state. Remove it.
          spec.podTemplate.spec.containers[flink-main-container].image: the spec says it. Use spec.image.
          spec.jobManager.resource.cpu: "much" is not a Kubernetes quantity. Write a non-negative number and a suffix, such as 10Gi, 512Mi, 0.5 or 500m.
          spec.flinkConfiguration (taskmanager.memory.*): taskmanager.memory.process.size (100m) is less than JVM metaspace (256m) and JVM overhead (192m) together. Give taskmanager.memory.process.size at least 982m, or make its parts smaller.
        "#);
    }

    #[test]
    fn each_field_that_is_not_honoured_is_refused() {
        for (spec, path) in [
            ("mode: native", "spec.mode"),
            ("ingress: {className: nginx}", "spec.ingress.template"),
            ("ingress: {template: '{{cluster}}.example.com'}", "spec.ingress.template"),
            ("ingress: {template: '/x', className: Nginx}", "spec.ingress.className"),
            (
                "ingress: {template: '/x', tls: [{secretName: a/b}]}",
                "spec.ingress.tls[0].secretName",
            ),
            ("ingress: {template: '/x', annotations: {'a b': c}}", "spec.ingress.annotations[a b]"),
            ("imagePullPolicy: never", "spec.imagePullPolicy"),
            ("logConfiguration: {x: y}", "spec.logConfiguration.x"),
            ("jobManager: {replicas: 0}", "spec.jobManager.replicas"),
            (
                "jobManager: {replicas: 2}, flinkConfiguration: {high-availability.type: none}",
                "spec.jobManager.replicas",
            ),
            (
                "jobManager: {resources: {requests: {cpu: 1}, claims: [{name: x}]}}",
                "spec.jobManager.resources.claims[0].name",
            ),
            ("taskManager: {replicas: 0}", "spec.taskManager.replicas"),
            (
                "flinkConfiguration: {kubernetes.cluster-id: x}",
                "spec.flinkConfiguration.kubernetes.cluster-id",
            ),
            (
                "flinkConfiguration: {execution.state-recovery.path: x}",
                "spec.flinkConfiguration.execution.state-recovery.path",
            ),
            (
                "flinkConfiguration: {execution.state-recovery.claim-mode: CLAIM}",
                "spec.flinkConfiguration.execution.state-recovery.claim-mode",
            ),
            (
                "flinkConfiguration: {job.autoscaler.enabled: true}",
                "spec.flinkConfiguration.job.autoscaler.enabled",
            ),
            (
                "flinkConfiguration: {kubernetes.operator.savepoint.format.type: NATIVE}",
                "spec.flinkConfiguration.kubernetes.operator.savepoint.format.type",
            ),
            (
                "flinkConfiguration: {kubernetes.hostnetwork.enabled: true}",
                "spec.flinkConfiguration.kubernetes.hostnetwork.enabled",
            ),
            (
                "flinkConfiguration: {taskmanager.heap.size: 1g}",
                "spec.flinkConfiguration.taskmanager.heap.size",
            ),
            (
                "flinkConfiguration: {state.checkpoints.dir: 'file:///data/chk'}",
                "spec.flinkConfiguration.state.checkpoints.dir",
            ),
            (
                "podTemplate: {spec: {containers: [{name: flink-main-container, command: [x]}]}}",
                "spec.podTemplate.spec.containers[flink-main-container].command",
            ),
            (
                "podTemplate: {spec: {containers: [{name: flink-main-container, env: [{name: FLINK_PROPERTIES, value: x}]}]}}",
                "spec.podTemplate.spec.containers[flink-main-container].env[FLINK_PROPERTIES]",
            ),
            (
                "podTemplate: {spec: {containers: [{name: flink-main-container, resources: {limits: {cpu: 1}}}]}}",
                "spec.podTemplate.spec.containers[flink-main-container].resources.limits.cpu",
            ),
            (
                "podTemplate: {spec: {volumes: [{name: flink-state, emptyDir: {}}]}}",
                "spec.podTemplate.spec.volumes[flink-state]",
            ),
            (
                "podTemplate: {spec: {containers: [{name: flink-main-container, volumeMounts: [{name: x, mountPath: /opt/flink/conf}]}]}}",
                "spec.podTemplate.spec.containers[flink-main-container].volumeMounts[/opt/flink/conf]",
            ),
            (
                "flinkConfiguration: {security.ssl.rest.enabled: true}",
                "spec.flinkConfiguration.security.ssl.rest.enabled",
            ),
            (
                "flinkConfiguration: {state.savepoints.dir: ' '}",
                "spec.flinkConfiguration.state.savepoints.dir",
            ),
            (
                "flinkConfiguration: {scheduler-mode: proactive}",
                "spec.flinkConfiguration.scheduler-mode",
            ),
            (
                "flinkConfiguration: {pipeline.max-parallelism: 1}",
                "spec.flinkConfiguration.pipeline.max-parallelism",
            ),
            (
                "flinkConfiguration: {state.savepoints.dir: 's3://bucket/sp'}",
                "spec.flinkConfiguration.state.savepoints.dir",
            ),
            (
                "image: 'docker.io/apache/flink:2.3.0', flinkConfiguration: {execution.checkpointing.dir: 'abfss://c@a/chk'}",
                "spec.flinkConfiguration.execution.checkpointing.dir",
            ),
            ("podTemplate: {spec: {restartPolicy: Never}}", "spec.podTemplate.spec.restartPolicy"),
            (
                "podTemplate: {spec: {serviceAccountName: x}}",
                "spec.podTemplate.spec.serviceAccountName",
            ),
        ] {
            assert_eq!(refused(&format!("{spec}, {JOB}")), [path], "{spec}");
        }
        for (job, path) in [
            // A claim's pods have no way there; those on a store fetch it.
            ("jarURI: 's3://bucket/x.jar'", "spec.job.jarURI"),
            ("parallelism: 1", "spec.job.jarURI"),
            ("parallelism: 0", "spec.job.parallelism"),
            ("parallelism: 40000", "spec.job.parallelism"),
            (
                "initialSavepointPath: 'file:///data/sp/savepoint-1'",
                "spec.job.initialSavepointPath",
            ),
            ("initialSavepointPath: 'gs://data/savepoint-1'", "spec.job.initialSavepointPath"),
            ("initialSavepointPath: nowhere", "spec.job.initialSavepointPath"),
            ("savepointRedeployNonce: 1", "spec.job.savepointRedeployNonce"),
            ("autoscalerResetNonce: 1", "spec.job.autoscalerResetNonce"),
        ] {
            let jar = if path.ends_with("jarURI") { "" } else { "jarURI: 'https://x/y.jar', " };
            assert_eq!(refused(&format!("job: {{{jar}{job}}}")), [path], "{job}");
        }
        assert_eq!(refused("image: x"), ["spec.job"]);
    }

    #[test]
    fn what_is_honoured_is_accepted() {
        for spec in [
            "jobManager: {replicas: 3}, ingress: {template: '{{name}}.example.com:443/x', className: nginx, annotations: {a.b/c: 'd e'}, labels: {x: y}, tls: [{hosts: ['*.example.com'], secretName: cert}]}",
            "mode: standalone, restartNonce: 7, serviceAccount: flink, image: x, imagePullPolicy: Never",
            "flinkConfiguration: {kubernetes.taskmanager.cpu.limit-factor: 2, high-availability.type: org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory}",
            "flinkConfiguration: {kubernetes.operator.pod-template.merge-arrays-by-name: true, execution.savepoint-restore-mode: no_claim}",
            "image: mine/flink:1, flinkConfiguration: {state.checkpoints.dir: 's3://bucket/chk', state.savepoints.dir: 'file:///flink/state/x'}",
            "logConfiguration: {log4j-console.properties: 'rootLogger.level = DEBUG', logback-console.xml: <configuration/>}",
            "flinkConfiguration: {state.savepoints.dir: 'file:///data/sp'}, podTemplate: {spec: {containers: [{name: flink-main-container, volumeMounts: [{name: d, mountPath: /data}]}], volumes: [{name: d, emptyDir: {}}]}}",
        ] {
            assert_eq!(refused(&format!("{spec}, {JOB}")), Vec::<String>::new(), "{spec}");
        }
        let plugin = "podTemplate: {spec: {containers: [{name: flink-main-container, env: [{name: ENABLE_BUILT_IN_PLUGINS, value: x.jar}]}]}}, flinkConfiguration: {state.savepoints.dir: 's3://b/sp', security.ssl.internal.enabled: true}";
        assert_eq!(refused(&format!("{plugin}, {JOB}")), Vec::<String>::new());
        for mode in ["stateless", "savepoint", "last-state"] {
            assert_eq!(
                refused(&format!(
                    "image: mine, job: {{jarURI: 'local:///x.jar', upgradeMode: {mode}, state: suspended, savepointTriggerNonce: 0, checkpointTriggerNonce: -1, savepointRedeployNonce: 3, allowNonRestoredState: true, initialSavepointPath: 's3://b/savepoint-1'}}"
                )),
                Vec::<String>::new()
            );
        }
    }

    #[test]
    fn last_state_needs_high_availability() {
        let spec = "flinkConfiguration: {high-availability.type: NONE}, job: {jarURI: 'local:///x.jar', upgradeMode: last-state}";
        assert_eq!(refused(spec), ["spec.job.upgradeMode"]);
        assert_eq!(refused(&spec.replace("last-state", "savepoint")), Vec::<String>::new());
    }

    #[test]
    fn old_versions_refuse_values_that_their_file_cannot_hold() {
        let mut deployment = testing::revision().spec;
        deployment.spec.flink_configuration.set("pipeline.name", "orders #1");
        assert_eq!(violations(&deployment), []);
        deployment.spec.flink_version = Some(crate::model::flink_version::FlinkVersion::V1_18);
        assert_eq!(violations(&deployment)[0].path, "spec.flinkConfiguration.pipeline.name");
    }

    #[test]
    fn labels_that_kubernetes_would_refuse_are_refused() {
        let mut deployment = testing::revision().spec;
        deployment.metadata.labels.insert("team".to_owned(), "shop & co".to_owned());
        deployment.metadata.annotations.insert("a//b".to_owned(), String::new());
        let paths: Vec<String> = violations(&deployment).into_iter().map(|v| v.path).collect();
        assert_eq!(paths, ["metadata.labels[team]", "metadata.annotations[a//b]"]);
    }

    #[test]
    fn our_annotations_are_checked() {
        let mut deployment = testing::revision().spec;
        let annotations = &mut deployment.metadata.annotations;
        annotations.insert("kubectl-flink.io/storage".to_owned(), "pvc:lots".to_owned());
        annotations.insert("kubectl-flink.io/storrage".to_owned(), "pvc:1Gi".to_owned());
        annotations.insert("kubectl-flink.io/engine".to_owned(), "operator".to_owned());
        annotations.insert("team".to_owned(), "shop".to_owned());
        let paths: Vec<String> = violations(&deployment).into_iter().map(|v| v.path).collect();
        assert_eq!(
            paths,
            [
                "metadata.annotations[kubectl-flink.io/engine]",
                "metadata.annotations[kubectl-flink.io/storage]",
                "metadata.annotations[kubectl-flink.io/storrage]",
            ]
        );
    }
}
