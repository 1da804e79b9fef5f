//! What both contestants share: the cluster, the image, the job, the sizes; and how each is called.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::http::{Proxy, wait};
use crate::plugin::Plugin;
use crate::site::Site;
use crate::step::{self, Step, log_path};
use crate::{flink_home, java};

/// The benchmarks' own local cluster.
const CLUSTER: &str = "bench";
/// Their namespace.
pub(super) const NAMESPACE: &str = "bench";
/// A job that is in the image, so that no upload is measured.
pub(super) const JAR: &str = "local:///opt/flink/examples/streaming/counter.jar";
/// Its main class.
pub(super) const CLASS: &str = "jobs.CounterJob";
/// Flink's image and version.
const VERSION: &str = "2.3.0";
/// Memory and CPU of the JobManager and of the TaskManager: Flink's defaults.
const JOBMANAGER_MEMORY: &str = "1600m";
const TASKMANAGER_MEMORY: &str = "1728m";
/// CPU each may ask for; the rest of the machine is theirs too.
const CPU: &str = "0.5";
/// How long the machine is left alone before each measurement.
const SETTLE: Duration = Duration::from_secs(4);

/// The test bed.
pub(super) struct Bed {
    /// The plugin, built for speed.
    pub(super) plugin: Plugin,
    /// The cluster.
    pub(super) site: Site,
    /// HTTP to its API server.
    pub(super) proxy: Proxy,
    flink_home: PathBuf,
    java_home: PathBuf,
    /// A kubeconfig with a token: the Flink CLI's Kubernetes client reads no elliptic-curve keys.
    token_kubeconfig: PathBuf,
}

impl Bed {
    /// Builds and starts everything; nothing here is measured.
    pub(super) fn prepare(profile: &str) -> Result<Bed> {
        let plugin = Plugin::build(profile)?;
        let site = Site::local(CLUSTER, &[])?;
        let home = flink_home::ensure(VERSION)?;
        run(&site, &["delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait"])?;
        run(&site, &["create", "namespace", NAMESPACE])?;
        run(&site, &["create", "serviceaccount", "flink", "-n", NAMESPACE])?;
        run(
            &site,
            &[
                "create",
                "rolebinding",
                "flink",
                "-n",
                NAMESPACE,
                "--clusterrole=admin",
                &format!("--serviceaccount={NAMESPACE}:flink"),
            ],
        )?;
        let token_kubeconfig = token_kubeconfig(&site)?;
        let proxy = Proxy::start(&site)?;
        Ok(Bed { plugin, site, proxy, flink_home: home, java_home: java::jdk()?, token_kubeconfig })
    }

    /// `kubectl flink ARGS…`, output kept out of sight.
    pub(super) fn ours(&self, args: &[&str]) -> Command {
        self.plugin.command(&self.site, NAMESPACE, args)
    }

    /// `flink ARGS…`: the Flink CLI of the same version, on this machine.
    pub(super) fn flink(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.flink_home.join("bin/flink"));
        command
            .args(args)
            .env("JAVA_HOME", &self.java_home)
            .env("KUBECONFIG", &self.token_kubeconfig)
            // Its log goes here, not into the cached folder.
            .env("FLINK_LOG_DIR", std::env::temp_dir());
        command
    }

    /// Flink's image.
    pub(super) fn image(&self) -> String {
        format!("flink:{VERSION}")
    }

    /// Lets the machine come to rest.
    pub(super) fn settle(&self) -> Result<()> {
        wait("old pods to go", || {
            let pods =
                self.site.kubectl(&["get", "pods", "-n", NAMESPACE, "-o", "name"]).output().ok()?;
            pods.stdout.is_empty().then_some(())
        })?;
        ensure!(!step::interrupted(), "interrupted");
        std::thread::sleep(SETTLE);
        Ok(())
    }
}

/// The flags that give our application the sizes of the benchmark.
pub(super) fn our_sizes() -> Vec<String> {
    vec![
        format!("--image=flink:{VERSION}"),
        format!("--flink-version={VERSION}"),
        format!("--jobmanager-memory={JOBMANAGER_MEMORY}"),
        format!("--taskmanager-memory={TASKMANAGER_MEMORY}"),
        format!("--jobmanager-cpu={CPU}"),
        format!("--taskmanager-cpu={CPU}"),
        "--set=kubernetes.jobmanager.cpu.limit-factor=4".to_owned(),
        "--set=kubernetes.taskmanager.cpu.limit-factor=4".to_owned(),
    ]
}

/// The same for the Flink CLI.
pub(super) fn flink_sizes(name: &str) -> Vec<String> {
    vec![
        format!("-Dkubernetes.cluster-id={name}"),
        format!("-Dkubernetes.namespace={NAMESPACE}"),
        "-Dkubernetes.service-account=flink".to_owned(),
        format!("-Dkubernetes.container.image.ref=flink:{VERSION}"),
        format!("-Djobmanager.memory.process.size={JOBMANAGER_MEMORY}"),
        format!("-Dtaskmanager.memory.process.size={TASKMANAGER_MEMORY}"),
        format!("-Dkubernetes.jobmanager.cpu.amount={CPU}"),
        format!("-Dkubernetes.taskmanager.cpu.amount={CPU}"),
        "-Dkubernetes.jobmanager.cpu.limit-factor=4".to_owned(),
        "-Dkubernetes.taskmanager.cpu.limit-factor=4".to_owned(),
    ]
}

/// Runs a command that must succeed; its output goes to a log.
pub(super) fn quietly(title: &str, log: &str, command: &mut Command) -> Result<()> {
    Step::new(title, log).run(command)
}

/// Runs kubectl, which must succeed; gives what it prints.
pub(super) fn run(site: &Site, args: &[&str]) -> Result<String> {
    let output = site.kubectl(args).stdin(Stdio::null()).output().context("cannot run kubectl")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl {}: {}", args.join(" "), complaint.trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn token_kubeconfig(site: &Site) -> Result<PathBuf> {
    let token = run(site, &["create", "token", "flink", "-n", NAMESPACE, "--duration=24h"])?;
    let config = run(site, &["config", "view", "--minify", "--flatten", "-o", "json"])?;
    let mut config: serde_json::Value = serde_json::from_str(&config)?;
    config["users"][0]["user"] = serde_json::json!({ "token": token });
    let path = log_path("bench-kubeconfig")?.with_extension("json");
    std::fs::write(&path, config.to_string())?;
    Ok(path)
}
