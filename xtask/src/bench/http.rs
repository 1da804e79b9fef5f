//! Flink's REST interface through the API server's service proxy, the same way for both contestants.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::site::Site;
use crate::step;

/// How often is asked whether something has happened.
const POLL: Duration = Duration::from_millis(50);
/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(180);

/// `kubectl proxy`: plain HTTP on the loopback interface, so that a poll costs a millisecond, not a process.
pub(super) struct Proxy {
    child: Child,
    base: String,
    agent: ureq::Agent,
}

impl Proxy {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When kubectl cannot be started or does not say where it listens.
    pub(super) fn start(site: &Site) -> Result<Proxy> {
        let mut child = site
            .kubectl(&["proxy", "--port=0"])
            .stdout(Stdio::piped())
            .spawn()
            .context("kubectl proxy")?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .new_agent();
        Ok(Proxy { child, base: format!("http://{address}"), agent })
    }

    /// The answer of the JobManager behind Service `NAME-rest`; both contestants call it so.
    pub(super) fn flink(&self, namespace: &str, name: &str, path: &str) -> Result<Value> {
        let url = format!(
            "{}/api/v1/namespaces/{namespace}/services/{name}-rest:rest/proxy/{path}",
            self.base
        );
        let text = self.agent.get(&url).call()?.body_mut().read_to_string()?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Waits until the one job runs with all its tasks; returns its id.
    pub(super) fn wait_until_running(&self, namespace: &str, name: &str) -> Result<String> {
        wait(&format!("{name} to run"), || {
            let overview = self.flink(namespace, name, "jobs/overview").ok()?;
            let job = overview["jobs"].get(0)?;
            let tasks = &job["tasks"];
            (job["state"] == "RUNNING" && tasks["running"] == tasks["total"])
                .then(|| job["jid"].as_str().map(String::from))?
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub(super) fn wait<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = question() {
            return Ok(answer);
        }
        if step::interrupted() {
            bail!("interrupted");
        }
        if Instant::now() > deadline {
            bail!("waited {} s for {what}", LIMIT.as_secs());
        }
        thread::sleep(POLL);
    }
}
