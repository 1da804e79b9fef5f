//! Cassandra: one node.

use anyhow::Result;

use super::{Access, NODE, java, ready};
use crate::cluster::Cluster;
use crate::jobs;

/// The job that writes rows there, for tests.
const ROWS: jobs::Rows =
    jobs::Rows { folder: "cassandra", class: "jobs.CassandraRows", client: "cassandra-client" };
const PROCESS: &str = "cassandra";
const PORT: u16 = 9042;
const MAIN: &str = "org.apache.cassandra.service.CassandraDaemon";
/// The superuser that a new Cassandra with passwords makes.
const USER: &str = "cassandra";

/// Packages of Java's own modules that Cassandra reaches into, as its `jvm17-server.options` has them.
const EXPORTS: [&str; 8] = [
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/java.lang.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
];
const OPENS: [&str; 17] = [
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.nio",
    "jdk.management/com.sun.management.internal",
    "java.rmi/sun.rmi.transport.tcp",
];

pub(super) fn start(cluster: &Cluster) -> Result<Access> {
    let data = cluster.data_of(PROCESS, "data")?;
    let config = cluster.config_of(PROCESS, "cassandra.yaml", &settings(&data))?;
    let jvm = java::Jvm::new(cluster, PROCESS)?;
    let mut flags: Vec<String> = vec![
        "-Xmx384m".to_owned(),
        format!("-Dcassandra.config=file:{config}"),
        format!("-Dcassandra.storagedir={data}"),
        "-Dcassandra-foreground=yes".to_owned(),
        "-Dcassandra.jmx.local.port=7199".to_owned(),
        // Nobody else is in the ring: nothing is to be waited for.
        "-Dcassandra.ring_delay_ms=1".to_owned(),
        "-Dcassandra.skip_wait_for_gossip_to_settle=0".to_owned(),
        "-Dcassandra.superuser_setup_delay_ms=0".to_owned(),
    ];
    flags.extend(EXPORTS.map(|name| format!("--add-exports={name}=ALL-UNNAMED")));
    flags.extend(OPENS.map(|name| format!("--add-opens={name}=ALL-UNNAMED")));
    let command = jvm.command(&flags.iter().map(String::as_str).collect::<Vec<_>>(), MAIN, &[]);
    cluster.run(PROCESS, &[], &command.iter().map(String::as_str).collect::<Vec<_>>())?;
    let address = format!("{NODE}:{PORT}");
    ready::wait(cluster, PROCESS, |cluster| ready::listens(cluster, &address))?;
    Ok(Access::from([
        ("endpoint", address.clone()),
        ("datacenter", "datacenter1".to_owned()),
        ("user", USER.to_owned()),
        ("password", USER.to_owned()),
        ("processes", PROCESS.to_owned()),
        ("job", jobs::rows(ROWS)?.display().to_string()),
    ]))
}

/// A `cassandra.yaml` for a small node that asks for a password.
fn settings(data: &str) -> String {
    format!(
        "cluster_name: test
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
authenticator: PasswordAuthenticator
authorizer: AllowAllAuthorizer
role_manager: CassandraRoleManager
endpoint_snitch: SimpleSnitch
commitlog_sync: periodic
commitlog_sync_period: 10000ms
commitlog_segment_size: 8MiB
commitlog_directory: {data}/commitlog
data_file_directories: [{data}/data]
saved_caches_directory: {data}/saved_caches
hints_directory: {data}/hints
cdc_raw_directory: {data}/cdc
listen_address: {NODE}
storage_port: 7000
rpc_address: {NODE}
start_native_transport: true
native_transport_port: {PORT}
memtable_heap_space: 32MiB
memtable_offheap_space: 32MiB
file_cache_size: 32MiB
concurrent_reads: 4
concurrent_writes: 4
seed_provider:
- class_name: org.apache.cassandra.locator.SimpleSeedProvider
  parameters: [{{seeds: \"{NODE}:7000\"}}]
"
    )
}
