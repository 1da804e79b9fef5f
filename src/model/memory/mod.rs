//! Flink's memory model: from a configuration to the size of every component of a process.
//!
//! The same arithmetic as `org.apache.flink.runtime.util.config.memory` (unchanged from 1.17 to 2.3), so
//! that `java` can be started without Flink's scripts, and a size that Flink would refuse is refused before
//! anything starts. Checked against what Flink prints: `tests/data/flink-memory`.

mod fraction;
mod jobmanager;
mod process;
#[cfg(test)]
mod recorded;
mod settings;
mod taskmanager;

pub use jobmanager::JobManagerMemory;
pub use settings::Refusal;
pub use taskmanager::TaskManagerMemory;

use crate::model::config::FlinkConfig;
use crate::model::memory_size::MemorySize;

/// One component of a process's memory, as Flink's documentation names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// The name, such as "JVM overhead".
    pub name: &'static str,
    /// Its size.
    pub size: MemorySize,
}

/// Sizes of a JobManager with this configuration.
///
/// # Errors
/// A [`Refusal`] exactly when Flink refuses the configuration.
pub fn jobmanager(config: &FlinkConfig) -> Result<JobManagerMemory, Refusal> {
    JobManagerMemory::derive(config).map_err(|refusal| {
        advise(refusal, config, "jobmanager.memory.process.size", |c| {
            JobManagerMemory::derive(c).is_ok()
        })
    })
}

/// Sizes of a TaskManager with this configuration.
///
/// # Errors
/// A [`Refusal`] exactly when Flink refuses the configuration.
pub fn taskmanager(config: &FlinkConfig) -> Result<TaskManagerMemory, Refusal> {
    TaskManagerMemory::derive(config).map_err(|refusal| {
        advise(refusal, config, "taskmanager.memory.process.size", |c| {
            TaskManagerMemory::derive(c).is_ok()
        })
    })
}

/// Adds the smallest process size that would do, when a bigger one would.
fn advise(
    refusal: Refusal,
    config: &FlinkConfig,
    key: &str,
    accepted: impl Fn(&FlinkConfig) -> bool,
) -> Refusal {
    let given = config.get(key).and_then(|size| size.parse::<MemorySize>().ok());
    let with = |mebibytes: u32| {
        let mut config = config.clone();
        config.set(key, MemorySize::from_mebibytes(mebibytes).to_string());
        config
    };
    // Acceptance grows with the size, unless other explicit sizes contradict it; then the answer is none.
    let (mut low, mut high) = (0, 64 * 1024);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if accepted(&with(middle)) { high = middle } else { low = middle }
    }
    match given {
        Some(given) if given < MemorySize::from_mebibytes(high) && accepted(&with(high)) => {
            Refusal {
                remedy: format!("Give {key} at least {high}m, or make its parts smaller."),
                ..refusal
            }
        }
        _ => refusal,
    }
}
