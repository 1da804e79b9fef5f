//! Measuring a store from the pods where a job would run, for a bounded time and with a bounded number of bytes.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::agent::AgentStore;
use super::store::StateStore;
use crate::error::{Error, Kind, Result};
use crate::model::check::{
    Consistency, Failed, Measurements, RECOVERABLE_WRITER, SecondPod, Space, Throughput,
};

/// Bytes of the files whose latency is measured: what Flink writes for a small operator.
const SMALL: u64 = 4096;

/// Files of a kind at most, however fast they are.
const SAMPLES: u32 = 200;

/// Threads that make many small files.
const MAKERS: u32 = 4;

/// How long something may take to be seen by another pod.
const CONVERGES_WITHIN: Duration = Duration::from_secs(5);

/// The pause between two looks of the other pod.
const LOOK: Duration = Duration::from_millis(20);

/// Rounds of what another pod sees.
const ROUNDS: u64 = 5;

/// How much load a check may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Seconds of measuring, roughly; starting pods comes on top.
    pub seconds: u64,
    /// Bytes that are written at most, and are there at the same time.
    pub bytes: u64,
    /// Numbers of streams whose throughput is compared, ascending.
    pub streams: Vec<u32>,
    /// Small files in one folder.
    pub files: u32,
}

/// Another pod, and whether it is on another node.
pub struct Other<'a> {
    /// Its access.
    pub store: &'a AgentStore,
    /// Whether its node differs.
    pub on_another_node: bool,
}

/// Measures in `folder`, which is made and deleted; its name must start with `kubectl-flink-check-`. `phase` hears what
/// is measured.
///
/// # Errors
/// When the agent does not start or the connection to it is lost. What the store refuses is part of the result.
pub async fn measure(
    store: &AgentStore,
    other: Option<Other<'_>>,
    folder: &str,
    load: &Load,
    phase: &mut (dyn FnMut(&str) + Send),
) -> Result<Measurements> {
    // Both at once: a pod in which nothing runs for half a minute ends.
    let start = match &other {
        Some(other) => tokio::try_join!(store.start(), other.store.start())?.0,
        None => store.start().await?,
    };
    let mut probe = Probe { store, folder, measured: Measurements::default() };
    probe.measured.agent_start_millis = u64::try_from(start.as_millis()).unwrap_or(u64::MAX);
    let measured = probe.all(other, load, phase).await;
    phase("cleaning up");
    // The agent does so as well when it ends; here its failure would be noticed.
    store.delete(&[folder]).await.map_err(|e| {
        e.context("the check's own files are still there")
            .hint(format!("Delete {folder}; nothing else uses it."))
    })?;
    measured.map(|()| probe.measured)
}

struct Probe<'a> {
    store: &'a AgentStore,
    folder: &'a str,
    measured: Measurements,
}

