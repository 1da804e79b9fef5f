//! The kubelet as far as access to the state storage needs it: a pod runs as soon as it is there, and a command in it
//! is run on this machine, with a folder of the test in the place of the volume.

use std::path::Path;
use std::process::Stdio;

use futures::{SinkExt, StreamExt};
use kube::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::flink::{MOUNT, real};

/// The newest protocol of `exec`: each message begins with the number of its stream.
const PROTOCOL: &str = "v5.channel.k8s.io";
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

/// Says of a pod that was just created that its containers run.
pub(super) async fn run(client: &Client, pod: &Value) {
    let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let containers = pod["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let running = containers.iter().map(|container| {
        json!({"name": container["name"], "image": container["image"], "imageID": "", "ready": true,
            "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}})
    });
    let status = json!({"phase": "Running", "containerStatuses": running.collect::<Vec<_>>()});
    let (namespace, pod) = (name(&pod["metadata"]["namespace"]), name(&pod["metadata"]["name"]));
    let request = http::Request::patch(format!("/api/v1/namespaces/{namespace}/pods/{pod}/status"))
        .header("content-type", "application/merge-patch+json")
        .body(json!({"status": status}).to_string().into_bytes())
        .unwrap();
    client.request::<Value>(request).await.unwrap();
}

/// How a command ended, and the connection that is to hear of it.
pub(super) struct Ended<S> {
    socket: WebSocketStream<S>,
    messages: Vec<Vec<u8>>,
}

/// Takes the connection of an `exec` over and runs its command to the end.
pub(super) async fn exec<S>(mut stream: S, target: &str, key: &str, disk: &Path) -> Ended<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\nsec-websocket-protocol: {PROTOCOL}\r\n\r\n"
    );
    // A client that is gone takes nothing away from what the command does.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let words = words(target, disk);
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take();
    let mut output = std::pin::pin!(child.wait_with_output());
    let output = loop {
        tokio::select! {
            output = &mut output => break output.unwrap(),
            message = socket.next(), if stdin.is_some() => match message {
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&STDIN) => {
                    if let Some(pipe) = &mut stdin {
                        let _ = pipe.write_all(&bytes[1..]).await;
                    }
                }
                Some(Ok(_)) => {}
                // The connection was cut.
                Some(Err(_)) | None => stdin = None,
            },
        }
    };
    let status = match output.status.code() {
        Some(0) => json!({"metadata": {}, "status": "Success"}),
        code => json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": code.unwrap_or(137).to_string()}]}}),
    };
    let message = |channel: u8, bytes: &[u8]| [&[channel], bytes].concat();
    let messages = vec![
        message(STDOUT, &output.stdout),
        message(STDERR, &output.stderr),
        message(STATUS, status.to_string().as_bytes()),
    ];
    Ended { socket, messages }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Ended<S> {
    /// Lets the client know.
    pub(super) async fn tell(mut self) {
        for message in self.messages {
            let _ = self.socket.send(Message::Binary(message.into())).await;
        }
        let _ = self.socket.close(None).await;
    }
}

/// The command of an `exec`, with the paths of this machine.
fn words(target: &str, disk: &Path) -> Vec<String> {
    let (_, query) = target.split_once('?').unwrap();
    let words = query.split('&').filter_map(|pair| pair.strip_prefix("command=")).map(decode);
    let here = |word: String| match word.starts_with(MOUNT) {
        true => real(disk, &word).to_string_lossy().into_owned(),
        false => word,
    };
    words.map(here).collect()
}

/// Undoes the encoding of a query.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        match (*first, others) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}
