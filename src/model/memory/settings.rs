//! Reading memory options out of a configuration.

use crate::model::config::FlinkConfig;
use crate::model::memory_size::MemorySize;

use super::fraction::RangeFraction;

/// Why Flink would refuse a memory configuration, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The cause: a lowercase fragment.
    pub message: String,
    /// What to do: a sentence.
    pub remedy: String,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Refusal { message: message.into(), remedy: remedy.into() }
    }
}

/// A key, the names it had before (which Flink still reads), and its default.
pub(super) struct Setting<T> {
    pub(super) key: &'static str,
    pub(super) former: &'static [&'static str],
    pub(super) default: T,
}

pub(super) type SizeSetting = Setting<Option<MemorySize>>;
pub(super) type FractionSetting = Setting<f32>;

/// A size that has no default.
pub(super) const fn size(key: &'static str) -> SizeSetting {
    Setting { key, former: &[], default: None }
}

/// A size with a default in mebibytes.
pub(super) const fn size_or(key: &'static str, mebibytes: u32) -> SizeSetting {
    Setting { key, former: &[], default: Some(MemorySize::from_mebibytes(mebibytes)) }
}

/// A fraction with a default.
pub(super) const fn fraction(key: &'static str, default: f32) -> FractionSetting {
    Setting { key, former: &[], default }
}

/// A size that is at most, at least and relatively this much.
pub(super) struct RangeSetting {
    pub(super) min: SizeSetting,
    pub(super) max: SizeSetting,
    pub(super) fraction: FractionSetting,
}

impl<T> Setting<T> {
    /// The raw value, under the first of its names that is set.
    pub(super) fn text<'a>(&self, config: &'a FlinkConfig) -> Option<&'a str> {
        config.get(self.key).or_else(|| self.former.iter().find_map(|key| config.get(key)))
    }

    /// Whether it is set under any of its names.
    pub(super) fn is_set(&self, config: &FlinkConfig) -> bool {
        self.text(config).is_some()
    }
}

impl SizeSetting {
    /// The size; refused when it cannot be read, or is neither set nor has a default.
    pub(super) fn read(&self, config: &FlinkConfig) -> Result<MemorySize, Refusal> {
        let unset =
            || Refusal::new(format!("{} is not set", self.key), format!("Set {}.", self.key));
        match self.text(config) {
            Some(text) => text.parse().map_err(|_| {
                Refusal::new(
                    format!("{}: {text:?} is not a memory size", self.key),
                    "Write a whole number and a unit, such as 1600m or 2g.",
                )
            }),
            None => self.default.ok_or_else(unset),
        }
    }
}

impl RangeSetting {
    /// The range; refused when it is empty or the fraction is not in 0 ≤ f < 1.
    pub(super) fn read(&self, config: &FlinkConfig) -> Result<RangeFraction, Refusal> {
        let (min, max) = (self.min.read(config)?, self.max.read(config)?);
        let key = self.fraction.key;
        let fraction = match self.fraction.text(config) {
            None => self.fraction.default,
            Some(text) => text.trim().parse::<f32>().map_err(|_| {
                Refusal::new(
                    format!("{key}: {text:?} is not a number"),
                    "Write a fraction, such as 0.1.",
                )
            })?,
        };
        if !(0.0..1.0).contains(&fraction) {
            return Err(Refusal::new(
                format!("{key} is {fraction}"),
                "Give a fraction of at least 0 and below 1.",
            ));
        }
        if min > max {
            return Err(Refusal::new(
                format!("{} ({min}) is above {} ({max})", self.min.key, self.max.key),
                "Make the minimum smaller or the maximum bigger.",
            ));
        }
        Ok(RangeFraction { min, max, fraction: f64::from(fraction) })
    }

    /// Refuses a derived `size` outside the configured range.
    pub(super) fn check(
        &self,
        config: &FlinkConfig,
        what: &str,
        size: MemorySize,
    ) -> Result<(), Refusal> {
        let range = self.read(config)?;
        if (range.min..=range.max).contains(&size) {
            return Ok(());
        }
        Err(Refusal::new(
            format!(
                "the sizes that are set leave {size} for {what}, which must be between {} and {}",
                range.min, range.max
            ),
            format!("Set fewer sizes, or change {} and {}.", self.min.key, self.max.key),
        ))
    }
}

/// The sum; refused beyond 2^63 - 1 bytes, where Flink overflows.
pub(super) fn sum(sizes: &[MemorySize]) -> Result<MemorySize, Refusal> {
    sizes.iter().try_fold(MemorySize::default(), |sum, size| sum.checked_add(*size)).ok_or_else(
        || Refusal::new("the memory sizes add up to more than 8 EiB", "Make them smaller."),
    )
}
