//! A pod of Flink: the user's template with the main container in it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, PodSecurityContext, PodSpec, PodTemplateSpec,
    ResourceClaim, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{access, data_stores, env, probes, security, store, volumes};
use crate::error::Result;
use crate::model::effective::{Effective, REST_PORT};
use crate::model::labels::{self, Component};
use crate::model::pod_template::MAIN_CONTAINER;
use crate::model::process::Process;
use crate::model::quantity::Quantity;
use crate::model::resources::ContainerResources;
use crate::model::revision::Revision;
use crate::model::spec::DeviceClaim;
use crate::model::storage::StateStorage;
use crate::model::store::Wiring;

/// The shell that every Flink image has (Flink's own scripts need it) runs [`START`] and becomes java.
pub(super) const START: &str = concat!(include_str!("prelude.sh"), include_str!("start.sh"));

/// Seconds between SIGTERM and SIGKILL. Flink's processes need one or two; the state is safe either way.
const GRACE_SECONDS: i64 = 10;

/// The component of a process.
pub(super) fn component(process: Process) -> Component {
    match process {
        Process::JobManager => Component::JobManager,
        Process::TaskManager => Component::TaskManager,
    }
}

/// Builds the pod of a process. `arguments` follow the flags of `java`: main class and its arguments.
pub(super) fn template(
    revision: &Revision,
    process: Process,
    effective: &Effective,
    template: PodTemplateSpec,
    arguments: Vec<String>,
) -> Result<PodTemplateSpec> {
    let wiring = Wiring::of(revision.stores());
    let mut spec = template.spec.unwrap_or_default();
    let at = spec.containers.iter().position(|container| container.name == MAIN_CONTAINER);
    let given = at.map(|at| spec.containers.remove(at)).unwrap_or_default();
    let context = security::pod(spec.security_context.take());
    let mut main =
        main_container(revision, process, effective, given, arguments, &context, &wiring);
    data_stores::add(&mut spec, &mut main, revision);
    spec.containers.insert(at.unwrap_or(0), main);
    finish(&mut spec, revision);
    if process == Process::JobManager && revision.spec.jobmanagers() > 1 {
        let apart = volumes::apart(&revision.application, revision.generation, component(process));
        let others =
            spec.affinity.get_or_insert_default().pod_anti_affinity.get_or_insert_default();
        others
            .preferred_during_scheduling_ignored_during_execution
            .get_or_insert_default()
            .push(apart);
    }
    store::add(&mut spec, revision, &wiring, &context)?;
    spec.security_context = Some(context);
    Ok(PodTemplateSpec {
        metadata: Some(metadata(revision, process, template.metadata)),
        spec: Some(spec),
    })
}

fn metadata(revision: &Revision, process: Process, given: Option<ObjectMeta>) -> ObjectMeta {
    let given = given.unwrap_or_default();
    let mut all = given.labels.unwrap_or_default();
    all.extend(revision.spec.metadata.labels.clone());
    let generation = Some(revision.generation);
    all.extend(labels::labels(&revision.application, generation, component(process)));
    // The template's name and namespace mean nothing: controllers name their pods.
    ObjectMeta { labels: Some(all), annotations: given.annotations, ..ObjectMeta::default() }
}

/// The pod around the containers: what the user's template leaves open.
fn finish(spec: &mut PodSpec, revision: &Revision) {
    spec.service_account_name = Some(access::service_account_name(revision));
    // Flink's HA talks to the API server with the account's token, which an account may withhold.
    spec.automount_service_account_token.get_or_insert(true);
    spec.termination_grace_period_seconds.get_or_insert(GRACE_SECONDS);
    // Addresses of every Service of the namespace, as variables: nothing here reads them.
    spec.enable_service_links.get_or_insert(false);
    let config_map = revision.application.config_map(revision.generation);
    let all = spec.volumes.get_or_insert_default();
    all.push(volumes::config_volume(config_map));
    all.extend(revision.storages().filter_map(StateStorage::claim).map(volumes::state_volume));
    spec.affinity = merge_affinity(
        spec.affinity.take(),
        volumes::affinity(&revision.application, &revision.storage),
    );
}

/// The user's affinity, and ours as one more required term.
fn merge_affinity(given: Option<Affinity>, ours: Option<Affinity>) -> Option<Affinity> {
    let Some(ours) = ours else { return given };
    let mut affinity = given.unwrap_or_default();
    let together = affinity.pod_affinity.get_or_insert_default();
    let required =
        together.required_during_scheduling_ignored_during_execution.get_or_insert_default();
    let terms =
        ours.pod_affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution);
    required.extend(terms.into_iter().flatten());
    Some(affinity)
}

