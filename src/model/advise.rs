//! Which StorageClass or storage profile suits an application's state, and why. Pure.

mod class;
mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::model::flink_version::FlinkVersion;
use crate::model::quantity::Quantity;
use crate::model::store::Profile;

pub use class::Class;

/// Copies of the state that are there at the same time: the last checkpoint, the next one, and a savepoint.
const COPIES: u64 = 3;

/// Growth is provided for so many days.
const DAYS: u64 = 30;

/// What is to be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Bytes of a full checkpoint.
    pub state: u64,
    /// Bytes it grows by in a day.
    pub growth: u64,
    /// From one checkpoint to the next.
    pub interval: Option<Duration>,
    /// Nodes that take pods; `None` when the user may not look.
    pub nodes: Option<usize>,
    /// Whether TaskManagers are to be on several nodes.
    pub spread: bool,
    /// Whether state is kept in RocksDB.
    pub rocksdb: bool,
    /// The job's Flink.
    pub version: FlinkVersion,
}

/// Whether a choice will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Nothing speaks against it.
    Good,
    /// It works; the reasons say what to mind.
    Fair,
    /// It cannot work.
    Unfit,
}

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// A storage profile.
    Profile,
    /// A StorageClass, for a new claim.
    Class,
}

/// What speaks for and against one choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// `profile`, or `class` for a new claim of a StorageClass.
    pub kind: Choice,
    /// The name of the profile or class.
    pub name: String,
    /// Where the profile leads; who makes the volumes of the class.
    pub place: String,
    /// Whether it will do.
    pub fit: Fit,
    /// What to give to `--storage`; nothing for what is unfit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Why: sentences.
    pub reasons: Vec<String>,
    /// What it costs or lacks; the less the better.
    #[serde(skip)]
    penalty: u32,
    /// Of what is equally good, the default comes first.
    #[serde(skip)]
    is_default: bool,
}

/// The choices, the most suitable first.
pub fn rank(classes: &[Class], profiles: &BTreeMap<String, Profile>, wish: &Wish) -> Vec<Advice> {
    let classes = classes.iter().map(|class| class::advise(class, wish));
    let profiles = profiles.iter().map(|(name, profile)| store::advise(name, profile, wish));
    let mut ranked: Vec<Advice> = classes.chain(profiles).collect();
    ranked.sort_by(|a, b| {
        let key = |advice: &Advice| (advice.fit, advice.penalty, !advice.is_default, advice.kind);
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    ranked
}

/// How large a volume should be: whole gibibytes, with a tenth to spare.
pub fn capacity(wish: &Wish) -> Quantity {
    const GIB: u64 = 1 << 30;
    let state = wish.state.saturating_add(wish.growth.saturating_mul(DAYS));
    let needed = state.saturating_mul(COPIES);
    let gib = needed.saturating_add(needed / 10).div_ceil(GIB).max(1);
    Quantity::from_bytes(gib.saturating_mul(GIB))
}

impl Wish {
    /// Bytes a second that full checkpoints take, each within the interval; `None` without one.
    fn pace(&self) -> Option<u64> {
        let seconds = self.interval?.as_secs_f64();
        // Rounded down; a rate needs no more than that.
        (seconds > 0.0).then(|| (self.state as f64 / seconds) as u64)
    }
}

impl Advice {
    fn new(kind: Choice, name: &str, place: String) -> Advice {
        Advice {
            kind,
            name: name.to_owned(),
            place,
            fit: Fit::Good,
            storage: None,
            reasons: Vec::new(),
            penalty: 0,
            is_default: false,
        }
    }

    fn say(&mut self, fit: Fit, penalty: u32, reason: impl Into<String>) {
        self.fit = self.fit.max(fit);
        self.penalty += penalty;
        self.reasons.push(reason.into());
    }
}

#[cfg(test)]
mod tests;
