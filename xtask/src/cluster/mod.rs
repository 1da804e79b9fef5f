//! The local cluster: `cargo xtask cluster …`, and the same for the other tasks.
//!
//! The work is done by `kt` (Go, `cluster/kt`); this file makes sure that it and what it needs are there.

mod command;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cache;
use crate::step::{self, Step};
use crate::tools::{self, APISERVER, Binary, COREDNS, Go, KT, KUBENODE, Package};

pub(crate) use command::Command;

/// The cluster one gets without a name.
pub(crate) const DEFAULT_NAME: &str = "flink";

/// What the machine needs for a node; a control plane alone needs the first two.
const PACKAGES: &[Package] = &[
    Package { proof: &["ip"], name: "iproute2" },
    Package { proof: &["nsenter"], name: "util-linux" },
    Package { proof: &["containerd"], name: "containerd" },
    Package { proof: &["runc"], name: "runc" },
    Package {
        proof: &["/usr/lib/cni/bridge", "/opt/cni/bin/bridge", "/usr/libexec/cni/bridge"],
        name: "containernetworking-plugins",
    },
    Package { proof: &["iptables"], name: "iptables" },
    Package { proof: &["mkfs.xfs"], name: "xfsprogs" },
    Package { proof: &["mount"], name: "mount" },
];

/// Paths inside the node, from `cluster/kt/internal/layout`: the cluster's state, the cache and kt.
const STATE_INSIDE: &str = "/run/kt/state";
const SHARE_INSIDE: &str = "/run/kt/share";
const KT_INSIDE: &str = "/run/kt/bin/kt";

/// What kind of cluster is wanted.
pub(crate) struct UpOptions {
    /// Name: lower-case letters, digits and dashes.
    pub(crate) name: String,
    /// etcd and the API server alone (plus the controllers behind namespaces and service accounts).
    pub(crate) control_plane: bool,
    /// The API server of the newest Kubernetes; for a control plane alone.
    pub(crate) newest_api_server: bool,
}

/// A running local cluster.
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// Kubeconfig of the administrator; its current context is [`Cluster::context`].
    pub(crate) kubeconfig: PathBuf,
    /// Name of the context.
    pub(crate) context: String,
    /// A real kubectl of the cluster's own version; its folder can go in front of `PATH`.
    pub(crate) kubectl: PathBuf,
    /// The supervisor's command: `exec`, `run`, `ctl`, `import`.
    kt: PathBuf,
}

/// What `kt up` and `kt status --json` say about a cluster.
#[derive(Deserialize)]
struct Summary {
    name: String,
    #[serde(default)]
    kubeconfig: PathBuf,
    #[serde(default)]
    context: String,
    #[serde(default)]
    running: bool,
}

#[derive(Deserialize)]
struct Status {
    cluster: Summary,
}

/// Whether a local cluster can run here at all.
///
/// # Errors
/// Why not, and what to do instead.
pub(crate) fn check_host() -> Result<()> {
    let instead = "use a cluster you have instead: --context NAME";
    if !cfg!(target_os = "linux") {
        bail!("the local cluster needs Linux (namespaces, cgroups, containerd); {instead}");
    }
    if !tools::is_root() {
        bail!(
            "the local cluster makes namespaces, mounts and cgroups and therefore needs root: \
             run this with sudo (`sudo -E env PATH=$PATH cargo xtask …`), or {instead}"
        );
    }
    if !Path::new("/sys/fs/cgroup").is_dir() || fs::read_dir("/sys/fs/cgroup")?.next().is_none() {
        bail!("no cgroups are mounted at /sys/fs/cgroup, so no pod can run here; {instead}");
    }
    Ok(())
}

/// Brings the cluster up, from nothing if need be, and returns when it is ready. Harmless when it runs.
///
/// # Errors
/// What is missing on the machine, or which step failed and where its log is.
pub(crate) fn ensure_up(options: &UpOptions) -> Result<Cluster> {
    check_host()?;
    tools::ensure_packages(if options.control_plane { &PACKAGES[..2] } else { PACKAGES })?;
    let go = Go::ensure()?;
    let kt = go.binary(&KT)?;
    let kubenode = go.binary(&KUBENODE)?;
    let mut command = kt_command(&kt, &options.name, "up")?;
    command.arg("--kubenode").arg(&kubenode).arg("--share").arg(cache::dir()?);
    if options.control_plane {
        command.arg("--control-plane");
        if options.newest_api_server {
            command.arg("--apiserver").arg(go.binary(&APISERVER)?);
        }
    } else {
        command.arg("--coredns").arg(go.binary(&COREDNS)?);
    }
    let title = format!("Starting cluster {}", options.name);
    let output = Step::new(title, &format!("up-{}", options.name)).output(&mut command)?;
    let summary: Summary = serde_json::from_str(&output).context("what kt up printed")?;
    Ok(Cluster::new(summary, kt, &kubenode))
}

/// Takes a cluster down, whatever state it is in. Harmless when there is none.
///
/// # Errors
/// When something of it cannot be removed.
pub(crate) fn down(name: &str, keep_state: bool) -> Result<()> {
    let mut command = kt(name, "down")?;
    if keep_state {
        command.arg("--keep-state");
    }
    Step::new(format!("Taking cluster {name} down"), &format!("down-{name}")).run(&mut command)
}

