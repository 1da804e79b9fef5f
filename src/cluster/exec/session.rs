//! The messages of an exec session: each begins with the number of its channel, and the last one is the
//! command's status (`k8s.io/apimachinery/pkg/util/remotecommand`, protocols v4 and v5).
//!
//! Not kube's `AttachedProcess`, which cuts stdin into messages of 4 KiB: a jar takes half as long in those of
//! 32 KiB (`cargo xtask bench storage`).

use std::error::Error;
use std::future::pending;
use std::io;
use std::time::Duration;

use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, interval_at};
use tokio_tungstenite::tungstenite::Message;

use super::Streams;
use crate::deadline::Deadline;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

/// Bytes of stdin in one message: what kubectl sends (`client-go/tools/remotecommand`).
const CHUNK: usize = 32 * 1024;

/// The most that is kept of stderr, and of stdout when it is captured, in bytes.
const CAPTURE_LIMIT: usize = 4 * 1024 * 1024;

/// How long stdin may make no progress before the connection counts as dead.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// How often something is sent in a session that is idle, for the sake of what is in between.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What a session brought.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// How the command ended.
    pub(super) status: Status,
    /// What it wrote to stdout, unless that was streamed elsewhere.
    pub(super) stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub(super) stderr: Vec<u8>,
}

/// Feeds the command and listens to it until it has ended.
///
/// # Errors
/// When the connection breaks, stdin makes no progress for [`STALL_LIMIT`], or more than [`CAPTURE_LIMIT`] is to be
/// kept.
pub(super) async fn run<S, E>(socket: S, streams: Streams<'_>) -> io::Result<Heard>
where
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
    E: Error + Send + Sync + 'static,
{
    let Streams { stdin, mut stdout } = streams;
    let (sending, receiving) = socket.split();
    tokio::select! {
        heard = listen(receiving, &mut stdout) => heard,
        failed = feed(stdin, sending) => Err(failed),
    }
}

async fn listen<E: Error + Send + Sync + 'static>(
    mut receiving: impl Stream<Item = Result<Message, E>> + Unpin,
    stdout: &mut Option<&mut (dyn tokio::io::AsyncWrite + Send + Unpin)>,
) -> io::Result<Heard> {
    let mut heard = Heard::default();
    while let Some(message) = receiving.next().await {
        let Message::Binary(message) = message.map_err(io::Error::other)? else { continue };
        match (message.split_first(), &mut *stdout) {
            (Some((&STDOUT, bytes)), Some(sink)) => sink.write_all(bytes).await?,
            (Some((&STDOUT, bytes)), None) => keep(&mut heard.stdout, bytes)?,
            (Some((&STDERR, bytes)), _) => keep(&mut heard.stderr, bytes)?,
            (Some((&STATUS, bytes)), _) if !bytes.is_empty() => {
                heard.status = serde_json::from_slice(bytes)?;
                return Ok(heard);
            }
            _ => {}
        }
    }
    Err(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the connection was lost before the command ended",
    ))
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    if kept.len() + bytes.len() > CAPTURE_LIMIT {
        return Err(io::Error::other("the command wrote more than 4 MiB"));
    }
    kept.extend_from_slice(bytes);
    Ok(())
}

/// Copies the source to stdin; comes back only with an error, because the command's end is what ends the session.
/// Stdin is not closed: see the module that this one belongs to.
async fn feed<E: Error + Send + Sync + 'static>(
    mut source: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    mut sending: impl Sink<Message, Error = E> + Unpin,
) -> io::Error {
    let mut idle = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    loop {
        let message = tokio::select! {
            chunk = next_chunk(&mut source) => match chunk {
                Ok(chunk) => Message::binary(chunk),
                Err(error) => return error,
            },
            _ = idle.tick() => Message::Ping(Vec::new().into()),
        };
        match Deadline::after(STALL_LIMIT).limit(sending.send(message)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return io::Error::other(error),
            None => return io::Error::new(io::ErrorKind::TimedOut, "no progress for 30 s"),
        }
    }
}

