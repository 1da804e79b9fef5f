//! What the benchmarks without pods share: an API server that stands alone, the plugin, a plain kubectl, and
//! how a command's time and memory are taken.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::cluster;
use crate::plugin::Plugin;
use crate::site::Site;
use crate::step::log_path;
use crate::tools::{self, Go, KUBECTL, Package};

/// The API server's name as a local cluster.
const NAME: &str = "bench-api";
/// GNU time, which reads a child's peak of resident memory from the kernel. The tasks' own process is too large for
/// that: what it holds before the child's program is loaded would count as the child's.
const TIME: &[Package] = &[Package { proof: &["/usr/bin/time"], name: "time" }];

/// The test bed.
pub(super) struct Plane {
    /// The plugin, built for speed.
    pub(super) plugin: Plugin,
    /// The API server.
    pub(super) site: Site,
    kubectl: PathBuf,
}

impl Plane {
    /// Builds and starts everything; nothing here is measured.
    pub(super) fn prepare(profile: &str) -> Result<Plane> {
        tools::ensure_packages(TIME)?;
        let plugin = Plugin::build(profile)?;
        let kubectl = Go::ensure()?.binary(&KUBECTL)?;
        // Objects of an earlier run would count.
        cluster::down(NAME, false)?;
        Ok(Plane { plugin, site: Site::control_plane(NAME, false)?, kubectl })
    }

    /// Ends the API server.
    pub(super) fn take_down(self) -> Result<()> {
        cluster::down(NAME, false)
    }

    /// `kubectl flink ARGS…` in a namespace.
    pub(super) fn ours(&self, namespace: &str, args: &[&str]) -> Command {
        self.plugin.command(&self.site, namespace, args)
    }

    /// `kubectl ARGS…`
    pub(super) fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", self.site.kubeconfig()).args(args);
        command
    }

    /// Runs kubectl, which must succeed, and gives its output.
    pub(super) fn ask(&self, args: &[&str]) -> Result<String> {
        let output =
            self.kubectl(args).stdin(Stdio::null()).output().context("cannot run kubectl")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kubectl {}: {}", args.join(" "), complaint.trim());
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A new namespace.
    pub(super) fn namespace(&self, name: &str) -> Result<()> {
        self.ask(&["create", "namespace", name]).map(drop)
    }
}

/// Seconds that the command takes; its output goes to a log.
pub(super) fn time(mut command: Command) -> Result<f64> {
    let log = output_to_log(&mut command)?;
    let started = Instant::now();
    let status = command.status().context("cannot start the command")?;
    let took = started.elapsed().as_secs_f64();
    ensure!(
        status.success(),
        "{:?} failed ({status}); see {}",
        command.get_program(),
        log.display()
    );
    Ok(took)
}

/// The median of several runs of [`time`], for commands of a few milliseconds.
pub(super) fn time_of(runs: usize, command: impl Fn() -> Command) -> Result<f64> {
    let mut times = (0..runs).map(|_| time(command())).collect::<Result<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Mebibytes of memory that the command holds at its peak.
pub(super) fn memory(command: &Command) -> Result<f64> {
    let report = log_path("bench-memory")?;
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["--format=%M", "--output"]).arg(&report);
    timed.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    time(timed)?;
    let text = fs::read_to_string(&report)?;
    let Some(kibibytes) = text.lines().last().and_then(|line| line.trim().parse::<f64>().ok())
    else {
        bail!("GNU time said {text:?}");
    };
    Ok(kibibytes / 1024.0)
}

fn output_to_log(command: &mut Command) -> Result<PathBuf> {
    let log = log_path("bench-command")?;
    let file = File::create(&log)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    Ok(log)
}

/// Writes a file that the benchmark needs beside its logs.
pub(super) fn scratch(name: &str, content: &str) -> Result<PathBuf> {
    let path = log_path("bench")?.with_file_name(name);
    fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the cache's path is not UTF-8")
}
