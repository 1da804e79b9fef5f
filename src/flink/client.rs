//! Typed calls to one JobManager's REST API.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::failure::root_cause;
use super::transport::{Request, Response, Transport, TransportError};
use super::types::{
    Accumulators, AsyncOperation, Checkpoint, CheckpointConfig, Checkpoints, Exceptions, Failure,
    JobDetails, JobIdStatus, JobStatus, JobStatusInfo, Jobs, Overview, RestError, Triggered,
};
use crate::error::{Error, Kind, Result};
use crate::model::ids::{JobId, TriggerId};
use crate::model::snapshot::{SavepointFormat, SnapshotPath};

/// How long one call may take. The JobManager answers in milliseconds, but its first answers after a
/// start, and those during a long garbage collection, take seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The REST API of one Flink cluster. Cheap to clone.
#[derive(Clone)]
pub struct FlinkClient {
    transport: Arc<dyn Transport>,
}

/// Why a call failed, for callers that go on after some failures.
#[derive(Debug)]
pub enum CallError {
    /// The request certainly did not reach Flink: nobody listens.
    NotDelivered(Error),
    /// No answer of Flink's; it may or may not have processed the request.
    Ambiguous(Error),
    /// Flink does not know the job, operation or path (404).
    NotFound(Error),
    /// Flink refused or failed the request, or may not be asked.
    Failed(Error),
}

impl CallError {
    /// The error for the user.
    pub fn into_error(self) -> Error {
        match self {
            CallError::NotDelivered(e)
            | CallError::Ambiguous(e)
            | CallError::NotFound(e)
            | CallError::Failed(e) => e,
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Error {
        error.into_error()
    }
}

/// What a trigger asks for. All of them are safe to send again with the same trigger id: Flink
/// answers 202 and does the work once (measured; `triggerId` exists since 1.15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// `POST /jobs/:id/savepoints`
    Savepoint {
        /// A directory URI; the cluster's default when absent.
        target_directory: Option<String>,
        /// The binary format.
        format: SavepointFormat,
    },
    /// `POST /jobs/:id/stop`: savepoint, then end the job.
    Stop {
        /// A directory URI; the cluster's default when absent.
        target_directory: Option<String>,
        /// The binary format.
        format: SavepointFormat,
        /// Send the maximum watermark first, so that windows fire; the job must not be resumed.
        drain: bool,
    },
    /// `POST /jobs/:id/checkpoints`.
    Checkpoint {
        /// Write all state anew; otherwise as the job is configured, which may be incrementally.
        full: bool,
    },
}

impl Trigger {
    /// A checkpoint as the job is configured for.
    pub const CHECKPOINT: Trigger = Trigger::Checkpoint { full: false };
}

impl Trigger {
    /// Where the request goes and what it says. The field names differ per endpoint, and Flink 1.20
    /// and later drop a wrong one without a word.
    fn request(&self, job: JobId, id: TriggerId) -> (String, Value) {
        let (path, mut body) = match self {
            Trigger::Savepoint { target_directory, format } => (
                "savepoints",
                json!({"target-directory": target_directory, "cancel-job": false, "formatType": format.as_rest()}),
            ),
            Trigger::Stop { target_directory, format, drain } => (
                "stop",
                json!({"targetDirectory": target_directory, "drain": drain, "formatType": format.as_rest()}),
            ),
            Trigger::Checkpoint { full } => {
                let kind = if *full { "FULL" } else { "CONFIGURED" };
                ("checkpoints", json!({"checkpointType": kind}))
            }
        };
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
            fields.insert("triggerId".to_owned(), json!(id.to_string()));
        }
        (format!("/jobs/{job}/{path}"), body)
    }

    /// Where its outcome is polled: a stop is polled under `savepoints`.
    fn poll_path(&self, job: JobId, id: TriggerId) -> String {
        let checkpoint = matches!(self, Trigger::Checkpoint { .. });
        let kind = if checkpoint { "checkpoints" } else { "savepoints" };
        format!("/jobs/{job}/{kind}/{id}")
    }
}

/// The state of a triggered operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    /// Still under way.
    InProgress,
    /// A savepoint (also of a stop) is complete at this path.
    Savepoint(SnapshotPath),
    /// The checkpoint of this number is complete.
    Checkpoint(u64),
    /// It failed, with the cause in one line.
    Failed(String),
}

