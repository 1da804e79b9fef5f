//! Starting the agent where Flink is: its jar goes in front of the requests, so that nothing has to be there before.

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, duplex};
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::cluster::exec::{Ended, ExecTarget, Streams, exec};
use crate::error::{Error, Kind, Result};
use crate::model::agent::JAR;

/// Takes the jar from stdin.
const TAKE: &str = include_str!("take.sh");
/// Starts it with Flink's jars.
const LAUNCH: &str = include_str!("launch.sh");

/// Bytes on their way to the agent, and from it.
const BUFFER: usize = 256 * 1024;

/// An agent that is starting.
pub struct Process {
    /// Its stdin, which has got the jar already.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its stdout.
    pub output: Box<dyn AsyncRead + Send + Unpin>,
    /// Comes back when it has ended; aborting it cuts the connection.
    pub ended: JoinHandle<Result<Ended>>,
}

/// Starts agents in some place.
pub trait Launcher: Send + Sync {
    /// Starts one.
    fn start(&self) -> BoxFuture<'_, Result<Process>>;
}

/// Starts agents in a container.
pub struct InPod {
    cluster: Cluster,
    target: ExecTarget,
    command: Vec<String>,
}

impl InPod {
    /// In this container. `prelude` is a piece of shell that runs once the agent's jar is there: it may set `classpath` and `FLINK_*`;
    /// `flags` are flags of `java`.
    pub fn new(cluster: Cluster, target: ExecTarget, prelude: &str, flags: &[String]) -> Self {
        InPod { cluster, target, command: command(prelude, flags) }
    }
}

/// The command line that takes the jar and then requests on stdin.
pub(super) fn command(prelude: &str, flags: &[String]) -> Vec<String> {
    let script = format!("{TAKE}{prelude}\n{LAUNCH}");
    let length = JAR.len().to_string();
    let words = ["sh", "-c", &script, "sh", &length].map(str::to_owned);
    words.into_iter().chain(flags.iter().cloned()).collect()
}

impl Launcher for InPod {
    fn start(&self) -> BoxFuture<'_, Result<Process>> {
        Box::pin(async move {
            let (mut stdin, input) = duplex(BUFFER);
            let (output, mut stdout) = duplex(BUFFER);
            let (cluster, target, command) =
                (self.cluster.clone(), self.target.clone(), self.command.clone());
            let ended = tokio::spawn(async move {
                let streams = Streams { stdin: Some(&mut stdin), stdout: Some(&mut stdout) };
                exec(&cluster, &target, &command, streams).await
            });
            started(input, output, ended).await
        })
    }
}

/// Sends the jar. Requests must wait for the agent's first word, so that no shell tool can swallow them.
pub(super) async fn started(
    mut input: impl AsyncWrite + Send + Unpin + 'static,
    output: impl AsyncRead + Send + Unpin + 'static,
    ended: JoinHandle<Result<Ended>>,
) -> Result<Process> {
    if let Err(error) = input.write_all(JAR).await {
        return Err(why_it_ended(ended).await.unwrap_or_else(|| {
            Error::new(Kind::Unreachable, "failed to start the storage agent").caused_by(error)
        }));
    }
    Ok(Process { input: Box::new(input), output: Box::new(output), ended })
}

/// The error of an agent that ended though nobody asked it to.
pub(super) async fn why_it_ended(ended: JoinHandle<Result<Ended>>) -> Option<Error> {
    match ended.await.ok()? {
        Err(error) => Some(error),
        Ok(ended) => Some(unexpected(&ended)),
    }
}

fn unexpected(ended: &Ended) -> Error {
    let lines = || ended.stderr.trim().lines();
    // Of a stack trace the head, not the end.
    let thrown = lines().find_map(|line| line.strip_prefix("Exception in thread \"main\" "));
    let last = thrown.or_else(|| lines().next_back()).unwrap_or_default();
    let said = if last.is_empty() { String::new() } else { format!(": {last}") };
    let what = format!("the storage agent ended with exit code {}{said}", ended.exit_code);
    match ended.exit_code {
        // `give_up` of the pods' prelude, which has said why.
        78 => Error::new(Kind::Preflight, last)
            .hint("Correct the storage profile, what it names, or the image."),
        // `sh` could not find java, head or mktemp.
        126 | 127 => Error::new(Kind::Preflight, what).hint(
            "The image must hold Java, a shell and coreutils, as the official Flink images do.",
        ),
        // SIGKILL: by the kernel for want of memory, or by the kubelet.
        137 => Error::new(Kind::Unreachable, what).hint(
            "Look whether its container ran out of memory or was stopped: `kubectl describe pod`.",
        ),
        // It had heard nothing for a minute, or the connection was cut.
        0 | 75 => Error::new(Kind::Unreachable, what),
        _ => Error::new(Kind::Preflight, what)
            .hint("The image must hold Flink, with its jars in $FLINK_HOME/lib (/opt/flink/lib)."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_cannot_start_says_what_is_missing() {
        let ended = |exit_code, stderr: &str| Ended {
            exit_code,
            stdout: Vec::new(),
            stderr: stderr.to_owned(),
        };
        let error = unexpected(&ended(127, "sh: 29: java: not found\n"));
        assert_eq!(error.kind(), Kind::Preflight);
        assert!(error.to_string().ends_with("exit code 127: sh: 29: java: not found"), "{error}");
        assert!(error.hints()[0].contains("Java"));
        assert_eq!(unexpected(&ended(75, "")).kind(), Kind::Unreachable);
        let error = unexpected(&ended(78, "Picked up JAVA_TOOL_OPTIONS: -Da\nno such plugin\n"));
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Preflight, "no such plugin"));
    }

    #[test]
    fn the_prelude_comes_before_the_launch_and_flags_are_words() {
        let command = command("export A=1", &["-Da=b c".to_owned()]);
        assert!(command[2].contains("\nexport A=1\n#"), "{}", command[2]);
        assert_eq!(command.last().map(String::as_str), Some("-Da=b c"));
    }
}
