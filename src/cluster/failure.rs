//! From the API server's and the connection's failures to errors that say what to do.

use std::error::Error as StdError;
use std::fmt::Display;
use std::time::Duration;

use kube::client::AuthError;
use kube::core::Status;

use crate::error::{Error, Kind};

/// The error of a request that was not answered within the request timeout.
pub(crate) fn no_answer() -> kube::Error {
    kube::Error::Service(Box::new(NoAnswer))
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within the request timeout")]
struct NoAnswer;

/// The HTTP status of the API server's answer, when it did answer.
pub fn status_code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        kube::Error::UpgradeConnection(kube::client::UpgradeConnectionError::ProtocolSwitch(
            code,
        )) => Some(code.as_u16()),
        _ => None,
    }
}

/// Whether the same request may succeed a moment later.
pub fn is_transient(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => {
            // A webhook that does not answer has been waited for already, and will be with each attempt.
            matches!(status.code, 429 | 500 | 502 | 503 | 504) && !is_admission(&status.message)
        }
        _ => is_connection_failure(error) && !is_certificate_failure(error),
    }
}

/// Whether the request may have been carried out although no answer says so.
pub fn is_ambiguous(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code >= 500,
        _ => is_connection_failure(error),
    }
}

fn is_connection_failure(error: &kube::Error) -> bool {
    matches!(
        error,
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_)
    )
}

/// How long the API server asks to wait before the next attempt (`details.retryAfterSeconds`).
pub fn retry_after(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else { return None };
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

/// Maps a failure to our error. `doing` completes "failed to …".
pub fn from_kube(error: kube::Error, doing: impl Display) -> Error {
    let inner = match error {
        kube::Error::Api(status) => from_status(&status),
        kube::Error::Auth(auth) => from_auth(auth),
        error if is_certificate_failure(&error) => Error::new(
            Kind::Unreachable,
            "the API server's certificate is not trusted",
        )
        .caused_by(Innermost::of(&error))
        .hint(
            "Check --server and --certificate-authority, or the cluster's entry in the kubeconfig.",
        ),
        error if is_connection_failure(&error) => {
            Error::new(Kind::Unreachable, "cannot reach the API server")
                .caused_by(Innermost::of(&error))
                .hint("Check --context, the network, and that the cluster is up.")
        }
        kube::Error::SerdeError(parse) => {
            Error::new(Kind::Other, "the API server's answer has an unexpected form")
                .caused_by(parse)
        }
        other => Error::new(Kind::Other, Innermost::of(&other).0),
    };
    inner.context(format!("failed to {doing}"))
}

/// Maps the API server's own `Status`; its message goes to the user as it is.
pub fn from_status(status: &Status) -> Error {
    let message = status_message(status);
    match status.code {
        _ if message.contains("failed calling webhook") => Error::new(Kind::Preflight, message)
            .hint("A webhook that watches over this cluster does not answer: tell those who run it, then run this again."),
        _ if is_admission(&message) => Error::new(Kind::Preflight, message)
            .hint("A policy of this cluster refuses this: change what it names, or ask those who run the cluster."),
        401 => Error::new(Kind::Denied, "the API server does not accept the credentials")
            .hint("Log in again: the token or certificate of this context may have expired."),
        403 if message.contains("exceeded quota") => Error::new(Kind::Preflight, message)
            .hint("Ask for a larger quota, or make the application smaller."),
        403 if message.contains("violates PodSecurity") => Error::new(Kind::Preflight, message)
            .hint("Remove what the namespace's pod security level forbids from podTemplate."),
        403 => Error::new(Kind::Denied, message).hint(
            "Ask an administrator for the permission named here, or use another --context or --as.",
        ),
        404 => Error::new(Kind::NotFound, message),
        409 if status.reason == "AlreadyExists" => Error::new(Kind::Conflict, message),
        409 => apply_conflict(status).unwrap_or_else(|| Error::new(Kind::Conflict, message)),
        400 | 422 => Error::usage(message),
        429 => Error::new(Kind::Unreachable, "the API server is overloaded and refuses requests")
            .hint("Try again in a while."),
        502..=504 => Error::new(Kind::Unreachable, message),
        _ => Error::new(Kind::Other, message),
    }
}

/// Whether a webhook or policy speaks, whatever the code it chose. The words are those of Kubernetes'
/// `k8s.io/apiserver/pkg/admission/plugin`.
fn is_admission(message: &str) -> bool {
    message.contains("failed calling webhook")
        || (message.contains("admission webhook \"") && message.contains("denied the request"))
        || message.contains("ValidatingAdmissionPolicy '")
}

fn status_message(status: &Status) -> String {
    match (status.message.trim(), status.reason.as_str()) {
        ("", "") => format!("the API server answered {}", status.code),
        ("", reason) => format!("the API server answered {} {reason}", status.code),
        (message, _) => message.to_owned(),
    }
}

/// A server-side apply conflict lists each field with the manager that owns it.
fn apply_conflict(status: &Status) -> Option<Error> {
    let details = status.details.as_ref()?;
    let owned: Vec<String> = details
        .causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| {
            let owner = cause.message.strip_prefix("conflict with ").unwrap_or(&cause.message);
            format!("{} (owned by {owner})", cause.field)
        })
        .collect();
    if owned.is_empty() {
        return None;
    }
    let what = format!("{} {:?}", details.kind.trim_end_matches('s'), details.name);
    Some(
        Error::new(Kind::Conflict, format!("somebody else manages {what}: {}", owned.join(", ")))
            .hint("Let the other owner give the fields up, or choose another application name."),
    )
}

/// Credential plugins: their output and arguments may hold secrets, so neither is shown.
fn from_auth(error: AuthError) -> Error {
    let hint = "Run the same context with kubectl: it uses the same credential plugin.";
    match error {
        AuthError::AuthExecRun { out, .. } => {
            Error::new(Kind::Denied, format!("the credential plugin failed with {}", out.status))
        }
        AuthError::AuthExecStart(io) => {
            Error::new(Kind::Denied, "the credential plugin could not be started").caused_by(io)
        }
        AuthError::AuthExecParse(_) => {
            Error::new(Kind::Denied, "the credential plugin's answer is not an ExecCredential")
        }
        AuthError::AuthExec(_) | AuthError::ExecPluginFailed => {
            Error::new(Kind::Denied, "the credential plugin gave no credentials")
        }
        other => Error::new(Kind::Denied, "the kubeconfig's credentials cannot be used")
            .caused_by(Innermost::of(&other)),
    }
    .hint(hint)
}

fn is_certificate_failure(error: &kube::Error) -> bool {
    let text = Innermost::of(error).0;
    text.contains("certificate") || text.contains("UnknownIssuer")
}

/// The last error of a chain: the layers above it ("ServiceError: client error (Connect)") say nothing
/// more.
#[derive(Debug)]
struct Innermost(String);

impl Innermost {
    fn of(error: &(dyn StdError + 'static)) -> Innermost {
        let mut last = error;
        while let Some(source) = last.source() {
            last = source;
        }
        Innermost(last.to_string())
    }
}

impl Display for Innermost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Innermost {}

#[cfg(test)]
mod tests;
