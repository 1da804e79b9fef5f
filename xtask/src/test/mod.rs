//! `cargo xtask test`: every test, layer by layer, from cheap to dear.

mod check;
pub(crate) mod faults;
pub(crate) mod libtest;
mod results;
mod stores;
mod tally;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::servers::{Server, volume_snapshots};
use crate::site::Site;
use crate::step::{self, Step, print, say, seconds};
use crate::tools::{Go, Package};
use crate::{agent, cache, cluster, flink_home, images, jobs, tools};
use libtest::{Run, TestBinary};
use results::Results;
use tally::Tally;

/// Shells whose completion is tested, and `script`, which gives them a terminal.
const SHELLS: &[Package] = &[
    Package { proof: &["bash"], name: "bash" },
    Package { proof: &["zsh"], name: "zsh" },
    Package { proof: &["fish"], name: "fish" },
    Package { proof: &["script"], name: "bsdutils" },
];

/// The module of unit tests that run Java over a real Flink.
pub(crate) const WITH_FLINK: &str = "::with_flink::";

/// Arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Run this layer only; repeatable
    #[arg(long, value_enum, value_name = "LAYER")]
    layer: Vec<Layer>,
    /// Run only tests whose name contains this
    filter: Option<String>,
    /// Run on the cluster of this kubeconfig context, not on a local one: the layers that need pods, and cli when
    /// --layer names it
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Run the layers that need an API server alone on the one of the newest Kubernetes, not on the node's
    #[arg(long)]
    newest_api_server: bool,
    /// Leave the local clusters running
    #[arg(long)]
    keep: bool,
    /// Name of the local clusters; runs of other names need not wait for each other
    #[arg(long, value_name = "NAME", default_value = "test")]
    name: String,
}

/// A layer of tests. Declared from cheap to dear, which is the order they run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Layer {
    /// Format, lints, Go tests, dependency policy
    Check,
    /// Unit tests, and what the repository promises about itself
    Unit,
    /// The command line against a real API server
    Cli,
    /// The part of `faults` that needs no node: it runs while the API server of `cli` is up
    #[value(skip)]
    ApiFaults,
    /// Real Flink on a real node
    E2e,
    /// Something broken on purpose, with an API server alone and with real Flink
    Faults,
}

impl Layer {
    fn name(self) -> &'static str {
        match self {
            Layer::Check => "check",
            Layer::Unit => "unit",
            Layer::Cli => "cli",
            Layer::ApiFaults => "faults::api",
            Layer::E2e => "e2e",
            Layer::Faults => "faults",
        }
    }

    /// Whether it needs an API server, and no node.
    fn is_alone(self) -> bool {
        matches!(self, Layer::Cli | Layer::ApiFaults)
    }

    /// Whether the layer runs this test of this binary.
    pub(crate) fn holds(self, binary: &TestBinary, test: &str) -> bool {
        let within = |layer: Layer| test.starts_with(&format!("{}::", layer.name()));
        match self {
            Layer::Check => false,
            Layer::Unit => !binary.integration || test.starts_with("repo::"),
            Layer::Cli | Layer::ApiFaults | Layer::E2e => binary.integration && within(self),
            Layer::Faults => binary.integration && within(self) && !within(Layer::ApiFaults),
        }
    }

    /// Tests at the same time. The dear layers start JVMs: two applications are what two cores can bear.
    pub(crate) fn threads(self) -> usize {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        match self {
            Layer::Check | Layer::Unit => cores,
            Layer::Cli | Layer::ApiFaults => 2 * cores,
            Layer::E2e | Layer::Faults => cores.clamp(1, 3),
        }
    }
}

