//! What both processes share: metaspace, overhead and the three ways to give a total
//! (`org.apache.flink.runtime.util.config.memory.ProcessMemoryUtils`).

use crate::model::config::FlinkConfig;
use crate::model::memory_size::MemorySize;

use super::settings::{RangeSetting, Refusal, SizeSetting, sum};

/// Memory of a JVM that Flink does not use itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JvmMemory {
    pub(super) metaspace: MemorySize,
    pub(super) overhead: MemorySize,
}

/// The options of one kind of process.
pub(super) struct ProcessOptions {
    pub(super) process_size: SizeSetting,
    pub(super) flink_size: SizeSetting,
    pub(super) metaspace: SizeSetting,
    pub(super) overhead: RangeSetting,
    /// All of these together stand for a total.
    pub(super) required: &'static [SizeSetting],
}

/// Flink's own memory inside a process.
pub(super) trait FlinkMemory: Sized {
    /// From the required explicit sizes.
    fn from_parts(config: &FlinkConfig) -> Result<Self, Refusal>;
    /// From their total.
    fn from_total(config: &FlinkConfig, total: MemorySize) -> Result<Self, Refusal>;
    /// The total.
    fn total(&self) -> Result<MemorySize, Refusal>;
}

impl ProcessOptions {
    /// The sizes of a process (`memoryProcessSpecFromConfig`).
    pub(super) fn derive<F: FlinkMemory>(
        &self,
        config: &FlinkConfig,
    ) -> Result<(F, JvmMemory), Refusal> {
        if self.required.iter().all(|setting| setting.is_set(config)) {
            let flink = F::from_parts(config)?;
            let jvm = self.jvm_beside(config, flink.total()?)?;
            Ok((flink, jvm))
        } else if self.flink_size.is_set(config) {
            let total = self.flink_size.read(config)?;
            let flink = F::from_total(config, total)?;
            Ok((flink, self.jvm_beside(config, total)?))
        } else if self.process_size.is_set(config) {
            let (total, jvm) = self.jvm_within(config)?;
            Ok((F::from_total(config, total)?, jvm))
        } else {
            Err(Refusal::new("no memory size is given", format!("Set {}.", self.process_size.key)))
        }
    }

    /// Flink's total and the rest, when the process size is given.
    fn jvm_within(&self, config: &FlinkConfig) -> Result<(MemorySize, JvmMemory), Refusal> {
        let process = self.process_size.read(config)?;
        let metaspace = self.metaspace.read(config)?;
        let overhead = self.overhead.read(config)?.of(process)?;
        let flink = process.checked_sub(sum(&[metaspace, overhead])?).ok_or_else(|| {
            Refusal::new(
                format!(
                    "{} ({process}) is less than JVM metaspace ({metaspace}) and JVM overhead ({overhead}) together",
                    self.process_size.key
                ),
                format!("Give {} more.", self.process_size.key),
            )
        })?;
        Ok((flink, JvmMemory { metaspace, overhead }))
    }

    /// The rest, when Flink's total is known.
    fn jvm_beside(&self, config: &FlinkConfig, flink: MemorySize) -> Result<JvmMemory, Refusal> {
        let metaspace = self.metaspace.read(config)?;
        let known = sum(&[flink, metaspace])?;
        if !self.process_size.is_set(config) {
            let overhead = self.overhead.read(config)?.beside(known)?;
            sum(&[known, overhead])?;
            return Ok(JvmMemory { metaspace, overhead });
        }
        let process = self.process_size.read(config)?;
        let overhead = process.checked_sub(known).ok_or_else(|| {
            Refusal::new(
                format!(
                    "{} ({process}) is less than Flink's memory ({flink}) and JVM metaspace ({metaspace}) together",
                    self.process_size.key
                ),
                format!("Give {} more, or set fewer sizes.", self.process_size.key),
            )
        })?;
        self.overhead.check(config, "JVM overhead", overhead)?;
        Ok(JvmMemory { metaspace, overhead })
    }
}
