//! `cargo xtask demo`: the main job on real input, with the commands a user would type.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;

use crate::plugin::Plugin;
use crate::site::Site;
use crate::step::{self, print, say, seconds};
use crate::{cluster, jobs};

/// The demo's namespace; it holds nothing else.
const NAMESPACE: &str = "flink-demo";
/// Marks the namespace as made by the demo, so that no other one of this name is ever deleted.
const LABEL: &str = "kubectl-flink.io/demo";
/// The application's name.
const APPLICATION: &str = "counter";
/// The job's main class.
const CLASS: &str = "jobs.CounterJob";
/// Where its state goes.
const STORAGE: &str = "pvc:1Gi";
/// How long the job may count between the steps.
const COUNTING: Duration = Duration::from_secs(5);

/// Arguments of `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Run on the cluster of this kubeconfig context, not on a local one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Runs the demo; the cluster stays.
///
/// # Errors
/// Which step failed, and where its log is.
pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let started = Instant::now();
    if args.context.is_none() {
        // Before minutes of compiling.
        cluster::check_host()?;
    }
    let plugin = Plugin::build("dev")?;
    let site = match &args.context {
        Some(context) => Site::context(context)?,
        None => Site::local(cluster::DEFAULT_NAME, &[])?,
    };
    let jar = jobs::ensure()?.join(jobs::COUNTER);
    empty_namespace(&site)?;
    let prepared = started.elapsed();
    let mut demo = Demo { plugin: &plugin, site: &site, rows: Vec::new() };
    demo.rows.push(Row::new("everything ready for the first deploy", prepared, None));
    demo.main_job(&jar.display().to_string())?;
    demo.show();
    farewell(&plugin, &site, &jar, args.context.is_none());
    Ok(())
}

/// A fresh namespace, as every run starts from nothing. One that the demo did not make is left alone.
fn empty_namespace(site: &Site) -> Result<()> {
    let ours = output(site.kubectl(&["get", "namespace", "-l", LABEL, "-o", "name"]))?;
    if ours.lines().any(|name| name == format!("namespace/{NAMESPACE}")) {
        let delete = &["delete", "namespace", NAMESPACE, "--wait"];
        step::Step::new("Removing the last demo", "demo-cleanup").run(&mut site.kubectl(delete))?;
    }
    output(site.kubectl(&["create", "namespace", NAMESPACE])).context(format!(
        "cannot make namespace {NAMESPACE}; if it is yours, rename it or delete it yourself"
    ))?;
    output(site.kubectl(&["label", "namespace", NAMESPACE, &format!("{LABEL}=true")])).map(drop)
}

/// One line of the final table.
struct Row {
    what: String,
    took: Duration,
    counter: Option<u64>,
}

impl Row {
    fn new(what: &str, took: Duration, counter: Option<u64>) -> Row {
        Row { what: what.to_owned(), took, counter }
    }
}

struct Demo<'a> {
    plugin: &'a Plugin,
    site: &'a Site,
    rows: Vec<Row>,
}

impl Demo<'_> {
    fn main_job(&mut self, jar: &str) -> Result<()> {
        say("\nThe main job: deploy, savepoint, delete, restore.\n");
        let took = self
            .kubectl_flink(&[
                "deploy",
                APPLICATION,
                "--jar",
                jar,
                "--class",
                CLASS,
                "--storage",
                STORAGE,
                "--",
                "--rate",
                "200",
            ])?
            .took;
        self.rows.push(Row::new("deploy: new volume, local jar, job RUNNING", took, None));

        self.count()?;
        self.kubectl_flink(&["status", APPLICATION])?;
        let savepoint = self.kubectl_flink(&["savepoint", APPLICATION])?;
        let path = savepoint.last_line()?;
        let saved = self.log()?.saved;
        self.rows.push(Row::new("savepoint", savepoint.took, saved.last().copied()));

        let deleted = self.kubectl_flink(&["delete", APPLICATION, "--yes"])?;
        self.rows.push(Row::new(
            "delete: the application is gone, its volume is not",
            deleted.took,
            None,
        ));
        self.kubectl_flink(&["storage", "list"])?;

        let restored = self.kubectl_flink(&["restore", APPLICATION, "--from", &path])?;
        let log = self.log()?;
        self.rows.push(Row::new("restore: the job starts from", restored.took, log.restored));
        let counted = self.count()?;
        self.rows.push(Row::new("… and counts on", COUNTING, log.newest.max(counted)));
        // The counter is the job's own state: it tells whether the state came back.
        let restored = log.restored.context("the restored job did not say what it restored")?;
        ensure!(
            saved.contains(&restored),
            "the job restored counter {restored}, but its snapshots held {saved:?}"
        );
        Ok(())
    }

    /// Lets the job count for a while; returns how far it has come.
    fn count(&self) -> Result<Option<u64>> {
        let until = Instant::now() + COUNTING;
        while Instant::now() < until {
            ensure!(!step::interrupted(), "interrupted; {}", clean_up());
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(self.log()?.newest)
    }

    fn log(&self) -> Result<CounterLog> {
        let log = output(self.plugin.command(self.site, NAMESPACE, &["logs", APPLICATION]))?;
        Ok(CounterLog::read(&log))
    }

    /// Prints the command as a user types it, runs it, and passes its output on.
    fn kubectl_flink(&self, args: &[&str]) -> Result<Ran> {
        ensure!(!step::interrupted(), "interrupted; {}", clean_up());
        say(&format!("\n$ kubectl flink -n {NAMESPACE} {}", args.join(" ")));
        let started = Instant::now();
        let mut child =
            self.plugin.command(self.site, NAMESPACE, args).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut lines = Vec::new();
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            print(&line);
            lines.push(line);
        }
        let status = child.wait()?;
        ensure!(status.success(), "kubectl flink {} failed ({status}); {}", args[0], clean_up());
        Ok(Ran { lines, took: started.elapsed() })
    }

    fn show(&self) {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(["STEP", "TOOK", "THE JOB'S COUNTER"]);
        for row in &self.rows {
            let counter = row.counter.map_or_else(String::new, |counter| counter.to_string());
            table.add_row([row.what.clone(), seconds(row.took), counter]);
        }
        print(&format!("\n{table}"));
    }
}

