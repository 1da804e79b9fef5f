//! From the spec's resources to Flink's process memory and the container's requests and limits.

use std::collections::BTreeMap;

use crate::model::config::FlinkConfig;
use crate::model::memory_size::MemorySize;
use crate::model::process::Process;
use crate::model::quantity::Quantity;
use crate::model::spec::{FlinkDeploymentSpec, Resource, Resources};
use crate::model::violation::Violation;

/// CPU that a process asks for when the spec names none: enough to be scheduled, and no limit, because a
/// limit would slow down the JVM's start most.
const DEFAULT_MILLICORES: [(Process, u64); 2] =
    [(Process::JobManager, 250), (Process::TaskManager, 500)];

/// Flink's own defaults (`conf/config.yaml`), for a spec that gives no size at all.
const DEFAULT_MEBIBYTES: [(Process, u32); 2] =
    [(Process::JobManager, 1600), (Process::TaskManager, 1728)];

/// Requests and limits of a main container, by Kubernetes' resource names, without memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerResources {
    /// What the scheduler sets aside.
    pub requests: BTreeMap<String, Quantity>,
    /// What the container may use.
    pub limits: BTreeMap<String, Quantity>,
}

fn resource(spec: &FlinkDeploymentSpec, process: Process) -> Option<&Resource> {
    match process {
        Process::JobManager => spec.job_manager.as_ref()?.resource.as_ref(),
        Process::TaskManager => spec.task_manager.as_ref()?.resource.as_ref(),
    }
}

fn resources(spec: &FlinkDeploymentSpec, process: Process) -> Option<&Resources> {
    let resources = match process {
        Process::JobManager => spec.job_manager.as_ref()?.resources.as_ref(),
        Process::TaskManager => spec.task_manager.as_ref()?.resources.as_ref(),
    };
    // An empty block does not hide the older field, as in the operator.
    resources.filter(|r| !r.requests.is_empty() || !r.limits.is_empty())
}

/// The total memory of a process as the spec gives it: `resources`, else `resource`; the operator lets both
/// win over the configuration.
///
/// # Errors
/// A violation when it cannot be read.
pub fn process_memory(
    spec: &FlinkDeploymentSpec,
    process: Process,
) -> Result<Option<MemorySize>, Violation> {
    let given = match resources(spec, process).and_then(given_memory) {
        Some((text, part)) => Some((text, format!("resources.{part}.memory"))),
        None => resource(spec, process)
            .and_then(|r| r.memory.as_ref())
            .map(|text| (text, "resource.memory".to_owned())),
    };
    let Some((text, field)) = given else { return Ok(None) };
    let path = format!("{}.{field}", process.field());
    MemorySize::parse_lenient(text).map(Some).map_err(|e| Violation::from_error(path, &e))
}

/// The request, else the limit, as Kubernetes takes a limit for a request that is missing.
fn given_memory(resources: &Resources) -> Option<(&String, &'static str)> {
    let request = resources.requests.get("memory").map(|text| (text, "requests"));
    request.or_else(|| resources.limits.get("memory").map(|text| (text, "limits")))
}

/// The field that says how much memory a process has; `None` where the configuration does.
pub fn memory_field(spec: &FlinkDeploymentSpec, process: Process) -> Option<String> {
    let field = match resources(spec, process).and_then(given_memory) {
        Some((_, part)) => format!("resources.{part}.memory"),
        None => {
            resource(spec, process)?.memory.as_ref()?;
            "resource.memory".to_owned()
        }
    };
    Some(format!("{}.{field}", process.field()))
}

/// The user's configuration with the process sizes of the spec in it, and Flink's default sizes where
/// neither says anything.
///
/// # Errors
/// Every size that cannot be read.
pub fn sized_config(spec: &FlinkDeploymentSpec) -> Result<FlinkConfig, Vec<Violation>> {
    let mut config = spec.flink_configuration.clone();
    let mut violations = Vec::new();
    for (process, mebibytes) in DEFAULT_MEBIBYTES {
        match process_memory(spec, process) {
            Ok(Some(size)) => config.set(process.memory_key(), size.to_string()),
            Ok(None) if !has_size(&config, process) => {
                config.set(process.memory_key(), MemorySize::from_mebibytes(mebibytes).to_string());
            }
            Ok(None) => {}
            Err(violation) => violations.push(violation),
        }
    }
    if violations.is_empty() { Ok(config) } else { Err(violations) }
}

/// Whether the configuration says how big the process is, in one of Flink's three ways.
fn has_size(config: &FlinkConfig, process: Process) -> bool {
    let parts: &[&str] = match process {
        Process::JobManager => &["jobmanager.memory.heap.size"],
        Process::TaskManager => {
            &["taskmanager.memory.task.heap.size", "taskmanager.memory.managed.size"]
        }
    };
    config.contains(process.memory_key())
        || config.contains(&format!("{process}.memory.flink.size"))
        || parts.iter().all(|key| config.contains(key))
}

