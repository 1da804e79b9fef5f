//! What every command works with, built once: the terminal, the cluster, the clock, randomness.
//!
//! This is the one place that reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::cluster::proxy::ProxyVariables;
use crate::cluster::{Cluster, ConnectOptions};
use crate::error::{Error, Kind, Result};
use crate::model::ids::OperationId;
use crate::ops::operation::record::Runner;
use crate::ui::{OutputArgs, Terminal, Ui, View};

/// How long leaving may take: helper pods that an interrupted command left are removed on the way out.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// How long a process that works on an operation may be silent before another may go on with it: the
/// lease duration of Kubernetes' own components (`--leader-elect-lease-duration`).
const PATIENCE: Duration = Duration::from_secs(15);

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `NO_COLOR` and `TERM`.
    pub terminal: Terminal,
    /// `KUBECONFIG`: files, separated as in `PATH`.
    pub kubeconfig: Option<OsString>,
    /// The home directory, where `.kube/config` is.
    pub home: Option<PathBuf>,
    /// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    pub proxies: ProxyVariables,
    /// `PATH`: where programs are found.
    pub path: Option<OsString>,
    /// `KUBECTL_FLINK_COMPLETION_TIMEOUT`: how long names for completion may take.
    pub completion_timeout: Option<Duration>,
    /// `KUBECTL_FLINK_TEST_NOW`: a fixed time (RFC 3339), so that tests see the same ages every day.
    pub now: Option<Timestamp>,
    /// `KUBECTL_FLINK_TEST_SEED`: makes operation ids repeatable in tests.
    pub seed: Option<u64>,
    /// `KUBECTL_FLINK_TEST_LEASE`: seconds without a sign of life after which a test counts a process as gone.
    pub lease: Option<u64>,
}

impl Environment {
    /// Reads the variables of this process.
    pub fn from_process() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let either = |upper: &str| variable(upper).or_else(|| variable(&upper.to_lowercase()));
        Environment {
            proxies: ProxyVariables {
                https: either("HTTPS_PROXY"),
                http: either("HTTP_PROXY"),
                none: either("NO_PROXY"),
            },
            terminal: Terminal {
                no_color: variable("NO_COLOR").is_some(),
                dumb: variable("TERM").is_some_and(|term| term == "dumb"),
                columns: terminal_size::terminal_size().map(|(width, _)| width.0),
            },
            kubeconfig: std::env::var_os("KUBECONFIG").filter(|files| !files.is_empty()),
            home: std::env::home_dir(),
            path: std::env::var_os("PATH"),
            completion_timeout: variable("KUBECTL_FLINK_COMPLETION_TIMEOUT")
                .and_then(|limit| crate::cli::duration(&limit).ok()),
            now: variable("KUBECTL_FLINK_TEST_NOW").and_then(|time| time.parse().ok()),
            seed: variable("KUBECTL_FLINK_TEST_SEED").and_then(|seed| seed.parse().ok()),
            lease: variable("KUBECTL_FLINK_TEST_LEASE").and_then(|seconds| seconds.parse().ok()),
        }
    }
}

/// The context of one command.
pub struct Ctx {
    /// The terminal.
    pub ui: Ui,
    environment: Environment,
    connect: ConnectOptions,
    cluster: Option<Cluster>,
}

impl Ctx {
    /// A context that is not connected yet.
    pub fn new(ui: Ui, environment: Environment, connect: ConnectOptions) -> Self {
        Ctx { ui, environment, connect, cluster: None }
    }

    /// The cluster and namespace that the global flags and the kubeconfig name; connects at the first
    /// call. The clone is cheap, so that it can outlive a borrow of the context.
    ///
    /// # Errors
    /// See [`Cluster::connect`].
    pub async fn cluster(&mut self) -> Result<Cluster> {
        if let Some(cluster) = &self.cluster {
            return Ok(cluster.clone());
        }
        let cluster = Cluster::connect(&self.connect).await?;
        Ok(self.cluster.insert(cluster).clone())
    }

    /// The folders of `PATH`, in order.
    pub fn path_folders(&self) -> Vec<PathBuf> {
        let path = self.environment.path.as_deref();
        path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
    }

    /// Cleans up what an interrupted command could not; for the end of the program.
    pub async fn close(self) {
        if let Some(cluster) = self.cluster {
            cluster.clean_up(CLEAN_UP).await;
        }
    }

    /// How many columns the terminal has; `None` when that is not known.
    pub fn columns(&self) -> Option<u16> {
        self.environment.terminal.columns
    }

    /// The time by the wall clock.
    pub fn now(&self) -> Timestamp {
        self.environment.now.unwrap_or_else(Timestamp::now)
    }

    /// A fresh operation id.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn operation_id(&mut self) -> Result<OperationId> {
        let mut bytes = [0; 8];
        match &mut self.environment.seed {
            Some(seed) => {
                bytes = seed.to_be_bytes();
                *seed = seed.wrapping_add(1);
            }
            None => randomness(&mut bytes)?,
        }
        Ok(OperationId::from_random(bytes))
    }

    /// This process, as the records of operations name it.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn runner(&self) -> Result<Runner> {
        let mut bytes = [0; 8];
        randomness(&mut bytes)?;
        Ok(Runner {
            id: OperationId::from_random(bytes).to_string(),
            now: self.now(),
            patience: self.environment.lease.map_or(PATIENCE, Duration::from_secs),
        })
    }

    /// Writes a view in the format the user asked for.
    ///
    /// # Errors
    /// See [`Ui::show`].
    pub fn show(&self, view: &impl View, output: impl Into<OutputArgs>) -> Result<()> {
        self.ui.show(view, &output.into(), self.now())
    }

    /// Writes the first rows of a table, as wide as all of it needs.
    ///
    /// # Errors
    /// See [`Ui::show`].
    pub fn show_first(&self, view: &impl View, output: &OutputArgs, rows: usize) -> Result<()> {
        self.ui.show_first(view, output, self.now(), rows)
    }
}

fn randomness(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|e| {
        Error::new(Kind::Other, "cannot draw a random id")
            .caused_by(e)
            .hint("Check that this process may read /dev/urandom.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Color, Streams};

    fn context(seed: Option<u64>) -> Ctx {
        let (streams, _) = Streams::memory("");
        let environment = Environment { seed, ..Environment::default() };
        let ui = Ui::new(streams, Color::Auto, false, &environment.terminal);
        Ctx::new(ui, environment, ConnectOptions::default())
    }

    #[test]
    fn operation_ids_differ_but_a_seed_repeats_them() -> Result<()> {
        let (mut a, mut b) = (context(Some(7)), context(Some(7)));
        let first = a.operation_id()?;
        assert_eq!(first, b.operation_id()?);
        assert_ne!(first, a.operation_id()?);
        let mut random = context(None);
        assert_ne!(random.operation_id()?, random.operation_id()?);
        Ok(())
    }
}
