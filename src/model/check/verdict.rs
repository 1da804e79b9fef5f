//! From measurements to a verdict for each use, with its reasons.

use std::time::Duration;

use serde::Serialize;

use super::measured::{Latency, Measurements, Percentiles, RECOVERABLE_WRITER, Throughput};

/// Flink gives up a checkpoint after so long (`execution.checkpointing.timeout`).
const CHECKPOINT_TIMEOUT: Duration = Duration::from_secs(600);

/// A small write above this delays every checkpoint, since the JobManager records each one.
const SLOW_RECORD: u64 = 1_000_000;

/// A small write above this is longer than the leader's lease (`high-availability.kubernetes.leader-election.renew-deadline`).
const HOPELESS_RECORD: u64 = 15_000_000;

/// RocksDB syncs its log files and reads its tables at random: above so many microseconds for a synced small write the
/// disk, not the job, decides how fast it is.
const SLOW_DISK: u64 = 5_000;
const HOPELESS_DISK: u64 = 20_000;

/// S3 refuses requests whose time is off by more than 15 minutes; logs and retention suffer before.
const SKEW: i64 = 60_000;
const HOPELESS_SKEW: i64 = 15 * 60_000;

/// More streams than these gain less than a fifth each.
const WORTHWHILE: u64 = 120;

/// What the storage would be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Use {
    /// `execution.checkpointing.dir`.
    Checkpoints,
    /// `high-availability.storageDir`.
    HighAvailability,
    /// `execution.checkpointing.savepoint-dir`.
    Savepoints,
    /// RocksDB's working directory.
    RocksdbLocal,
    /// The job's jars.
    Jars,
}

impl Use {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Use::Checkpoints => "checkpoints",
            Use::HighAvailability => "high availability",
            Use::Savepoints => "savepoints",
            Use::RocksdbLocal => "RocksDB, local",
            Use::Jars => "jars",
        }
    }
}

/// How well it serves. Ordered: the worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Nothing speaks against it.
    Good,
    /// It works; the reasons say what to mind.
    Fair,
    /// Not enough was measured.
    Unknown,
    /// It will lose time or state.
    Bad,
}

/// The verdict for one use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The use.
    pub purpose: Use,
    /// The grade.
    pub grade: Grade,
    /// Why, and what to expect: sentences.
    pub reasons: Vec<String>,
}

/// What the verdicts depend on beside the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// Bytes of a full checkpoint.
    pub state: u64,
    /// From one checkpoint to the next; `None` when it is not known.
    pub interval: Option<Duration>,
    /// Whether it is an object store or HDFS, which RocksDB cannot work in.
    pub remote: bool,
}

/// The verdicts of all uses.
pub fn verdicts(measured: &Measurements, purpose: &Purpose) -> Vec<Verdict> {
    let all =
        [Use::Checkpoints, Use::HighAvailability, Use::Savepoints, Use::RocksdbLocal, Use::Jars];
    all.into_iter()
        .map(|of| {
            let mut opinion = Opinion::default();
            match of {
                Use::Checkpoints => checkpoints(measured, purpose, &mut opinion),
                Use::HighAvailability => high_availability(measured, &mut opinion),
                Use::Savepoints => savepoints(measured, purpose, &mut opinion),
                Use::RocksdbLocal => rocksdb(measured, purpose, &mut opinion),
                Use::Jars => jars(measured, purpose, &mut opinion),
            }
            if of != Use::RocksdbLocal {
                everywhere(measured, &mut opinion);
            }
            Verdict { purpose: of, grade: opinion.grade, reasons: opinion.reasons }
        })
        .collect()
}

/// A verdict that is being formed.
struct Opinion {
    grade: Grade,
    reasons: Vec<String>,
}

impl Default for Opinion {
    fn default() -> Self {
        Opinion { grade: Grade::Good, reasons: Vec::new() }
    }
}

impl Opinion {
    fn say(&mut self, grade: Grade, reason: impl Into<String>) {
        self.grade = self.grade.max(grade);
        self.reasons.push(reason.into());
    }
}

