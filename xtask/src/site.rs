//! Where tests, demo and benchmarks run: a local cluster, or the one of a kubeconfig context.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::cluster::{self, Cluster, UpOptions};
use crate::images::{self, Contents};
use crate::servers::{self, Access, Server};

/// A cluster that is ready for pods of ours.
pub(crate) struct Site {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    servers: BTreeMap<String, Access>,
}

impl Site {
    /// The local cluster of this name with Flink's images and these servers, from nothing if need be.
    ///
    /// # Errors
    /// Why there can be none on this machine, or which step failed.
    pub(crate) fn local(name: &str, servers: &[Server]) -> Result<Site> {
        let (name, control_plane, newest_api_server) = (name.to_owned(), false, false);
        let cluster = cluster::ensure_up(&UpOptions { name, control_plane, newest_api_server })?;
        let mut contents: BTreeSet<Contents> =
            servers.iter().map(|server| server.image()).collect();
        // Both are called flink:VERSION.
        if !contents.contains(&Contents::FileSystems) {
            contents.insert(Contents::Plain);
        }
        for version in images::VERSIONS {
            for contents in &contents {
                cluster.load_image(&images::ensure(version, *contents)?)?;
            }
        }
        let servers = servers::start(&cluster, servers)?;
        Ok(Site { servers, ..Site::of(cluster) })
    }

    /// A local API server without pods: the node's, or the newest one.
    ///
    /// # Errors
    /// See [`Site::local`].
    pub(crate) fn control_plane(name: &str, newest_api_server: bool) -> Result<Site> {
        let options = UpOptions { name: name.to_owned(), control_plane: true, newest_api_server };
        cluster::ensure_up(&options).map(Site::of)
    }

    /// The user's own cluster. It pulls images by itself.
    ///
    /// # Errors
    /// Without kubectl, or when there is no such context.
    pub(crate) fn context(name: &str) -> Result<Site> {
        let config = Command::new("kubectl")
            .args(["config", "view", "--minify", "--flatten", "--context", name])
            .output()
            .context("cannot run kubectl, which --context needs; put it on your PATH")?;
        let complaint = String::from_utf8_lossy(&config.stderr);
        ensure!(config.status.success(), "--context {name}: {}", complaint.trim());
        let dir = cache::dir()?.join("contexts");
        fs::create_dir_all(&dir)?;
        let kubeconfig = dir.join(name.replace('/', "_"));
        fs::write(&kubeconfig, config.stdout)?;
        // It holds credentials.
        fs::set_permissions(&kubeconfig, Permissions::from_mode(0o600))?;
        Ok(Site { kubeconfig, kubectl: PathBuf::from("kubectl"), servers: BTreeMap::new() })
    }

    fn of(cluster: Cluster) -> Site {
        Site { kubeconfig: cluster.kubeconfig, kubectl: cluster.kubectl, servers: BTreeMap::new() }
    }

    /// How to reach the servers that were asked for.
    pub(crate) fn servers(&self) -> &BTreeMap<String, Access> {
        &self.servers
    }

    /// A kubeconfig whose current context is this cluster.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A kubectl for it.
    pub(crate) fn kubectl_program(&self) -> &Path {
        &self.kubectl
    }

    /// The folder of its kubectl, unless that is on the user's `PATH`.
    pub(crate) fn kubectl_folder(&self) -> Option<&Path> {
        self.kubectl.parent().filter(|folder| !folder.as_os_str().is_empty())
    }

    /// kubectl on this cluster.
    pub(crate) fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig).args(args);
        command
    }
}