/// Requests and limits of a main container whose process takes `memory`.
///
/// # Errors
/// Every quantity that cannot be read, and every limit below its request.
pub fn container_resources(
    spec: &FlinkDeploymentSpec,
    process: Process,
    memory: MemorySize,
) -> Result<ContainerResources, Vec<Violation>> {
    let mut found = match (resources(spec, process), resource(spec, process)) {
        (Some(resources), _) => from_resources(resources, process)?,
        (None, Some(resource)) => {
            from_resource(resource, process, &spec.flink_configuration).map_err(|v| vec![v])?
        }
        (None, None) => ContainerResources::default(),
    };
    let cpu = found.limits.get("cpu").copied();
    found.requests.entry("cpu".to_owned()).or_insert_with(|| cpu.unwrap_or(default_cpu(process)));
    let limit = match found.limits.get("memory") {
        Some(limit) => *limit,
        None => {
            let factor =
                limit_factor(&spec.flink_configuration, process, "memory").map_err(|v| vec![v])?;
            Quantity::from_bytes(scaled(memory.bytes(), factor))
        }
    };
    found.requests.insert("memory".to_owned(), memory.into());
    found.limits.insert("memory".to_owned(), limit);
    match below_request(&found, process) {
        violations if violations.is_empty() => Ok(found),
        violations => Err(violations),
    }
}

fn default_cpu(process: Process) -> Quantity {
    let millicores =
        DEFAULT_MILLICORES.iter().find(|(p, _)| *p == process).map_or(250, |(_, m)| *m);
    Quantity::from_millicores(millicores)
}

fn from_resources(
    resources: &Resources,
    process: Process,
) -> Result<ContainerResources, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut read = |part: &str, amounts: &BTreeMap<String, String>| {
        let mut quantities = BTreeMap::new();
        for (name, text) in amounts {
            let path = format!("{}.resources.{part}.{name}", process.field());
            // As the operator: in Flink's syntax `2048m` is mebibytes, to Kubernetes it would be two bytes.
            let amount = match name.as_str() {
                "memory" => match MemorySize::parse_lenient(text) {
                    Ok(size) => positive(&path, size.into()),
                    Err(e) => Err(Violation::from_error(path, &e)),
                },
                _ => quantity(&path, text),
            };
            match amount {
                Ok(quantity) => drop(quantities.insert(name.clone(), quantity)),
                Err(violation) => violations.push(violation),
            }
        }
        quantities
    };
    let found = ContainerResources {
        requests: read("requests", &resources.requests),
        limits: read("limits", &resources.limits),
    };
    if violations.is_empty() { Ok(found) } else { Err(violations) }
}

/// `resource`: request and limit are the same, but for the limit factor of Flink's native mode, which the
/// operator honours too.
fn from_resource(
    resource: &Resource,
    process: Process,
    config: &FlinkConfig,
) -> Result<ContainerResources, Violation> {
    let mut found = ContainerResources::default();
    if let Some(text) = &resource.cpu {
        let cpu = quantity(&format!("{}.resource.cpu", process.field()), text)?;
        let factor = limit_factor(config, process, "cpu")?;
        found.requests.insert("cpu".to_owned(), cpu);
        found
            .limits
            .insert("cpu".to_owned(), Quantity::from_millicores(scaled(cpu.millis(), factor)));
    }
    if let Some(text) = &resource.ephemeral_storage {
        let size = quantity(&format!("{}.resource.ephemeralStorage", process.field()), text)?;
        found.requests.insert("ephemeral-storage".to_owned(), size);
        found.limits.insert("ephemeral-storage".to_owned(), size);
    }
    Ok(found)
}

/// `kubernetes.<process>.<what>.limit-factor` in thousandths; at least 1000.
fn limit_factor(config: &FlinkConfig, process: Process, what: &str) -> Result<u64, Violation> {
    let key = format!("kubernetes.{process}.{what}.limit-factor");
    let Some(text) = config.get(&key) else { return Ok(1000) };
    let factor = text.trim().parse::<Quantity>().map(Quantity::millis).ok();
    factor.filter(|factor| *factor >= 1000).ok_or_else(|| {
        Violation::new(
            format!("spec.flinkConfiguration.{key}"),
            format!("{text:?} is not a factor of at least 1"),
            "Write a number such as 1.5.",
        )
    })
}

fn scaled(amount: u64, thousandths: u64) -> u64 {
    u64::try_from(u128::from(amount) * u128::from(thousandths) / 1000).unwrap_or(u64::MAX)
}

