//! `savepoint`: from the start of the command to the path on its output, minus the duration that Flink itself
//! reports for that savepoint. Both contestants work on the same running job.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::bed::{Bed, CLASS, JAR, NAMESPACE, our_sizes, quietly};
use super::http::wait;
use super::interleave;
use super::report::Measured;
use crate::step::log_path;

/// The application that savepoints are taken of.
const NAME: &str = "saved";

pub(super) fn measure(bed: &Bed, rounds: u32) -> Result<Measured> {
    bed.settle()?;
    let sizes = our_sizes();
    let mut args = vec!["deploy", NAME, "--jar", JAR, "--class", CLASS, "--storage=pvc:1Gi"];
    args.extend(sizes.iter().map(String::as_str));
    quietly("Deploying the job to be saved", "bench-savepoint", &mut bed.ours(&args))?;
    let job = bed.proxy.wait_until_running(NAMESPACE, NAME)?;
    // The CLI has no way through the API server; without its own forwarding it would not get to the JobManager.
    let forward = Forward::start(bed)?;
    let ours = |_| added(bed, &job, bed.ours(&["savepoint", NAME]));
    let baseline = |_| {
        let address = format!("127.0.0.1:{}", forward.port);
        let target = "file:///flink/state/savepoints";
        added(bed, &job, bed.flink(&["savepoint", "-m", &address, &job, target]))
    };
    let rounds = interleave("savepoint", rounds, ours, baseline)?;
    let delete = ["delete", NAME, "--delete-storage", "--yes"];
    quietly("Removing the job", "bench-delete", &mut bed.ours(&delete))?;
    Ok(Measured {
        name: "savepoint",
        metric: "command start to path, minus Flink's duration".to_owned(),
        unit: "s",
        goal: 0.15,
        rounds,
    })
}

/// Seconds that `command` adds to what Flink needs for the savepoint.
fn added(bed: &Bed, job: &str, mut command: Command) -> Result<f64> {
    let log = log_path("bench-savepoint-command")?;
    command.stdout(Stdio::piped()).stderr(File::create(&log)?);
    let started = Instant::now();
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().context("no stdout")?;
    let mut path = None;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let word = line.split_whitespace().find(|word| word.starts_with("file:"));
        if let Some(word) = word.filter(|word| path.is_none() && word.contains("savepoint-")) {
            path = Some((word.trim_end_matches('.').to_owned(), started.elapsed()));
        }
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "{:?} failed ({status}); see {}",
        command.get_program(),
        log.display()
    );
    let (path, took) = path.context("no path was printed")?;
    let milliseconds = duration_of(bed, job, &path)?;
    Ok(took.as_secs_f64() - milliseconds / 1000.0)
}

/// What Flink says the savepoint at `path` took, in milliseconds.
fn duration_of(bed: &Bed, job: &str, path: &str) -> Result<f64> {
    let same = |text: &str| {
        text.trim_start_matches("file:").trim_start_matches('/')
            == path.trim_start_matches("file:").trim_start_matches('/')
    };
    wait("Flink's history to show the savepoint", || {
        let url = format!("jobs/{job}/checkpoints");
        let checkpoints = bed.proxy.flink(NAMESPACE, NAME, &url).ok()?;
        let saved = checkpoints["history"]
            .as_array()?
            .iter()
            .find(|checkpoint| checkpoint["external_path"].as_str().is_some_and(same))?;
        saved["end_to_end_duration"].as_f64()
    })
}

/// `kubectl port-forward` to the JobManager.
struct Forward {
    child: Child,
    port: u16,
}

impl Forward {
    fn start(bed: &Bed) -> Result<Forward> {
        let service = format!("service/{NAME}-rest");
        let mut child = bed
            .site
            .kubectl(&["port-forward", "-n", NAMESPACE, &service, ":rest"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        // It goes on to write a line for each connection, and ends when nobody reads them.
        thread::spawn(move || io::copy(&mut stdout, &mut io::sink()));
        // "Forwarding from 127.0.0.1:40123 -> 8081"
        let port =
            line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        Ok(Forward {
            child,
            port: port.with_context(|| format!("kubectl port-forward said {line:?}"))?,
        })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
