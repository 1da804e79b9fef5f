//! State storage behind an agent: whatever Flink can reach.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::AsyncRead;
use tokio::sync::{Mutex, MutexGuard};

use super::failure::to_error;
use super::frame::{Body, Fields, Reply, entries};
use super::launch::{InPod, Launcher};
use super::session::{Outcome, Session};
use crate::cluster::Cluster;
use crate::cluster::exec::ExecTarget;
use crate::error::{Error, Kind, Result};
use crate::storage::store::{Entry, StateStore, Upload, Uploaded};

/// How often a read is taken up again when the connection breaks.
const ATTEMPTS: u32 = 3;

/// Requests, by the kinds of their frames (`agent/src/agent/Agent.java`).
mod ask {
    pub(super) const LIST: u8 = b'l';
    pub(super) const STAT: u8 = b's';
    pub(super) const READ: u8 = b'r';
    pub(super) const WRITE: u8 = b'w';
    pub(super) const BEGIN: u8 = b'b';
    pub(super) const UPLOAD: u8 = b'u';
    pub(super) const DELETE: u8 = b'k';
    pub(super) const COPY: u8 = b'c';
    pub(super) const SPACE: u8 = b'f';
    pub(super) const PROBE: u8 = b'p';
    pub(super) const DATA: u8 = b'd';
}

/// The most that [`StateStore::read`] gives, in bytes.
const READ_LIMIT: u64 = 4 << 20;

/// Entries by URI, so that those that come twice after a broken connection are there once.
type Listing = BTreeMap<String, Entry>;

/// A mounted volume; sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// What can still be written.
    pub free: u64,
    /// All of it.
    pub total: u64,
    /// The type of its file system, as the kernel names it: `ext4`, `nfs4`, …
    pub file_system: String,
}

/// A store behind an agent, which is started when it is first needed and kept for the next requests.
#[derive(Clone)]
pub struct AgentStore {
    launcher: Arc<dyn Launcher>,
    session: Arc<Mutex<Option<Session>>>,
}

impl AgentStore {
    /// Through agents that `launcher` starts.
    pub fn new(launcher: impl Launcher + 'static) -> Self {
        AgentStore { launcher: Arc::new(launcher), session: Arc::default() }
    }

    /// Through an agent in a container with Flink in it. `prelude` is a piece of shell that runs before; it may set
    /// `classpath` and Flink's variables (`FLINK_CONF_DIR`, `FLINK_PLUGINS_DIR`, …). `flags` are flags of `java`.
    pub fn in_pod(cluster: Cluster, target: ExecTarget, prelude: &str, flags: &[String]) -> Self {
        AgentStore::new(InPod::new(cluster, target, prelude, flags))
    }

    /// Deletes files, and folders with all they hold; gives how many of `uris` were there. What is in a folder is not
    /// asked for one by one where the file system has a request for all of it.
    ///
    /// # Errors
    /// When one cannot be deleted; those before it are gone.
    pub async fn delete(&self, uris: &[&str]) -> Result<u32> {
        let Some((first, rest)) = uris.split_first() else { return Ok(0) };
        let body = Body::of(first).number(1).texts(rest);
        let result = self.call(ask::DELETE, &body, &format!("delete {first}")).await?;
        Fields::of(&result).number().map_err(malformed)
    }

