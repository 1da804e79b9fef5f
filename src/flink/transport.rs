//! How a request reaches Flink's REST API: through the API server's service proxy.
//!
//! The proxy needs no port-forward and no reachable Service from the user's machine, only the
//! permission on `services/proxy`. One call costs one HTTP exchange on a connection that is open
//! already.

use std::time::Duration;

use futures::future::BoxFuture;
use http::Method;
use kube::client::Body;
use serde_json::Value;

use crate::cluster::{Cluster, failure};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};

/// One request to Flink. `path` starts with `/`; `body` is JSON.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Path and query, as Flink's REST documentation has them.
    pub path: String,
    /// The JSON body of a POST.
    pub body: Option<Value>,
    /// How long to wait for the answer.
    pub timeout: Duration,
}

/// Flink's answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body; JSON unless something else answered.
    pub body: Vec<u8>,
}

/// Why there is no answer of Flink's.
#[derive(Debug)]
pub enum TransportError {
    /// Nobody listens (no ready pod behind the Service, connection refused): the request certainly
    /// did not reach Flink.
    NotDelivered(Error),
    /// The exchange broke off: Flink may or may not have processed the request.
    Ambiguous(Error),
    /// Trying again cannot help: no permission, no such Service.
    Refused(Error),
}

/// A way to Flink's REST API. Implementations send each request exactly once.
pub trait Transport: Send + Sync {
    /// Sends the request once.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>>;
}

/// The API server's proxy to a Service:
/// `/api/v1/namespaces/<namespace>/services/<service>:<port>/proxy/…`.
#[derive(Clone)]
pub struct ServiceProxy {
    cluster: Cluster,
    base: String,
}

impl ServiceProxy {
    /// Reaches `service` in the cluster's namespace by the port name `port` (`rest`).
    pub fn new(cluster: &Cluster, service: &str, port: &str) -> Self {
        let namespace = cluster.namespace();
        let base = format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy");
        ServiceProxy { cluster: cluster.clone(), base }
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let (body, json) = match &request.body {
            Some(body) => (body.to_string().into_bytes(), true),
            None => (Vec::new(), false),
        };
        let mut http = http::Request::builder()
            .method(&request.method)
            .uri(format!("{}{}", self.base, request.path))
            .header(http::header::ACCEPT, "application/json");
        if json {
            http = http.header(http::header::CONTENT_TYPE, "application/json");
        }
        let doing = || format!("call Flink's REST API ({} {})", request.method, request.path);
        let http = http.body(Body::from(body)).map_err(|e| {
            TransportError::Refused(
                Error::new(Kind::Other, format!("failed to {}", doing())).caused_by(e),
            )
        })?;
        let answered = Deadline::after(request.timeout)
            .limit(async {
                let response = self.cluster.client().send(http).await?;
                let status = response.status().as_u16();
                let body = response.into_body().collect_bytes().await?.to_vec();
                Ok(Response { status, body })
            })
            .await;
        match answered {
            None => Err(TransportError::Ambiguous(
                Error::new(Kind::Unreachable, format!("failed to {}", doing()))
                    .caused_by(Silent(request.timeout)),
            )),
            Some(Err(error)) => Err(TransportError::Ambiguous(failure::from_kube(error, doing()))),
            Some(Ok(response)) => match api_server_status(&response) {
                None => Ok(response),
                Some(status) => Err(from_api_server(&status, &doing())),
            },
        }
    }
}

impl Transport for ServiceProxy {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
struct Silent(Duration);

/// The API server speaks for itself with a `Status` object or, from the proxy, in plain text; Flink
/// answers errors as `{"errors": […]}`.
fn api_server_status(response: &Response) -> Option<kube::core::Status> {
    if response.status < 400 {
        return None;
    }
    let value: Option<Value> = serde_json::from_slice(&response.body).ok();
    if value.as_ref().is_some_and(|v| v.get("errors").is_some()) {
        return None;
    }
    let status = value
        .filter(|v| v.get("kind").and_then(Value::as_str) == Some("Status"))
        .and_then(|v| serde_json::from_value::<kube::core::Status>(v).ok());
    Some(status.unwrap_or_else(|| {
        let text = String::from_utf8_lossy(&response.body);
        let first: String = text.lines().next().unwrap_or_default().chars().take(300).collect();
        kube::core::Status::failure(&first, "").with_code(response.status)
    }))
}

fn from_api_server(status: &kube::core::Status, doing: &str) -> TransportError {
    // What the proxy says when it could not open the connection to the pod.
    let unopened =
        ["no endpoints available", "dial tcp"].iter().any(|t| status.message.contains(t));
    let error = match status.code {
        // Flink is not up, or the JobManager has just exited.
        500 | 502..=504 => Error::new(Kind::Unreachable, status.message.trim())
            .hint("Look at the JobManager with `kubectl flink status` and `kubectl flink logs`."),
        _ => failure::from_status(status),
    };
    let error = error.context(format!("failed to {doing}"));
    match status.code {
        500 | 502..=504 if unopened => TransportError::NotDelivered(error),
        429 => TransportError::NotDelivered(error),
        500 | 502..=504 => TransportError::Ambiguous(error),
        _ => TransportError::Refused(error),
    }
}

#[cfg(test)]
mod tests;
