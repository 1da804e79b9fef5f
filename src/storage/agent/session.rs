//! One running agent, and requests to it, one after the other.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::frame::{Body, Decoder, Failure, Reply, encode, sent};
use super::launch::{Launcher, Process, why_it_ended};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};

/// The version of the protocol that this speaks.
const VERSION: u32 = 1;

/// How long Java, Flink's jars and the file systems' plugins may take to load on a busy node.
const START: Duration = Duration::from_secs(120);

/// The agent gives a sign of life every five seconds while it works.
const SILENCE: Duration = Duration::from_secs(30);

/// The agent ends when it has heard nothing for a minute; before that it is not asked any more.
const IDLE: Duration = Duration::from_secs(45);

/// How long its end may take.
const END: Duration = Duration::from_secs(2);

/// How long it may take to learn why it ended.
const REASON: Duration = Duration::from_secs(10);

/// Bytes that are read at a time.
const CHUNK: usize = 64 * 1024;

/// A running agent. Dropping it cuts the connection, and the agent ends.
pub struct Session {
    process: Option<Process>,
    decoder: Decoder,
    used: Instant,
    /// How long the start took.
    pub(super) start: Duration,
}

/// What came of a request: its result, or why it failed. The session can go on after both.
pub type Outcome = std::result::Result<Vec<u8>, Failure>;

impl Session {
    /// Starts an agent and waits for its first word.
    ///
    /// # Errors
    /// When it does not come: why.
    pub async fn start(launcher: &dyn Launcher) -> Result<Session> {
        let begun = Instant::now();
        let process = Some(launcher.start().await?);
        let decoder = Decoder::default();
        let mut session = Session { process, decoder, used: begun, start: Duration::ZERO };
        let silent = || {
            Err(Error::new(Kind::Timeout, "the storage agent does not start")
                .hint("Look at the pod's CPU limit, and whether its node is overloaded."))
        };
        let hello = Deadline::after(START).limit(session.reply()).await.unwrap_or_else(silent)?;
        match hello {
            Reply::Hello { version: VERSION, java, .. } => {
                tracing::debug!(%java, took = ?begun.elapsed(), "the storage agent started");
            }
            other => return Err(out_of_step(&other)),
        }
        session.start = begun.elapsed();
        session.used = Instant::now();
        Ok(session)
    }

    /// Whether the agent can still be there.
    pub fn is_fresh(&self) -> bool {
        let over = self.process.as_ref().is_none_or(|process| process.ended.is_finished());
        !over && self.used.elapsed() < IDLE
    }

    /// Sends a request, and gives each part of the answer to `part`.
    ///
    /// # Errors
    /// When the connection broke; the session is over, then.
    pub async fn call(
        &mut self,
        kind: u8,
        body: &Body,
        part: &mut (dyn FnMut(Reply) + Send),
    ) -> Result<Outcome> {
        self.send(kind, body.bytes()).await?;
        self.outcome(part).await
    }

    /// Sends a request and then all of `content`. The agent takes it to its end, also when it fails.
    ///
    /// # Errors
    /// When the connection broke or `content` cannot be read; the session is over, then.
    pub async fn call_with(
        &mut self,
        kind: u8,
        body: &Body,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Outcome> {
        self.send(kind, body.bytes()).await?;
        let mut chunk = vec![0; CHUNK];
        let early = loop {
            let length = tokio::select! {
                biased;
                // A failure; there is no sense in sending the rest.
                reply = self.reply() => match reply? {
                    Reply::Alive => continue,
                    Reply::Failed(failure) => break Some(failure),
                    other => return Err(out_of_step(&other)),
                },
                length = content.read(&mut chunk) => length,
            };
            match length {
                Ok(0) => break None,
                Ok(length) => self.send(sent::DATA, &chunk[..length]).await?,
                Err(e) => {
                    return Err(Error::usage("what is to be sent cannot be read").caused_by(e));
                }
            }
        };
        self.send(sent::END, &[]).await?;
        match early {
            Some(failure) => Ok(Err(failure)),
            None => self.outcome(&mut |_| ()).await,
        }
    }

    /// Ends the agent and waits for that.
    pub async fn close(mut self) {
        let asked = self.send(sent::QUIT, &[]).await;
        if let Some(process) = self.process.as_mut().filter(|_| asked.is_ok()) {
            let _ = Deadline::after(END).limit(&mut process.ended).await;
        }
    }

    async fn outcome(&mut self, part: &mut (dyn FnMut(Reply) + Send)) -> Result<Outcome> {
        loop {
            let silent = || {
                Err(Error::new(Kind::Unreachable, "the storage agent has not answered for 30 s"))
            };
            let reply = Deadline::after(SILENCE).limit(self.reply()).await;
            match reply.unwrap_or_else(silent)? {
                Reply::Done(result) => {
                    self.used = Instant::now();
                    return Ok(Ok(result));
                }
                Reply::Failed(failure) => {
                    self.used = Instant::now();
                    return Ok(Err(failure));
                }
                hello @ Reply::Hello { .. } => return Err(out_of_step(&hello)),
                Reply::Alive => {}
                some => part(some),
            }
        }
    }

    async fn send(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        let sent = match self.process.as_mut() {
            Some(process) => process.input.write_all(&encode(kind, body)).await,
            None => Err(std::io::ErrorKind::NotConnected.into()),
        };
        match sent {
            Ok(()) => Ok(()),
            Err(_) => Err(self.lost().await),
        }
    }

    /// The next thing the agent says. Dropping the future loses nothing.
    async fn reply(&mut self) -> Result<Reply> {
        let malformed =
            |e| Error::new(Kind::Other, "failed to talk to the storage agent").caused_by(e);
        let mut chunk = vec![0; CHUNK];
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(malformed)? {
                return Reply::parse(frame).map_err(malformed);
            }
            let read = match self.process.as_mut() {
                Some(process) => process.output.read(&mut chunk).await,
                None => Ok(0),
            };
            match read {
                Ok(0) | Err(_) => return Err(self.lost().await),
                Ok(length) => self.decoder.push(&chunk[..length]),
            }
        }
    }

    /// Why there is nobody at the other end.
    async fn lost(&mut self) -> Error {
        let why = match self.process.take() {
            Some(Process { input, output, ended }) => {
                // Nothing will be said or heard any more, which may be what its end waits for.
                drop((input, output));
                Deadline::after(REASON).limit(why_it_ended(ended)).await.flatten()
            }
            None => None,
        };
        why.unwrap_or_else(|| {
            Error::new(Kind::Unreachable, "the connection to the storage agent was lost")
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            process.ended.abort();
        }
    }
}

fn out_of_step(reply: &Reply) -> Error {
    tracing::debug!(?reply, "out of step");
    Error::new(Kind::Other, "the storage agent speaks another protocol")
}
