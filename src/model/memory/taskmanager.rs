//! The TaskManager's memory (`TaskExecutorProcessUtils`, `TaskExecutorFlinkMemoryUtils`).

use crate::model::config::FlinkConfig;
use crate::model::memory_size::MemorySize;

use super::Component;
use super::jobmanager::total;
use super::process::{FlinkMemory, JvmMemory, ProcessOptions};
use super::settings::{RangeSetting, Refusal, Setting, SizeSetting, fraction, size, size_or, sum};

const FRAMEWORK_HEAP: SizeSetting = size_or("taskmanager.memory.framework.heap.size", 128);
const FRAMEWORK_OFF_HEAP: SizeSetting = size_or("taskmanager.memory.framework.off-heap.size", 128);
const TASK_HEAP: SizeSetting = size("taskmanager.memory.task.heap.size");
const TASK_OFF_HEAP: SizeSetting = size_or("taskmanager.memory.task.off-heap.size", 0);
const MANAGED: SizeSetting = Setting {
    key: "taskmanager.memory.managed.size",
    former: &["taskmanager.memory.size"],
    default: None,
};
const MANAGED_RANGE: RangeSetting = RangeSetting {
    min: Setting {
        key: "(the smallest managed memory)",
        former: &[],
        default: Some(MemorySize::from_bytes(0)),
    },
    max: Setting {
        key: "(the biggest managed memory)",
        former: &[],
        default: Some(MemorySize::MAX),
    },
    fraction: fraction("taskmanager.memory.managed.fraction", 0.4),
};
const NETWORK: RangeSetting = RangeSetting {
    min: Setting {
        key: "taskmanager.memory.network.min",
        former: &["taskmanager.network.memory.min"],
        default: Some(MemorySize::from_mebibytes(64)),
    },
    max: Setting {
        key: "taskmanager.memory.network.max",
        former: &["taskmanager.network.memory.max"],
        default: Some(MemorySize::MAX),
    },
    fraction: Setting {
        key: "taskmanager.memory.network.fraction",
        former: &["taskmanager.network.memory.fraction"],
        default: 0.1,
    },
};
const OPTIONS: ProcessOptions = ProcessOptions {
    process_size: size("taskmanager.memory.process.size"),
    flink_size: size("taskmanager.memory.flink.size"),
    metaspace: size_or("taskmanager.memory.jvm-metaspace.size", 256),
    overhead: RangeSetting {
        min: size_or("taskmanager.memory.jvm-overhead.min", 192),
        max: size_or("taskmanager.memory.jvm-overhead.max", 1024),
        fraction: fraction("taskmanager.memory.jvm-overhead.fraction", 0.1),
    },
    required: &[TASK_HEAP, MANAGED],
};

/// The memory of a TaskManager process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskManagerMemory {
    flink: TaskManagerFlinkMemory,
    jvm: JvmMemory,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct TaskManagerFlinkMemory {
    framework_heap: MemorySize,
    framework_off_heap: MemorySize,
    task_heap: MemorySize,
    task_off_heap: MemorySize,
    network: MemorySize,
    managed: MemorySize,
}

impl TaskManagerMemory {
    pub(super) fn derive(config: &FlinkConfig) -> Result<Self, Refusal> {
        let (flink, jvm) = OPTIONS.derive(config)?;
        let memory = TaskManagerMemory { flink, jvm };
        sum(&memory.components().map(|component| component.size))?;
        Ok(memory)
    }

    /// The whole process, which is the container's memory.
    pub fn process_size(&self) -> MemorySize {
        total(&self.components())
    }

    /// Every component; their sum is the process size.
    pub fn components(&self) -> [Component; 8] {
        let flink = &self.flink;
        [
            Component { name: "framework heap", size: flink.framework_heap },
            Component { name: "task heap", size: flink.task_heap },
            Component { name: "managed", size: flink.managed },
            Component { name: "framework off-heap", size: flink.framework_off_heap },
            Component { name: "task off-heap", size: flink.task_off_heap },
            Component { name: "network", size: flink.network },
            Component { name: "JVM metaspace", size: self.jvm.metaspace },
            Component { name: "JVM overhead", size: self.jvm.overhead },
        ]
    }

    /// The memory flags of `java`, in bytes.
    pub fn jvm_flags(&self) -> Vec<String> {
        let flink = &self.flink;
        let heap = flink.framework_heap.bytes() + flink.task_heap.bytes();
        let direct =
            flink.framework_off_heap.bytes() + flink.task_off_heap.bytes() + flink.network.bytes();
        vec![
            format!("-Xmx{heap}"),
            format!("-Xms{heap}"),
            format!("-XX:MaxDirectMemorySize={direct}"),
            format!("-XX:MaxMetaspaceSize={}", self.jvm.metaspace.bytes()),
        ]
    }