/// Runs the wanted layers.
///
/// # Errors
/// When the tests do not compile, and when one of them failed.
pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let started = Instant::now();
    let root = tools::repository();
    let mut session = Session {
        root: &root,
        args,
        binaries: Vec::new(),
        faults: Results::new("faults"),
        stores: Results::new("stores"),
    };
    let mut turn = None;
    if args.layers().any(|layer| layer != Layer::Check) {
        session.binaries = libtest::build()?;
    }
    let mut total = Tally::default();
    for layer in args.layers() {
        if step::interrupted() {
            break;
        }
        if layer >= Layer::Cli && turn.is_none() {
            turn = Some(take_turns(&args.name)?);
        }
        say(&format!("==> Layer {}", layer.name()));
        let began = Instant::now();
        // What one layer lacks must not hide the results of the others.
        let tally = session.run(layer).unwrap_or_else(|e| {
            say(&format!("error: {}: {e:#}", layer.name()));
            Tally::of(false)
        });
        say(&format!("    {} took {}", layer.name(), seconds(began.elapsed())));
        print(&format!("{}: {tally}", layer.name()));
        total += tally;
        let over =
            step::interrupted() || !args.layers().any(|next| next > layer && next.is_alone());
        if layer.is_alone() && over && !args.keep {
            // It is busy for minutes deleting what the tests made, and the next layers need the machine.
            session.take_down(layer)?;
        }
    }
    if !args.keep {
        session.take_down(Layer::E2e)?;
    }
    drop(turn);
    if args.layers().any(|layer| layer == Layer::Faults) {
        faults::report_of(&session.faults, &root)?;
    }
    stores::report(&session.stores, &root)?;
    say(&format!("    everything took {}", seconds(started.elapsed())));
    print(&total.to_string());
    ensure!(!step::interrupted(), "interrupted");
    ensure!(total != Tally::default(), "there is no such test");
    ensure!(total.failed == 0, "{} of the tests failed", total.failed);
    Ok(())
}

/// Runs the command-line tests with this text in their names against an API server that is there, and gives back
/// what they wrote to the file that `variable` names.
///
/// # Errors
/// When one of them fails, or none wrote anything.
pub(crate) fn report(site: &Site, filter: &str, variable: &str) -> Result<String> {
    let file = step::log_path("test-report")?;
    if file.exists() {
        fs::remove_file(&file)?;
    }
    let mut env = on_control_plane(site)?;
    env.push((variable.to_owned(), file.display().to_string()));
    let run = Run { env: &env, threads: 1, include_ignored: true, verbose: false };
    for binary in libtest::build()? {
        let wanted = |test: &str| Layer::Cli.holds(&binary, test) && test.contains(filter);
        let tally = binary.run(&binary.list(wanted)?, &run)?;
        ensure!(tally.failed == 0, "{} of the tests failed", tally.failed);
    }
    fs::read_to_string(&file).context("no test reported anything")
}

/// Flink homes, and the plugins for file systems, for the unit tests of what runs beside Flink: the newest version and the oldest. `None`, which leaves
/// those tests out, where they cannot be had.
pub(crate) fn with_flink() -> Option<Vec<(String, String)>> {
    let each = |ensure: fn(&str) -> Result<PathBuf>| -> Result<OsString> {
        let versions = [images::VERSIONS.first(), images::VERSIONS.last()].into_iter().flatten();
        let paths: Result<Vec<_>> = versions.map(|version| ensure(version)).collect();
        Ok(std::env::join_paths(paths?)?)
    };
    let all = || -> Result<_> {
        Ok((each(flink_home::ensure)?, each(images::file_systems)?, agent::faulty()?))
    };
    match all() {
        Ok((homes, opts, faulty)) => Some(vec![
            variable("FLINK_HOMES", homes),
            variable("FLINK_OPTS", opts),
            variable("FAULTY", &faulty),
        ]),
        Err(reason) => {
            say(&format!("    without the tests that need Flink: {reason:#}"));
            None
        }
    }
}

/// What the tests of the `cli` layer need to know.
pub(crate) fn on_control_plane(site: &Site) -> Result<Vec<(String, String)>> {
    tools::ensure_packages(SHELLS)?;
    Ok(vec![variable("KUBECONFIG", site.kubeconfig()), variable("KUBECTL", site.kubectl_program())])
}

/// What tests need to know to reach the servers of the local cluster, and to stop and start its processes.
fn on_local_cluster(name: &str, site: &Site) -> Result<Vec<(String, String)>> {
    Ok(vec![
        variable("XTASK", std::env::current_exe().context("the path of this program")?),
        variable("CLUSTER", name),
        variable("SERVERS", serde_json::to_string(site.servers())?),
    ])
}

