//! Storage servers for tests: real ones, from package registries, as supervised processes of the local cluster; and
//! VolumeSnapshots, which a cluster serves or not.
//!
//! They listen on the node's address, inside its network namespace: pods reach them, nothing else does, and they and
//! their data end with the cluster.

mod azure;
mod cassandra;
mod gcs;
mod hbase;
mod hdfs;
mod java;
mod ready;
mod s3;
pub(crate) mod volume_snapshots;

use std::collections::BTreeMap;

use anyhow::Result;
use clap::ValueEnum;

use crate::cluster::Cluster;
use crate::images::Contents;
use crate::step;

/// The node's address inside its namespaces (`cluster/kt/internal/layout`).
const NODE: &str = "10.77.0.2";

/// What a client needs to know of a server: names as documentation uses them, and their values.
pub(crate) type Access = BTreeMap<&'static str, String>;

/// A server that the local cluster can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Server {
    /// An S3-compatible object store: Versity's gateway over a folder
    S3,
    /// HDFS: Hadoop's NameNode and DataNode
    Hdfs,
    /// Azure Blob Storage: Azurite
    Azure,
    /// Google Cloud Storage: fake-gcs-server
    Gcs,
    /// Cassandra, a database
    Cassandra,
    /// HBase, a database, with its ZooKeeper
    Hbase,
    /// VolumeSnapshots: Kubernetes' snapshot controller, and its sidecar of the node's CSI driver
    Volumesnapshots,
}

impl Server {
    /// All servers.
    pub(crate) fn all() -> &'static [Server] {
        Server::value_variants()
    }

    /// Its name in commands, names of tests, and `cluster status`.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The servers that a test of this name uses: those whose names are words of it, as in `e2e::stores::s3_is_down`.
    pub(crate) fn of_test(test: &str) -> impl Iterator<Item = Server> {
        let words: Vec<&str> = test.split([':', '_']).collect();
        Server::all().iter().copied().filter(move |server| words.contains(&server.name().as_str()))
    }

    /// Starts it on a cluster and says how to reach it as soon as it answers; what it needs is fetched before.
    /// Harmless when it runs.
    ///
    /// # Errors
    /// When it cannot be fetched, built or started: the step, and the command that shows the server's log.
    pub(crate) fn start(self, cluster: &Cluster) -> Result<Access> {
        match self {
            Server::S3 => s3::start(cluster),
            Server::Hdfs => hdfs::start(cluster),
            Server::Azure => azure::start(cluster),
            Server::Gcs => gcs::start(cluster),
            Server::Cassandra => cassandra::start(cluster),
            Server::Hbase => hbase::start(cluster),
            Server::Volumesnapshots => volume_snapshots::start(cluster),
        }
    }

    /// The Flink images that can use it.
    pub(crate) fn image(self) -> Contents {
        match self {
            Server::S3 | Server::Azure | Server::Gcs => Contents::FileSystems,
            Server::Hdfs => Contents::Hadoop,
            // Jobs bring their clients along; a volume needs none.
            Server::Cassandra | Server::Hbase | Server::Volumesnapshots => Contents::Plain,
        }
    }
}

/// Starts servers for pods; see [`Server::start`].
///
/// # Errors
/// What could not be fetched, built or started.
pub(crate) fn start(cluster: &Cluster, servers: &[Server]) -> Result<BTreeMap<String, Access>> {
    servers.iter().map(|server| Ok((server.name(), server.start(cluster)?))).collect()
}

/// Tells a person how to reach the servers.
pub(crate) fn introduce(servers: &BTreeMap<String, Access>) {
    for (server, access) in servers {
        let access: Vec<_> =
            access.iter().map(|(name, value)| format!("\n  {name}: {value}")).collect();
        step::say(&format!("{server}, for pods:{}", access.concat()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_names_its_servers() {
        let of = |test| Server::of_test(test).collect::<Vec<_>>();
        assert_eq!(of("e2e::stores::s3_presto_counts_on"), [Server::S3]);
        assert_eq!(of("e2e::s3::counts"), [Server::S3]);
        assert_eq!(of("e2e::stores::ss3_is_no_server"), []);
        assert_eq!(of("e2e::volumesnapshots::come_back"), [Server::Volumesnapshots]);
        // Those of Flink are no volume's.
        assert_eq!(of("faults::snapshots::are_verified"), []);
    }
}
