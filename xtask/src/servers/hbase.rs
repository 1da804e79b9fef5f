//! HBase: master, region server and ZooKeeper in one process.

use anyhow::Result;

use super::{Access, NODE, java, ready};
use crate::cluster::Cluster;
use crate::jobs;

/// The job that writes rows there, for tests.
const ROWS: jobs::Rows =
    jobs::Rows { folder: "hbase", class: "jobs.HBaseRows", client: "hbase-client" };
const PROCESS: &str = "hbase";
const MAIN: &str = "org.apache.hadoop.hbase.master.HMaster";
const ZOOKEEPER: u16 = 2181;
const REGION_SERVER: u16 = 16020;

pub(super) fn start(cluster: &Cluster) -> Result<Access> {
    let data = cluster.data_of(PROCESS, "data")?;
    let settings = [
        ("hbase.rootdir", format!("file://{data}/root")),
        ("hbase.tmp.dir", format!("{data}/tmp")),
        ("hbase.zookeeper.property.dataDir", format!("{data}/zookeeper")),
        ("hbase.zookeeper.property.clientPort", ZOOKEEPER.to_string()),
        ("hbase.zookeeper.property.clientPortAddress", NODE.to_owned()),
        ("hbase.zookeeper.quorum", NODE.to_owned()),
        ("hbase.cluster.distributed", "false".to_owned()),
        // A folder has no hflush; what a kill -9 loses is the kernel's to write.
        ("hbase.unsafe.stream.capability.enforce", "false".to_owned()),
        ("hbase.wal.provider", "filesystem".to_owned()),
        // What clients are told to connect to.
        ("hbase.master.hostname", NODE.to_owned()),
        ("hbase.regionserver.hostname", NODE.to_owned()),
        ("hbase.master.ipc.address", NODE.to_owned()),
        ("hbase.regionserver.ipc.address", NODE.to_owned()),
        ("hbase.master.info.port", "-1".to_owned()),
        ("hbase.regionserver.info.port", "-1".to_owned()),
    ];
    let site = cluster.config_of(PROCESS, "hbase-site.xml", &java::site_xml(&settings))?;
    // Its own ZooKeeper is looked for at localhost, wherever that was told to listen.
    let hosts = format!("{NODE} localhost\n{NODE} node1\n");
    let hosts = cluster.config_of(PROCESS, "hosts", &hosts)?;
    let jvm =
        java::Jvm::new(cluster, PROCESS)?.with_class_path(site.trim_end_matches("/hbase-site.xml"));
    let command = jvm.command(
        &[
            "-Xmx256m",
            &format!("-Djdk.net.hosts.file={hosts}"),
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-opens=java.base/java.util=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
        ],
        MAIN,
        &["start"],
    );
    cluster.run(PROCESS, &[], &command.iter().map(String::as_str).collect::<Vec<_>>())?;
    // The region server listens before the master gives it anything to do; clients wait for that by themselves.
    ready::wait(cluster, PROCESS, |cluster| {
        ready::listens(cluster, &format!("{NODE}:{REGION_SERVER}"))
    })?;
    Ok(Access::from([
        ("zookeeper", format!("{NODE}:{ZOOKEEPER}")),
        ("processes", PROCESS.to_owned()),
        ("job", jobs::rows(ROWS)?.display().to_string()),
        ("libraries", jvm.class_path().to_owned()),
    ]))
}
