//! Flags that reach into the pods: variables, Secrets and ConfigMaps, and where the pods may run.
//!
//! They become fields of the pod template, so that the document which a dry run prints says the same.

use clap::Args;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::model::local_storage::LocalStorage;
use crate::model::pod_template::{self, Change};
use crate::model::spec::FlinkDeployment;

/// Flags about the pods; flatten them into the arguments of a verb that writes a spec.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Pods")]
pub struct PodArgs {
    /// Environment variable of Flink's containers; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Every key of a Secret or ConfigMap as a variable: secret/NAME or configmap/NAME; repeatable
    #[arg(long, value_name = "SOURCE")]
    pub env_from: Vec<String>,
    /// Mount a Secret, ConfigMap or claim: secret/NAME:/path, configmap/NAME:/path or claim/NAME:/path; repeatable
    #[arg(long, value_name = "SOURCE:PATH")]
    pub mount: Vec<String>,
    /// A volume of its own for each TaskManager, for RocksDB and local recovery: pvc:SIZE[,class=NAME][,access=rwo|rwop]
    #[arg(long, value_name = "STORAGE")]
    pub taskmanager_storage: Option<LocalStorage>,
    /// Label that a node must have to run the pods; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub node_selector: Vec<String>,
    /// Taint that the pods tolerate, as kubectl taint writes it: KEY[=VALUE][:EFFECT]; repeatable
    #[arg(long, value_name = "TAINT")]
    pub toleration: Vec<String>,
    /// PriorityClass of the pods
    #[arg(long, value_name = "NAME")]
    pub priority_class: Option<String>,
    /// Annotation of the pods; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub annotation: Vec<String>,
    /// Label of the pods and of every other object; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Vec<String>,
}

/// Puts the flags into the document.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) for a flag that cannot be understood.
pub(super) fn overlay(document: &mut FlinkDeployment, args: &PodArgs) -> Result<()> {
    for text in &args.label {
        let (key, value) = pair("--label", text, "team=shop")?;
        document.metadata.labels.insert(key.to_owned(), value.to_owned());
    }
    pod_template::edit(&mut document.spec, &changes(args)?);
    if let Some(storage) = &args.taskmanager_storage {
        local(document, storage);
    }
    Ok(())
}

/// The volume of each TaskManager, and what makes Flink use it; what the document sets itself stands.
fn local(document: &mut FlinkDeployment, storage: &LocalStorage) {
    let volume = Change::Pod("volumes", "name", storage.volume());
    let mount = Change::Main("volumeMounts", "mountPath", LocalStorage::mount());
    pod_template::edit_taskmanager(&mut document.spec, &[volume, mount]);
    let version = document.spec.flink_version.unwrap_or_default();
    for (key, value) in LocalStorage::settings(version) {
        if document.spec.flink_configuration.find(key).is_none() {
            document.spec.flink_configuration.set(key, value);
        }
    }
}

fn changes(args: &PodArgs) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for text in &args.env {
        let (name, value) = pair("--env", text, "REGION=eu")?;
        changes.push(Change::Main("env", "name", json!({"name": name, "value": value})));
    }
    for text in &args.env_from {
        changes.push(Change::Main("envFrom", "", env_from(text)?));
    }
    for text in &args.mount {
        let (volume, mount) = mounted(text)?;
        changes.push(Change::Pod("volumes", "name", volume));
        changes.push(Change::Main("volumeMounts", "mountPath", mount));
    }
    for text in &args.node_selector {
        let (key, value) = pair("--node-selector", text, "disk=ssd")?;
        changes.push(Change::Key(&["spec", "nodeSelector"], key.to_owned(), value.into()));
    }
    for text in &args.toleration {
        changes.push(Change::Pod("tolerations", "", toleration(text)?));
    }
    if let Some(class) = &args.priority_class {
        changes.push(Change::Key(&["spec"], "priorityClassName".to_owned(), class.as_str().into()));
    }
    for text in &args.annotation {
        let (key, value) = pair("--annotation", text, "team.example.com/contact=ann")?;
        changes.push(Change::Key(&["metadata", "annotations"], key.to_owned(), value.into()));
    }
    Ok(changes)
}

fn pair<'a>(flag: &str, text: &'a str, example: &str) -> Result<(&'a str, &'a str)> {
    text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        Error::usage(format!("{flag} {text:?} is not KEY=VALUE"))
            .hint(format!("Write {flag} {example}."))
    })
}

/// `secret/NAME`: the kind and the name of something to take from.
fn source<'a>(flag: &str, text: &'a str, kinds: &[&str]) -> Result<(&'a str, &'a str)> {
    let (kind, name) = text.split_once('/').unwrap_or_default();
    // The names of Secrets, ConfigMaps and claims are DNS subdomains.
    let is_name = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    match kinds.contains(&kind) && is_name {
        true => Ok((kind, name)),
        false => {
            Err(Error::usage(format!("{flag} {text:?} names nothing to take from")).hint(format!(
                "Write {}.",
                kinds.iter().map(|kind| format!("{kind}/NAME")).collect::<Vec<_>>().join(" or ")
            )))
        }
    }
}

