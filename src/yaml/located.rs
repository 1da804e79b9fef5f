//! A document as it was written: every value with its line and column, and the text behind it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

use crate::error::Result;

/// Line and column, both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line of the text, of all its documents.
    pub line: u64,
    /// Column in the line.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Null, a boolean, a number or text.
    Scalar {
        /// As YAML reads it.
        value: Value,
        /// As it was written (`no`, `0644`); empty where it was not kept.
        written: String,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the text, where a key can stand twice.
    Map(Vec<Entry>),
}

/// A key, where it stands, and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub at: Position,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// Whether it is null, as an absent value is.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { value: Value::Null, .. })
    }

    /// The value of `key`, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The text, when it is some.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { value: Value::String(text), .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Scalar { .. } | Content::List(_) => &[],
        }
    }

    /// The bare value. Of a key that stands twice the first counts.
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar { value, .. } => value.clone(),
            Content::List(items) => items.iter().map(Node::to_value).collect(),
            Content::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    map.entry(entry.key.clone()).or_insert_with(|| entry.value.to_value());
                }
                Value::Object(map)
            }
        }
    }

    fn from_raw(raw: Spanned<Raw>, source: &str) -> Node {
        let content = match raw.value {
            Raw::Scalar(value) => {
                Content::Scalar { value, written: written(source, &raw.referenced) }
            }
            Raw::List(items) => {
                Content::List(items.into_iter().map(|item| Node::from_raw(item, source)).collect())
            }
            Raw::Map(entries) => {
                let entry = |(key, value): (Spanned<String>, Spanned<Raw>)| Entry {
                    at: position(&key.referenced),
                    key: key.value,
                    value: Node::from_raw(value, source),
                };
                Content::Map(entries.into_iter().map(entry).collect())
            }
        };
        Node { at: position(&raw.referenced), content }
    }
}

/// Reads every document of a stream, in their order; empty ones are left out.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) for text that is no YAML, with its place. Keys that are given
/// twice are not refused here: the caller sees both, and can name all of them.
pub fn located(text: &str, origin: &str) -> Result<Vec<Node>> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
    };
    let documents: Vec<Spanned<Raw>> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|e| {
            let error = super::unreadable(origin, e);
            match text.lines().position(|line| {
                line.trim_start_matches(' ').starts_with('\t') && !line.trim().is_empty()
            }) {
                Some(line) => error.hint(format!(
                    "Line {} is indented with a tab, which YAML does not allow: use spaces.",
                    line + 1
                )),
                None => error,
            }
        })?;
    let nodes = documents.into_iter().map(|document| Node::from_raw(document, text));
    Ok(nodes.filter(|node| !node.is_null()).collect())
}

/// No resource of Kubernetes is half as deep (the terms of an affinity come to 14); what is deeper is meant to
/// exhaust the stack, of which the YAML crate takes some 50 KB a level without optimisation.
const MAX_DEPTH: usize = 32;

fn position(location: &Location) -> Position {
    Position { line: location.line(), column: location.column() }
}

fn written(source: &str, location: &Location) -> String {
    let span = location.span();
    let bytes = span.byte_offset().zip(span.byte_len()).and_then(|(offset, length)| {
        let start = usize::try_from(offset).ok()?;
        source.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    });
    bytes.unwrap_or_default().to_owned()
}

/// What the YAML crate hands over.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = Number::from_f64(value);
        number.map(|n| Raw::Scalar(n.into())).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        if entries.len() > MAX_ENTRIES {
            return Err(A::Error::custom(format!("a mapping of more than {MAX_ENTRIES} keys")));
        }
        Ok(Raw::Map(entries))
    }
}

/// Looking for keys that stand twice compares them all.
const MAX_ENTRIES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(text: &str) -> Node {
        located(text, "test").expect(text).remove(0)
    }

    #[test]
    fn everything_has_a_place_and_its_text() {
        let root = one("# a\nspec:\n  mode: 0644\n  'list': [no, {deep: yes}]\n");
        let spec = root.get("spec").expect("spec");
        let places: Vec<String> = spec.entries().iter().map(|e| e.at.to_string()).collect();
        assert_eq!(places, ["3:3", "4:3"]);
        let Content::List(items) = &spec.entries()[1].value.content else { panic!() };
        let expected = Content::Scalar { value: json!(false), written: "no".to_owned() };
        assert_eq!((items[0].at.to_string().as_str(), &items[0].content), ("4:12", &expected));
        assert_eq!(
            root.to_value(),
            json!({"spec": {"mode": 420, "list": [false, {"deep": true}]}})
        );
        let Content::Scalar { written, .. } = &spec.entries()[0].value.content else { panic!() };
        assert_eq!(written, "0644");
    }

    #[test]
    fn a_stream_counts_lines_through_and_json_is_yaml() {
        let documents = located("a: 1\n---\n---\n{\"b\": [2]}\n", "test").expect("a stream");
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[1].entries()[0].at.to_string(), "4:2");
    }

    #[test]
    fn a_key_that_stands_twice_is_kept_twice() {
        assert_eq!(one("a: 1\na: 2\n").entries().len(), 2);
    }

    #[test]
    fn a_tab_is_named() {
        let error = located("a:\n\tb: 1\n", "test").expect_err("a tab");
        assert!(error.hints().iter().any(|hint| hint.starts_with("Line 2 is indented")), "{error}");
    }

    #[test]
    fn what_is_meant_to_exhaust_is_refused() {
        assert!(located(&"[".repeat(100_000), "test").is_err());
        assert!(located(&format!("{}1{}", "[".repeat(40), "]".repeat(40)), "test").is_err());
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n";
        assert!(located(bomb, "test").is_err());
    }
}
