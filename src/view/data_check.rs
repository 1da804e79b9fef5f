//! What a check of a data store found: the model behind `storage check` of one.

use jiff::Timestamp;
use serde::Serialize;

use super::check::{CheckedFrom, time};
use super::section::{field, heading};
use crate::model::check::{Grade, Percentiles};
use crate::model::data::{DataMeasurements, DataVerdict, ReadAfterWrite};
use crate::ui::{Text, View};

/// The result of a check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataCheckView {
    /// The name of the data store.
    pub data_store: String,
    /// Hosts, and keyspace or namespace.
    pub uri: String,
    /// The level that rows were written and read at; HBase has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<String>,
    /// The table that was measured in; it is gone.
    pub table: String,
    /// The pod and the node it was on.
    pub pod: CheckedFrom,
    /// A verdict a use.
    pub verdicts: Vec<DataVerdict>,
    /// Everything that was measured.
    pub measured: DataMeasurements,
}

impl DataCheckView {
    /// The worst verdict.
    pub fn worst(&self) -> Grade {
        self.verdicts.iter().map(|verdict| verdict.grade).max().unwrap_or(Grade::Unknown)
    }

    fn facts(&self) -> Text {
        let mut text = field("Data store", &format!("{} ({})", self.data_store, self.uri));
        if let Some(node) = &self.pod.node {
            text = text.text(&field("Measured on", node));
        }
        if let Some(facts) = &self.measured.facts {
            let connected = time(facts.connect_micros);
            let server = format!("{}, {} in {connected}", facts.product, facts.server);
            text = text.text(&field("Connected", &server));
            let list = |all: &std::collections::BTreeMap<String, u32>| {
                let named = |(of, n): (&String, &u32)| match of.as_str() {
                    "*" => n.to_string(),
                    of => format!("{of}: {n}"),
                };
                all.iter().map(named).collect::<Vec<_>>().join(", ")
            };
            if !facts.datacenters.is_empty() {
                text = text.text(&field("Nodes", &list(&facts.datacenters)));
                text = text.text(&field("Replicas", &list(&facts.replication)));
            }
        }
        if let Some(level) = &self.consistency {
            text = text.text(&field("Consistency", level));
        }
        if let Some(ReadAfterWrite { rows, stale }) = self.measured.read_after_write {
            let seen = match stale {
                0 => format!("seen at once ({rows} rows)"),
                stale => format!("{stale} reads showed something old ({rows} rows)"),
            };
            text = text.text(&field("Read after write", &seen));
        }
        text
    }

    fn latency(&self) -> Text {
        let Some(latency) = &self.measured.latency else { return Text::new() };
        let mut text = heading("Latency of one row by its key");
        for (name, samples) in [("write", &latency.write), ("read", &latency.read)] {
            let Some(Percentiles { p50, p99, max }) = Percentiles::of(samples) else { continue };
            let (p50, p99, max) = (time(p50), time(p99), time(max));
            let line = format!("  {name:<8} p50 {p50:>8}   p99 {p99:>8}   max {max:>8}");
            text = text.plain(&line).end();
        }
        text
    }
}

impl View for DataCheckView {
    fn text(&self, _wide: bool, _now: Timestamp) -> Text {
        let mut text = self.facts().text(&self.latency()).text(&heading("Verdict"));
        for verdict in &self.verdicts {
            let (tone, word) = super::check::word(verdict.grade);
            let name = verdict.purpose.name();
            text = text.plain(&format!("  {name:<18} ")).toned(tone, word).end();
            for reason in &verdict.reasons {
                text = text.plain(&format!("    {reason}")).end();
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![format!("datastore/{}", self.data_store)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::model::data::{DataStore, KeyedLatency, data_verdicts};

    #[test]
    fn facts_figures_and_verdicts_are_shown() -> Result<()> {
        let mut store = DataStore::at("cassandra://a/shop".parse()?);
        store.local_datacenter = Some("dc1".to_owned());
        let mut measured = DataMeasurements {
            read_after_write: Some(ReadAfterWrite { rows: 20, stale: 0 }),
            latency: Some(KeyedLatency { write: vec![900; 10], read: vec![700; 10] }),
            ..DataMeasurements::default()
        };
        measured.facts = serde_json::from_value(serde_json::json!({
            "product": "Cassandra 5.0.4", "server": "a:9042", "connectMicros": 12_000,
            "datacenters": {"dc1": 1}, "replication": {"*": 1},
        }))
        .ok();
        let view = DataCheckView {
            data_store: "rows".to_owned(),
            uri: store.uri.to_string(),
            consistency: Some(store.level().to_string()),
            table: "kubectl_flink_check_0123456789".to_owned(),
            pod: CheckedFrom { pod: "a".to_owned(), node: Some("node1".to_owned()) },
            verdicts: data_verdicts(&measured, &store),
            measured,
        };
        assert_eq!(view.worst(), Grade::Fair);
        insta::assert_snapshot!(view.text(false, Timestamp::UNIX_EPOCH).to_plain(), @r##"
        Data store:        rows (cassandra://a/shop)
        Measured on:       node1
        Connected:         Cassandra 5.0.4, a:9042 in 12 ms
        Nodes:             dc1: 1
        Replicas:          1
        Consistency:       LOCAL_QUORUM
        Read after write:  seen at once (20 rows)

        Latency of one row by its key
          write    p50   900 µs   p99   900 µs   max   900 µs
          read     p50   700 µs   p99   700 µs   max   700 µs

        Verdict
          upserts            fair
            A row has one replica: while its node is down, it can be neither written nor read.
            What was written at LOCAL_QUORUM was read at LOCAL_QUORUM at once, 20 rows of 20.
            A subtask that waits for each row gets through about 1111 a second; one that has several under way, through more.
          lookups            fair
            A row has one replica: while its node is down, it can be neither written nor read.
            What was written at LOCAL_QUORUM was read at LOCAL_QUORUM at once, 20 rows of 20.
            A subtask that waits for each row gets through about 1428 a second; one that has several under way, through more.
        "##);
        Ok(())
    }
}