/// A command that succeeded.
struct Ran {
    lines: Vec<String>,
    took: Duration,
}

impl Ran {
    fn last_line(&self) -> Result<String> {
        self.lines.last().cloned().context("it printed nothing")
    }
}

/// What the counter job says about itself in its log.
#[derive(Debug, Default, PartialEq, Eq)]
struct CounterLog {
    /// The counter in each snapshot, oldest first.
    saved: Vec<u64>,
    /// The counter it started from.
    restored: Option<u64>,
    /// The newest counter.
    newest: Option<u64>,
}

impl CounterLog {
    /// Reads lines like `counter=5 new`, `counter=5 restored`, `counter=5` and `counter=5 snapshot=7`, which
    /// may have a prefix.
    fn read(log: &str) -> CounterLog {
        let mut result = CounterLog::default();
        for line in log.lines() {
            let Some((_, rest)) = line.split_once("counter=") else { continue };
            let mut words = rest.split_whitespace();
            let Some(counter) = words.next().and_then(|number| number.parse().ok()) else {
                continue;
            };
            match words.next() {
                Some("restored") => result.restored = Some(counter),
                Some(word) if word.starts_with("snapshot=") => result.saved.push(counter),
                _ => {}
            }
            result.newest = Some(counter);
        }
        result
    }
}

/// The standard output of a command that must succeed, without its last line break.
fn output(mut command: Command) -> Result<String> {
    let name = PathBuf::from(command.get_program());
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name:?}"))?;
    if !output.status.success() {
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        bail!("{} failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// What to do after a demo that broke off.
fn clean_up() -> String {
    format!("the next demo starts afresh; to remove this one: kubectl delete namespace {NAMESPACE}")
}

/// What to try next.
fn farewell(plugin: &Plugin, site: &Site, jar: &Path, local: bool) {
    let folder = plugin.folder().display();
    let kubectl =
        site.kubectl_folder().map(|dir| format!(":{}", dir.display())).unwrap_or_default();
    say(&format!(
        "
The cluster keeps running. To go on by hand:

  export PATH=\"{folder}{kubectl}:$PATH\" KUBECONFIG={kubeconfig}
  kubectl config set-context --current --namespace {NAMESPACE}
  kubectl flink list
  kubectl flink logs {APPLICATION} -f
  kubectl flink deploy {APPLICATION} --jar {jar} --class {CLASS} --storage {STORAGE} -- --rate 500
  kubectl flink stop {APPLICATION}; kubectl flink start {APPLICATION}
  kubectl flink delete {APPLICATION} --delete-storage

To end it: {end}",
        jar = jar.display(),
        kubeconfig = site.kubeconfig().display(),
        end = if local {
            "cargo xtask cluster down".to_owned()
        } else {
            format!("kubectl delete namespace {NAMESPACE}")
        }
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_log_is_understood() {
        let log = CounterLog::read(
            "taskmanager counter=0 new\ncounter=17\nnoise\ncounter=20 snapshot=3\n\
             counter=20 restored\ncounter=25\n",
        );
        assert_eq!(log, CounterLog { saved: vec![20], restored: Some(20), newest: Some(25) });
        assert_eq!(CounterLog::read("nothing of it"), CounterLog::default());
    }
}