fn quantity(path: &str, text: &str) -> Result<Quantity, Violation> {
    let quantity: Quantity = text.parse().map_err(|e| Violation::from_error(path, &e))?;
    match path.ends_with("cpu") {
        true => positive(path, quantity),
        false => Ok(quantity),
    }
}

fn positive(path: &str, quantity: Quantity) -> Result<Quantity, Violation> {
    match quantity.is_zero() {
        true => Err(Violation::new(path, "it is zero", "Give a positive amount.")),
        false => Ok(quantity),
    }
}

fn below_request(found: &ContainerResources, process: Process) -> Vec<Violation> {
    let below = found.limits.iter().filter_map(|(name, limit)| {
        let request = found.requests.get(name).filter(|request| *request > limit)?;
        Some(Violation::new(
            format!("{}.resources.limits.{name}", process.field()),
            format!("the limit {limit} is below the request {request}"),
            "Raise the limit or lower the request.",
        ))
    });
    below.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(yaml: &str) -> FlinkDeploymentSpec {
        crate::yaml::from_str(yaml, "test").expect(yaml)
    }

    fn of(yaml: &str) -> Result<ContainerResources, Vec<Violation>> {
        container_resources(&spec(yaml), Process::TaskManager, MemorySize::from_mebibytes(1024))
    }

    fn show(amounts: &BTreeMap<String, Quantity>) -> String {
        amounts.iter().map(|(name, q)| format!("{name}={q}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn requests_and_limits_follow_the_operator() {
        for (yaml, requests, limits) in [
            ("{}", "cpu=500m memory=1Gi", "memory=1Gi"),
            ("taskManager: {resource: {cpu: 0.5}}", "cpu=500m memory=1Gi", "cpu=500m memory=1Gi"),
            (
                "taskManager: {resource: {cpu: 1, ephemeralStorage: 2Gi}}\nflinkConfiguration: {kubernetes.taskmanager.cpu.limit-factor: 2.5, kubernetes.taskmanager.memory.limit-factor: '1.5'}",
                "cpu=1 ephemeral-storage=2Gi memory=1Gi",
                "cpu=2500m ephemeral-storage=2Gi memory=1536Mi",
            ),
            (
                "taskManager: {resources: {limits: {cpu: 2, memory: 2Gi}}, resource: {cpu: 9}}",
                "cpu=2 memory=1Gi",
                "cpu=2 memory=2Gi",
            ),
        ] {
            let found = of(yaml).expect(yaml);
            assert_eq!(
                (show(&found.requests).as_str(), show(&found.limits).as_str()),
                (requests, limits)
            );
        }
    }

    #[test]
    fn memory_is_flinks_wherever_it_stands() {
        let found =
            of("taskManager: {resources: {requests: {memory: 2048m}, limits: {memory: 3g}}}");
        let found = found.expect("sizes of Flink");
        assert_eq!(show(&found.limits), "memory=3Gi");
        let spec = spec("taskManager: {resources: {requests: {memory: 2048m}}}");
        let size = process_memory(&spec, Process::TaskManager).expect("a size");
        assert_eq!(size, Some(MemorySize::from_mebibytes(2048)));
        let field = memory_field(&spec, Process::TaskManager);
        assert_eq!(field.as_deref(), Some("spec.taskManager.resources.requests.memory"));
    }

    #[test]
    fn every_bad_quantity_is_named() {
        let violations = of("taskManager: {resources: {requests: {cpu: much}, limits: {cpu: 0}}}")
            .expect_err("bad");
        let paths: Vec<&str> = violations.iter().map(|v| v.path.as_str()).collect();
        assert_eq!(
            paths,
            ["spec.taskManager.resources.requests.cpu", "spec.taskManager.resources.limits.cpu"]
        );
        let violations = of("taskManager: {resources: {requests: {cpu: 2}, limits: {cpu: 1}}}")
            .expect_err("below");
        assert_eq!(violations[0].message, "the limit 1 is below the request 2");
    }

    #[test]
    fn the_spec_wins_over_the_configuration_and_both_over_the_default() {
        let size = |yaml: &str| {
            let config = sized_config(&spec(yaml)).expect(yaml);
            config.get("taskmanager.memory.process.size").map(str::to_owned)
        };
        assert_eq!(size("{}").as_deref(), Some("1728m"));
        assert_eq!(size("flinkConfiguration: {taskmanager.memory.flink.size: 1g}"), None);
        assert_eq!(
            size("taskManager: {resource: {memory: 2Gi}}\nflinkConfiguration: {taskmanager.memory.process.size: 1g}").as_deref(),
            Some("2g")
        );
    }
}