    /// The sizes as configuration: without Flink's scripts a TaskManager must be given every one of them.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let bytes = |size: MemorySize| format!("{}b", size.bytes());
        let flink = &self.flink;
        vec![
            (FRAMEWORK_HEAP.key, bytes(flink.framework_heap)),
            (FRAMEWORK_OFF_HEAP.key, bytes(flink.framework_off_heap)),
            (OPTIONS.metaspace.key, bytes(self.jvm.metaspace)),
            (OPTIONS.overhead.max.key, bytes(self.jvm.overhead)),
            (OPTIONS.overhead.min.key, bytes(self.jvm.overhead)),
            (MANAGED.key, bytes(flink.managed)),
            (NETWORK.max.key, bytes(flink.network)),
            (NETWORK.min.key, bytes(flink.network)),
            (TASK_HEAP.key, bytes(flink.task_heap)),
            (TASK_OFF_HEAP.key, bytes(flink.task_off_heap)),
        ]
    }
}

impl TaskManagerFlinkMemory {
    /// The sizes that are always set or have a default; the others are zero.
    fn fixed(config: &FlinkConfig) -> Result<Self, Refusal> {
        Ok(TaskManagerFlinkMemory {
            framework_heap: FRAMEWORK_HEAP.read(config)?,
            framework_off_heap: FRAMEWORK_OFF_HEAP.read(config)?,
            task_off_heap: TASK_OFF_HEAP.read(config)?,
            task_heap: MemorySize::default(),
            network: MemorySize::default(),
            managed: MemorySize::default(),
        })
    }

    /// What `flink` leaves; refused when the parts are more.
    fn rest_of(&self, flink: MemorySize, for_what: &str) -> Result<MemorySize, Refusal> {
        let parts = self.total()?;
        flink.checked_sub(parts).ok_or_else(|| {
            Refusal::new(
                format!(
                    "{} remain for Flink, and its parts take {} (framework heap {}, framework off-heap {}, task heap {}, task off-heap {}, managed {}, network {}), so nothing is left for {for_what}",
                    flink.human(),
                    parts.human(),
                    self.framework_heap.human(),
                    self.framework_off_heap.human(),
                    self.task_heap.human(),
                    self.task_off_heap.human(),
                    self.managed.human(),
                    self.network.human(),
                ),
                format!("Give {} more, or make its parts smaller.", OPTIONS.process_size.key),
            )
        })
    }

    /// Network memory is the rest of an explicit total.
    fn with_network_from(self, config: &FlinkConfig, flink: MemorySize) -> Result<Self, Refusal> {
        let network = self.rest_of(flink, "the network")?;
        NETWORK.check(config, "network memory", network)?;
        Ok(TaskManagerFlinkMemory { network, ..self })
    }
}

impl FlinkMemory for TaskManagerFlinkMemory {
    fn from_parts(config: &FlinkConfig) -> Result<Self, Refusal> {
        let mut memory = Self::fixed(config)?;
        memory.task_heap = TASK_HEAP.read(config)?;
        memory.managed = MANAGED.read(config)?;
        if OPTIONS.flink_size.is_set(config) {
            return memory.with_network_from(config, OPTIONS.flink_size.read(config)?);
        }
        memory.network = NETWORK.read(config)?.beside(memory.total()?)?;
        Ok(memory)
    }

    fn from_total(config: &FlinkConfig, total: MemorySize) -> Result<Self, Refusal> {
        let mut memory = Self::fixed(config)?;
        memory.managed = match MANAGED.is_set(config) {
            true => MANAGED.read(config)?,
            false => MANAGED_RANGE.read(config)?.of(total)?,
        };
        if TASK_HEAP.is_set(config) {
            memory.task_heap = TASK_HEAP.read(config)?;
            return memory.with_network_from(config, total);
        }
        memory.network = NETWORK.read(config)?.of(total)?;
        memory.task_heap = memory.rest_of(total, "task heap")?;
        Ok(memory)
    }

    fn total(&self) -> Result<MemorySize, Refusal> {
        sum(&[
            self.framework_heap,
            self.framework_off_heap,
            self.task_heap,
            self.task_off_heap,
            self.network,
            self.managed,
        ])
    }
}
