//! What a check of state storage found: the model behind `storage check`.

use jiff::Timestamp;
use serde::Serialize;

use super::section::{field, heading};
use crate::model::check::{
    Grade, Measurements, Percentiles, RECOVERABLE_WRITER, Throughput, Use, Verdict, bend, best,
};
use crate::model::store::Encryption;
use crate::ui::{Text, Tone, View, human};

/// Characters of the longest bar.
const BAR: u64 = 40;

/// The result of a check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    /// What was checked, for people.
    pub storage: String,
    /// The folder that was measured in; it is gone.
    pub folder: String,
    /// The pods and the nodes they were on.
    pub pods: Vec<CheckedFrom>,
    /// Where state is encrypted here.
    pub encryption: Encryption,
    /// A verdict a use.
    pub verdicts: Vec<Verdict>,
    /// Everything that was measured.
    pub measured: Measurements,
}

/// A pod that measured.
#[derive(Debug, Serialize)]
pub struct CheckedFrom {
    /// Its name.
    pub pod: String,
    /// Its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl CheckView {
    /// The worst verdict of those that say whether state is safe here; RocksDB's own files need not be.
    pub fn worst_of_state(&self) -> Grade {
        let state = self.verdicts.iter().filter(|verdict| verdict.purpose != Use::RocksdbLocal);
        state.map(|verdict| verdict.grade).max().unwrap_or(Grade::Unknown)
    }

    /// The nodes that were measured on, each once.
    pub(super) fn nodes(&self) -> Vec<&str> {
        let mut nodes: Vec<&str> = self.pods.iter().filter_map(|pod| pod.node.as_deref()).collect();
        nodes.dedup();
        nodes
    }

    /// What is told in one line each.
    pub(super) fn facts(&self) -> Text {
        let measured = &self.measured;
        let nodes = self.nodes();
        let mut text = field("Storage", &self.storage);
        if !nodes.is_empty() {
            text = text.text(&field("Measured on", &nodes.join(", ")));
        }
        if let Some(kind) = &measured.file_system {
            text = text.text(&field("File system", kind));
        }
        if let Some(space) = measured.space {
            let free = format!("{} of {}", human::bytes(space.free), human::bytes(space.total));
            text = text.text(&field("Free", &free));
        }
        if let Some(clock) = measured.clock {
            let skew = match clock.skew() {
                0 => "agrees with the pod's".to_owned(),
                skew => format!("{skew} ms off the pod's"),
            };
            text = text.text(&field("Clock", &skew));
        }
        let Encryption { in_transit, at_rest } = &self.encryption;
        text = text
            .text(&field("In transit", &in_transit.told()))
            .text(&field("At rest", &at_rest.told()));
        if let Some(seen) = measured.consistency {
            let own = seen.all();
            text = text.text(&field("Consistency", &consistency(seen.rounds, own.late, own.never)));
        }
        if let Some(other) = &measured.second_pod {
            let (seen, rounds) = (other.consistency.all(), other.consistency.rounds);
            let place = if other.on_another_node { "another node" } else { "the same node" };
            let found = format!("{}, on {place}", consistency(rounds, seen.late, seen.never));
            text = text.text(&field("A second pod", &found));
        }
        let unknown = measured.failures.iter().find(|failed| failed.probe == RECOVERABLE_WRITER);
        if let Some(failed) = unknown {
            text = text
                .text(&field("File sinks", &format!("could not be measured: {}", failed.error)));
        }
        if let Some(commit) = measured.commit {
            let found = match (commit.supported, commit.right && !commit.seen_before) {
                (false, _) => "none: file sinks cannot write here exactly once",
                (true, true) => "commits atomically",
                (true, false) => "WRONG: file sinks would show what is not committed",
            };
            text = text.text(&field("File sinks", found));
        }
        text
    }

    fn latency(&self) -> Text {
        let Some(latency) = &self.measured.latency else { return Text::new() };
        let mut text = heading("Latency of 4 KiB files");
        let kinds = [
            ("write", &latency.write),
            ("read", &latency.read),
            ("list", &latency.list),
            ("delete", &latency.delete),
        ];
        for (name, samples) in kinds {
            let Some(Percentiles { p50, p99, max }) = Percentiles::of(samples) else { continue };
            let line = format!(
                "  {name:<8} p50 {:>8}   p99 {:>8}   max {:>8}",
                time(p50),
                time(p99),
                time(max)
            );
            text = text.plain(&line).end();
        }
        text.text(&histogram(&latency.write))
    }

    fn throughput(&self) -> Text {
        let runs = &self.measured.throughput;
        let most = runs.iter().map(Throughput::rate).max().unwrap_or(0);
        if most == 0 {
            return Text::new();
        }
        let mut text = heading("Throughput");
        for writes in [true, false] {
            for run in runs.iter().filter(|run| run.writes == writes) {
                let (word, rate) = (if writes { "write" } else { "read" }, run.rate());
                let streams = format!("×{}", run.streams);
                let line = format!(
                    "  {word:<6}{streams:<4} {:>10}/s  {}",
                    human::bytes(rate),
                    bar(rate, most)
                );
                text = text.plain(line.trim_end()).end();
            }
            if let Some(best) = best(runs, writes) {
                text = text.plain(&format!("  {}", scale(runs, writes, best))).end();
            }
        }
        text
    }

