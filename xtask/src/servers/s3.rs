//! S3: Versity's gateway, which keeps each bucket as a folder.

use anyhow::Result;

use super::{Access, NODE, ready};
use crate::cluster::Cluster;
use crate::tools::{Go, VERSITYGW};

const PROCESS: &str = "s3";
const PORT: u16 = 7070;
const REGION: &str = "us-east-1";
/// Credentials of the gateway's root account. They open a server that nothing outside of the cluster can reach.
const ACCESS_KEY: &str = "flink-access";
const SECRET_KEY: &str = "flink-secret-key";

pub(super) fn start(cluster: &Cluster) -> Result<Access> {
    let program = cluster.shared(&Go::ensure()?.binary(&VERSITYGW)?)?;
    let buckets = cluster.data_of(PROCESS, "buckets")?;
    // In files of its own: extended attributes are not to be had on every file system.
    let metadata = cluster.data_of(PROCESS, "metadata")?;
    let address = format!("{NODE}:{PORT}");
    let env = [format!("ROOT_ACCESS_KEY={ACCESS_KEY}"), format!("ROOT_SECRET_KEY={SECRET_KEY}")];
    let command = [
        program.as_str(),
        "--port",
        &address,
        "--region",
        REGION,
        "posix",
        "--sidecar",
        &metadata,
        &buckets,
    ];
    cluster.run(PROCESS, &env, &command)?;
    ready::wait(cluster, PROCESS, |cluster| ready::listens(cluster, &address))?;
    Ok(Access::from([
        ("endpoint", format!("http://{address}")),
        ("region", REGION.to_owned()),
        ("access-key", ACCESS_KEY.to_owned()),
        ("secret-key", SECRET_KEY.to_owned()),
        ("processes", PROCESS.to_owned()),
        ("program", program.clone()),
    ]))
}