/// What spoils every use.
fn everywhere(measured: &Measurements, opinion: &mut Opinion) {
    // File sinks alone need that one, and no use here is theirs.
    let failures = measured.failures.iter().filter(|failed| failed.probe != RECOVERABLE_WRITER);
    for failed in failures {
        let grade = if failed.probe == "write" { Grade::Bad } else { Grade::Unknown };
        opinion.say(grade, format!("Could not measure {}: {}.", failed.probe, failed.error));
    }
    let own = measured.consistency.map(|found| found.all()).unwrap_or_default();
    if own.never > 0 {
        opinion.say(
            Grade::Bad,
            format!(
                "What was written, overwritten or deleted was not seen within 5 s, {} times.",
                own.never
            ),
        );
    }
    let other =
        measured.second_pod.as_ref().map(|found| found.consistency.all()).unwrap_or_default();
    if other.never > 0 {
        opinion.say(Grade::Bad, format!("A second pod did not see it within 5 s, {} times: JobManager and TaskManagers would not share their state.", other.never));
    }
    let skew = measured.clock.map_or(0, |clock| clock.skew());
    if skew.abs() >= SKEW {
        let grade = if skew.abs() >= HOPELESS_SKEW { Grade::Bad } else { Grade::Fair };
        let direction = if skew > 0 { "ahead of" } else { "behind" };
        opinion.say(grade, format!("The store's clock is {} {direction} the pod's; signed requests fail beyond 15 minutes.", seconds(skew.unsigned_abs() * 1000)));
    }
}

fn late(measured: &Measurements) -> Option<String> {
    let own = measured.consistency.map(|found| found.all()).unwrap_or_default();
    let other =
        measured.second_pod.as_ref().map(|found| found.consistency.all()).unwrap_or_default();
    let all = own.and(other);
    (all.late > 0).then(|| {
        format!(
            "It is eventually consistent: {} looks showed something old, for up to {}.",
            all.late,
            seconds(all.longest_micros)
        )
    })
}

fn checkpoints(measured: &Measurements, purpose: &Purpose, opinion: &mut Opinion) {
    if let Some(late) = late(measured) {
        opinion.say(Grade::Fair, late);
    }
    room(measured, purpose.state.saturating_mul(2), "two checkpoints", opinion);
    let Some(estimate) = transfer(measured, true, purpose.state) else {
        return opinion.say(Grade::Unknown, "How fast it writes is not known.");
    };
    let size = size(purpose.state);
    let takes = format!("A {size} checkpoint takes about {} here", seconds(estimate));
    let interval = purpose.interval.map(|interval| (interval, micros(interval)));
    match interval {
        _ if estimate > micros(CHECKPOINT_TIMEOUT) => {
            opinion.say(
                Grade::Bad,
                format!("{takes}; Flink gives up after 10 min (execution.checkpointing.timeout)."),
            );
        }
        Some((interval, whole)) if estimate > whole => {
            opinion.say(
                Grade::Bad,
                format!("{takes}; an interval of {} is too short.", seconds(micros(interval))),
            );
        }
        Some((interval, whole)) if estimate > whole / 2 => {
            opinion.say(
                Grade::Fair,
                format!(
                    "{takes}, more than half of the interval of {}.",
                    seconds(micros(interval))
                ),
            );
        }
        _ => opinion.say(Grade::Good, format!("{takes}.")),
    }
    if let Some(restore) = reading(measured, purpose, purpose.state) {
        opinion.say(Grade::Good, format!("Reading it back takes about {}.", seconds(restore)));
    }
}

fn high_availability(measured: &Measurements, opinion: &mut Opinion) {
    if let Some(late) = late(measured) {
        opinion.say(
            Grade::Bad,
            format!("{late} A JobManager that takes over must read what was written last."),
        );
    }
    let Some(write) = percentiles(measured, |latency| &latency.write) else {
        return opinion.say(Grade::Unknown, "How long small writes take is not known.");
    };
    let grade = match write.p99 {
        slow if slow > HOPELESS_RECORD => Grade::Bad,
        slow if slow > SLOW_RECORD => Grade::Fair,
        _ => Grade::Good,
    };
    opinion.say(
        grade,
        format!(
            "Recording a checkpoint adds about {} to it, {} at worst of 100.",
            seconds(write.p50),
            seconds(write.p99)
        ),
    );
}

fn savepoints(measured: &Measurements, purpose: &Purpose, opinion: &mut Opinion) {
    room(measured, purpose.state, "one savepoint", opinion);
    let Some(estimate) = transfer(measured, true, purpose.state) else {
        return opinion.say(Grade::Unknown, "How fast it writes is not known.");
    };
    let takes =
        format!("A {} savepoint takes about {} here", size(purpose.state), seconds(estimate));
    match estimate > micros(CHECKPOINT_TIMEOUT) {
        true => opinion.say(
            Grade::Bad,
            format!("{takes}; Flink gives up after 10 min (execution.checkpointing.timeout)."),
        ),
        false => opinion.say(Grade::Good, format!("{takes}.")),
    }
}