    /// Copies a file inside the cluster; it appears whole.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let body = Body::of(from).text(to);
        self.call(ask::COPY, &body, &format!("copy {from} to {to}")).await.map(drop)
    }

    /// The size of the volume behind `uri`; `None` where the store does not tell.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn space(&self, uri: &str) -> Result<Option<Space>> {
        let doing = format!("ask for the free space of {uri}");
        let result = self.call(ask::SPACE, &Body::of(uri), &doing).await?;
        let mut fields = Fields::of(&result);
        let (free, total) = (fields.big().map_err(malformed)?, fields.big().map_err(malformed)?);
        let known = u64::try_from(total).ok().filter(|&total| total > 0);
        let free = u64::try_from(free).unwrap_or(0);
        let file_system = fields.text().map_err(malformed)?;
        Ok(known.map(|total| Space { free, total, file_system }))
    }

    /// Measures the store in `folder`, whose name must start with `kubectl-flink-check-`, and which the agent deletes
    /// at its end. `what` is a probe and its numbers (`agent/src/agent/Probe.java`); the answer is JSON.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn probe(&self, folder: &str, what: &str) -> Result<String> {
        let body = Body::of(folder).text(what);
        let result = self.call(ask::PROBE, &body, &format!("measure {folder}")).await?;
        Fields::of(&result).text().map_err(malformed)
    }

    /// Measures the data store whose variables begin with `prefix`, in `table`, whose name must start with
    /// `kubectl_flink_check_`, and which the agent drops at its end. `what` is a probe and its numbers
    /// (`agent/src/agent/Data.java`); the answer is JSON.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn data(&self, prefix: &str, table: &str, what: &str, doing: &str) -> Result<String> {
        let body = Body::of(prefix).text(table).text(what);
        let result = self.call(ask::DATA, &body, doing).await?;
        Fields::of(&result).text().map_err(malformed)
    }

    /// How long the start of the agent took, once it has started.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(&self) -> Result<Duration> {
        let lease = self.lease().await?;
        let start = lease.session.start;
        lease.give_back();
        Ok(start)
    }

    /// Ends the agent.
    pub async fn close(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
    }

    /// A request that may be sent once only.
    async fn call(&self, kind: u8, body: &Body, doing: &str) -> Result<Vec<u8>> {
        let mut lease = self.lease().await?;
        let outcome = lease.session.call(kind, body, &mut |_| ()).await;
        lease.settle(outcome, doing)
    }

    /// A request that changes nothing: where the connection breaks, it goes on with what `got` still lacks.
    async fn ask<T: Default + Send>(
        &self,
        kind: u8,
        body: impl Fn(&T) -> Body,
        doing: &str,
        take: impl Fn(&mut T, Reply) + Send + Sync,
    ) -> Result<(Vec<u8>, T)> {
        let (mut got, mut attempt) = (T::default(), 1);
        loop {
            let mut lease = self.lease().await?;
            let body = body(&got);
            let outcome = lease.session.call(kind, &body, &mut |reply| take(&mut got, reply)).await;
            match lease.settle(outcome, doing) {
                Ok(result) => return Ok((result, got)),
                Err(error) if error.kind() == Kind::Unreachable && attempt < ATTEMPTS => {
                    tracing::debug!(%error, attempt, "the connection broke; asking again");
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn lease(&self) -> Result<Lease<'_>> {
        let mut slot = self.session.lock().await;
        let session = match slot.take().filter(Session::is_fresh) {
            Some(session) => session,
            None => Session::start(&*self.launcher).await?,
        };
        Ok(Lease { slot, session })
    }
}

/// A session while it is in use. Unless it comes back to its slot it is cut: half an answer may be on its way.
struct Lease<'a> {
    slot: MutexGuard<'a, Option<Session>>,
    session: Session,
}

impl Lease<'_> {
    fn give_back(mut self) {
        *self.slot = Some(self.session);
    }

    fn settle(self, outcome: Result<Outcome>, doing: &str) -> Result<Vec<u8>> {
        match outcome {
            Ok(settled) => {
                self.give_back();
                settled.map_err(|failure| to_error(&failure, doing))
            }
            Err(error) => Err(error.context(format!("failed to {doing}"))),
        }
    }
}

fn malformed(e: super::frame::Malformed) -> Error {
    Error::new(Kind::Other, "failed to talk to the storage agent").caused_by(e)
}

impl StateStore for AgentStore {
    fn free<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move { Ok(self.space(uri).await?.map(|space| space.free)) })
    }

    fn list<'a>(
        &'a self,
        folder: &'a str,
        depth: u32,
        skip: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<Entry>>> {
        Box::pin(async move {
            let (folder, doing) = (folder.trim_end_matches('/'), format!("list {folder}"));
            let body = |_: &Listing| Body::of(folder).number(depth as usize).texts(skip);
            let take = |listing: &mut Listing, reply| {
                if let Reply::Entries(some) = reply {
                    listing.extend(some.into_iter().map(|entry| (entry.uri.clone(), entry)));
                }
            };
            let (_, listing) = self.ask(ask::LIST, body, &doing, take).await?;
            Ok(listing.into_values().collect())
        })
    }

    fn stat<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move {
            let doing = format!("look at {uri}");
            let (result, ()) =
                self.ask(ask::STAT, |(): &()| Body::of(uri), &doing, |(), _| ()).await?;
            Ok(entries(&result).map_err(malformed)?.pop())
        })
    }

    fn read<'a>(&'a self, uri: &'a str, limit: u64) -> BoxFuture<'a, Result<Vec<u8>>> {
        Box::pin(async move {
            let doing = format!("read {uri}");
            let body = |got: &Vec<u8>| {
                let got = got.len() as u64;
                Body::of(uri).big(got).big(limit.min(READ_LIMIT).saturating_sub(got))
            };
            let take = |got: &mut Vec<u8>, reply| {
                if let Reply::Data(some) = reply {
                    got.extend(some);
                }
            };
            Ok(self.ask(ask::READ, body, &doing, take).await?.1)
        })
    }

    fn write<'a>(&'a self, uri: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let body = Body::of(uri).big(content.len() as u64);
            let mut lease = self.lease().await?;
            let mut source = content;
            let outcome = lease.session.call_with(ask::WRITE, &body, &mut source).await;
            lease.settle(outcome, &format!("write {uri}")).map(drop)
        })
    }

    fn begin_upload<'a>(&'a self, upload: &'a Upload) -> BoxFuture<'a, Result<Uploaded>> {
        Box::pin(async move {
            let body = |(): &()| Body::of(&upload.uri).big(upload.size).text(&upload.sha256);
            let doing = format!("prepare {}", upload.uri);
            let (result, ()) = self.ask(ask::BEGIN, body, &doing, |(), _| ()).await?;
            let there = Fields::of(&result).big().map_err(malformed)?;
            Ok(u64::try_from(there).map_or(Uploaded::Whole, Uploaded::Part))
        })
    }

    fn upload<'a>(
        &'a self,
        upload: &'a Upload,
        offset: u64,
        source: &'a mut (dyn AsyncRead + Send + Unpin),
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let body = Body::of(&upload.uri).big(upload.size).text(&upload.sha256).big(offset);
            let mut lease = self.lease().await?;
            let outcome = lease.session.call_with(ask::UPLOAD, &body, source).await;
            lease.settle(outcome, &format!("upload {}", upload.uri)).map(drop)
        })
    }
}