    fn files(&self) -> Text {
        let Some(files) = self.measured.files.filter(|files| files.made > 0) else {
            return Text::new();
        };
        let made = files.made;
        heading(&format!("{made} small files in one folder"))
            .text(&field("  Made", &time(files.create_micros)))
            .text(&field("  Listed", &format!("{} in {}", files.listed, time(files.list_micros))))
            .text(&field("  Deleted", &time(files.delete_micros)))
    }
}

impl View for CheckView {
    fn text(&self, _wide: bool, _now: Timestamp) -> Text {
        let mut text = self.facts();
        for part in [self.latency(), self.throughput(), self.files()] {
            text = text.text(&part);
        }
        text = text.text(&heading("Verdict"));
        for verdict in &self.verdicts {
            let (tone, word) = word(verdict.grade);
            text =
                text.plain(&format!("  {:<18} ", verdict.purpose.name())).toned(tone, word).end();
            for reason in &verdict.reasons {
                text = text.plain(&format!("    {reason}")).end();
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.storage.clone()]
    }
}

/// A grade in a word, and its tone.
pub(super) fn word(grade: Grade) -> (Tone, &'static str) {
    match grade {
        Grade::Good => (Tone::Good, "good"),
        Grade::Fair => (Tone::Attention, "fair"),
        Grade::Unknown => (Tone::Attention, "unknown"),
        Grade::Bad => (Tone::Bad, "bad"),
    }
}

fn consistency(rounds: u64, late: u64, never: u64) -> String {
    match (late, never) {
        (0, _) => format!("everything was seen at once ({rounds} files)"),
        (late, 0) => format!("{late} looks showed something old ({rounds} files)"),
        (late, never) => format!(
            "{late} looks showed something old, {never} of them for more than 5 s ({rounds} files)"
        ),
    }
}

/// Where more streams stop to pay.
fn scale(runs: &[Throughput], writes: bool, best: &Throughput) -> String {
    let most = match best.streams {
        1 => "most with 1 stream".to_owned(),
        streams => format!("most with {streams} streams"),
    };
    match bend(runs, writes) {
        Some(streams) => format!("{most}; beyond {streams} more of them gain little"),
        None => format!("{most}; more of them might gain more"),
    }
}

/// Samples by powers of two of their microseconds.
fn histogram(samples: &[u64]) -> Text {
    let bucket = |micros: u64| micros.max(1).ilog2();
    let (Some(low), Some(high)) = (samples.iter().min(), samples.iter().max()) else {
        return Text::new();
    };
    let counts: Vec<(u32, u64)> = (bucket(*low)..=bucket(*high))
        .map(|b| (b, samples.iter().filter(|&&s| bucket(s) == b).count() as u64))
        .collect();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let mut text = Text::new().plain("  writes, by duration").end();
    for (bucket, count) in counts {
        let line = format!("  < {:>7} {count:>5}  {}", time(2 << bucket), bar(count, most));
        text = text.plain(line.trim_end()).end();
    }
    text
}

/// A bar in eighths of a character.
fn bar(value: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = u128::from(value) * u128::from(BAR) * 8 / u128::from(most.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(0);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A short time: `40 µs`, `1.2 ms`, `41 s`.
pub(super) fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        1_000_000..10_000_000 => {
            format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000)
        }
        _ => format!("{} s", micros / 1_000_000),
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::time::Duration;

    use super::*;
    use crate::model::check::{Purpose, verdicts};
    use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};

    /// What a real check of a local disk found.
    pub(in crate::view) fn view() -> CheckView {
        let recorded = include_str!("../model/check/verdict/recorded/local-disk.json");
        let measured: Measurements = serde_json::from_str(recorded).expect("a recording");
        let interval = Some(Duration::from_secs(30));
        let purpose = Purpose { state: 10 << 30, interval, remote: false };
        let (claim, path) = ("orders-state".to_owned(), String::new());
        let claim = ClaimStorage { claim, path, access: AccessMode::Rwo };
        CheckView {
            encryption: Encryption::of(&StateStorage::Claim(claim)),
            storage: "claim orders-state".to_owned(),
            folder: "file:///flink/state/kubectl-flink-check-0123456789".to_owned(),
            pods: vec![CheckedFrom { pod: "a".to_owned(), node: Some("node1".to_owned()) }],
            verdicts: verdicts(&measured, &purpose),
            measured,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_measured_is_shown_with_a_picture() {
        let text = testing::view().text(false, Timestamp::UNIX_EPOCH).to_plain();
        for part in [
            "Storage:           claim orders-state\n",
            "everything was seen at once (20 files)",
            "commits atomically",
            "At rest:           not known here (as the parameters of its StorageClass say)\n",
            "  write    p50 ",
            "  writes, by duration\n",
            "  write ×8 ",
            "  checkpoints        ",
            "A 10 GiB checkpoint takes about ",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(text.contains('█'), "{text}");
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
    }

    #[test]
    fn bars_are_as_long_as_their_values() {
        assert_eq!(bar(10, 10).chars().count(), 40);
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(1, 80), "▌");
    }
}
