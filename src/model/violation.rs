//! What is wrong with a spec, and what to do about it.

use std::fmt;

use crate::error::Error;
use crate::model::document::Place;

/// One thing that is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, such as `spec.job.parallelism`.
    pub path: String,
    /// The cause: a lowercase fragment.
    pub message: String,
    /// What to do: a sentence.
    pub remedy: String,
    /// Where it was written, when it was.
    pub place: Option<Place>,
}

impl Violation {
    /// A violation of the field at `path`.
    pub fn new(
        path: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Violation { path: path.into(), message: message.into(), remedy: remedy.into(), place: None }
    }

    /// A violation out of the error of a parser.
    pub fn from_error(path: impl Into<String>, error: &Error) -> Self {
        Violation::new(path, error.to_string(), error.hints().join(" "))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}. {}", self.path, self.message, self.remedy)
    }
}

/// One error of kind usage that holds every violation, each on a line of its own.
pub fn error(name: &str, violations: &[Violation]) -> Error {
    let count = match violations.len() {
        1 => "a problem".to_owned(),
        count => format!("{count} problems"),
    };
    Error::usage(format!(
        "the spec of {name:?} has {count}, and nothing was written:{}",
        lines(violations)
    ))
}

/// The same for several documents, or for one that is not even a FlinkDeployment.
pub fn error_of_all(documents: usize, violations: &[Violation]) -> Error {
    let documents = match documents {
        1 => "the document has".to_owned(),
        count => format!("{count} documents have"),
    };
    let problems = match violations.len() {
        1 => "a problem".to_owned(),
        count => format!("{count} problems"),
    };
    Error::usage(format!("{documents} {problems}, and nothing was written:{}", lines(violations)))
}

fn lines(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("\n  {violation}")).collect()
}