fn env_from(text: &str) -> Result<Value> {
    let (kind, name) = source("--env-from", text, &["secret", "configmap"])?;
    Ok(match kind {
        "secret" => json!({"secretRef": {"name": name}}),
        _ => json!({"configMapRef": {"name": name}}),
    })
}

/// The volume and its mount.
fn mounted(text: &str) -> Result<(Value, Value)> {
    let (from, path) = text.split_once(":/").ok_or_else(|| {
        Error::usage(format!("--mount {text:?} is not SOURCE:/path"))
            .hint("Write --mount secret/NAME:/etc/credentials.")
    })?;
    let (kind, name) = source("--mount", from, &["secret", "configmap", "claim"])?;
    // A volume's name is a DNS label.
    let volume: String = format!("{kind}-{}", name.replace('.', "-")).chars().take(63).collect();
    let volume = volume.trim_end_matches('-');
    let source = match kind {
        "secret" => json!({"name": volume, "secret": {"secretName": name}}),
        "configmap" => json!({"name": volume, "configMap": {"name": name}}),
        _ => json!({"name": volume, "persistentVolumeClaim": {"claimName": name}}),
    };
    let mut mount = json!({"name": volume, "mountPath": format!("/{path}")});
    if kind != "claim" {
        mount["readOnly"] = true.into();
    }
    Ok((source, mount))
}