fn rocksdb(measured: &Measurements, purpose: &Purpose, opinion: &mut Opinion) {
    if purpose.remote {
        return opinion.say(Grade::Bad, "RocksDB works in a local folder, not in an object store or HDFS; give TaskManagers a volume of their own.");
    }
    if measured.file_system.as_deref().is_some_and(is_network) {
        opinion.say(Grade::Bad, "It is a network file system: RocksDB's random reads and syncs all cross the network; give TaskManagers local or block volumes.");
    }
    let Some(write) = percentiles(measured, |latency| &latency.write) else {
        return opinion.say(Grade::Unknown, "How long small writes take is not known.");
    };
    let grade = match write.p50 {
        slow if slow > HOPELESS_DISK => Grade::Bad,
        slow if slow > SLOW_DISK => Grade::Fair,
        _ => Grade::Good,
    };
    opinion.say(
        grade,
        format!(
            "A synced write of 4 KiB takes {} ({} at worst of 100).",
            seconds(write.p50),
            seconds(write.p99)
        ),
    );
}

/// Whether a file system of this type is on another machine.
fn is_network(kind: &str) -> bool {
    const NETWORK: [&str; 9] =
        ["nfs", "cifs", "smb", "ceph", "gluster", "lustre", "afs", "9p", "fuse"];
    NETWORK.iter().any(|name| kind.starts_with(name))
}

fn jars(measured: &Measurements, purpose: &Purpose, opinion: &mut Opinion) {
    const JAR: u64 = 100 << 20;
    match reading(measured, purpose, JAR) {
        Some(estimate) => opinion.say(
            Grade::Good,
            format!("A jar of 100 MiB is there {} after a pod asks for it.", seconds(estimate)),
        ),
        None => opinion.say(Grade::Unknown, "How fast it reads is not known."),
    }
}

fn room(measured: &Measurements, needed: u64, what: &str, opinion: &mut Opinion) {
    let Some(space) = measured.space else { return };
    if space.free < needed {
        opinion.say(
            Grade::Bad,
            format!("Only {} are free, and {what} need {}.", size(space.free), size(needed)),
        );
    }
}

/// How long so many bytes take with as many streams as pay, in microseconds.
fn transfer(measured: &Measurements, writes: bool, bytes: u64) -> Option<u64> {
    let rate = best(&measured.throughput, writes)?.rate().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000 / u128::from(rate)).ok()
}

/// How long it takes to read so many bytes. A mounted volume cannot be faster than it writes: what was read was still in
/// the node's memory, then.
fn reading(measured: &Measurements, purpose: &Purpose, bytes: u64) -> Option<u64> {
    let read = transfer(measured, false, bytes)?;
    let written = transfer(measured, true, bytes).filter(|_| !purpose.remote);
    Some(read.max(written.unwrap_or(0)))
}

fn percentiles(measured: &Measurements, of: impl Fn(&Latency) -> &Vec<u64>) -> Option<Percentiles> {
    measured.latency.as_ref().and_then(|latency| Percentiles::of(of(latency)))
}

/// The fastest run in one direction; `None` when nothing went through.
pub fn best(runs: &[Throughput], writes: bool) -> Option<&Throughput> {
    let runs = runs.iter().filter(|run| run.writes == writes && run.bytes > 0);
    runs.max_by_key(|run| run.rate())
}

/// The number of streams beyond which more of them gain less than a fifth. `None` when the last step still gained more.
pub fn bend(runs: &[Throughput], writes: bool) -> Option<u32> {
    let runs: Vec<&Throughput> = runs.iter().filter(|run| run.writes == writes).collect();
    let stops = |pair: &&[&Throughput]| {
        u128::from(pair[1].rate()) * 100 < u128::from(pair[0].rate()) * u128::from(WORTHWHILE)
    };
    runs.windows(2).find(stops).map(|pair| pair[0].streams)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// `40 µs`, `1.2 ms`, `41 s`, `12 min`.
fn seconds(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        1_000_000..10_000_000 => {
            format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000)
        }
        10_000_000..600_000_000 => format!("{} s", micros / 1_000_000),
        _ => format!("{} min", micros / 60_000_000),
    }
}

/// `512 MB`, `10 GB`.
fn size(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    match bytes {
        0..GIB => format!("{} MiB", bytes >> 20),
        _ if bytes % GIB * 10 / GIB == 0 => format!("{} GiB", bytes / GIB),
        _ => format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB),
    }
}

#[cfg(test)]
mod tests;
