//! Running a command in a container, over a WebSocket.
//!
//! Two traps of the protocol shape this module. The end of stdin can be signalled only since protocol
//! v5 (Kubernetes 1.30); before, closing it closes the whole connection and loses the exit code. So a
//! command must know how much it will get. And a command that ends without having read all of its stdin
//! leaves a session that never ends (kubectl hangs as well). So a command must read all of it, also when
//! it fails; should it be killed, sending makes no progress, and that ends the session.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Resource as _;
use kube::api::{AttachParams, Request};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connect::Cluster;
use super::failure;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};

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
    let params =
        AttachParams::default().container(&target.container).stdin(streams.stdin.is_some());
    let request = Request::new(Pod::url_path(&(), Some(cluster.namespace())))
        .exec(&target.pod, command, &params)
        .map_err(|e| failure::from_kube(kube::Error::BuildRequest(e), &doing))?;
    let connection = Deadline::after(OPEN_TIMEOUT)
        .limit(cluster.client().connect(request))
        .await
        .unwrap_or_else(|| Err(failure::no_answer()))
        .map_err(|e| failure::from_kube(e, &doing))?;
    let heard = session::run(connection.into_stream(), streams)
        .await
        .map_err(|e| Error::new(Kind::Unreachable, format!("failed to {doing}")).caused_by(e))?;
    let stderr = String::from_utf8_lossy(&heard.stderr).into_owned();
    Ok(Ended { exit_code: exit_code(&heard.status)?, stdout: heard.stdout, stderr })
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

mod session;

#[cfg(test)]
mod tests;