/// Two runs of one name have the same clusters, and the first to end would take them away from the other.
pub(crate) fn take_turns(name: &str) -> Result<File> {
    let dir = cache::dir()?;
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let path = dir.join(format!("{name}.lock"));
    let lock = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    if lock.try_lock().is_err() {
        say(&format!(
            "==> Waiting for another `cargo xtask test --name {name}` on this machine to end"
        ));
        lock.lock().context("wait for another run")?;
    }
    Ok(lock)
}

/// The name of the API server without pods of runs of this name.
pub(crate) fn control_plane(name: &str) -> String {
    format!("{name}-cli")
}

impl TestArgs {
    /// The API server of the layers without pods: their tests show what happens where nothing starts any. The
    /// other layers have the cluster of the plain name.
    fn control_plane(&self) -> String {
        control_plane(&self.name)
    }

    /// The context to run a layer on. The layers that need no pods have an API server of their own, unless they
    /// are asked for by name.
    fn context_for(&self, layer: Layer) -> Option<&str> {
        let named = !layer.is_alone() || self.layer.contains(&layer);
        self.context.as_deref().filter(|_| named)
    }

    fn layers(&self) -> impl Iterator<Item = Layer> {
        use Layer::{ApiFaults, Check, Cli, E2e, Faults, Unit};
        let wanted = |layer: Layer| self.layer.is_empty() || self.layer.contains(&layer);
        [Check, Unit, Cli, ApiFaults, E2e, Faults].into_iter().filter(move |layer| match layer {
            ApiFaults => wanted(Faults),
            other => wanted(*other),
        })
    }
}

/// One run of the task.
struct Session<'a> {
    root: &'a Path,
    args: &'a TestArgs,
    binaries: Vec<TestBinary>,
    /// What the tests of faults told.
    faults: Results,
    /// What they proved of stores.
    stores: Results,
}

impl Session<'_> {
    fn run(&self, layer: Layer) -> Result<Tally> {
        let filter = self.args.filter.as_deref();
        if layer == Layer::Check {
            return check::run(self.root, filter);
        }
        let mut tally = Tally::default();
        if layer == Layer::E2e && self.args.context.is_none() {
            tally += local_cluster(filter)?;
        }
        let selection = self.select(layer, filter)?;
        if selection.is_empty() {
            return Ok(tally);
        }
        let env = match layer {
            Layer::Check => Some(Vec::new()),
            Layer::Unit => with_flink(),
            _ => {
                let tests = selection.iter().flat_map(|(_, tests)| tests);
                let servers: BTreeSet<_> = tests.flat_map(|test| Server::of_test(test)).collect();
                self.environment(layer, &Vec::from_iter(servers))?
            }
        };
        let run = Run {
            env: env.as_deref().unwrap_or_default(),
            threads: layer.threads(),
            include_ignored: layer >= Layer::Cli && env.is_some(),
            verbose: layer >= Layer::E2e,
        };
        for (binary, tests) in selection {
            let (flink, tests): (Vec<_>, Vec<_>) =
                tests.into_iter().partition(|test| test.contains(WITH_FLINK));
            tally += binary.run(&tests, &run).with_context(|| binary.label.clone())?;
            let run = Run { include_ignored: env.is_some(), ..run };
            tally += binary.run(&flink, &run).with_context(|| binary.label.clone())?;
        }
        Ok(tally)
    }

    fn select(
        &self,
        layer: Layer,
        filter: Option<&str>,
    ) -> Result<Vec<(&TestBinary, Vec<String>)>> {
        let mut selection = Vec::new();
        for binary in &self.binaries {
            let wanted = |test: &str| {
                layer.holds(binary, test) && filter.is_none_or(|filter| test.contains(filter))
            };
            selection.push((binary, binary.list(wanted)?));
        }
        selection.retain(|(_, tests)| !tests.is_empty());
        Ok(selection)
    }

    /// Prepares what the layer needs and says where it is; `None` where it cannot be had.
    fn environment(
        &self,
        layer: Layer,
        servers: &[Server],
    ) -> Result<Option<Vec<(String, String)>>> {
        let context = self.args.context_for(layer);
        if context.is_none()
            && let Err(reason) = cluster::check_host()
        {
            say(&format!("    skipped: {reason}"));
            return Ok(None);
        }
        let site = match context {
            Some(context) => Site::context(context)?,
            None if layer.is_alone() => {
                Site::control_plane(&self.args.control_plane(), self.args.newest_api_server)?
            }
            None => fresh(Site::local(&self.args.name, servers)?)?,
        };
        let mut env = match layer.is_alone() {
            true => on_control_plane(&site)?,
            false => {
                let jar = variable("JAR", jobs::ensure()?.join(jobs::COUNTER));
                let mut env = vec![variable("KUBECONFIG", site.kubeconfig()), jar];
                if context.is_none() {
                    env.extend(on_local_cluster(&self.args.name, &site)?);
                }
                env
            }
        };
        if layer.is_alone() && servers.contains(&Server::Volumesnapshots) {
            // Without a node nothing takes snapshots; what the API server says of the objects is the real thing.
            let files = volume_snapshots::definitions(&Go::ensure()?)?;
            env.push(variable("SNAPSHOT_DEFINITIONS", std::env::join_paths(files)?));
        }
        env.push(variable("FAULTS", self.faults.path()));
        env.push(variable("STORES", self.stores.path()));
        Ok(Some(env))
    }

    /// Removes the local cluster of a layer, also after Ctrl-C: half a test run leaves half-made applications.
    fn take_down(&self, layer: Layer) -> Result<()> {
        if cluster::check_host().is_err() {
            return Ok(());
        }
        let mut layers = self.args.layers();
        match layer {
            Layer::Cli | Layer::ApiFaults => take_down(&self.args.control_plane()),
            _ if self.args.context.is_none() && layers.any(|layer| layer >= Layer::E2e) => {
                take_down(&self.args.name)
            }
            _ => Ok(()),
        }
    }
}