fn main_container(
    revision: &Revision,
    process: Process,
    effective: &Effective,
    given: Container,
    arguments: Vec<String>,
    context: &PodSecurityContext,
    wiring: &Wiring,
) -> Container {
    let config = &effective.config;
    let effective = match process {
        Process::JobManager => &effective.jobmanager,
        Process::TaskManager => &effective.taskmanager,
    };
    let mut args: Vec<String> = effective.java_flags.iter().map(|flag| escape(flag)).collect();
    args.extend(log_flags(process));
    args.extend(arguments);
    let mut container = Container {
        name: MAIN_CONTAINER.to_owned(),
        image: Some(revision.image.clone()),
        image_pull_policy: revision.spec.spec.image_pull_policy.clone(),
        // `sh -c SCRIPT NAME ARGS…`: the name is what $0 says.
        command: Some(["/bin/sh", "-c", START, "flink"].map(str::to_owned).to_vec()),
        args: Some(args),
        resources: Some(resources(
            given.resources.clone(),
            &effective.resources,
            revision.spec.spec.claims(process),
        )),
        security_context: Some(security::container(given.security_context.clone(), context)),
        ..given
    };
    container.env = Some(env::all(container.env.take(), process, config, &wiring.env));
    let mounts = container.volume_mounts.get_or_insert_default();
    mounts.push(volumes::config_mount());
    mounts.extend(
        revision.storages().filter_map(StateStorage::claim).map(|_| volumes::state_mount()),
    );
    mounts.extend(store::mounts(revision, wiring));
    // The last log lines of a container that fails come with its status.
    container.termination_message_policy.get_or_insert_with(|| "FallbackToLogsOnError".to_owned());
    if process == Process::JobManager {
        container.ports.get_or_insert_default().push(ContainerPort {
            name: Some("rest".to_owned()),
            container_port: i32::from(REST_PORT),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        });
    }
    probes::set(&mut container, process);
    container
}

/// Where the logs go, as in Flink's `flink-console.sh`.
fn log_flags(process: Process) -> Vec<String> {
    let conf = volumes::CONFIG_PATH;
    vec![
        format!("-Dlog.file=/opt/flink/log/flink-{process}.log"),
        format!("-Dlog4j.configuration=file:{conf}/log4j-console.properties"),
        format!("-Dlog4j.configurationFile=file:{conf}/log4j-console.properties"),
        format!("-Dlogback.configurationFile=file:{conf}/logback-console.xml"),
    ]
}

/// Our CPU, memory and extended resources over those that the template's container has.
fn resources(
    given: Option<ResourceRequirements>,
    ours: &ContainerResources,
    devices: &[DeviceClaim],
) -> ResourceRequirements {
    let merged = |given: Option<BTreeMap<String, ApiQuantity>>,
                  ours: &BTreeMap<String, Quantity>| {
        let mut all = given.unwrap_or_default();
        all.extend(ours.iter().map(|(name, quantity)| (name.clone(), (*quantity).into())));
        Some(all)
    };
    let given = given.unwrap_or_default();
    let mut claims = given.claims.unwrap_or_default();
    for DeviceClaim { name, request } in devices {
        claims.retain(|claim| claim.name != *name);
        claims.push(ResourceClaim { name: name.clone(), request: request.clone() });
    }
    ResourceRequirements {
        requests: merged(given.requests, &ours.requests),
        limits: merged(given.limits, &ours.limits),
        claims: Some(claims).filter(|claims| !claims.is_empty()),
    }
}

/// Kubernetes replaces `$(NAME)` in arguments and takes `$$` for `$`; what the user wrote goes through as it
/// is.
pub(super) fn escape(argument: &str) -> String {
    argument.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a container gets for `text`, as `k8s.io/kubernetes/third_party/forked/golang/expansion` has it;
    /// a reference is shown as `<NAME>`.
    fn kubelet(text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let name = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
            rest = match (after.strip_prefix('$'), name) {
                (None, Some((name, after))) => {
                    out.push_str(&format!("<{name}>"));
                    after
                }
                (escaped, _) => {
                    out.push('$');
                    escaped.unwrap_or(after)
                }
            };
        }
        out + rest
    }

    #[test]
    fn the_kubelet_of_this_test_expands() {
        assert_eq!(kubelet("$(A)$$(A)$a$"), "<A>$(A)$a$");
    }

    proptest! {
        #[test]
        fn the_container_gets_the_very_text(text in "[$(){}A-C $]{0,24}") {
            prop_assert_eq!(kubelet(&escape(&text)), text);
        }
    }
}
