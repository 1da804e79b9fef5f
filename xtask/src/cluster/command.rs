//! `cargo xtask cluster …`: the local cluster by hand.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command as Process;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::{Cluster, DEFAULT_NAME, UpOptions, down, ensure_up, kt, selftest};
use crate::servers::{self, Server};
use crate::step;

/// `cargo xtask cluster …`
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start the cluster, building and installing what is missing; harmless when it runs
    Up {
        #[command(flatten)]
        target: Target,
        /// Start etcd and the API server alone: seconds, but no pods
        #[arg(long)]
        control_plane: bool,
        /// With the API server of the newest Kubernetes instead of the node's
        #[arg(long, requires = "control_plane")]
        newest_api_server: bool,
        /// Start these storage servers and databases too, for pods; repeatable, or separated by commas
        #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "control_plane")]
        with: Vec<Server>,
    },
    /// Take the cluster down and remove everything of it
    Down {
        #[command(flatten)]
        target: Target,
        /// Keep objects, volumes and images for the next `up`
        #[arg(long)]
        keep_state: bool,
    },
    /// Show the cluster's processes
    Status {
        #[command(flatten)]
        target: Target,
    },
    /// Put image archives (OCI or docker-archive) into the cluster
    LoadImage {
        #[command(flatten)]
        target: Target,
        /// Archive files
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Show the log of one process (`node` is the supervisor's)
    Logs {
        #[command(flatten)]
        target: Target,
        /// Process, as `status` names it
        process: String,
        /// Keep showing what is added
        #[arg(short, long)]
        follow: bool,
    },
    /// Print the path of the kubeconfig
    Kubeconfig {
        #[command(flatten)]
        target: Target,
    },
    /// Run kubectl against the cluster
    Kubectl {
        #[command(flatten)]
        target: Target,
        /// Arguments of kubectl
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Prove on a cluster of its own what the local cluster promises
    Selftest {
        /// Run only the checks with this text in their name
        filter: Option<String>,
    },
    /// Stop or start single processes of the node, as faults for tests
    Ctl {
        #[command(flatten)]
        target: Target,
        /// `kill` and `stop` keep a process down until `start`
        #[arg(value_parser = ["start", "stop", "kill", "restart"])]
        action: String,
        /// Processes, as `status` names them
        #[arg(required = true)]
        processes: Vec<String>,
    },
    /// Run one more supervised process inside the node's namespaces, such as an object store for pods
    Run {
        #[command(flatten)]
        target: Target,
        /// NAME=value for the process; repeatable
        #[arg(long)]
        env: Vec<String>,
        /// Name, for `status`, `logs` and `ctl`
        process: String,
        /// Command and its arguments
        #[arg(required = true, last = true)]
        command: Vec<String>,
    },
    /// Run a command inside the node's namespaces
    Exec {
        #[command(flatten)]
        target: Target,
        /// Command and its arguments
        #[arg(required = true, last = true)]
        command: Vec<String>,
    },
}

/// Which cluster.
#[derive(Args)]
pub(crate) struct Target {
    /// Name of the cluster; several can run side by side
    #[arg(long, default_value = DEFAULT_NAME)]
    name: String,
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// What is missing or failed, and what to do.
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Command::Up { target, control_plane, newest_api_server, with } => {
                let name = target.name;
                let cluster = ensure_up(&UpOptions { name, control_plane, newest_api_server })?;
                let access = servers::start(&cluster, &with)?;
                cluster.introduce();
                servers::introduce(&access);
                Ok(())
            }
            Command::Down { target, keep_state } => down(&target.name, keep_state),
            Command::Status { target } => replace(kt(&target.name, "status")?),
            Command::LoadImage { target, archives } => {
                let cluster = Cluster::running(&target.name)?;
                archives.iter().try_for_each(|archive| cluster.load_image(archive))
            }
            Command::Logs { target, process, follow } => {
                let mut command = kt(&target.name, "logs")?;
                if follow {
                    command.arg("-f");
                }
                command.arg(process);
                replace(command)
            }
            Command::Kubeconfig { target } => {
                step::print(&Cluster::running(&target.name)?.kubeconfig.display().to_string());
                Ok(())
            }
            Command::Kubectl { target, arguments } => {
                let mut command = Cluster::running(&target.name)?.kubectl_command();
                command.args(arguments);
                replace(command)
            }
            Command::Selftest { filter } => selftest(filter.as_deref()),
            Command::Ctl { target, action, processes } => {
                let mut command = kt(&target.name, "ctl")?;
                command.arg(action).args(processes);
                replace(command)
            }
            Command::Run { target, env, process, command } => {
                let mut outer = kt(&target.name, "run")?;
                outer.args(env.iter().flat_map(|value| ["--env", value]));
                outer.arg(process).arg("--").args(command);
                replace(outer)
            }
            Command::Exec { target, command } => {
                let mut outer = kt(&target.name, "exec")?;
                outer.arg("--").args(command);
                replace(outer)
            }
        }
    }
}

/// Becomes the command: its terminal, signals and exit code are the user's.
fn replace(mut command: Process) -> Result<()> {
    Err(command.exec()).with_context(|| format!("run {}", command.get_program().display()))
}
