//! Running a command in a container, over a WebSocket.
//!
//! Two traps of the protocol shape this module. The end of stdin can be signalled only since protocol
//! v5 (Kubernetes 1.30); before, closing it closes the whole connection and loses the exit code. So a
//! command must know how much it will get. And a command that ends without having read all of its stdin
//! leaves a session that never ends (kubectl hangs as well). So a command must read all of it, also when
//! it fails; should it be killed, sending makes no progress, and that ends the session.

use std::io;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::AttachParams;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connect::Cluster;
use super::failure;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};

/// Bytes in flight between us and the connection; more would only cost memory.
const BUFFER: usize = 256 * 1024;

/// The most that is kept of stderr, and of stdout when it is captured, in bytes.
const CAPTURE_LIMIT: u64 = 4 * 1024 * 1024;

/// How long stdin may make no progress before the connection counts as dead.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// How long opening the session may take; the command itself has no limit here.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Where to run a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecTarget {
    /// The pod, in the cluster's namespace.
    pub pod: String,
    /// The container; an init container is fine while it runs.
    pub container: String,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub exit_code: i32,
    /// What it wrote to stdout, unless that was streamed elsewhere.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// What goes into a command and where its stdout goes.
pub struct Streams<'a> {
    /// Read to its end and sent as stdin; the command must know how many bytes to expect.
    pub stdin: Option<&'a mut (dyn AsyncRead + Send + Unpin)>,
    /// Takes stdout; captured (4 MiB at most) when absent.
    pub stdout: Option<&'a mut (dyn AsyncWrite + Send + Unpin)>,
}

/// Runs `command` in the container and waits for its end, whatever its exit code.
///
/// # Errors
/// When the session cannot be opened or breaks, when stdin makes no progress for 30 s, and when
/// captured output exceeds 4 MiB.
pub async fn exec(
    cluster: &Cluster,
    target: &ExecTarget,
    command: &[String],
    streams: Streams<'_>,
) -> Result<Ended> {
    let doing = format!("run a command in pod {:?}", target.pod);
    let params = AttachParams::default()
        .container(&target.container)
        .stdin(streams.stdin.is_some())
        .max_stdin_buf_size(BUFFER)
        .max_stdout_buf_size(BUFFER)
        .max_stderr_buf_size(BUFFER);
    let api = cluster.api::<Pod>();
    let mut process = Deadline::after(OPEN_TIMEOUT)
        .limit(api.exec(&target.pod, command, &params))
        .await
        .unwrap_or_else(|| Err(failure::no_answer()))
        .map_err(|e| failure::from_kube(e, &doing))?;

    let (mut captured, mut errors) = (Vec::new(), Vec::new());
    let (stdin, stdout, stderr) = (process.stdin(), process.stdout(), process.stderr());
    let status = process.take_status();
    let ended = async {
        tokio::try_join!(
            async { Ok(status.ok_or(Broken)?.await.ok_or(Broken)?) },
            take_output(stdout, streams.stdout, &mut captured),
            capture(stderr, &mut errors),
        )
    };
    let status = tokio::select! {
        ended = ended => ended.map(|(status, (), ())| status),
        failed = feed(streams.stdin, stdin) => Err(failed),
    };
    let status = status.map_err(|e: io::Error| {
        Error::new(Kind::Unreachable, format!("failed to {doing}")).caused_by(e)
    })?;
    let stderr = String::from_utf8_lossy(&errors).into_owned();
    Ok(Ended { exit_code: exit_code(&status)?, stdout: captured, stderr })
}

#[derive(Debug, thiserror::Error)]
#[error("the connection was lost before the command ended")]
struct Broken;

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> io::Error {
        io::Error::new(io::ErrorKind::UnexpectedEof, broken)
    }
}

/// Copies the source to stdin; comes back only with an error, because the command's end is what ends
/// the session. Stdin is not closed: see the module's comment.
async fn feed(
    source: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    sink: Option<impl AsyncWrite + Unpin>,
) -> io::Error {
    let (Some(source), Some(mut sink)) = (source, sink) else {
        return std::future::pending().await;
    };
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = match source.read(&mut chunk).await {
            Ok(0) => return std::future::pending().await,
            Ok(length) => length,
            Err(error) => return error,
        };
        let stalled = || Err(io::Error::new(io::ErrorKind::TimedOut, "no progress for 30 s"));
        let written = Deadline::after(STALL_LIMIT).limit(sink.write_all(&chunk[..length])).await;
        if let Err(error) = written.unwrap_or_else(stalled) {
            return error;
        }
    }
}

async fn take_output(
    stdout: Option<impl AsyncRead + Unpin>,
    sink: Option<&mut (dyn AsyncWrite + Send + Unpin)>,
    captured: &mut Vec<u8>,
) -> io::Result<()> {
    match (stdout, sink) {
        (Some(mut stdout), Some(sink)) => tokio::io::copy(&mut stdout, sink).await.map(drop),
        (stdout, _) => capture(stdout, captured).await,
    }
}

async fn capture(source: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> io::Result<()> {
    let Some(source) = source else { return Ok(()) };
    let read = source.take(CAPTURE_LIMIT + 1).read_to_end(into).await?;
    if read as u64 > CAPTURE_LIMIT {
        return Err(io::Error::other("the command wrote more than 4 MiB"));
    }
    Ok(())
}

/// The exit code travels in the status: `Success`, or `NonZeroExitCode` with a cause `ExitCode`
/// (`k8s.io/apimachinery/pkg/util/remotecommand`).
fn exit_code(status: &Status) -> Result<i32> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.as_ref().and_then(|details| details.causes.as_deref());
    let code = causes
        .unwrap_or_default()
        .iter()
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .and_then(|cause| cause.message.as_deref()?.parse().ok());
    code.ok_or_else(|| {
        let message = status.message.clone().unwrap_or_else(|| "no reason given".to_owned());
        Error::new(Kind::Other, format!("the command could not be run: {message}"))
            .hint("The image must hold /bin/sh and the usual file tools (coreutils, findutils).")
    })
}

#[cfg(test)]
mod tests;