impl Probe<'_> {
    async fn all(
        &mut self,
        other: Option<Other<'_>>,
        load: &Load,
        phase: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()> {
        let part = |tenths: u64| load.seconds * 1000 * tenths / 10;
        phase("looking at space and clock");
        self.measured.space = match self.store.space(self.folder).await {
            Ok(Some(space)) => {
                self.measured.file_system = Some(space.file_system);
                Some(Space { free: space.free, total: space.total })
            }
            Ok(None) => None,
            Err(error) => self.note("space", &error)?,
        };
        self.measured.clock = self.run("write", "clock").await?;
        if self.measured.clock.is_none() {
            // Who may not write measures nothing else.
            return Ok(());
        }
        phase("checking consistency");
        let what = format!("consistency 20 {}", part(1));
        self.measured.consistency = self.run("consistency", &what).await?;
        self.measured.commit = self.run(RECOVERABLE_WRITER, "commit").await?;
        if let Some(other) = other {
            phase("checking what a second pod sees");
            self.measured.second_pod = match self.seen_by(&other).await {
                Ok(consistency) => {
                    Some(SecondPod { on_another_node: other.on_another_node, consistency })
                }
                Err(error) => self.note("a second pod", &error)?,
            };
        }
        phase("measuring latency");
        let what = format!("latency {SAMPLES} {SMALL} {}", part(2));
        self.measured.latency = self.run("latency", &what).await?;
        self.streams(load, part(5), phase).await?;
        phase("measuring many files");
        let what = format!("files {} {MAKERS} {}", load.files, part(2));
        self.measured.files = self.run("many files", &what).await?;
        Ok(())
    }

    /// Writes and reads with more and more streams.
    async fn streams(
        &mut self,
        load: &Load,
        millis: u64,
        phase: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()> {
        let free = self.measured.space.map_or(u64::MAX, |space| space.free / 4);
        let runs = load.streams.len().max(1) as u64;
        let bytes = load.bytes.min(free) / runs;
        for &streams in &load.streams {
            // Two files for each stream fit, so that each has one to read.
            let size = (bytes / u64::from(streams) / 2).clamp(64 << 10, 64 << 20);
            for (writes, word) in [(true, "write"), (false, "read")] {
                phase(&format!("measuring throughput: {word}, streams: {streams}"));
                let what = format!("{word} {streams} {size} {} {bytes}", millis / runs / 2);
                let name = format!("throughput of {streams} streams");
                let run = self.run::<Throughput>(&name, &what).await?;
                let run = run.map(|run| Throughput { writes, streams, ..run });
                self.measured.throughput.extend(run);
            }
        }
        Ok(())
    }

    /// What another pod sees of what this one does.
    async fn seen_by(&self, other: &Other<'_>) -> Result<Consistency> {
        let mut seen = Consistency::default();
        for round in 0..ROUNDS {
            let uri = format!("{}/other-{round}", self.folder);
            let (first, second) = (format!("first {round}"), format!("second, longer {round}"));
            self.store.write(&uri, first.as_bytes()).await?;
            seen.read.count(until(|| reads(other.store, &uri, &first)).await?);
            seen.list.count(until(|| lists(other.store, self.folder, &uri)).await?);
            self.store.write(&uri, second.as_bytes()).await?;
            seen.overwrite.count(until(|| reads(other.store, &uri, &second)).await?);
            self.store.delete(&[&uri]).await?;
            let gone = || async { Ok(other.store.stat(&uri).await?.is_none()) };
            seen.delete.count(until(gone).await?);
            let unlisted = || async { Ok(!lists(other.store, self.folder, &uri).await?) };
            seen.unlist.count(until(unlisted).await?);
            seen.rounds += 1;
            if seen.all().never > 0 {
                // It cannot become worse, only longer.
                break;
            }
        }
        Ok(seen)
    }

    /// Runs one probe. What the store refuses is noted.
    async fn run<T: DeserializeOwned>(&mut self, name: &str, what: &str) -> Result<Option<T>> {
        let answer = self.store.probe(self.folder, what).await;
        let read = answer.and_then(|json| {
            serde_json::from_str(&json).map_err(|e| {
                Error::new(Kind::Other, "the storage agent's measurements cannot be read")
                    .caused_by(e)
            })
        });
        match read {
            Ok(measured) => Ok(Some(measured)),
            Err(error) => self.note(name, &error),
        }
    }

    fn note<T>(&mut self, probe: &str, error: &Error) -> Result<Option<T>> {
        if error.kind() == Kind::Unreachable {
            return Err(Error::new(Kind::Unreachable, error.to_string()));
        }
        let mut text = error.to_string();
        error
            .hints()
            .iter()
            .for_each(|hint| text = format!("{text}. {}", hint.trim_end_matches('.')));
        self.measured.failures.push(Failed { probe: probe.to_owned(), error: text });
        Ok(None)
    }
}

/// Microseconds until something is so; zero at the first look, `None` when it is not within five seconds.
async fn until<F: Future<Output = Result<bool>>>(look: impl Fn() -> F) -> Result<Option<u64>> {
    let begun = Instant::now();
    if look().await? {
        return Ok(Some(0));
    }
    while begun.elapsed() < CONVERGES_WITHIN {
        tokio::time::sleep(LOOK).await;
        if look().await? {
            return Ok(u64::try_from(begun.elapsed().as_micros()).ok());
        }
    }
    Ok(None)
}

async fn reads(store: &AgentStore, uri: &str, content: &str) -> Result<bool> {
    match store.read(uri, 100).await {
        Ok(read) => Ok(read == content.as_bytes()),
        Err(error) if error.kind() == Kind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

async fn lists(store: &AgentStore, folder: &str, uri: &str) -> Result<bool> {
    Ok(store.list(folder, 1, &[]).await?.iter().any(|entry| entry.uri == uri))
}
