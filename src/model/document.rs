//! A FlinkDeployment as it was written: read with every mistake at once, each with its place.

mod check;
mod locate;

use std::fmt;

use serde::Deserialize as _;
use serde_json::Value;

use crate::error::Result;
use crate::model::spec::FlinkDeployment;
use crate::model::violation::Violation;
use crate::yaml::{self, Node, Position};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, or what else the text came from.
    pub origin: String,
    /// Line and column.
    pub at: Position,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.origin, self.at)
    }
}

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    origin: String,
    root: Node,
}

/// What could be read of a document, and what is wrong with the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The document without what is wrong in it.
    pub deployment: FlinkDeployment,
    /// Fields that do not exist, are given twice, or hold what they cannot hold.
    pub violations: Vec<Violation>,
    /// Paths about which nothing more is said, because `violations` do: what they lack may be there
    /// under a misspelt name.
    settled: Vec<String>,
}

impl Document {
    /// Every document of `text`, which came from `origin`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for text that is neither YAML nor JSON.
    pub fn all(text: &str, origin: &str) -> Result<Vec<Document>> {
        let roots = yaml::located(text, origin)?;
        Ok(roots.into_iter().map(|root| Document { origin: origin.to_owned(), root }).collect())
    }

    /// Its `apiVersion`; empty when it has none.
    pub fn api_version(&self) -> &str {
        self.root.get("apiVersion").and_then(Node::text).unwrap_or_default()
    }

    /// Its `kind`; empty when it has none.
    pub fn kind(&self) -> &str {
        self.root.get("kind").and_then(Node::text).unwrap_or_default()
    }

    /// Where it begins.
    pub fn start(&self) -> Place {
        self.place_of(self.root.at)
    }

    /// The items of a `List`, as `kubectl get -o yaml` writes several objects; else the document itself.
    pub fn into_items(self) -> Vec<Document> {
        if self.kind() != "List" {
            return vec![self];
        }
        let items = match self.root.get("items").map(|items| &items.content) {
            Some(yaml::Content::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        let origin = self.origin;
        items.into_iter().map(|root| Document { origin: origin.clone(), root }).collect()
    }

    /// Reads it as a FlinkDeployment.
    pub fn read(&self) -> Reading {
        let found = check::check(&self.root);
        let mut violations = found.violations;
        let deployment = FlinkDeployment::deserialize(&found.sound).unwrap_or_else(|e| {
            // What the check lets through can be read; if not, the document is refused all the same.
            violations.push(Violation::new("spec", e.to_string(), "Correct it."));
            FlinkDeployment::new("", None, Default::default())
        });
        Reading { deployment, violations, settled: found.settled }
    }

    /// The place of the field at `path`, or of the innermost part of it that is there.
    pub fn place(&self, path: &str) -> Place {
        self.place_of(locate::locate(&self.root, path))
    }

    fn place_of(&self, at: Position) -> Place {
        Place { origin: self.origin.clone(), at }
    }
}

impl Reading {
    /// All that is wrong: what was found in reading, and what `validation` says about the rest.
    #[must_use]
    pub fn with(&self, validation: Vec<Violation>) -> Vec<Violation> {
        let is_news = |violation: &Violation| {
            let path = &violation.path;
            !self.settled.iter().any(|settled| is_at_or_below(path, settled))
        };
        self.violations.iter().cloned().chain(validation.into_iter().filter(is_news)).collect()
    }
}

fn is_at_or_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The paths at which two documents differ: what flags changed has no place in the file any more.
pub fn differences(before: &FlinkDeployment, after: &FlinkDeployment) -> Vec<String> {
    let value = |deployment| serde_json::to_value(deployment).unwrap_or_default();
    let mut found = Vec::new();
    differ(&value(before), &value(after), "", &mut found);
    found
}

fn differ(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in after {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differ(before.get(key).unwrap_or(&Value::Null), value, &path, found);
            }
        }
        (_, Value::Object(after)) if !after.is_empty() => {
            for (key, value) in after {
                differ(&Value::Null, value, &format!("{path}.{key}"), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

/// Gives every violation its place in `document`, but for what `changed` (see [`differences`]) says is not
/// as written there.
#[must_use]
pub fn placed(
    violations: Vec<Violation>,
    document: &Document,
    changed: &[String],
) -> Vec<Violation> {
    let place = |violation: Violation| {
        let is_changed = changed.iter().any(|path| is_at_or_below(&violation.path, path));
        match is_changed || violation.place.is_some() {
            true => violation,
            false => {
                let place = document.place(&violation.path);
                Violation { place: Some(place), ..violation }
            }
        }
    };
    let mut placed: Vec<Violation> = violations.into_iter().map(place).collect();
    // In the order of the file, so that one can correct it from top to bottom.
    placed.sort_by_key(|violation| violation.place.as_ref().map(|place| place.at));
    placed
}

#[cfg(test)]
mod tests;
