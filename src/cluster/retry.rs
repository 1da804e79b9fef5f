//! Repeating what is safe to repeat, and nothing else.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::connect::Cluster;
use super::failure;
use crate::error::Result;

/// How long a call and its repetitions take together, one more attempt added, where the command itself has
/// no earlier deadline.
const LIMIT: Duration = Duration::from_secs(60);

/// The pauses between attempts: 100 ms doubling to 2 s, with jitter, seven attempts at most.
fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(6)
        .with_jitter()
}

/// Sends a request that changes nothing, or changes the same thing every time, and sends it again
/// after a failure that may pass: 429, 500, 502, 503, 504, a lost connection, no answer in time.
///
/// `doing` completes "failed to …". A server's `Retry-After` is honoured, unless it points beyond
/// [`Cluster::repeat_until`]; one attempt may take the request timeout.
pub async fn idempotent<T, F, Fut>(cluster: &Cluster, doing: &str, attempt: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = kube::Result<T>>,
{
    idempotent_raw(cluster, attempt).await.map_err(|e| failure::from_kube(e, doing))
}

/// As [`idempotent`], with the raw error of the last attempt.
pub async fn idempotent_raw<T, F, Fut>(cluster: &Cluster, attempt: F) -> kube::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = kube::Result<T>>,
{
    repeat(cluster, failure::is_transient, attempt).await
}

/// Sends a request that must not be carried out twice: again only after a 429, which the API server answers
/// before it looks at the request.
///
/// # Errors
/// The raw error, because only the caller knows what an ambiguous failure means for it.
pub async fn once<T, F, Fut>(cluster: &Cluster, attempt: F) -> kube::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = kube::Result<T>>,
{
    repeat(cluster, |error| failure::status_code(error) == Some(429), attempt).await
}

async fn repeat<T, F, Fut>(
    cluster: &Cluster,
    may_pass: fn(&kube::Error) -> bool,
    mut attempt: F,
) -> kube::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = kube::Result<T>>,
{
    let end = cluster.repeating_ends().at_most(LIMIT);
    let timed = || {
        let (deadline, request) = (cluster.request_deadline(), attempt());
        async move { deadline.limit(request).await.unwrap_or_else(|| Err(failure::no_answer())) }
    };
    timed
        .retry(pauses())
        .when(may_pass)
        .adjust(move |error, pause| {
            let pause = pause?.max(failure::retry_after(error).unwrap_or_default());
            end.allows(pause).then_some(pause)
        })
        .await
}
