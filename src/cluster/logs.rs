//! Container logs: the last lines, and following several containers at once.

use std::collections::HashMap;
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::LogParams;
use kube::{Api, ResourceExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connect::Cluster;
use super::watch::Watched;
use super::{condition, failure, retry};
use crate::error::Result;

/// The most of one line that is kept, in bytes; the rest of the line is dropped.
const LINE_LIMIT: usize = 64 * 1024;

/// How long to wait before a log whose connection broke is read again; lines of so much time may come
/// twice then, rather than be lost.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

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
    // Which incarnations are read, or were to their end.
    let mut known: HashMap<Source, Option<Instant>> = HashMap::new();
    // Dropping the set, when this future is dropped, ends all readers.
    let mut readers = JoinSet::new();
    let mut first = true;
    loop {
        tokio::select! {
            changed = watched.changed() => changed?,
            Some(Ok(broken)) = readers.join_next() => {
                if let Some((source, since)) = broken {
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                    known.insert(source, Some(since));
                }
            }
        }
        for source in watched.objects().values().flat_map(sources) {
            let resumed = match known.insert(source.clone(), None) {
                Some(None) => continue,
                Some(Some(since)) => Some(since),
                None => None,
            };
            // What came into being since is new from its first line on.
            let selection = match (first, resumed) {
                (true, _) => selection.clone(),
                (false, since) => LogSelection {
                    tail: None,
                    since: since.map(|since| since.elapsed() + RECONNECT_PAUSE),
                    ..selection.clone()
                },
            };
            readers.spawn(follow_container(api.clone(), source, selection, lines.clone()));
        }
        first = false;
    }
}

/// One incarnation of one container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Source {
    pod: String,
    container: String,
    id: String,
}

/// The incarnations of a pod's containers that have logs: those that have started.
fn sources(pod: &Pod) -> Vec<Source> {
    let started = |status: &&ContainerStatus| {
        status.state.as_ref().is_some_and(|s| s.running.is_some() || s.terminated.is_some())
    };
    condition::container_statuses(pod)
        .filter(started)
        .map(|status| Source {
            pod: pod.name_any(),
            container: status.name.clone(),
            id: status.container_id.clone().unwrap_or_default(),
        })
        .collect()
}

/// Sends the lines of one incarnation to their end. When the connection breaks before, gives back the
/// source and when it was last known to be whole.
async fn follow_container(
    api: Api<Pod>,
    source: Source,
    selection: LogSelection,
    lines: mpsc::Sender<Result<LogLine>>,
) -> Option<(Source, Instant)> {
    let mut whole = Instant::now();
    let stream = match api.log_stream(&source.pod, &selection.params(&source.container, true)).await
    {
        Ok(stream) => stream,
        Err(error) if failure::is_transient(&error) => return Some((source, whole)),
        Err(_) => return None,
    };
    let mut stream = std::pin::pin!(stream);
    loop {
        let text = match next_line(&mut stream).await {
            Ok(Some(text)) => text,
            Ok(None) => return None,
            Err(_) => return Some((source, whole)),
        };
        whole = Instant::now();
        let line = LogLine { pod: source.pod.clone(), container: source.container.clone(), text };
        if lines.send(Ok(line)).await.is_err() {
            return None;
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
    use crate::cluster::testing::routed;
    use serde_json::{Value, json};

    fn pod(name: &str, id: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "resourceVersion": "5"},
            "status": {"containerStatuses": [{"name": "c", "containerID": id, "image": "", "imageID": "",
                "ready": true, "restartCount": 0, "state": {"running": {}}}]}})
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_is_read_from_its_first_line_and_nothing_twice() {
        let mut listed =
            Some(json!({"metadata": {"resourceVersion": "4"}, "items": [pod("p", "1")]}));
        let modified = |id| json!({"type": "MODIFIED", "object": pod("p", id)}).to_string();
        let mut events = Some(format!("{}\n{}\n", modified("1"), modified("2")));
        let cluster = routed(move |uri| match uri {
            _ if uri.contains("watch=true") => events.take(),
            _ if uri.ends_with("/pods/p/log?&container=c&follow=true&tailLines=1") => {
                Some("old\n".into())
            }
            _ if uri.ends_with("/pods/p/log?&container=c&follow=true") => {
                Some("new 1\nnew 2\n".into())
            }
            _ => listed.take().map(|list| list.to_string()),
        });
        let selection = LogSelection { tail: Some(1), ..LogSelection::default() };
        let mut lines = follow(&cluster, "a=b", selection);
        let mut texts = Vec::new();
        let limit = Duration::from_secs(60);
        while let Ok(Some(Ok(line))) = tokio::time::timeout(limit, lines.recv()).await {
            texts.push(line.text);
        }
        texts.sort();
        assert_eq!(texts, ["new 1", "new 2", "old"]);
    }

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
