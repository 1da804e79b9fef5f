//! The only module that names the YAML crate.

mod located;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use located::{Content, Entry, Node, Position, located};

use crate::error::{Error, Result};

/// Reads one YAML (or JSON) document. `origin` names the text in errors, for example the file's path.
///
/// Errors are [`Kind::Usage`](crate::error::Kind::Usage) and carry line, column and a snippet. Duplicate
/// keys are refused: the later one would silently win otherwise.
pub fn from_str<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|e| unreadable(origin, e))
}

/// Reads every document of a stream (`---` between them); empty documents are skipped.
///
/// Errors as [`from_str`].
pub fn documents<T: DeserializeOwned>(text: &str, origin: &str) -> Result<Vec<T>> {
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|e| unreadable(origin, e))
}

/// Writes one document. Strings that YAML 1.1 readers would take for something else (`yes`, `0644`) are quoted.
///
/// # Errors
/// Only for values that YAML cannot hold, such as maps with maps as keys.
pub fn to_string<T: Serialize>(value: &T) -> Result<String> {
    // Folded scalars are legal YAML, but Flink's own parser up to 1.18 reads line by line.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, value, options)
        .map_err(|e| Error::new(crate::error::Kind::Other, "cannot write YAML").caused_by(e))?;
    Ok(text)
}

fn options() -> serde_saphyr::Options {
    // kubectl reads YAML 1.1, where 0644 is octal; without this it would be 644.0.
    serde_saphyr::options! { legacy_octal_numbers: true }
}

fn unreadable(origin: &str, source: serde_saphyr::Error) -> Error {
    Error::usage(format!("cannot read {origin}")).caused_by(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn octal_numbers_mean_what_they_mean_to_kubectl() {
        assert_eq!(from_str::<Value>("mode: 0644", "t").ok(), Some(json!({"mode": 420})));
    }

    #[test]
    fn refuses_a_key_that_is_given_twice() {
        let error = from_str::<Value>("a: 1\na: 2\n", "spec.yaml").expect_err("duplicate");
        assert!(error.to_string().starts_with("cannot read spec.yaml: "), "{error}");
    }

    #[test]
    fn reads_a_stream_and_skips_empty_documents() {
        let values: Vec<Value> = documents("---\na: 1\n---\n---\nb: 2\n", "t").expect("stream");
        assert_eq!(values, [json!({"a": 1}), json!({"b": 2})]);
    }

    #[test]
    fn long_and_ambiguous_strings_survive_on_one_line() {
        let value =
            json!({"flags": "-a ".repeat(60), "on": "yes", "octal": "0644", "colon": "a: b"});
        let text = to_string(&value).expect("writable");
        assert_eq!(text.lines().count(), 4, "{text}");
        assert_eq!(from_str::<Value>(&text, "t").ok(), Some(value));
    }
}
