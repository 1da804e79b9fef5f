//! The configuration that a generation runs with: our defaults, the user's keys, and the keys that this
//! plugin owns.

use crate::model::config::FlinkConfig;
use crate::model::flink_version::FlinkVersion;
use crate::model::java;
use crate::model::memory;
use crate::model::memory_size::MemorySize;
use crate::model::process::Process;
use crate::model::quantity::Quantity;
use crate::model::resources::{ContainerResources, container_resources, sized_config};
use crate::model::revision::Revision;
use crate::model::spec::{FlinkDeployment, FlinkDeploymentSpec};
use crate::model::store::Wiring;
use crate::model::violation::Violation;

/// Port of the JobManager's RPC.
pub const JOBMANAGER_RPC_PORT: u16 = 6123;
/// Port of the JobManager's blob server.
pub const BLOB_PORT: u16 = 6124;
/// Port of the TaskManagers' RPC.
pub const TASKMANAGER_RPC_PORT: u16 = 6122;
/// Port over which TaskManagers exchange records.
pub const DATA_PORT: u16 = 6121;
/// Port of REST API and web UI.
pub const REST_PORT: u16 = 8081;

/// Checkpoint interval of an application that names none, in its configuration or in its code: a killed
/// job repeats at most this much work, and a checkpoint of moderate state takes a small part of it.
const CHECKPOINT_INTERVAL: &str = "30s";

/// Keys that decide who a generation is and where its state goes; a spec that sets one is refused, and the
/// reason is given.
pub const OWNED: [(&str, &str); 23] = [
    ("high-availability.cluster-id", IDENTITY),
    ("kubernetes.cluster-id", IDENTITY),
    ("kubernetes.namespace", IDENTITY),
    ("jobmanager.rpc.address", ADDRESS),
    ("jobmanager.rpc.port", ADDRESS),
    ("high-availability.jobmanager.port", ADDRESS),
    ("jobmanager.bind-host", ADDRESS),
    ("rest.port", ADDRESS),
    ("rest.bind-port", ADDRESS),
    ("rest.bind-address", ADDRESS),
    ("blob.server.port", ADDRESS),
    ("taskmanager.host", ADDRESS),
    ("taskmanager.bind-host", ADDRESS),
    ("taskmanager.rpc.port", ADDRESS),
    ("taskmanager.data.port", ADDRESS),
    ("taskmanager.resource-id", ADDRESS),
    ("execution.shutdown-on-application-finish", TERMINAL),
    ("job-result-store.delete-on-commit", TERMINAL),
    ("execution.savepoint.path", RESTORE),
    ("execution.savepoint.ignore-unclaimed-state", RESTORE),
    ("parallelism.default", "spec.job.parallelism says it"),
    ("pipeline.classpaths", "spec.job.jarURI says it"),
    ("pipeline.jars", "spec.job.jarURI says it"),
];

const IDENTITY: &str =
    "each generation has an identity of its own, so that no two jobs write the same state";
const ADDRESS: &str = "the Services, probes and network policies rely on it";
const TERMINAL: &str = "a finished or stopped job would be started again from the beginning";
const RESTORE: &str = "restore and spec.job say what to start from";

/// What a generation runs with.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The configuration of both processes.
    pub config: FlinkConfig,
    /// The JobManager.
    pub jobmanager: EffectiveProcess,
    /// Each TaskManager.
    pub taskmanager: EffectiveProcess,
    /// How many TaskManagers.
    pub taskmanagers: i32,
}

/// What a process runs with.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveProcess {
    /// Total memory.
    pub memory: MemorySize,
    /// Requests and limits of its container.
    pub resources: ContainerResources,
    /// Flags of `java`, memory first.
    pub java_flags: Vec<String>,
}