/// The next message of stdin. After its end there is none.
async fn next_chunk(
    source: &mut Option<&mut (dyn AsyncRead + Send + Unpin)>,
) -> io::Result<Vec<u8>> {
    let Some(reader) = source else { return pending().await };
    let mut chunk = vec![STDIN; 1 + CHUNK];
    let length = reader.read(&mut chunk[1..]).await?;
    if length == 0 {
        *source = None;
        return pending().await;
    }
    chunk.truncate(1 + length);
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll};

    use serde_json::json;
    use tokio_tungstenite::tungstenite::Bytes;

    use super::*;

    /// A server that says `says`, then nothing, or ends there; it takes what is sent, or nothing at all.
    struct Server {
        says: std::vec::IntoIter<Message>,
        ends: bool,
        takes: bool,
        got: Arc<Mutex<Vec<Message>>>,
    }

    fn server(says: Vec<Message>) -> (Server, Arc<Mutex<Vec<Message>>>) {
        let got = Arc::new(Mutex::new(Vec::new()));
        (Server { says: says.into_iter(), ends: false, takes: true, got: got.clone() }, got)
    }

    impl Stream for Server {
        type Item = Result<Message, Infallible>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            match self.says.next() {
                Some(message) => Poll::Ready(Some(Ok(message))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    impl Sink<Message> for Server {
        type Error = Infallible;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if self.takes { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Infallible> {
            self.got.lock().unwrap_or_else(|e| panic!("{e}")).push(message);
            Ok(())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
    }

    fn on(channel: u8, content: &[u8]) -> Message {
        Message::binary([&[channel], content].concat())
    }

    fn success() -> Message {
        on(STATUS, json!({"status": "Success"}).to_string().as_bytes())
    }

    fn quiet() -> Streams<'static> {
        Streams { stdin: None, stdout: None }
    }

    #[tokio::test]
    async fn output_comes_apart_and_the_status_ends_the_session() -> io::Result<()> {
        let (first, second) = (on(STDOUT, b"he"), on(STDERR, b"oh"));
        let said = vec![
            on(STDOUT, b""),
            first,
            second,
            Message::Ping(Vec::new().into()),
            on(STDOUT, b"y"),
            success(),
        ];
        let heard = run(server(said.clone()).0, quiet()).await?;
        assert_eq!((&heard.stdout[..], &heard.stderr[..]), (&b"hey"[..], &b"oh"[..]));
        assert_eq!(heard.status.status.as_deref(), Some("Success"));
        let mut elsewhere = Vec::new();
        let streams = Streams { stdin: None, stdout: Some(&mut elsewhere) };
        assert!(run(server(said).0, streams).await?.stdout.is_empty());
        assert_eq!(elsewhere, b"hey");
        Ok(())
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_a_status_is_lost() {
        let cut = Server { ends: true, ..server(vec![on(STDOUT, b"half")]).0 };
        let error = run(cut, quiet()).await.expect_err("cut off");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test(start_paused = true)]
    async fn stdin_goes_in_large_messages_and_its_end_does_not_end_the_session() {
        let (server, got) = server(Vec::new());
        let content: Vec<u8> =
            (0..2 * CHUNK + 5).map(|n| u8::try_from(n % 251).unwrap_or(0)).collect();
        let mut source = content.as_slice();
        let streams = Streams { stdin: Some(&mut source), stdout: None };
        let ran = tokio::time::timeout(Duration::from_secs(90), run(server, streams)).await;
        assert!(ran.is_err(), "it goes on");
        let got = got.lock().unwrap_or_else(|e| panic!("{e}"));
        let sent: Vec<_> = got.iter().map(|message| message.clone().into_data()).collect();
        assert_eq!(sent.iter().map(Bytes::len).collect::<Vec<_>>(), [CHUNK + 1, CHUNK + 1, 6, 0]);
        let whole: Vec<u8> = sent[..3].iter().flat_map(|m| m[1..].to_vec()).collect();
        assert!(whole == content && sent[..3].iter().all(|m| m[0] == STDIN));
        assert!(got[3].is_ping(), "an idle session is kept alive");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_takes_nothing_ends_the_session() {
        // As after a command that ended early without having read all.
        let stuck = Server { takes: false, ..server(Vec::new()).0 };
        let content = vec![0; 1024 * 1024];
        let mut source = content.as_slice();
        let begun = Instant::now();
        let streams = Streams { stdin: Some(&mut source), stdout: None };
        let error = run(stuck, streams).await.expect_err("stuck");
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, STALL_LIMIT));
    }

    #[tokio::test]
    async fn output_without_end_is_refused() {
        let much = on(STDOUT, &vec![b'x'; CAPTURE_LIMIT / 4]);
        let error = run(server(vec![much; 5]).0, quiet()).await.expect_err("too much");
        assert!(error.to_string().contains("4 MiB"), "{error}");
    }
}
