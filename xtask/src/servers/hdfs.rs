//! HDFS: a NameNode and a DataNode, Hadoop's own daemons.

use anyhow::{Context, Result, ensure};

use super::{Access, NODE, java, ready};
use crate::cluster::Cluster;

const NAME_NODE: &str = "hdfs-namenode";
const DATA_NODE: &str = "hdfs-datanode";
const PORT: u16 = 8020;
const WEB_PORT: u16 = 9870;

/// Of `hdfs-site.xml` and `core-site.xml`.
fn settings(data: &str) -> Vec<(&'static str, String)> {
    vec![
        ("fs.defaultFS", uri()),
        ("hadoop.tmp.dir", format!("{data}/tmp")),
        ("dfs.replication", "1".to_owned()),
        // Who may do what is Kerberos' business, and there is none here.
        ("dfs.permissions.enabled", "false".to_owned()),
        ("dfs.namenode.name.dir", format!("file://{data}/name")),
        ("dfs.datanode.data.dir", format!("file://{data}/data")),
        ("dfs.namenode.rpc-bind-host", NODE.to_owned()),
        ("dfs.namenode.http-address", format!("{NODE}:{WEB_PORT}")),
        ("dfs.datanode.address", format!("{NODE}:9866")),
        ("dfs.datanode.http.address", format!("{NODE}:9864")),
        ("dfs.datanode.ipc.address", format!("{NODE}:9867")),
        // The node's name has no address.
        ("dfs.datanode.hostname", NODE.to_owned()),
        ("dfs.namenode.datanode.registration.ip-hostname-check", "false".to_owned()),
        ("dfs.namenode.safemode.extension", "0".to_owned()),
        // A killed DataNode counts as dead after 15 seconds, not after ten minutes.
        ("dfs.namenode.heartbeat.recheck-interval", "3000".to_owned()),
        ("dfs.heartbeat.interval", "1".to_owned()),
    ]
}

pub(super) fn start(cluster: &Cluster) -> Result<Access> {
    let data = cluster.data_of("hdfs", "hdfs")?;
    let config = cluster.config_of("hdfs", "hdfs-site.xml", &java::site_xml(&settings(&data)))?;
    cluster.config_of("hdfs", "core-site.xml", &java::site_xml(&settings(&data)))?;
    let config = config.trim_end_matches("/hdfs-site.xml");
    let jvm = java::Jvm::new(cluster, "hdfs")?.with_class_path(config);
    let name_node = "org.apache.hadoop.hdfs.server.namenode.NameNode";
    let format = jvm.command(&["-Xmx96m"], name_node, &["-format", "-nonInteractive"]);
    let run = jvm.command(&["-Xmx128m"], name_node, &[]);
    // A NameNode that was formatted before keeps its files.
    let script =
        format!("test -d {data}/name/current || {} && exec {}", format.join(" "), run.join(" "));
    cluster.run(NAME_NODE, &[], &["sh", "-c", &script])?;
    let data_node = "org.apache.hadoop.hdfs.server.datanode.DataNode";
    let run = jvm.command(&["-Xmx128m"], data_node, &[]);
    cluster.run(DATA_NODE, &[], &run.iter().map(String::as_str).collect::<Vec<_>>())?;
    ready::wait(cluster, NAME_NODE, serves)?;
    Ok(Access::from([
        ("uri", uri()),
        ("endpoint", format!("http://{NODE}:{WEB_PORT}")),
        ("processes", format!("{NAME_NODE} {DATA_NODE}")),
    ]))
}

fn uri() -> String {
    format!("hdfs://{NODE}:{PORT}")
}

/// Out of safe mode, and with a DataNode: before that every write fails.
fn serves(cluster: &Cluster) -> Result<()> {
    let bean = "Hadoop:service=NameNode,name=FSNamesystemState";
    let answer = cluster.probe(&["get", &format!("http://{NODE}:{WEB_PORT}/jmx?qry={bean}")])?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer).context("what the NameNode says")?;
    let state = &answer["beans"][0];
    ensure!(state["FSState"] == "Operational", "the NameNode is in safe mode");
    ensure!(state["NumLiveDataNodes"] == 1, "no DataNode is there yet");
    Ok(())
}