impl Effective {
    /// Resolves everything that does not depend on the generation.
    ///
    /// # Errors
    /// Every violation found in memory sizes, resources, slots and JVM options.
    pub fn of_spec(deployment: &FlinkDeployment) -> Result<Effective, Vec<Violation>> {
        let spec = &deployment.spec;
        let mut config = sized_config(spec).map_err(|mut violations| {
            // What does not depend on the size that cannot be read is said as well.
            for process in Process::ALL {
                let rest = container_resources(spec, process, MemorySize::from_bytes(0));
                violations.extend(rest.err().unwrap_or_default());
            }
            violations
        })?;
        let slots = slots(&config);
        let jobmanager = jobmanager(deployment, &config);
        let taskmanager = taskmanager(deployment, &config);
        let ((jobmanager, sizes), (taskmanager, more_sizes), slots) =
            match (jobmanager, taskmanager, slots) {
                (Ok(jobmanager), Ok(taskmanager), Ok(slots)) => (jobmanager, taskmanager, slots),
                (jobmanager, taskmanager, slots) => {
                    let mut violations = jobmanager.err().unwrap_or_default();
                    violations.extend(taskmanager.err().unwrap_or_default());
                    violations.extend(slots.err());
                    return Err(violations);
                }
            };
        for (key, value) in sizes.into_iter().chain(more_sizes) {
            config.set(key, value);
        }
        // One spelling for one size, so that a new spelling is not a new configuration.
        for (process, memory) in
            [(Process::JobManager, jobmanager.memory), (Process::TaskManager, taskmanager.memory)]
        {
            if config.contains(process.memory_key()) {
                config.set(process.memory_key(), memory.to_string());
            }
        }
        config.set_default("taskmanager.cpu.cores", cores(&taskmanager));
        config.set("taskmanager.numberOfTaskSlots", slots.to_string());
        let taskmanagers = taskmanagers(spec, deployment.parallelism(), slots);
        Ok(Effective { config, jobmanager, taskmanager, taskmanagers })
    }

    /// Resolves everything for the generation that `revision` records.
    ///
    /// # Errors
    /// As [`Effective::of_spec`].
    pub fn of(revision: &Revision) -> Result<Effective, Vec<Violation>> {
        let mut effective = Effective::of_spec(&revision.spec)?;
        set_defaults(&mut effective.config, revision);
        set_owned(&mut effective.config, revision);
        Ok(effective)
    }
}

/// What we set unless the user did.
fn set_defaults(config: &mut FlinkConfig, revision: &Revision) {
    let layout = revision.layout();
    for (key, value) in Wiring::of(revision.stores()).config.iter() {
        config.set_default(key, value);
    }
    for (key, value) in [
        ("high-availability.type", "kubernetes".to_owned()),
        ("high-availability.storageDir", layout.ha()),
        ("state.checkpoints.dir", layout.checkpoints()),
        ("state.savepoints.dir", layout.savepoints()),
        ("execution.checkpointing.interval", CHECKPOINT_INTERVAL.to_owned()),
        // Without it a cancelled job leaves nothing to restore from.
        (
            "execution.checkpointing.externalized-checkpoint-retention",
            "RETAIN_ON_CANCELLATION".to_owned(),
        ),
        // One checkpoint that turns out to be damaged is not the end.
        ("state.checkpoints.num-retained", "3".to_owned()),
        // A failed submission stays visible over REST, with its exception, instead of a crash loop.
        ("execution.submit-failed-job-on-application-error", "true".to_owned()),
        // As the operator: nobody cancels a job by a slip in the web UI.
        ("web.cancel.enable", "false".to_owned()),
        ("web.submit.enable", "false".to_owned()),
        // How old the REST API's answers about tasks and checkpoints may be. Milliseconds without a unit, as
        // below. The default of 3 s would hide the progress of most savepoints.
        ("web.refresh-interval", "500".to_owned()),
        ("pipeline.name", revision.application.to_string()),
        // Milliseconds without a unit: a number to 1.19, a duration after. JobManager and TaskManagers
        // start together, and the default of 10 s is lost by whoever comes first.
        ("cluster.registration.error-delay", "500".to_owned()),
    ] {
        config.set_default(key, value);
    }
}

/// What we set whatever the user says; see [`OWNED`].
fn set_owned(config: &mut FlinkConfig, revision: &Revision) {
    let cluster_id = revision.application.cluster_id(revision.generation);
    for (key, value) in [
        ("high-availability.cluster-id", cluster_id.clone()),
        ("kubernetes.cluster-id", cluster_id),
        ("kubernetes.namespace", revision.namespace.clone()),
        ("jobmanager.rpc.address", revision.application.jobmanager(revision.generation)),
        ("jobmanager.rpc.port", JOBMANAGER_RPC_PORT.to_string()),
        // Takes its place with ZooKeeper (`ClusterEntrypoint.getRPCPortRange`), and would be drawn at
        // random: the liveness probe would find nobody.
        ("high-availability.jobmanager.port", JOBMANAGER_RPC_PORT.to_string()),
        ("jobmanager.bind-host", "0.0.0.0".to_owned()),
        ("blob.server.port", BLOB_PORT.to_string()),
        ("rest.port", REST_PORT.to_string()),
        ("rest.bind-address", "0.0.0.0".to_owned()),
        ("taskmanager.bind-host", "0.0.0.0".to_owned()),
        ("taskmanager.rpc.port", TASKMANAGER_RPC_PORT.to_string()),
        ("taskmanager.data.port", DATA_PORT.to_string()),
        ("parallelism.default", revision.spec.parallelism().to_string()),
        // The JobManager stays after the job ended, and a JobManager that is restarted after that finds the
        // job's result instead of running it again.
        ("execution.shutdown-on-application-finish", "false".to_owned()),
        ("job-result-store.delete-on-commit", "false".to_owned()),
    ] {
        config.set(key, value);
    }
    if let Some(class_path) = jar_on_class_path(revision) {
        config.set("pipeline.classpaths", class_path);
    }
}

