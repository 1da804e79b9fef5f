use super::*;
use crate::model::check::{Clock, Consistency, Failed, SecondPod, Seen, Space};

const GIB: u64 = 1 << 30;

/// A claim of the local cluster, as it was measured.
fn local_disk() -> Measurements {
    serde_json::from_str(include_str!("recorded/local-disk.json")).expect("a recording")
}

fn purpose() -> Purpose {
    let interval = Some(Duration::from_secs(30));
    Purpose { state: GIB, interval, remote: false }
}

fn run(writes: bool, streams: u32, rate: u64) -> Throughput {
    Throughput { writes, streams, bytes: rate * 2, micros: 2_000_000 }
}

fn of(measured: &Measurements, purpose: &Purpose, wanted: Use) -> Verdict {
    verdicts(measured, purpose).into_iter().find(|v| v.purpose == wanted).expect("every use")
}

fn says(verdict: &Verdict, words: &str) -> bool {
    verdict.reasons.iter().any(|reason| reason.contains(words))
}

#[test]
fn a_local_disk_is_good_for_everything_that_fits() {
    for verdict in verdicts(&local_disk(), &purpose()) {
        assert!(verdict.grade <= Grade::Fair, "{verdict:?}");
        assert!(!verdict.reasons.is_empty());
    }
}

#[test]
fn a_checkpoint_that_takes_longer_than_its_interval_is_estimated() {
    let mut measured = local_disk();
    measured.throughput =
        vec![run(true, 1, 100_000_000), run(true, 4, 262_000_000), run(false, 1, 500_000_000)];
    measured.space = None;
    let purpose = Purpose { state: 10 * GIB, ..purpose() };
    let verdict = of(&measured, &purpose, Use::Checkpoints);
    assert_eq!(verdict.grade, Grade::Bad);
    let expected = "A 10 GiB checkpoint takes about 40 s here; an interval of 30 s is too short.";
    assert!(says(&verdict, expected), "{verdict:?}");
    let longer = Purpose { interval: Some(Duration::from_secs(60)), ..purpose };
    assert_eq!(of(&measured, &longer, Use::Checkpoints).grade, Grade::Fair);
    let relaxed = Purpose { interval: Some(Duration::from_secs(300)), ..purpose };
    assert_eq!(of(&measured, &relaxed, Use::Checkpoints).grade, Grade::Good);
    let huge = Purpose { state: 1000 * GIB, interval: None, ..purpose };
    assert!(says(&of(&measured, &huge, Use::Savepoints), "Flink gives up after 10 min"));
}

#[test]
fn a_store_that_shows_the_past_is_no_place_for_high_availability() {
    let mut measured = local_disk();
    let late = Seen { late: 3, never: 0, longest_micros: 700_000 };
    measured.consistency =
        Some(Consistency { rounds: 10, overwrite: late, ..Consistency::default() });
    assert_eq!(of(&measured, &purpose(), Use::HighAvailability).grade, Grade::Bad);
    assert_eq!(of(&measured, &purpose(), Use::Checkpoints).grade, Grade::Fair);
    assert!(says(&of(&measured, &purpose(), Use::Checkpoints), "for up to 700 ms"));
}

#[test]
fn what_another_pod_never_sees_serves_nobody() {
    let mut measured = local_disk();
    let read = Seen { late: 1, never: 1, longest_micros: 0 };
    let consistency = Consistency { rounds: 1, read, ..Consistency::default() };
    measured.second_pod = Some(SecondPod { on_another_node: true, consistency });
    for of_all in [Use::Checkpoints, Use::HighAvailability, Use::Savepoints, Use::Jars] {
        let verdict = of(&measured, &purpose(), of_all);
        assert!(verdict.grade == Grade::Bad && says(&verdict, "A second pod"), "{verdict:?}");
    }
}

#[test]
fn rocksdb_is_for_local_disks() {
    let measured = local_disk();
    let remote = Purpose { remote: true, ..purpose() };
    assert_eq!(of(&measured, &remote, Use::RocksdbLocal).grade, Grade::Bad);
    let network = Measurements { file_system: Some("nfs4".to_owned()), ..measured.clone() };
    let verdict = of(&network, &purpose(), Use::RocksdbLocal);
    assert!(verdict.grade == Grade::Bad && says(&verdict, "network file system"), "{verdict:?}");
    let mut slow = measured.clone();
    slow.latency = Some(Latency { write: vec![30_000; 20], ..Latency::default() });
    assert_eq!(of(&slow, &purpose(), Use::RocksdbLocal).grade, Grade::Bad);
}

#[test]
fn a_full_volume_a_wrong_clock_and_a_refusal_are_told() {
    let mut measured = local_disk();
    measured.space = Some(Space { free: GIB + GIB / 2, total: 20 * GIB });
    assert!(says(&of(&measured, &purpose(), Use::Checkpoints), "Only 1.5 GiB are free"));
    assert!(!says(&of(&measured, &purpose(), Use::Savepoints), "free"));
    measured.clock = Some(Clock { before: 0, modified: 1_200_000, after: 5 });
    assert_eq!(of(&measured, &purpose(), Use::Jars).grade, Grade::Bad);
    let refused = Failed { probe: "write".to_owned(), error: "Permission denied".to_owned() };
    let measured = Measurements { failures: vec![refused], ..Measurements::default() };
    let verdict = of(&measured, &purpose(), Use::Checkpoints);
    assert!(verdict.grade == Grade::Bad && says(&verdict, "Permission denied"), "{verdict:?}");
}

#[test]
fn what_file_sinks_alone_need_spoils_no_use_of_state() {
    let failed = |probe: &str| {
        let failed = Failed { probe: probe.to_owned(), error: "it cannot".to_owned() };
        of(&Measurements { failures: vec![failed], ..local_disk() }, &purpose(), Use::Checkpoints)
    };
    assert_eq!(failed(RECOVERABLE_WRITER).grade, Grade::Good);
    assert_eq!(failed("list").grade, Grade::Unknown);
}

#[test]
fn without_measurements_nothing_is_claimed() {
    for verdict in verdicts(&Measurements::default(), &purpose()) {
        assert_eq!(verdict.grade, Grade::Unknown, "{verdict:?}");
    }
}

#[test]
fn more_streams_stop_paying_where_they_gain_less_than_a_fifth() {
    let rates = [100, 190, 210, 400].map(|rate| rate * 1_000_000);
    let runs: Vec<_> = rates.iter().zip([1, 2, 4, 8]).map(|(&r, n)| run(true, n, r)).collect();
    assert_eq!(bend(&runs, true), Some(2));
    assert_eq!(bend(&runs[..2], true), None);
    assert_eq!(bend(&runs, false), None);
    assert_eq!(best(&runs, true).map(|run| run.streams), Some(8));
}

#[test]
fn times_and_sizes_are_short() {
    let times = [40, 1_250, 41_000, 1_500_000, 41_000_000, 720_000_000].map(seconds);
    assert_eq!(times, ["40 µs", "1.2 ms", "41 ms", "1.5 s", "41 s", "12 min"]);
    assert_eq!([512 << 20, 10 * GIB, GIB + GIB / 2].map(size), ["512 MiB", "10 GiB", "1.5 GiB"]);
}
