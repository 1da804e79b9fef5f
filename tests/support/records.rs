//! What the counter job wrote, and whether it proves that no record was lost or counted twice.

use std::collections::BTreeSet;
use std::str::FromStr;

/// Keys of the counter job; its default.
const KEYS: u64 = 10;

/// One line of the job: record `sequence` belongs to key `sequence % 10` and is the `count`th of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) sequence: u64,
    pub(crate) key: u64,
    pub(crate) count: u64,
}

impl FromStr for Record {
    type Err = String;
    fn from_str(line: &str) -> Result<Self, String> {
        let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [sequence, key, count] => Ok(Record { sequence, key, count }),
            _ => Err(format!("not a record: {line:?}")),
        }
    }
}

impl Record {
    /// The state that counted this record had seen every earlier record of the key exactly once.
    fn holds(&self) -> bool {
        self.key == self.sequence % KEYS && self.count == self.sequence / KEYS + 1
    }
}

/// The records in `text`, each with its count checked.
#[track_caller]
pub(crate) fn parse(text: &str) -> Vec<Record> {
    let records: Vec<Record> = text.lines().map(|line| line.parse().unwrap()).collect();
    let wrong: Vec<_> = records.iter().filter(|record| !record.holds()).take(5).collect();
    assert!(wrong.is_empty(), "state was lost or counted twice: {wrong:?}");
    records
}

/// Fails unless `records` are 0, 1, 2, … without a gap and without a duplicate, in any order.
/// Returns how many there are.
#[track_caller]
pub(crate) fn exactly_once(records: &[Record]) -> u64 {
    let numbers: BTreeSet<u64> = records.iter().map(|record| record.sequence).collect();
    let last = numbers.last().copied().unwrap_or_default();
    let gaps: Vec<u64> = (0..=last).filter(|n| !numbers.contains(n)).take(5).collect();
    assert!(gaps.is_empty(), "records are missing, first {gaps:?} of {last}");
    assert!(numbers.len() == records.len(), "{} duplicates", records.len() - numbers.len());
    last + 1
}

/// The places where a log of records in order of time does not go on by one: `(before, after)`.
pub(crate) fn jumps(records: &[Record]) -> Vec<(u64, u64)> {
    records
        .windows(2)
        .map(|pair| (pair[0].sequence, pair[1].sequence))
        .filter(|(before, after)| *after != before + 1)
        .collect()
}