impl FlinkClient {
    /// A client over any transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        FlinkClient { transport: Arc::new(transport) }
    }

    /// TaskManagers, slots and the version. `GET /overview`
    pub async fn overview(&self) -> Result<Overview, CallError> {
        self.get("/overview").await
    }

    /// All jobs this cluster knows. `GET /jobs`
    pub async fn jobs(&self) -> Result<Vec<JobIdStatus>, CallError> {
        self.get::<Jobs>("/jobs").await.map(|answer| answer.jobs)
    }

    /// A job's state, never cached. `GET /jobs/:id/status`
    pub async fn job_status(&self, job: JobId) -> Result<JobStatus, CallError> {
        self.get::<JobStatusInfo>(&format!("/jobs/{job}/status")).await.map(|answer| answer.status)
    }

    /// A job's vertices and tasks; up to 3 s old. `GET /jobs/:id`
    pub async fn job(&self, job: JobId) -> Result<JobDetails, CallError> {
        self.get(&format!("/jobs/{job}")).await
    }

    /// A job's checkpoints; up to 3 s old. `GET /jobs/:id/checkpoints`
    pub async fn checkpoints(&self, job: JobId) -> Result<Checkpoints, CallError> {
        self.get(&format!("/jobs/{job}/checkpoints")).await
    }

    /// One checkpoint by its number. `GET /jobs/:id/checkpoints/details/:n`
    pub async fn checkpoint(&self, job: JobId, number: u64) -> Result<Checkpoint, CallError> {
        self.get(&format!("/jobs/{job}/checkpoints/details/{number}")).await
    }

    /// How the job takes checkpoints. `GET /jobs/:id/checkpoints/config`
    pub async fn checkpoint_config(&self, job: JobId) -> Result<CheckpointConfig, CallError> {
        self.get(&format!("/jobs/{job}/checkpoints/config")).await
    }

    /// The job's last failures, newest first. `GET /jobs/:id/exceptions`, and where that is empty
    /// (a failed restore under the adaptive scheduler) the application's, which Flink 2.3 has.
    pub async fn failures(&self, job: JobId) -> Result<Vec<Failure>, CallError> {
        let of_job: Exceptions = self.get(&format!("/jobs/{job}/exceptions")).await?;
        let found = failures(of_job);
        if !found.is_empty() {
            return Ok(found);
        }
        // A single-job application has the job's id.
        match self.get::<Exceptions>(&format!("/applications/{job}/exceptions")).await {
            Ok(of_application) => Ok(failures(of_application)),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// The user's accumulators as (name, value), for example record counts.
    /// `GET /jobs/:id/accumulators`
    pub async fn accumulators(&self, job: JobId) -> Result<Vec<(String, String)>, CallError> {
        let answer: Accumulators = self.get(&format!("/jobs/{job}/accumulators")).await?;
        Ok(answer.user_task_accumulators.into_iter().map(|a| (a.name, a.value)).collect())
    }

    /// Asks for a savepoint, checkpoint or stop under a client-chosen id. Sent once; may be sent again
    /// with the same id. Flink answers success also for a job that has ended: only
    /// [`FlinkClient::poll`] tells.
    pub async fn trigger(
        &self,
        job: JobId,
        trigger: &Trigger,
        id: TriggerId,
    ) -> Result<(), CallError> {
        let (path, body) = trigger.request(job, id);
        let answer: Triggered = self.call(Method::POST, &path, Some(body)).await?;
        if answer.request_id == id.to_string() {
            return Ok(());
        }
        Err(CallError::Failed(
            Error::new(Kind::Flink, "Flink did not take over the trigger id of this operation")
                .hint("kubectl flink needs Flink 1.17 or later."),
        ))
    }

    /// The state of a triggered operation. [`CallError::NotFound`] means that this JobManager has
    /// never heard of it: it restarted, or forgot a result older than five minutes
    /// (`rest.async.store-duration`).
    pub async fn poll(
        &self,
        job: JobId,
        trigger: &Trigger,
        id: TriggerId,
    ) -> Result<OperationState, CallError> {
        let answer: AsyncOperation = self.get(&trigger.poll_path(job, id)).await?;
        operation_state(answer).map_err(CallError::Failed)
    }

    /// Cancels the job without a savepoint; repeating it is harmless. `PATCH /jobs/:id?mode=cancel`
    pub async fn cancel(&self, job: JobId) -> Result<(), CallError> {
        self.call::<Value>(Method::PATCH, &format!("/jobs/{job}?mode=cancel"), None).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.call(Method::GET, path, None).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, CallError> {
        let request =
            Request { method: method.clone(), path: path.to_owned(), body, timeout: CALL_TIMEOUT };
        let response = self.transport.send(request).await.map_err(|error| match error {
            TransportError::NotDelivered(error) => CallError::NotDelivered(error),
            TransportError::Ambiguous(error) => CallError::Ambiguous(error),
            TransportError::Refused(error) => CallError::Failed(error),
        })?;
        if !(200..300).contains(&response.status) {
            return Err(rest_error(&response, &method, path));
        }
        serde_json::from_slice(&response.body).map_err(|e| {
            let what = format!("Flink's answer to {method} {path} has an unexpected form");
            CallError::Failed(Error::new(Kind::Flink, what).caused_by(e))
        })
    }
}

/// A failed operation is `COMPLETED` as well: only the absence of a `failure-cause` is success.
fn operation_state(answer: AsyncOperation) -> Result<OperationState> {
    if answer.status.id != "COMPLETED" {
        return Ok(OperationState::InProgress);
    }
    let result = answer.operation.unwrap_or_default();
    Ok(match (result.failure_cause, result.location, result.checkpoint_id) {
        (Some(cause), ..) if cause.stack_trace.is_empty() => OperationState::Failed(cause.class),
        (Some(cause), ..) => OperationState::Failed(root_cause(&cause.stack_trace)),
        (None, Some(location), _) => OperationState::Savepoint(location.parse()?),
        (None, None, Some(number)) => OperationState::Checkpoint(number),
        (None, None, None) => OperationState::Failed("Flink names no result".to_owned()),
    })
}

fn failures(answer: Exceptions) -> Vec<Failure> {
    let mut found: Vec<Failure> = answer
        .history
        .entries
        .into_iter()
        .map(|entry| Failure {
            timestamp: entry.timestamp,
            cause: match entry.stacktrace.as_str() {
                "" => entry.exception_name,
                trace => root_cause(trace),
            },
            location: entry.endpoint.or(entry.location).filter(|l| l != "(unassigned)"),
        })
        .collect();
    if let (true, Some(trace)) = (found.is_empty(), answer.root_exception) {
        let timestamp = answer.timestamp.unwrap_or(-1);
        found.push(Failure { timestamp, cause: root_cause(&trace), location: None });
    }
    found
}

/// How Flink's RPC says that a message was not looked at
/// (`org.apache.flink.runtime.rpc`: `PekkoRpcActor`, `FencedPekkoRpcActor`).
const IGNORED: [&str; 3] =
    ["FencingTokenException", "EndpointNotStartedException", "RecipientUnreachableException"];

fn not_ready(cause: &str) -> Error {
    Error::new(Kind::Unreachable, format!("Flink is not ready: {cause}"))
}

/// `{"errors": ["Internal server error.", "<stack trace>"]}`: the last entry says most.
fn rest_error(response: &Response, method: &Method, path: &str) -> CallError {
    let errors: Vec<String> =
        serde_json::from_slice::<RestError>(&response.body).map(|e| e.errors).unwrap_or_default();
    let cause = match errors.iter().rfind(|text| !text.trim().is_empty()) {
        Some(trace) => root_cause(trace),
        None => format!("status {}", response.status),
    };
    let error = Error::new(Kind::Flink, format!("Flink refused {method} {path}: {cause}"));
    match response.status {
        404 => CallError::NotFound(Error::new(Kind::NotFound, cause)),
        // The dispatcher is not elected yet, or the cluster shuts down.
        503 => CallError::Ambiguous(not_ready(&cause)),
        // A JobManager that starts again still passes calls on to the dispatcher before, or to one that is not
        // there yet, which ignores them.
        _ if IGNORED.iter().any(|ignored| cause.starts_with(ignored)) => {
            CallError::NotDelivered(not_ready(&cause))
        }
        _ => CallError::Failed(error),
    }
}

#[cfg(test)]
mod tests;
