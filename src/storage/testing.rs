//! The scripts run for real, by the shell of the machine that tests, in a temporary folder.

use std::process::Stdio;

use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::shell::{Shell, command};
use super::store::ShellStore;
use crate::cluster::exec::{Ended, Streams};
use crate::error::{Error, Kind, Result};

/// Runs scripts with the local `sh`.
pub(crate) struct LocalShell;

impl Shell for LocalShell {
    fn run<'a>(
        &'a self,
        script: &'a str,
        args: &'a [&'a str],
        streams: Streams<'a>,
    ) -> BoxFuture<'a, Result<Ended>> {
        Box::pin(async move {
            run(&command(script, args), streams)
                .await
                .map_err(|e| Error::new(Kind::Other, "local shell").caused_by(e))
        })
    }
}

async fn run(command: &[String], streams: Streams<'_>) -> std::io::Result<Ended> {
    let mut child = tokio::process::Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut sink, mut out, mut err) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    if let (Some(source), Some(sink)) = (streams.stdin, sink.as_mut()) {
        tokio::io::copy(source, sink).await?;
        let _ = sink.shutdown().await;
    }
    drop(sink);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    if let (Some(out), Some(err)) = (out.as_mut(), err.as_mut()) {
        tokio::try_join!(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr))?;
    }
    if let Some(sink) = streams.stdout {
        sink.write_all(&stdout).await?;
        stdout.clear();
    }
    let exit_code = child.wait().await?.code().unwrap_or(-1);
    Ok(Ended { exit_code, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
}

/// A store on a folder of this machine, which stands for the mounted claim.
pub(crate) fn local_store(root: &std::path::Path) -> ShellStore {
    ShellStore::mounted_at(LocalShell, &root.to_string_lossy())
}
