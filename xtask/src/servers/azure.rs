//! Azure Blob Storage: Azurite, Microsoft's own emulator.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Access, NODE, ready};
use crate::cache;
use crate::cluster::Cluster;
use crate::step::Step;
use crate::tools::{self, Package, ensure_packages, repository};

const PROCESS: &str = "azure";
/// The port of the real service, which clients that use no TLS call.
const PORT: u16 = 80;
/// The account that every Azurite has, and its key: both are in its documentation.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(super) fn start(cluster: &Cluster) -> Result<Access> {
    let program = cluster.shared(&package()?.join("azurite/dist/src/blob/main.js"))?;
    let data = cluster.data_of(PROCESS, "data")?;
    let node = tools::find("node").map_or_else(|| "node".to_owned(), |p| p.display().to_string());
    let (address, port) = (format!("{NODE}:{PORT}"), PORT.to_string());
    let place = ["--blobHost", NODE, "--blobPort", &port, "--location", &data];
    // Without --disableTelemetry it would look for a host on the internet.
    let how = ["--disableTelemetry", "--skipApiVersionCheck", "--loose", "--silent"];
    cluster.run(PROCESS, &[], &[&[&node, program.as_str()], &place[..], &how].concat())?;
    ready::wait(cluster, PROCESS, |cluster| ready::listens(cluster, &address))?;
    Ok(Access::from([
        // The cluster's name server gives this name the node's address.
        ("endpoint", format!("http://{ACCOUNT}.blob.core.windows.net")),
        ("account", ACCOUNT.to_owned()),
        ("account-key", KEY.to_owned()),
        ("processes", PROCESS.to_owned()),
    ]))
}

/// The folder `node_modules` with Azurite, in the versions of the lock file.
fn package() -> Result<PathBuf> {
    let project = repository().join("cluster/servers/azure");
    let entry = cache::entry("npm", PROCESS, &cache::key(&project, &[])?, |dir| {
        ensure_packages(&[
            Package { proof: &["node"], name: "nodejs" },
            Package { proof: &["npm"], name: "npm" },
        ])?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(project.join(file), dir.join(file))?;
        }
        let mut command = Command::new("npm");
        command.args(["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]);
        Step::new("Fetching Azurite", "npm-azure").run(command.current_dir(dir))
    })?;
    Ok(entry.join("node_modules"))
}
