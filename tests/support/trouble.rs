//! What API servers, load balancers and networks in trouble do to a call.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// One kind of trouble.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// This is answered, with a header line or none, and the API server does not hear of the call.
    Instead(u16, &'static str, &'static str),
    /// The API server does what the call says, and this status is answered.
    AfterAll(u16),
    /// The answer ends in the middle: the connection is closed.
    Half,
    /// The answer comes one byte in a while.
    Drip,
    /// The answer, a list, claims that there is another page.
    OneMorePage,
    /// Nothing is answered, and the connection stays open.
    Silence,
    /// A watch that begins, sends this, and falls silent.
    Events(&'static str),
}

/// The event with which a watch ends whose version the API server does not remember any more.
pub(crate) const TOO_OLD: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}
"#;

/// Of a `Status` that says so.
pub(crate) const EXPIRED: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"The provided continue parameter is too old","reason":"Expired","code":410}"#;

/// An answer: status, type and body.
pub(crate) type Answer = (u16, String, Vec<u8>);

impl Trouble {
    /// Whether the API server gets to see the call.
    pub(crate) fn delivers(self) -> bool {
        !matches!(self, Trouble::Instead(..) | Trouble::Silence | Trouble::Events(_))
    }

    /// Writes what the client gets in the place of `answer`; whether the connection goes on.
    pub(crate) async fn write(
        self,
        to: &mut (impl AsyncWrite + Unpin),
        answer: Answer,
    ) -> io::Result<bool> {
        match self {
            Trouble::Instead(status, header, body) => {
                let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
                let answer = (status, kind.to_owned(), body.as_bytes().to_vec());
                write(to, &answer, header).await?;
            }
            Trouble::AfterAll(status) => {
                let body = json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "etcdserver: request timed out", "code": status,
                });
                let body = body.to_string().into_bytes();
                write(to, &(status, "application/json".to_owned(), body), "").await?;
            }
            Trouble::Half => {
                let half = answer.2.len() / 2;
                to.write_all(head(&answer, "").as_bytes()).await?;
                to.write_all(&answer.2[..half]).await?;
                to.flush().await?;
                return Ok(false);
            }
            Trouble::Drip => {
                to.write_all(head(&answer, "").as_bytes()).await?;
                for byte in &answer.2 {
                    to.write_all(&[*byte]).await?;
                    to.flush().await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Trouble::Silence => std::future::pending().await,
            Trouble::Events(events) => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
                to.write_all([head, events].concat().as_bytes()).await?;
                to.flush().await?;
                std::future::pending::<()>().await;
            }
            Trouble::OneMorePage => {
                let mut list: Value = serde_json::from_slice(&answer.2).unwrap();
                list["metadata"]["continue"] = Value::from("more");
                write(to, &(answer.0, answer.1, list.to_string().into_bytes()), "").await?;
            }
        }
        Ok(true)
    }
}

fn head((status, kind, body): &Answer, header: &str) -> String {
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: {kind}\r\n{header}content-length: {length}\r\n\r\n"
    )
}

/// Writes an answer with one more header line, or none.
pub(crate) async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    answer: &Answer,
    header: &str,
) -> io::Result<()> {
    to.write_all(&[head(answer, header).into_bytes(), answer.2.clone()].concat()).await
}
