//! Google Cloud Storage: fake-gcs-server, which keeps objects in memory: as files, those whose names end in a slash, by
//! which Google's connector marks folders, would be lost.

use anyhow::Result;

use super::{Access, NODE, ready};
use crate::cluster::Cluster;
use crate::tools::{FAKE_GCS, Go};

const PROCESS: &str = "gcs";
const PORT: u16 = 4443;

pub(super) fn start(cluster: &Cluster) -> Result<Access> {
    let program = cluster.shared(&Go::ensure()?.binary(&FAKE_GCS)?)?;
    let (address, port) = (format!("{NODE}:{PORT}"), PORT.to_string());
    let endpoint = format!("http://{address}");
    let place = ["-scheme", "http", "-host", NODE, "-port", &port, "-external-url", &endpoint];
    let store = ["-backend", "memory", "-public-host", &address];
    cluster.run(PROCESS, &[], &[&[program.as_str()], &place[..], &store].concat())?;
    ready::wait(cluster, PROCESS, |cluster| {
        cluster.probe(&["get", &format!("{endpoint}/storage/v1/b?project=any")]).map(drop)
    })?;
    Ok(Access::from([("endpoint", endpoint.clone()), ("processes", PROCESS.to_owned())]))
}