/// `KEY[=VALUE][:EFFECT]`, as `kubectl taint` writes taints.
fn toleration(text: &str) -> Result<Value> {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let (taint, effect) = match text.split_once(':') {
        Some((taint, effect)) => (taint, Some(effect)),
        None => (text, None),
    };
    let (key, value) = match taint.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (taint, None),
    };
    if key.is_empty() || effect.is_some_and(|effect| !EFFECTS.contains(&effect)) {
        return Err(Error::usage(format!("--toleration {text:?} is no taint")).hint(format!(
            "Write KEY, KEY=VALUE, KEY:EFFECT or KEY=VALUE:EFFECT, with one of {}.",
            EFFECTS.join(", ")
        )));
    }
    let mut toleration = match value {
        Some(value) => json!({"key": key, "operator": "Equal", "value": value}),
        None => json!({"key": key, "operator": "Exists"}),
    };
    if let Some(effect) = effect {
        toleration["effect"] = effect.into();
    }
    Ok(toleration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pod_template::MAIN_CONTAINER;
    use crate::model::process::Process;
    use crate::model::testing;

    fn args() -> PodArgs {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        PodArgs {
            env: list(&["REGION=eu", "URL=a=b", "REGION=us"]),
            env_from: list(&["secret/s3", "configmap/settings", "secret/s3"]),
            mount: list(&["secret/tls.store:/etc/tls", "claim/models:/models"]),
            node_selector: list(&["disk=ssd"]),
            toleration: list(&["gpu", "team=shop:NoSchedule"]),
            priority_class: Some("high".to_owned()),
            annotation: list(&["a.b/c=d"]),
            label: list(&["team=shop"]),
            taskmanager_storage: None,
        }
    }

    #[test]
    fn a_volume_of_its_own_reaches_the_taskmanagers_alone() {
        let mut document = testing::revision().spec;
        document.spec.pod_template =
            Some(json!({"spec": {"containers": [{"name": "logs", "image": "x"}]}}));
        let storage = "pvc:20Gi,class=fast,access=rwop".parse().ok();
        let args = PodArgs { taskmanager_storage: storage, ..PodArgs::default() };
        overlay(&mut document, &args).expect("a flag");
        let [jobmanager, taskmanager] = [Process::JobManager, Process::TaskManager]
            .map(|process| pod_template::template(&document.spec, process).expect("a template"));
        let spec = taskmanager.spec.clone().expect("a spec");
        let volume = serde_json::to_value(&spec.volumes.expect("volumes")[0]).expect("JSON");
        assert_eq!(
            volume["ephemeral"]["volumeClaimTemplate"]["spec"],
            json!({"accessModes": ["ReadWriteOncePod"], "storageClassName": "fast",
                "resources": {"requests": {"storage": "20Gi"}}})
        );
        let main = pod_template::main_container(&taskmanager).expect("a main container");
        let mounts = serde_json::to_value(&main.volume_mounts).expect("JSON");
        assert_eq!(mounts, json!([{"name": "flink-local", "mountPath": "/flink/local"}]));
        assert_eq!(spec.containers.len(), 2, "the sidecar is still there");
        let other = jobmanager.spec.expect("a spec");
        assert!(other.volumes.is_none() && other.containers.iter().any(|c| c.name == "logs"));
        let config = &document.spec.flink_configuration;
        assert_eq!(config.get("process.taskmanager.working-dir"), Some("/flink/local"));
        assert_eq!(crate::model::validate::violations(&document), []);
    }

    #[test]
    fn flags_become_fields_of_the_template() {
        let mut document = testing::revision().spec;
        overlay(&mut document, &args()).expect("flags");
        assert_eq!(document.metadata.labels["team"], "shop");
        let template = document.spec.pod_template.as_ref().expect("a template");
        let expected = json!({
            "metadata": {"annotations": {"a.b/c": "d"}},
            "spec": {
                "nodeSelector": {"disk": "ssd"},
                "priorityClassName": "high",
                "tolerations": [
                    {"key": "gpu", "operator": "Exists"},
                    {"key": "team", "operator": "Equal", "value": "shop", "effect": "NoSchedule"},
                ],
                "volumes": [
                    {"name": "secret-tls-store", "secret": {"secretName": "tls.store"}},
                    {"name": "claim-models", "persistentVolumeClaim": {"claimName": "models"}},
                ],
                "containers": [{
                    "name": MAIN_CONTAINER,
                    "env": [{"name": "REGION", "value": "us"}, {"name": "URL", "value": "a=b"}],
                    "envFrom": [{"secretRef": {"name": "s3"}}, {"configMapRef": {"name": "settings"}}],
                    "volumeMounts": [
                        {"name": "secret-tls-store", "mountPath": "/etc/tls", "readOnly": true},
                        {"name": "claim-models", "mountPath": "/models"},
                    ],
                }],
            },
        });
        assert_eq!(template, &expected);
        assert_eq!(crate::model::validate::violations(&document), []);
    }

    #[test]
    fn the_main_container_is_found_by_its_name() {
        let mut document = testing::revision().spec;
        let given = json!({"spec": {"containers": [{"name": "a"}, {"name": MAIN_CONTAINER, "env": [{"name": "REGION", "value": "old"}]}]}});
        document.spec.pod_template = Some(given);
        let args = PodArgs { env: vec!["REGION=eu".to_owned()], ..PodArgs::default() };
        overlay(&mut document, &args).expect("a flag");
        let template = document.spec.pod_template.expect("a template");
        let env = template.pointer("/spec/containers/1/env");
        assert_eq!(env, Some(&json!([{"name": "REGION", "value": "eu"}])));
        assert_eq!(template.pointer("/spec/containers/0"), Some(&json!({"name": "a"})));
    }

    #[test]
    fn no_flag_meets_a_container_of_a_processs_own_template() {
        let mut document = testing::revision().spec;
        let own = json!({"spec": {"containers": [{"name": "logs", "image": "x"}, {"name": MAIN_CONTAINER, "env": [{"name": "A", "value": "own"}]}]}});
        document.spec.job_manager.get_or_insert_default().pod_template = Some(own);
        document.spec.pod_template = Some(json!({"spec": {"hostAliases": [{"ip": "10.0.0.1"}]}}));
        let args = PodArgs { env: vec!["REGION=eu".to_owned()], ..PodArgs::default() };
        overlay(&mut document, &args).expect("a flag");
        for process in Process::ALL {
            let template = pod_template::template(&document.spec, process).expect("a template");
            let main = pod_template::main_container(&template).expect("a main container");
            let region = main.env.iter().flatten().find(|variable| variable.name == "REGION");
            assert_eq!(region.and_then(|variable| variable.value.as_deref()), Some("eu"));
            let spec = template.spec.expect("a spec");
            assert!(spec.host_aliases.is_some());
            let others =
                spec.containers.iter().filter(|container| container.name != MAIN_CONTAINER);
            assert!(others.into_iter().all(|container| container.env.is_none()));
        }
    }

    #[test]
    fn a_flag_that_cannot_be_understood_is_refused() {
        let one = |text: &str| vec![text.to_owned()];
        for args in [
            PodArgs { env: one("REGION"), ..PodArgs::default() },
            PodArgs { env: one("=eu"), ..PodArgs::default() },
            PodArgs { env_from: one("s3"), ..PodArgs::default() },
            PodArgs { env_from: one("pod/s3"), ..PodArgs::default() },
            PodArgs { env_from: one("secret/../x"), ..PodArgs::default() },
            PodArgs { mount: one("secret/s3"), ..PodArgs::default() },
            PodArgs { mount: one("secret/s3:relative"), ..PodArgs::default() },
            PodArgs { mount: one("volume/s3:/x"), ..PodArgs::default() },
            PodArgs { node_selector: one("disk"), ..PodArgs::default() },
            PodArgs { toleration: one("a=b:Never"), ..PodArgs::default() },
            PodArgs { annotation: one("a"), ..PodArgs::default() },
            PodArgs { label: one("a"), ..PodArgs::default() },
        ] {
            let error = overlay(&mut testing::revision().spec, &args).expect_err("refused");
            assert_eq!(error.kind(), crate::error::Kind::Usage, "{args:?}");
            assert!(!error.hints().is_empty(), "{args:?}");
        }
    }
}
