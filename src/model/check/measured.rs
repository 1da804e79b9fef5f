//! Measurements, as the agent gives them and as `-o json` shows them. Times are microseconds unless their name says otherwise.

use serde::{Deserialize, Serialize};

/// All that was measured. What could not be is absent, and its reason is among the failures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Measurements {
    /// Milliseconds until the agent could take requests.
    pub agent_start_millis: u64,
    /// How soon one pod sees what it did itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// How soon another pod sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_pod: Option<SecondPod>,
    /// Flink's recoverable writer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// Small requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Large files, by direction and number of streams.
    pub throughput: Vec<Throughput>,
    /// Many files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// The volume, where it tells its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<Space>,
    /// The type of a mounted volume's file system: `ext4`, `nfs4`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_system: Option<String>,
    /// The store's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// What could not be measured.
    pub failures: Vec<Failed>,
}

/// How often something was not true at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// How often it was not true at the first look.
    pub late: u64,
    /// How often it did not become true within five seconds.
    pub never: u64,
    /// The longest it took to become true.
    pub longest_micros: u64,
}

impl Seen {
    /// Counts one observation: `micros` until it was true, `None` if it never was; zero at the first look.
    pub fn count(&mut self, micros: Option<u64>) {
        self.late += u64::from(micros != Some(0));
        self.never += u64::from(micros.is_none());
        self.longest_micros = self.longest_micros.max(micros.unwrap_or(0));
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Seen) -> Seen {
        Seen {
            late: self.late + other.late,
            never: self.never + other.never,
            longest_micros: self.longest_micros.max(other.longest_micros),
        }
    }
}

/// How soon what was done is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consistency {
    /// Files that were written, listed, overwritten and deleted.
    pub rounds: u64,
    /// A new file is read.
    pub read: Seen,
    /// A new file is listed, with its length.
    pub list: Seen,
    /// An overwritten file shows its new content and length.
    pub overwrite: Seen,
    /// A deleted file is gone.
    pub delete: Seen,
    /// A deleted file is not listed any more.
    pub unlist: Seen,
}

impl Consistency {
    /// All of it together.
    pub fn all(&self) -> Seen {
        self.read.and(self.list).and(self.overwrite).and(self.delete).and(self.unlist)
    }
}

/// What another pod sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondPod {
    /// Whether it was on another node.
    pub on_another_node: bool,
    /// What it saw.
    pub consistency: Consistency,
}

/// The probe of Flink's recoverable writer.
pub const RECOVERABLE_WRITER: &str = "recoverable writer";

/// Flink's recoverable writer, which file sinks need; checkpoints do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Commit {
    /// Whether there is one.
    pub supported: bool,
    /// Whether it can go on after a failure.
    pub resumes: bool,
    /// Whether the file could be seen before the commit.
    pub seen_before: bool,
    /// Whether it held what was written, and no more, after the commit.
    pub right: bool,
}

/// Every sample of small requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Files of 4 KiB written and, where the store can be told to, synced.
    pub write: Vec<u64>,
    /// The same files read.
    pub read: Vec<u64>,
    /// Their folder listed.
    pub list: Vec<u64>,
    /// The files deleted.
    pub delete: Vec<u64>,
}

/// What most, nearly all and the slowest of some samples stay below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: u64,
    /// 99 of 100.
    pub p99: u64,
    /// All.
    pub max: u64,
}

impl Percentiles {
    /// Those of `samples`, by the nearest rank; `None` without any.
    pub fn of(samples: &[u64]) -> Option<Percentiles> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied()
        };
        Some(Percentiles { p50: rank(50)?, p99: rank(99)?, max: *sorted.last()? })
    }
}

/// One run of some streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Throughput {
    /// Whether it wrote; else it read.
    pub writes: bool,
    /// Streams at once.
    pub streams: u32,
    /// Bytes of all of them together.
    pub bytes: u64,
    /// How long they took.
    pub micros: u64,
}

impl Throughput {
    /// Bytes per second.
    pub fn rate(&self) -> u64 {
        let rate = u128::from(self.bytes) * 1_000_000 / u128::from(self.micros.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// Many small files in one folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// How many were made.
    pub made: u64,
    /// How long that took, four at a time.
    pub create_micros: u64,
    /// How many a listing showed.
    pub listed: u64,
    /// How long it took.
    pub list_micros: u64,
    /// How long it took to delete their folder.
    pub delete_micros: u64,
}

/// A volume's size, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// What can still be written.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

/// When a file was written: by the pod's clock before and after, and by the store's. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The pod's clock before.
    pub before: i64,
    /// The file's time.
    pub modified: i64,
    /// The pod's clock after.
    pub after: i64,
}

impl Clock {
    /// By how many milliseconds at least the store's clock is ahead; negative when it is behind. A file's time may be
    /// of whole seconds.
    pub fn skew(&self) -> i64 {
        match self.modified {
            early if early < self.before - 1000 => early - self.before,
            late if late > self.after => late - self.after,
            _ => 0,
        }
    }
}

/// Something that could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What.
    pub probe: String,
    /// Why.
    pub error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_the_nearest_rank() {
        assert_eq!(Percentiles::of(&[]), None);
        assert_eq!(Percentiles::of(&[7]), Some(Percentiles { p50: 7, p99: 7, max: 7 }));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let expected = Percentiles { p50: 50, p99: 99, max: 100 };
        assert_eq!(Percentiles::of(&hundred), Some(expected));
    }

    #[test]
    fn a_clock_is_wrong_only_beyond_what_was_waited_and_a_second() {
        let skew = |modified| Clock { before: 10_000, modified, after: 10_500 }.skew();
        assert_eq!([skew(9_000), skew(10_200), skew(10_500)], [0, 0, 0]);
        assert_eq!((skew(5_000), skew(70_500)), (-5_000, 60_000));
    }

    #[test]
    fn the_agents_words_are_read() -> Result<(), serde_json::Error> {
        let seen = r#"{"rounds":2,"read":{"late":0,"never":0,"longestMicros":0},"list":{"late":1,"never":0,"longestMicros":900},"overwrite":{"late":0,"never":0,"longestMicros":0},"delete":{"late":1,"never":1,"longestMicros":0},"unlist":{"late":0,"never":0,"longestMicros":0}}"#;
        let consistency: Consistency = serde_json::from_str(seen)?;
        assert_eq!(consistency.all(), Seen { late: 2, never: 1, longest_micros: 900 });
        let commit: Commit = serde_json::from_str(r#"{"supported":false}"#)?;
        assert!(!commit.supported);
        Ok(())
    }
}
