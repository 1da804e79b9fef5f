//! A fake API server for unit tests: each expected request is asserted and answered in turn.

use std::pin::pin;
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower_test::mock;

use super::Cluster;

/// One expected request and its answer.
pub(crate) struct Exchange {
    method: Method,
    /// What path and query must contain.
    uri: String,
    status: u16,
    answer: String,
}

/// Expects `method` on a URI that contains `uri`; answers `status` with `answer`.
pub(crate) fn expect(method: Method, uri: &str, status: u16, answer: &Value) -> Exchange {
    Exchange { method, uri: uri.to_owned(), status, answer: answer.to_string() }
}

/// Expects a watch on a URI that contains `uri`; answers these events, one a line, and ends the stream.
pub(crate) fn stream(uri: &str, events: &[Value]) -> Exchange {
    let answer = events.iter().map(|event| format!("{event}\n")).collect();
    Exchange { method: Method::GET, uri: uri.to_owned(), status: 200, answer }
}

/// The API server's `Status` object.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
           "reason": reason, "message": message})
}

/// A cluster whose API server answers exactly these exchanges. Await the handle at the end: it fails
/// when a request was missing or differed, and a request too many fails the code under test.
pub(crate) fn scripted(exchanges: Vec<Exchange>) -> (Cluster, JoinHandle<Vec<Value>>) {
    let (service, handle) = mock::pair::<Request<Body>, Response<Body>>();
    let served = tokio::spawn(async move {
        let mut handle = pin!(handle);
        let mut bodies = Vec::new();
        for exchange in exchanges {
            let next = tokio::time::timeout(Duration::from_secs(60), handle.next_request());
            let (request, answer) = next
                .await
                .ok()
                .flatten()
                .unwrap_or_else(|| panic!("no request for {}", exchange.uri));
            let uri = request.uri().to_string();
            assert_eq!(
                (request.method(), uri.contains(&exchange.uri)),
                (&exchange.method, true),
                "{uri}"
            );
            let body = request.into_body().collect_bytes().await.unwrap_or_default();
            bodies.push(serde_json::from_slice(&body).unwrap_or(Value::Null));
            let response = Response::builder()
                .status(exchange.status)
                .header("content-type", "application/json")
                .body(Body::from(exchange.answer.into_bytes()));
            answer.send_response(response.unwrap_or_else(|e| panic!("{e}")));
        }
        bodies
    });
    (Cluster::from_client(Client::new(service, "flink"), "flink"), served)
}

/// A cluster whose API server answers each GET with the text that `route` gives for its URI, in whatever
/// order requests come, and leaves it open when `route` gives nothing.
pub(crate) fn routed(mut route: impl FnMut(&str) -> Option<String> + Send + 'static) -> Cluster {
    let (service, handle) = mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        let mut handle = pin!(handle);
        let mut open = Vec::new();
        while let Some((request, answer)) = handle.next_request().await {
            match route(&request.uri().to_string()) {
                Some(text) => answer.send_response(Response::new(Body::from(text.into_bytes()))),
                None => open.push(answer),
            }
        }
    });
    Cluster::from_client(Client::new(service, "flink"), "flink")
}