/// The jar as an entry of `pipeline.classpaths`, which every process reads for itself and Flink does not
/// search for a main class. It does where the class is known and every process sees the file, as those on
/// the state storage. A jar in the image goes to `--jars` (since 1.19) instead, which sends it to the
/// TaskManagers: an init container may have put it into the JobManager's pod alone.
fn jar_on_class_path(revision: &Revision) -> Option<String> {
    revision.jar.main_class.as_ref()?;
    match revision.jar.uri.strip_prefix("local://") {
        Some(_) if revision.flink_version >= FlinkVersion::V1_19 => None,
        Some(path) => Some(format!("file://{path}")),
        None => Some(revision.jar.in_pod()),
    }
}

type Sizes = Vec<(&'static str, String)>;
type Resolved = Result<(EffectiveProcess, Sizes), Vec<Violation>>;

fn jobmanager(deployment: &FlinkDeployment, config: &FlinkConfig) -> Resolved {
    let memory = memory::jobmanager(config)
        .map_err(|r| vec![refused(deployment, Process::JobManager, r)])?;
    let total = memory.process_size();
    let heap = memory.heap().bytes();
    let process = process(deployment, Process::JobManager, total, memory.jvm_flags(), heap)?;
    Ok((process, memory.properties()))
}

fn taskmanager(deployment: &FlinkDeployment, config: &FlinkConfig) -> Resolved {
    let memory = memory::taskmanager(config)
        .map_err(|r| vec![refused(deployment, Process::TaskManager, r)])?;
    let total = memory.process_size();
    let process =
        process(deployment, Process::TaskManager, total, memory.jvm_flags(), total.bytes())?;
    Ok((process, memory.properties()))
}

fn process(
    deployment: &FlinkDeployment,
    process: Process,
    memory: MemorySize,
    mut java_flags: Vec<String>,
    heap_bytes: u64,
) -> Result<EffectiveProcess, Vec<Violation>> {
    let config = &deployment.spec.flink_configuration;
    let resources = container_resources(&deployment.spec, process, memory);
    let flags = java::flags(config, deployment.flink_version(), process, heap_bytes).map_err(
        |(key, reason)| {
            vec![Violation::new(
                format!("spec.flinkConfiguration.{key}"),
                reason,
                "Write the options out, separated by spaces.",
            )]
        },
    );
    match (resources, flags) {
        (Ok(resources), Ok(flags)) => {
            java_flags.extend(flags);
            Ok(EffectiveProcess { memory, resources, java_flags })
        }
        (resources, flags) => {
            let mut violations = resources.err().unwrap_or_default();
            violations.extend(flags.err().unwrap_or_default());
            Err(violations)
        }
    }
}

/// A refusal of the memory model, at the field that the user wrote.
fn refused(deployment: &FlinkDeployment, process: Process, refusal: memory::Refusal) -> Violation {
    let path = crate::model::resources::memory_field(&deployment.spec, process)
        .unwrap_or_else(|| format!("spec.flinkConfiguration ({process}.memory.*)"));
    Violation::new(path, refusal.message, refusal.remedy)
}

fn slots(config: &FlinkConfig) -> Result<i32, Violation> {
    let key = "taskmanager.numberOfTaskSlots";
    let Some(text) = config.get(key) else { return Ok(1) };
    text.trim().parse().ok().filter(|slots| *slots >= 1).ok_or_else(|| {
        Violation::new(
            format!("spec.flinkConfiguration.{key}"),
            format!("{text:?} is not a number of slots"),
            "Give a whole number of at least 1.",
        )
    })
}

/// As many as the spec says, else as many as hold one slot for each parallel task.
fn taskmanagers(spec: &FlinkDeploymentSpec, parallelism: i32, slots: i32) -> i32 {
    let replicas = spec.task_manager.as_ref().and_then(|tm| tm.replicas);
    replicas.unwrap_or_else(|| parallelism / slots + i32::from(parallelism % slots > 0))
}

/// The CPU that a TaskManager reports to its JobManager, as a Java double. Flink's scripts would pass it.
fn cores(taskmanager: &EffectiveProcess) -> String {
    let millis =
        taskmanager.resources.requests.get("cpu").map_or(1000, |cpu: &Quantity| cpu.millis());
    let fraction = format!("{:03}", millis % 1000);
    let fraction = fraction.trim_end_matches('0');
    format!("{}.{}", millis / 1000, if fraction.is_empty() { "0" } else { fraction })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::testing;

    /// Key to (first, last, type) of each range of versions that knows it.
    fn known() -> BTreeMap<&'static str, Vec<(FlinkVersion, FlinkVersion, &'static str)>> {
        let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let lines = include_str!("../../tests/data/flink-options.tsv").lines();
        for line in lines.filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let version = |text: &str| text.parse::<FlinkVersion>().expect("a version");
            let range = (version(fields[1]), version(fields[2]), fields[3]);
            known.entry(fields[0]).or_default().push(range);
        }
        known
    }

    #[test]
    fn every_generated_key_is_known_to_every_version() {
        let known = known();
        for version in FlinkVersion::ALL {
            let mut revision = testing::revision();
            revision.spec.spec.flink_version = Some(version);
            let effective = Effective::of(&revision).expect("valid");
            for (key, value) in effective.config.iter() {
                let ranges = known.get(key).unwrap_or_else(|| panic!("{key} is in no list"));
                let kind =
                    ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&version));
                let (_, _, kind) = kind.unwrap_or_else(|| panic!("{version} does not know {key}"));
                let fits = match *kind {
                    "Long" | "Integer" => value.parse::<i64>().is_ok(),
                    "Boolean" => value.parse::<bool>().is_ok(),
                    "Double" | "Float" => value.parse::<f64>().is_ok(),
                    "MemorySize" => value.parse::<MemorySize>().is_ok(),
                    _ => true,
                };
                assert!(fits, "{version}: {key}: {value} is not a {kind}");
            }
        }
    }

    #[test]
    fn every_owned_key_is_real() {
        let known = known();
        for (key, _) in OWNED {
            assert!(known.contains_key(key), "{key} is in no list");
        }
    }

    #[test]
    fn the_reference_names_every_key() {
        let reference = include_str!("../../docs/configuration.md");
        let config = Effective::of(&testing::revision()).expect("valid").config;
        let generated = config.iter().map(|(key, _)| key);
        let is_part = |key: &str| key.contains(".memory.") && !key.ends_with(".process.size");
        for key in generated.filter(|key| !is_part(key)).chain(OWNED.map(|(key, _)| key)) {
            assert!(
                reference.contains(&format!("`{key}`")),
                "docs/configuration.md does not name {key}"
            );
        }
    }

    #[test]
    fn the_user_changes_defaults_but_not_what_is_owned() {
        let mut revision = testing::revision();
        let config = &mut revision.spec.spec.flink_configuration;
        config.set("execution.checkpointing.dir", "s3://mine");
        config.set("execution.checkpointing.interval", "5 min");
        config.set("high-availability.cluster-id", "stolen");
        let config = Effective::of(&revision).expect("valid").config;
        assert_eq!(config.get("state.checkpoints.dir"), None);
        assert_eq!(config.get("execution.checkpointing.interval"), Some("5 min"));
        assert_eq!(config.get("high-availability.cluster-id"), Some("orders-g4"));
    }

    #[test]
    fn as_many_taskmanagers_as_the_parallelism_needs() {
        let mut deployment = testing::revision().spec;
        let count = |d: &FlinkDeployment| Effective::of_spec(d).expect("valid").taskmanagers;
        deployment.spec.job.as_mut().expect("job").parallelism = Some(5);
        assert_eq!(count(&deployment), 5);
        deployment.spec.flink_configuration.set("taskmanager.numberOfTaskSlots", "2");
        assert_eq!(count(&deployment), 3);
        deployment.spec.task_manager.get_or_insert_default().replicas = Some(7);
        assert_eq!(count(&deployment), 7);
    }

    #[test]
    fn the_taskmanager_reports_the_cpu_it_asks_for() {
        let mut deployment = testing::revision().spec;
        for (cpu, cores) in [("1", "1.0"), ("0.5", "0.5"), ("1250m", "1.25")] {
            let resource = deployment
                .spec
                .task_manager
                .get_or_insert_default()
                .resource
                .get_or_insert_default();
            resource.cpu = Some(cpu.to_owned());
            let config = Effective::of_spec(&deployment).expect("valid").config;
            assert_eq!(config.get("taskmanager.cpu.cores"), Some(cores));
        }
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let mut deployment = testing::revision().spec;
        let config = &mut deployment.spec.flink_configuration;
        config.set("jobmanager.memory.process.size", "100m");
        config.set("taskmanager.memory.process.size", "100m");
        config.set("taskmanager.numberOfTaskSlots", "none");
        let violations = Effective::of_spec(&deployment).expect_err("three problems");
        assert_eq!(violations.len(), 3, "{violations:?}");
    }
}
