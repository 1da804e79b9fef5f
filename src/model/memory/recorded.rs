//! The model against Flink's own numbers, and its properties.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One recorded case: the process, its configuration, and Flink's answer.
struct Case<'a> {
    line: &'a str,
    process: &'a str,
    config: FlinkConfig,
    /// JVM flags and dynamic properties, or the refusal.
    answer: Result<(Vec<&'a str>, BTreeMap<&'a str, &'a str>), &'a str>,
}

fn cases(recording: &str) -> Vec<Case<'_>> {
    recording.split("\n\n").filter(|block| !block.trim().is_empty()).map(case).collect()
}

fn case(block: &str) -> Case<'_> {
    let mut lines = block.lines();
    let line = lines.next().expect("a case");
    let mut words = line.split(' ');
    let process = words.next().expect("a process");
    let mut config = FlinkConfig::default();
    for word in words {
        let (key, value) = word.split_once('=').expect("key=value");
        config.set(key, value);
    }
    let first = lines.next().expect("an answer");
    let answer = match first.strip_prefix("! ") {
        Some(refusal) => Err(refusal),
        None => {
            let flags = first.strip_prefix("= ").expect("flags").split(' ').collect();
            let properties = lines.next().and_then(|l| l.strip_prefix("= ")).expect("properties");
            let pairs = properties.split("-D ").filter_map(|word| word.trim().split_once('='));
            Ok((flags, pairs.collect()))
        }
    };
    Case { line, process, config, answer }
}

type Sizes = (Vec<String>, Vec<(&'static str, String)>);

fn derive(process: &str, config: &FlinkConfig) -> Result<Sizes, Refusal> {
    match process {
        "jobmanager" => jobmanager(config).map(|m| (m.jvm_flags(), m.properties())),
        _ => taskmanager(config).map(|m| (m.jvm_flags(), m.properties())),
    }
}

fn compare(recording: &str) -> usize {
    let cases = cases(recording);
    for case in &cases {
        match (&case.answer, derive(case.process, &case.config)) {
            (Ok((flags, theirs)), Ok((our_flags, ours))) => {
                assert_eq!(flags, &our_flags, "{}", case.line);
                for (key, value) in &ours {
                    assert_eq!(theirs.get(key), Some(&value.as_str()), "{}: {key}", case.line);
                }
                let prefix = format!("{}.memory.", case.process);
                let memory = theirs.keys().filter(|key| key.starts_with(&prefix)).count();
                assert_eq!(memory, ours.len(), "{}: every memory property of Flink's", case.line);
            }
            (Err(_), Err(refusal)) => assert!(!refusal.remedy.is_empty(), "{}", case.line),
            (Err(theirs), Ok(_)) => panic!("Flink refuses {}: {theirs}", case.line),
            (Ok(_), Err(ours)) => panic!("Flink accepts {}: {}", case.line, ours.message),
        }
    }
    cases.len()
}

#[test]
fn agrees_with_flink_1_20() {
    let count = compare(include_str!("../../../tests/data/flink-memory/flink-1.20.5.txt"));
    assert!(count > 50, "{count} cases");
}

#[test]
fn agrees_with_flink_2_3() {
    let count = compare(include_str!("../../../tests/data/flink-memory/flink-2.3.0.txt"));
    assert!(count > 50, "{count} cases");
}

/// Compares with a bigger recording, which is not kept in the repository.
#[test]
#[ignore = "needs FLINK_MEMORY_RECORDING, made as tests/data/flink-memory/README.md says"]
fn agrees_with_a_recording_of_your_own() {
    let path = std::env::var("FLINK_MEMORY_RECORDING").expect("a path");
    compare(&std::fs::read_to_string(path).expect("readable"));
}

fn config(pairs: &[(&str, &str)]) -> FlinkConfig {
    let mut config = FlinkConfig::default();
    pairs.iter().for_each(|(key, value)| config.set(key, *value));
    config
}

#[test]
fn a_size_that_is_too_small_is_refused_with_the_smallest_that_works() {
    let refusal = taskmanager(&config(&[("taskmanager.memory.process.size", "600m")]))
        .expect_err("too small");
    assert_eq!(
        refusal.remedy,
        "Give taskmanager.memory.process.size at least 982m, or make its parts smaller."
    );
    let refusal =
        jobmanager(&config(&[("jobmanager.memory.process.size", "400m")])).expect_err("too small");
    assert_eq!(
        refusal.remedy,
        "Give jobmanager.memory.process.size at least 577m, or make its parts smaller."
    );
    assert_eq!(
        refusal.message,
        "jobmanager.memory.process.size (400m) is less than JVM metaspace (256m) and JVM overhead (192m) together"
    );
}

#[test]
fn a_contradiction_is_not_blamed_on_the_process_size() {
    let refusal = jobmanager(&config(&[
        ("jobmanager.memory.flink.size", "1g"),
        ("jobmanager.memory.heap.size", "2g"),
    ]))
    .expect_err("contradiction");
    assert_eq!(refusal.remedy, "Set one of them, not both.");
}

proptest! {
    #[test]
    fn the_components_add_up_to_the_process_size(
        process in 1_u64 << 28..1 << 40, managed in 0.0_f32..0.9, network in 0.0_f32..0.9,
    ) {
        let config = config(&[
            ("taskmanager.memory.process.size", &format!("{process}b")),
            ("taskmanager.memory.managed.fraction", &managed.to_string()),
            ("taskmanager.memory.network.fraction", &network.to_string()),
            ("jobmanager.memory.process.size", &format!("{process}b")),
        ]);
        if let Ok(memory) = taskmanager(&config) {
            let sum: u64 = memory.components().iter().map(|component| component.size.bytes()).sum();
            prop_assert_eq!(sum, process);
        }
        if let Ok(memory) = jobmanager(&config) {
            prop_assert_eq!(memory.process_size().bytes(), process);
        }
    }

    #[test]
    fn the_properties_of_a_process_derive_the_same_process(process in 1000_u32..100_000) {
        let config = config(&[("taskmanager.memory.process.size", &format!("{process}m"))]);
        let memory = taskmanager(&config).expect("big enough");
        let mut explicit = FlinkConfig::default();
        memory.properties().into_iter().for_each(|(key, value)| explicit.set(key, value));
        prop_assert_eq!(taskmanager(&explicit).expect("explicit"), memory);
    }
}
