//! What a check of a data store measured, and what that means for a job. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::store::DataStore;
use super::uri::DataKind;
use crate::model::check::{Grade, Percentiles};

/// A median above this (microseconds) keeps a subtask that waits for each row below 20 rows a second.
const SLOW: u64 = 50_000;

/// The drivers' own time-outs begin at two seconds; what comes near it fails now and then.
const HOPELESS: u64 = 2_000_000;

/// All that was measured. What could not be is absent, and its reason is among the failures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataMeasurements {
    /// What the store says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
    /// Rows that were written, read, changed and deleted through two connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_after_write: Option<ReadAfterWrite>,
    /// Single rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<KeyedLatency>,
    /// What failed, for people: the step and the reason.
    pub failures: Vec<String>,
}

/// What a store says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Product and version.
    pub product: String,
    /// Who answered: host and port.
    pub server: String,
    /// Microseconds until a connection could be used.
    pub connect_micros: u64,
    /// Cassandra's datacenters and the number of their nodes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub datacenters: BTreeMap<String, u32>,
    /// How many nodes of each datacenter keep a row of the keyspace; under `*` where it has one number for all.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub replication: BTreeMap<String, u32>,
}

/// Whether what one connection wrote, another one read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadAfterWrite {
    /// Rows that were written, changed and deleted.
    pub rows: u64,
    /// Reads that showed something old.
    pub stale: u64,
}

/// Microseconds of single requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyedLatency {
    /// Writes of one row by its key.
    pub write: Vec<u64>,
    /// Reads of one row by its key.
    pub read: Vec<u64>,
}

/// What a job would use a data store for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DataUse {
    /// Writing rows by key, again after a restore: the same key, the same row.
    Upserts,
    /// Reading rows by key.
    Lookups,
}

impl DataUse {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            DataUse::Upserts => "upserts",
            DataUse::Lookups => "lookups",
        }
    }
}

/// The verdict for one use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataVerdict {
    /// The use.
    pub purpose: DataUse,
    /// The grade.
    pub grade: Grade,
    /// Why, and what to expect: sentences.
    pub reasons: Vec<String>,
}

/// The verdicts of all uses.
pub fn data_verdicts(measured: &DataMeasurements, store: &DataStore) -> Vec<DataVerdict> {
    let latency = measured.latency.clone().unwrap_or_default();
    [(DataUse::Upserts, latency.write), (DataUse::Lookups, latency.read)]
        .into_iter()
        .map(|(purpose, samples)| {
            let mut verdict = DataVerdict { purpose, grade: Grade::Good, reasons: Vec::new() };
            for failure in &measured.failures {
                verdict.say(Grade::Bad, format!("{}.", failure.trim_end_matches('.')));
            }
            if let Some(facts) = &measured.facts
                && store.kind() == DataKind::Cassandra
            {
                replicas(facts, store, &mut verdict);
            }
            seen(measured, store, &mut verdict);
            speed(&samples, &mut verdict);
            verdict
        })
        .collect()
}

impl DataVerdict {
    fn say(&mut self, grade: Grade, reason: impl Into<String>) {
        self.grade = self.grade.max(grade);
        self.reasons.push(reason.into());
    }
}

/// What the level promises with so many replicas, whether or not it showed today.
fn replicas(facts: &Facts, store: &DataStore, verdict: &mut DataVerdict) {
    let level = store.level();
    let local = store.local_datacenter.as_deref().unwrap_or_default();
    if !facts.datacenters.contains_key(local) {
        let there: Vec<&str> = facts.datacenters.keys().map(String::as_str).collect();
        return verdict.say(
            Grade::Bad,
            format!("There is no datacenter {local:?}; there is {}.", there.join(", ")),
        );
    }
    let of = |datacenter: &str| facts.replication.get(datacenter).or(facts.replication.get("*"));
    let replicas = match (level.is_global(), facts.replication.contains_key("*")) {
        (true, false) => facts.replication.values().sum(),
        _ => of(local).copied().unwrap_or(0),
    };
    if replicas == 0 {
        return verdict.say(
            Grade::Bad,
            format!(
                "The keyspace keeps no rows in datacenter {local}: {level} cannot be met there."
            ),
        );
    }
    let needed = level.of(replicas);
    if needed > replicas {
        return verdict.say(
            Grade::Bad,
            format!("{level} needs {needed} replicas, and the keyspace keeps {replicas}."),
        );
    }
    if needed * 2 <= replicas && verdict.purpose == DataUse::Lookups {
        verdict.say(
            Grade::Fair,
            format!("Of {replicas} replicas {level} asks {needed}: a read may miss what was written just before. LOCAL_QUORUM does not."),
        );
    }
    if replicas == 1 {
        verdict.say(
            Grade::Fair,
            "A row has one replica: while its node is down, it can be neither written nor read.",
        );
    } else if needed == replicas {
        verdict.say(
            Grade::Fair,
            format!("{level} needs each of the {replicas} replicas: no node may be down."),
        );
    }
}