/// The local cluster's own tests: what the others stand on.
fn local_cluster(filter: Option<&str>) -> Result<Tally> {
    let checks = cluster::selftest_names(filter)?.len();
    if checks == 0 {
        return Ok(Tally::default());
    }
    if cluster::check_host().is_err() {
        return Ok(Tally::skipped(checks));
    }
    Ok(match cluster::selftest(filter) {
        Ok(()) => Tally { passed: checks, ..Tally::default() },
        Err(error) => {
            say(&format!("error: {error:#}"));
            Tally::of(false)
        }
    })
}

/// Removes what tests of an earlier run left on the local cluster: their pods would slow these down.
fn fresh(site: Site) -> Result<Site> {
    let delete = ["delete", "namespace", "-l", "kubectl-flink.io/test", "--wait=false"];
    Step::new("Removing what earlier tests left", "test-leftovers")
        .run(&mut site.kubectl(&delete))?;
    Ok(site)
}

/// Takes a cluster down. Steps of this process refuse to begin once the user has interrupted it, so it is
/// another one's work then.
fn take_down(name: &str) -> Result<()> {
    if !step::interrupted() {
        return cluster::down(name, false);
    }
    let status = Command::new(std::env::current_exe()?)
        .args(["cluster", "down", "--name", name])
        .process_group(0)
        .status()?;
    ensure!(
        status.success(),
        "cluster {name} is still there; cargo xtask cluster down --name {name}"
    );
    Ok(())
}

/// A variable that the tests' support code reads.
fn variable(name: &str, value: impl AsRef<OsStr>) -> (String, String) {
    (format!("KUBECTL_FLINK_TEST_{name}"), value.as_ref().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_honoured_by_the_layers_that_are_asked_for_by_name() {
        let on = |layer: &[Layer], asked| {
            let layer = layer.to_vec();
            let (context, name) = (Some("kind".to_owned()), "test".to_owned());
            let args = TestArgs {
                layer,
                filter: None,
                context,
                keep: false,
                name,
                newest_api_server: false,
            };
            args.context_for(asked).map(str::to_owned)
        };
        assert_eq!(on(&[Layer::Cli], Layer::Cli).as_deref(), Some("kind"));
        assert_eq!(on(&[], Layer::Cli), None);
        assert_eq!(on(&[], Layer::E2e).as_deref(), Some("kind"));
    }
}
