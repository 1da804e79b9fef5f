//! What a job uses to talk to a data store.

use super::uri::DataKind;
use crate::model::flink_version::FlinkVersion;

/// The coordinates of Flink's own connector for this version, where one was released: the Cassandra connector 3.1 serves
/// 1.17, 3.2 serves 1.18 and 1.19; the HBase connector 3.0 serves 1.17, 4.0 serves 1.18 and 1.19
/// (<https://flink.apache.org/downloads/>). There is none for 1.20, nor for 2.x.
pub fn connector(kind: DataKind, version: FlinkVersion) -> Option<&'static str> {
    match (kind, version) {
        (DataKind::Cassandra, FlinkVersion::V1_17) => {
            Some("org.apache.flink:flink-connector-cassandra_2.12:3.1.0-1.17")
        }
        (DataKind::Cassandra, FlinkVersion::V1_18) => {
            Some("org.apache.flink:flink-connector-cassandra_2.12:3.2.0-1.18")
        }
        (DataKind::Cassandra, FlinkVersion::V1_19) => {
            Some("org.apache.flink:flink-connector-cassandra_2.12:3.2.0-1.19")
        }
        (DataKind::Hbase, FlinkVersion::V1_17) => {
            Some("org.apache.flink:flink-connector-hbase-2.2:3.0.0-1.17")
        }
        (DataKind::Hbase, FlinkVersion::V1_18) => {
            Some("org.apache.flink:flink-connector-hbase-2.2:4.0.0-1.18")
        }
        (DataKind::Hbase, FlinkVersion::V1_19) => {
            Some("org.apache.flink:flink-connector-hbase-2.2:4.0.0-1.19")
        }
        _ => None,
    }
}

/// The coordinates of the plain Java client, which serves every version.
pub fn client(kind: DataKind) -> &'static str {
    match kind {
        DataKind::Cassandra => "org.apache.cassandra:java-driver-core",
        DataKind::Hbase => "org.apache.hbase:hbase-shaded-client",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_named_for_the_very_version() {
        for version in FlinkVersion::ALL {
            for kind in DataKind::ALL {
                let found = connector(kind, version);
                assert_eq!(found.is_some(), version <= FlinkVersion::V1_19, "{kind} {version}");
                assert!(
                    found.is_none_or(|name| name.ends_with(&format!("-{version}"))),
                    "{found:?}"
                );
            }
        }
    }
}