fn seen(measured: &DataMeasurements, store: &DataStore, verdict: &mut DataVerdict) {
    let Some(ReadAfterWrite { rows, stale }) = measured.read_after_write else { return };
    let level = match store.kind() {
        DataKind::Cassandra => format!(" at {}", store.level()),
        DataKind::Hbase => String::new(),
    };
    match stale {
        0 => verdict.say(
            Grade::Good,
            format!("What was written{level} was read{level} at once, {rows} rows of {rows}."),
        ),
        stale => verdict.say(
            Grade::Bad,
            format!("{stale} reads{level} showed something old after a write{level}."),
        ),
    }
}

fn speed(samples: &[u64], verdict: &mut DataVerdict) {
    let Some(Percentiles { p50, p99, .. }) = Percentiles::of(samples) else {
        return verdict.say(Grade::Unknown, "How long a row takes is not known.");
    };
    let grade = match (p50, p99) {
        (_, slow) if slow > HOPELESS => Grade::Bad,
        (slow, _) if slow > SLOW => Grade::Fair,
        _ => Grade::Good,
    };
    let rate = 1_000_000 / p50.max(1);
    verdict.say(
        grade,
        format!("A subtask that waits for each row gets through about {rate} a second; one that has several under way, through more."),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    fn measured(replication: &[(&str, u32)]) -> DataMeasurements {
        let map = |all: &[(&str, u32)]| all.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        DataMeasurements {
            facts: Some(Facts {
                datacenters: map(&[("dc1", 3)]),
                replication: map(replication),
                ..Facts::default()
            }),
            read_after_write: Some(ReadAfterWrite { rows: 20, stale: 0 }),
            latency: Some(KeyedLatency { write: vec![1000; 9], read: vec![500; 9] }),
            failures: Vec::new(),
        }
    }

    fn store(level: &str, datacenter: &str) -> Result<DataStore> {
        let mut store = DataStore::at("cassandra://a/shop".parse()?);
        store.consistency = Some(level.parse()?);
        store.local_datacenter = Some(datacenter.to_owned());
        Ok(store)
    }

    fn grades(measured: &DataMeasurements, store: &DataStore) -> (Grade, Grade, String) {
        let verdicts = data_verdicts(measured, store);
        let reasons =
            verdicts.iter().flat_map(|verdict| verdict.reasons.clone()).collect::<String>();
        (verdicts[0].grade, verdicts[1].grade, reasons)
    }

    #[test]
    fn replicas_and_level_decide() -> Result<()> {
        let three = measured(&[("dc1", 3)]);
        let (upserts, lookups, reasons) = grades(&three, &store("LOCAL_QUORUM", "dc1")?);
        assert_eq!((upserts, lookups), (Grade::Good, Grade::Good));
        assert!(reasons.contains("about 1000 a second") && reasons.contains("20 rows of 20"));
        for (level, datacenter, replication, upserts, lookups, reason) in [
            ("ONE", "dc1", &[("dc1", 3)][..], Grade::Good, Grade::Fair, "may miss"),
            ("ALL", "dc1", &[("dc1", 3)], Grade::Fair, Grade::Fair, "no node may be down"),
            ("LOCAL_QUORUM", "dc1", &[("*", 1)], Grade::Fair, Grade::Fair, "has one replica"),
            ("THREE", "dc1", &[("dc1", 2)], Grade::Bad, Grade::Bad, "needs 3 replicas"),
            ("LOCAL_ONE", "dc2", &[("dc1", 3)], Grade::Bad, Grade::Bad, "there is dc1"),
            ("LOCAL_ONE", "dc1", &[("dc2", 3)], Grade::Bad, Grade::Bad, "keeps no rows"),
            ("QUORUM", "dc1", &[("dc1", 1), ("dc2", 2)], Grade::Good, Grade::Good, "at QUORUM"),
        ] {
            let found = grades(&measured(replication), &store(level, datacenter)?);
            assert_eq!((found.0, found.1), (upserts, lookups), "{level}: {}", found.2);
            assert!(found.2.contains(reason), "{level}: {}", found.2);
        }
        Ok(())
    }

    #[test]
    fn what_is_old_slow_or_failed_counts() -> Result<()> {
        let store = store("LOCAL_QUORUM", "dc1")?;
        let mut found = measured(&[("dc1", 3)]);
        found.read_after_write = Some(ReadAfterWrite { rows: 20, stale: 2 });
        assert_eq!(grades(&found, &store).1, Grade::Bad);
        let mut found = measured(&[("dc1", 3)]);
        found.latency = Some(KeyedLatency { write: vec![60_000; 9], read: vec![3_000_000; 9] });
        assert_eq!(grades(&found, &store).0, Grade::Fair);
        assert_eq!(grades(&found, &store).1, Grade::Bad);
        found.latency = None;
        assert_eq!(grades(&found, &store).0, Grade::Unknown);
        found.failures = vec!["reach the store: no".to_owned()];
        assert_eq!(grades(&found, &store).0, Grade::Bad);
        Ok(())
    }
}
