//! Recorded answers of a real Flink 2.3.0 (`testdata/`), and a transport that plays answers.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use http::Method;
use serde_json::Value;

use super::FlinkClient;
use super::transport::{Request, Response, Transport, TransportError};
use crate::error::{Error, Kind};

/// One recorded exchange: (status, body).
pub(crate) fn recorded(name: &str) -> (u16, Value) {
    let path = format!("{}/src/flink/testdata/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let pair: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
    let status = pair["response"]["status"].as_u64().and_then(|s| u16::try_from(s).ok());
    (status.unwrap_or_else(|| panic!("{path}: no status")), pair["response"]["body"].clone())
}

/// The recorded body alone.
pub(crate) fn body(name: &str) -> Value {
    recorded(name).1
}

/// Every stack trace within a recorded body.
pub(crate) fn stack_traces(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value) {
                ("stack-trace" | "stacktrace" | "root-exception", Value::String(text)) => {
                    vec![text.clone()]
                }
                ("errors", Value::Array(texts)) => {
                    texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => stack_traces(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(stack_traces).collect(),
        _ => Vec::new(),
    }
}

/// What the fake JobManager does with one request.
pub(crate) enum Answer {
    /// Answers with this status and body.
    Json(u16, Value),
    /// The connection breaks; the request may have been processed.
    Cut,
    /// Nobody listens; the request was not processed.
    Down,
}

/// An answer from the recorded exchanges.
pub(crate) fn replay(name: &str) -> Answer {
    let (status, body) = recorded(name);
    Answer::Json(status, body)
}

type Script = dyn FnMut(&Method, &str, &Value) -> Answer + Send;

/// A transport that asks a closure for each answer, and remembers the requests.
#[derive(Clone)]
pub(crate) struct Fake {
    script: Arc<Mutex<Box<Script>>>,
    seen: Arc<Mutex<Vec<(Method, String, Value)>>>,
}

impl Fake {
    pub(crate) fn new(
        script: impl FnMut(&Method, &str, &Value) -> Answer + Send + 'static,
    ) -> (FlinkClient, Fake) {
        let fake = Fake { script: Arc::new(Mutex::new(Box::new(script))), seen: Arc::default() };
        (FlinkClient::new(fake.clone()), fake)
    }

    /// The bodies of all requests of this method.
    pub(crate) fn sent(&self, method: &Method) -> Vec<(String, Value)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|(m, ..)| m == method).map(|(_, p, b)| (p.clone(), b.clone())).collect()
    }
}

impl Transport for Fake {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        let body = request.body.unwrap_or_default();
        let seen = (request.method.clone(), request.path.clone(), body.clone());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = script(&request.method, &request.path, &body);
        Box::pin(async move {
            // A real exchange takes time: with tokio's paused clock, this lets it advance.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            let failure = |what: &str| Error::new(Kind::Unreachable, what);
            match answer {
                Answer::Json(status, body) => {
                    Ok(Response { status, body: body.to_string().into_bytes() })
                }
                Answer::Cut => Err(TransportError::Ambiguous(failure("connection reset"))),
                Answer::Down => Err(TransportError::NotDelivered(failure("connection refused"))),
            }
        })
    }
}
