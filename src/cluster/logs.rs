//! Container logs: the last lines, and following several containers at once.

use std::collections::HashSet;
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::LogParams;
use kube::{Api, ResourceExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connect::Cluster;
use super::watch::Watched;
use super::{condition, failure, retry};
use crate::error::Result;

/// The most of one line that is kept, in bytes; the rest of the line is dropped.
const LINE_LIMIT: usize = 64 * 1024;

/// Which lines to read.
#[derive(Debug, Clone, Default)]
pub struct LogSelection {
    /// Only the last so many lines of each container.
    pub tail: Option<i64>,
    /// Only lines newer than this; whole seconds.
    pub since: Option<Duration>,
    /// Each line starts with its time (RFC 3339).
    pub timestamps: bool,
    /// The container's incarnation before its last restart.
    pub previous: bool,
}

impl LogSelection {
    fn params(&self, container: &str, follow: bool) -> LogParams {
        LogParams {
            container: Some(container.to_owned()),
            follow,
            previous: self.previous,
            tail_lines: self.tail,
            since_seconds: self.since.and_then(|since| i64::try_from(since.as_secs().max(1)).ok()),
            timestamps: self.timestamps,
            ..LogParams::default()
        }
    }
}

/// One line and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The line without its end. It is what the container wrote: sanitise before showing it.
    pub text: String,
}

/// The selected lines of one container; empty when there is no log (any more).
///
/// # Errors
/// As [`failure::from_kube`] maps them, except that a container without logs is not an error.
pub async fn read(
    cluster: &Cluster,
    pod: &str,
    container: &str,
    selection: &LogSelection,
) -> Result<Vec<String>> {
    let api = cluster.api::<Pod>();
    let params = selection.params(container, false);
    match retry::idempotent_raw(cluster, || api.logs(pod, &params)).await {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        // 400: the container is still waiting to start, or has no previous incarnation.
        Err(error) if matches!(failure::status_code(&error), Some(400 | 404)) => Ok(Vec::new()),
        Err(error) => {
            Err(failure::from_kube(error, format!("read the log of {container} in pod {pod:?}")))
        }
    }
}

/// Follows the logs of all containers of the pods that a label selector matches, also of pods and
/// restarts that come later, until the receiver is dropped.
///
/// # Errors
/// An error is the last item: the pods cannot be watched any more.
pub fn follow(
    cluster: &Cluster,
    selector: &str,
    selection: LogSelection,
) -> mpsc::Receiver<Result<LogLine>> {
    let (lines, received) = mpsc::channel(256);
    let api = cluster.api::<Pod>();
    let watched = Watched::selected(api.clone(), selector);
    tokio::spawn(async move {
        tokio::select! {
            Err(error) = follow_pods(&api, watched, &selection, &lines) => {
                let _ = lines.send(Err(error)).await;
            }
            () = lines.closed() => {}
        }
    });
    received
}

async fn follow_pods(
    api: &Api<Pod>,
    mut watched: Watched<Pod>,
    selection: &LogSelection,
    lines: &mpsc::Sender<Result<LogLine>>,
) -> Result<()> {
    let mut known: HashSet<String> = HashSet::new();
    // Dropping the set, when this future is dropped, ends all readers.
    let mut readers = JoinSet::new();
    loop {
        watched.changed().await?;
        while readers.try_join_next().is_some() {}
        for pod in watched.objects().values() {
            for status in condition::container_statuses(pod).filter(|s| has_log(s)) {
                let incarnation = status.container_id.clone().unwrap_or_default();
                if known.insert(format!("{}/{}/{incarnation}", pod.name_any(), status.name)) {
                    let (api, lines) = (api.clone(), lines.clone());
                    let params = selection.params(&status.name, true);
                    readers.spawn(follow_container(api, pod.name_any(), params, lines));
                }
            }
        }
    }
}

/// Whether the container's present incarnation has started.
fn has_log(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|s| s.running.is_some() || s.terminated.is_some())
}

/// Sends the lines of one incarnation; a broken stream ends it, as the watch will bring the next one.
async fn follow_container(
    api: Api<Pod>,
    pod: String,
    params: LogParams,
    lines: mpsc::Sender<Result<LogLine>>,
) {
    let container = params.container.clone().unwrap_or_default();
    let Ok(stream) = api.log_stream(&pod, &params).await else { return };
    let mut stream = std::pin::pin!(stream);
    while let Ok(Some(text)) = next_line(&mut stream).await {
        let line = LogLine { pod: pod.clone(), container: container.clone(), text };
        if lines.send(Ok(line)).await.is_err() {
            return;
        }
    }
}

/// Reads one line, of which at most [`LINE_LIMIT`] bytes are kept; `None` at the end.
async fn next_line(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let chunk = stream.fill_buf().await?;
        if chunk.is_empty() {
            break;
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(chunk.len());
        let room = LINE_LIMIT - line.len();
        line.extend_from_slice(&chunk[..taken.min(room)]);
        let consumed = taken + usize::from(end.is_some());
        stream.consume_unpin(consumed);
        if end.is_some() {
            break;
        }
    }
    Ok(any.then(|| String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_split_and_bounded() -> std::io::Result<()> {
        let long = "x".repeat(LINE_LIMIT + 10);
        let text = format!("one\r\n\n{long}\nlast");
        let mut stream = futures::io::BufReader::with_capacity(7, text.as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut stream).await? {
            lines.push(line);
        }
        assert_eq!(lines.len(), 4);
        assert_eq!((lines[0].as_str(), lines[1].as_str(), lines[3].as_str()), ("one", "", "last"));
        assert_eq!(lines[2].len(), LINE_LIMIT);
        Ok(())
    }
}
