//! The client under a [`super::Cluster`], with two things that kube's own does not do: credentials of a plugin
//! that expire midway are fetched again, and a `Retry-After` header is not lost.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use kube::client::Body;
use kube::{Client, Config};
use serde_json::json;

/// A client for `config`.
///
/// # Errors
/// When its certificates or credentials cannot be used.
pub(super) fn client(config: Config) -> kube::Result<Client> {
    let namespace = config.default_namespace.clone();
    let current = Current { client: Client::try_from(config.clone())?, renewals: 0 };
    let session = Arc::new(Session { config, current: Mutex::new(current) });
    let service = tower::service_fn(move |request| send(Arc::clone(&session), request));
    Ok(Client::new(service, namespace))
}

struct Session {
    config: Config,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    client: Client,
    /// How often credentials were fetched again.
    renewals: u32,
}

impl Session {
    fn current(&self) -> Current {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client with fresh credentials. Of several requests that were refused at the same time, the first
    /// one fetches them.
    fn renewed(&self, refused: u32) -> kube::Result<Client> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.renewals == refused {
            let client = Client::try_from(self.config.clone())?;
            *current = Current { client, renewals: refused + 1 };
        }
        Ok(current.client.clone())
    }
}

/// Sends a request, and sends it once more with fresh credentials after a 401: such a request was certainly
/// not carried out, so that this is safe for every verb.
async fn send(session: Arc<Session>, request: Request<Body>) -> kube::Result<Response<Body>> {
    let Current { client, renewals } = session.current();
    // kube renews what says when it expires; the server may have another opinion about that.
    let again = session.config.auth_info.exec.as_ref().and_then(|_| copy(&request));
    let response = client.send(request).await?;
    let response = match again {
        Some(again) if response.status() == StatusCode::UNAUTHORIZED => {
            session.renewed(renewals)?.send(again).await?
        }
        _ => response,
    };
    keep_retry_after(response).await
}

/// `None` for a body that is streamed; ours are not.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// kube reads how long to wait from a `Status` only. API Priority and Fairness and load balancers say it in a
/// header, beside plain text; that becomes a `Status`.
async fn keep_retry_after(response: Response<Body>) -> kube::Result<Response<Body>> {
    let Some(seconds) = asks_to_wait(&response) else { return Ok(response) };
    let status = response.status();
    let (mut head, body) = response.into_parts();
    let text = body.collect_bytes().await?;
    let answer = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": String::from_utf8_lossy(&text).trim(),
        "code": status.as_u16(),
        "details": {"retryAfterSeconds": seconds},
    });
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    Ok(Response::from_parts(head, Body::from(answer.to_string().into_bytes())))
}

/// How many seconds an answer that is no `Status` asks to wait.
fn asks_to_wait(response: &Response<Body>) -> Option<u32> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    let is_json = header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    let seconds = header(RETRY_AFTER)?.trim().parse().ok();
    seconds.filter(|_| busy.contains(&response.status()) && !is_json)
}