/// The checks of [`selftest`] that a filter selects: none, or those up to the last one with the text in its name, as
/// later checks use what earlier ones made.
///
/// # Errors
/// When kt cannot be built or run.
pub(crate) fn selftest_names(filter: Option<&str>) -> Result<Vec<String>> {
    let mut command = kt("selftest", "selftest")?;
    let output = command.arg("--list").args(filter).output().context("run kt selftest")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Proves on a cluster of its own, named `selftest`, that nothing leads out of it, that pods get what a real cluster
/// gives them, and that it comes and goes without a trace. Takes one to two minutes; the results go to standard
/// output, one line a check and then their number.
///
/// # Errors
/// When a check fails: the last results and where all of them are.
pub(crate) fn selftest(filter: Option<&str>) -> Result<()> {
    check_host()?;
    tools::ensure_packages(PACKAGES)?;
    let go = Go::ensure()?;
    let mut command = kt_command(&go.binary(&KT)?, "selftest", "selftest")?;
    command.arg("--kubenode").arg(go.binary(&KUBENODE)?).arg("--coredns").arg(go.binary(&COREDNS)?);
    command.args(filter);
    let results = Step::new("Testing the local cluster", "selftest").output(&mut command)?;
    step::print(results.trim_end());
    Ok(())
}

impl Cluster {
    fn new(summary: Summary, kt: PathBuf, kubenode: &Path) -> Cluster {
        let Summary { name, kubeconfig, context, .. } = summary;
        Cluster { name, kubeconfig, context, kubectl: kubenode.with_file_name("kubectl"), kt }
    }

    /// A cluster that runs now.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn running(name: &str) -> Result<Cluster> {
        let go = Go::ensure()?;
        let kt = go.binary(&KT)?;
        let output =
            kt_command(&kt, name, "status")?.arg("--json").output().context("run kt status")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let status: Status =
            serde_json::from_slice(&output.stdout).context("what kt status printed")?;
        if !status.cluster.running {
            bail!(
                "cluster {name} does not run: start it with `cargo xtask cluster up --name {name}`"
            );
        }
        Ok(Cluster::new(status.cluster, kt, &go.binary(&KUBENODE)?))
    }

    /// Puts an image archive into the node. One that is there is skipped.
    ///
    /// # Errors
    /// When the archive cannot be read or is no image.
    pub(crate) fn load_image(&self, archive: &Path) -> Result<()> {
        let title = format!("Loading {}", archive.file_name().unwrap_or_default().display());
        let mut command = kt_command(&self.kt, &self.name, "import")?;
        Step::new(title, &format!("import-{}", self.name)).run(command.arg(archive))
    }

    /// kubectl as the cluster's administrator. Its discovery cache stays with the cluster, not in the user's home.
    pub(crate) fn kubectl_command(&self) -> Process {
        let mut command = Process::new(&self.kubectl);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"));
        command
    }

    /// Runs one more supervised process inside the node. One of this name that runs already is left as it is.
    ///
    /// # Errors
    /// When the command is not there.
    pub(crate) fn run(&self, process: &str, env: &[String], command: &[&str]) -> Result<()> {
        let mut outer = kt_command(&self.kt, &self.name, "run")?;
        outer.args(env.iter().flat_map(|value| ["--env", value]));
        outer.arg(process).arg("--").args(command);
        Step::new(format!("Starting {process}"), &format!("run-{process}-{}", self.name))
            .run(&mut outer)
    }

    /// Runs `kt probe` inside the node and returns what it prints.
    ///
    /// # Errors
    /// When the probe fails: its message.
    pub(crate) fn probe(&self, arguments: &[&str]) -> Result<String> {
        self.inside(&[&[KT_INSIDE, "probe"], arguments].concat())
    }

    /// Runs a short command inside the node's namespaces and returns what it prints.
    ///
    /// # Errors
    /// When it fails: what it wrote to standard error.
    pub(crate) fn inside(&self, command: &[&str]) -> Result<String> {
        let output = kt_command(&self.kt, &self.name, "exec")?
            .arg("--")
            .args(command)
            .output()
            .context("run kt exec")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A folder for the data of a server, which is gone with the cluster: its path inside the node.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn data_of(&self, process: &str, folder: &str) -> Result<String> {
        let below = Path::new("servers").join(process).join(folder);
        let path = self.kubeconfig.with_file_name(&below);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(Path::new(STATE_INSIDE).join(below).display().to_string())
    }

    /// Writes a file of configuration of a server; its path inside the node. All of one server are in one folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn config_of(&self, process: &str, file: &str, content: &str) -> Result<String> {
        let folder = self.data_of(process, "config")?;
        let path =
            self.kubeconfig.with_file_name("servers").join(process).join("config").join(file);
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(format!("{folder}/{file}"))
    }

    /// The path inside the node of a file in the cache.
    ///
    /// # Errors
    /// When the file is not in the cache.
    pub(crate) fn shared(&self, path: &Path) -> Result<String> {
        let below = path.strip_prefix(cache::dir()?).context("a file outside of the cache")?;
        Ok(Path::new(SHARE_INSIDE).join(below).display().to_string())
    }

    fn introduce(&self) {
        step::say(&format!(
            "Cluster {} is ready. Try:\n  export KUBECONFIG={}\n  kubectl --context {} get nodes\nTake it down with: cargo xtask cluster down --name {}",
            self.name,
            self.kubeconfig.display(),
            self.context,
            self.name
        ));
    }
}

/// `kt VERB` for the named cluster; builds kt if need be.
fn kt(name: &str, verb: &str) -> Result<Process> {
    kt_command(&go_binary(&KT)?, name, verb)
}

fn go_binary(binary: &Binary) -> Result<PathBuf> {
    Go::ensure()?.binary(binary)
}

fn kt_command(kt: &Path, name: &str, verb: &str) -> Result<Process> {
    let mut command = Process::new(kt);
    command.arg(verb).arg("--name").arg(name).arg("--home").arg(cache::dir()?.join("clusters"));
    Ok(command)
}
