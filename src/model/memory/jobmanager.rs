//! The JobManager's memory (`JobManagerProcessUtils`, `JobManagerFlinkMemoryUtils`).

use crate::model::config::FlinkConfig;
use crate::model::memory_size::MemorySize;

use super::Component;
use super::process::{FlinkMemory, JvmMemory, ProcessOptions};
use super::settings::{RangeSetting, Refusal, SizeSetting, fraction, size, size_or, sum};

const HEAP: SizeSetting = size("jobmanager.memory.heap.size");
const OFF_HEAP: SizeSetting = size_or("jobmanager.memory.off-heap.size", 128);
const OPTIONS: ProcessOptions = ProcessOptions {
    process_size: size("jobmanager.memory.process.size"),
    flink_size: size("jobmanager.memory.flink.size"),
    metaspace: size_or("jobmanager.memory.jvm-metaspace.size", 256),
    overhead: RangeSetting {
        min: size_or("jobmanager.memory.jvm-overhead.min", 192),
        max: size_or("jobmanager.memory.jvm-overhead.max", 1024),
        fraction: fraction("jobmanager.memory.jvm-overhead.fraction", 0.1),
    },
    required: &[HEAP],
};
const DIRECT_LIMIT: &str = "jobmanager.memory.enable-jvm-direct-memory-limit";

/// The memory of a JobManager process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobManagerMemory {
    flink: JobManagerFlinkMemory,
    jvm: JvmMemory,
    direct_limit: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct JobManagerFlinkMemory {
    heap: MemorySize,
    off_heap: MemorySize,
}

impl JobManagerMemory {
    pub(super) fn derive(config: &FlinkConfig) -> Result<Self, Refusal> {
        let (flink, jvm) = OPTIONS.derive(config)?;
        let direct_limit =
            config.get(DIRECT_LIMIT).is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
        let memory = JobManagerMemory { flink, jvm, direct_limit };
        sum(&memory.components().map(|component| component.size))?;
        Ok(memory)
    }

    /// The JVM's heap.
    pub fn heap(&self) -> MemorySize {
        self.flink.heap
    }

    /// The whole process, which is the container's memory.
    pub fn process_size(&self) -> MemorySize {
        total(&self.components())
    }

    /// Every component; their sum is the process size.
    pub fn components(&self) -> [Component; 4] {
        [
            Component { name: "JVM heap", size: self.flink.heap },
            Component { name: "off-heap", size: self.flink.off_heap },
            Component { name: "JVM metaspace", size: self.jvm.metaspace },
            Component { name: "JVM overhead", size: self.jvm.overhead },
        ]
    }

    /// The memory flags of `java`, in bytes.
    pub fn jvm_flags(&self) -> Vec<String> {
        let heap = self.flink.heap.bytes();
        let mut flags = vec![format!("-Xmx{heap}"), format!("-Xms{heap}")];
        if self.direct_limit {
            flags.push(format!("-XX:MaxDirectMemorySize={}", self.flink.off_heap.bytes()));
        }
        flags.push(format!("-XX:MaxMetaspaceSize={}", self.jvm.metaspace.bytes()));
        flags
    }

    /// The sizes as configuration, for the process to report them as they are.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let bytes = |size: MemorySize| format!("{}b", size.bytes());
        vec![
            (HEAP.key, bytes(self.flink.heap)),
            (OPTIONS.metaspace.key, bytes(self.jvm.metaspace)),
            (OPTIONS.overhead.max.key, bytes(self.jvm.overhead)),
            (OPTIONS.overhead.min.key, bytes(self.jvm.overhead)),
            (OFF_HEAP.key, bytes(self.flink.off_heap)),
        ]
    }
}

/// The sum of components that were checked to add up when they were derived.
pub(super) fn total(components: &[Component]) -> MemorySize {
    MemorySize::from_bytes(components.iter().map(|component| component.size.bytes()).sum())
}

impl FlinkMemory for JobManagerFlinkMemory {
    fn from_parts(config: &FlinkConfig) -> Result<Self, Refusal> {
        let (heap, mut off_heap) = (HEAP.read(config)?, OFF_HEAP.read(config)?);
        if OPTIONS.flink_size.is_set(config) {
            let flink = OPTIONS.flink_size.read(config)?;
            let rest = flink.checked_sub(heap).ok_or_else(|| {
                contradiction(format!(
                    "{} ({heap}) is above jobmanager.memory.flink.size ({flink})",
                    HEAP.key
                ))
            })?;
            if OFF_HEAP.is_set(config) && rest != off_heap {
                return Err(contradiction(format!(
                    "{} ({heap}) and {} ({off_heap}) do not add up to jobmanager.memory.flink.size ({flink})",
                    HEAP.key, OFF_HEAP.key
                )));
            }
            off_heap = rest;
        }
        Ok(JobManagerFlinkMemory { heap, off_heap })
    }

    fn from_total(config: &FlinkConfig, total: MemorySize) -> Result<Self, Refusal> {
        let off_heap = OFF_HEAP.read(config)?;
        match total.checked_sub(off_heap) {
            Some(heap) if heap > MemorySize::default() => {
                Ok(JobManagerFlinkMemory { heap, off_heap })
            }
            _ => Err(Refusal::new(
                format!(
                    "{} remain for Flink, and {} takes {off_heap} of them, so nothing is left for the JVM heap",
                    total.human(),
                    OFF_HEAP.key
                ),
                format!("Give {} more.", OPTIONS.process_size.key),
            )),
        }
    }

    fn total(&self) -> Result<MemorySize, Refusal> {
        sum(&[self.heap, self.off_heap])
    }
}

fn contradiction(message: String) -> Refusal {
    Refusal::new(message, "Set one of them, not both.")
}
