//! The error every layer returns: a kind (which decides the exit code), a cause and a remedy.

use std::error::Error as StdError;
use std::fmt;

use crate::exit_code;

/// What went wrong, in the terms of the exit code table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A failure without a code of its own.
    Other,
    /// Bad input; nothing was written.
    Usage,
    /// A named thing does not exist.
    NotFound,
    /// Another operation, owner or object stands in the way.
    Conflict,
    /// The API server or Flink's REST endpoint could not be reached.
    Unreachable,
    /// Credentials or permissions were refused.
    Denied,
    /// Flink failed: the job, a savepoint or a restore.
    Flink,
    /// The cluster cannot run what was asked; nothing was written.
    Preflight,
    /// Consent to a destructive step was not given.
    Declined,
    /// The deadline passed while the operation was under way.
    Timeout,
    /// Interrupted by the user.
    Interrupted,
}

impl Kind {
    /// The process exit code of this kind. Exhaustive on purpose: a new kind forces a decision.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Other => exit_code::FAILURE,
            Kind::Usage => exit_code::USAGE,
            Kind::NotFound => exit_code::NOT_FOUND,
            Kind::Conflict => exit_code::CONFLICT,
            Kind::Unreachable => exit_code::UNREACHABLE,
            Kind::Denied => exit_code::DENIED,
            Kind::Flink => exit_code::FLINK_FAILED,
            Kind::Preflight => exit_code::PREFLIGHT,
            Kind::Declined => exit_code::DECLINED,
            Kind::Timeout => exit_code::TIMEOUT,
            Kind::Interrupted => exit_code::INTERRUPTED,
        }
    }
}

impl Kind {
    /// What to do about an error that says nothing better; `None` where the message itself says it.
    fn remedy(self) -> Option<&'static str> {
        match self {
            Kind::Usage | Kind::Declined => None,
            Kind::Other => Some(
                "Run it again with -v6 to see every request; if it looks like a bug, report it with that output.",
            ),
            Kind::NotFound => Some(
                "See what there is with `kubectl flink list` and `kubectl flink storage list`.",
            ),
            Kind::Conflict => Some(
                "See who works on it with `kubectl flink operation list`, and run this again when that is over.",
            ),
            Kind::Unreachable => Some(
                "Run the same command again when the cluster answers; -v6 shows every request.",
            ),
            Kind::Denied => Some(
                "See who you are with `kubectl auth whoami`, and what a verb needs with `kubectl flink rbac VERB`.",
            ),
            Kind::Flink => Some("Read what it logged with `kubectl flink logs NAME`."),
            Kind::Preflight => {
                Some("Nothing was written: change what is named here, and run this again.")
            }
            Kind::Timeout => Some(
                "Allow more time with --timeout, or see how it is with `kubectl flink status NAME`.",
            ),
            Kind::Interrupted => Some("Run the same command again to go on."),
        }
    }
}

/// An error with its kind, its message (a lowercase fragment), the underlying cause and hints.
///
/// Printed as one paragraph: `error: <message>: <cause>: …` followed by `hint: …` lines.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    hints: Vec<String>,
}

/// The result type of the whole crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A new error; `message` is a lowercase fragment without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), source: None, hints: Vec::new() }
    }

    /// Bad input; see [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message)
    }

    /// Attaches the underlying cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what the user can do about it: an imperative sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts `message` before this error, keeping its kind and hints.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        let (kind, hints) = (self.kind, self.hints.clone());
        let inner = Error { hints: Vec::new(), ..self };
        Error { kind, message: message.into(), source: Some(Box::new(inner)), hints }
    }

    /// The kind, which decides the exit code.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The remedies, most useful first.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// What to tell the user to do: the remedies, or else what helps with errors of this kind.
    pub fn advice(&self) -> impl Iterator<Item = &str> {
        let general = self.kind.remedy().filter(|_| self.hints.is_empty());
        self.hints.iter().map(String::as_str).chain(general)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|e| e as &(dyn StdError + 'static));
        // An `Error` prints its own causes, so the walk stops at the first one.
        while let Some(e) = cause {
            write!(f, ": {e}")?;
            if e.is::<Error>() {
                break;
            }
            cause = e.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_remedy_of_its_own_has_that_of_its_kind() {
        let bare = Error::new(Kind::Interrupted, "interrupted");
        assert_eq!(bare.advice().collect::<Vec<_>>(), ["Run the same command again to go on."]);
        let own = bare.hint("Look.");
        assert_eq!(own.advice().collect::<Vec<_>>(), ["Look."]);
        assert_eq!(Error::usage("give at least 1").advice().count(), 0);
    }

    #[test]
    fn prints_every_cause_once_and_keeps_kind_and_hints() {
        let io = std::io::Error::other("connection refused");
        let error = Error::new(Kind::Unreachable, "cannot reach the API server")
            .caused_by(io)
            .hint("Check --context.")
            .context("failed to list applications");
        assert_eq!(
            error.to_string(),
            "failed to list applications: cannot reach the API server: connection refused"
        );
        assert_eq!(error.kind().exit_code(), crate::exit_code::UNREACHABLE);
        assert_eq!(error.hints(), ["Check --context."]);
    }
}
