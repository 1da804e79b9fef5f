//! `-o`: every format renders the same view model.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use super::{Text, Ui, sanitize};
use crate::error::{Error, Kind, Result};

/// An output format of `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with more columns.
    Wide,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// `TYPE/NAME`, one a line.
    Name,
}

impl Format {
    const ALL: [(&'static str, Format); 5] = [
        ("table", Format::Table),
        ("wide", Format::Wide),
        ("json", Format::Json),
        ("yaml", Format::Yaml),
        ("name", Format::Name),
    ];
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            Format::ALL.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Format::ALL.iter().find(|(name, _)| *name == text).map(|(_, format)| *format).ok_or_else(|| {
            let known = Format::ALL.map(|(name, _)| name).join(", ");
            Error::usage(format!(
                "this format is not supported (supported: {known}; pipe json into jq for a single field)"
            ))
        })
    }
}

/// The format of an answer; flatten it into the arguments of every command that shows something.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct OutputArgs {
    /// Format of the answer: table, wide, json, yaml or name
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What a command shows: one model for every format. Its serialised form is the schema of `-o json`.
pub trait View: Serialize {
    /// For people. `wide` asks for more; ages count back from `now`.
    fn text(&self, wide: bool, now: Timestamp) -> Text;

    /// `TYPE/NAME` of each thing shown.
    fn names(&self) -> Vec<String>;
}

impl Ui {
    /// Writes a view to standard output.
    ///
    /// # Errors
    /// When it cannot be serialised or standard output cannot be written.
    pub fn show(&self, view: &impl View, format: Format, now: Timestamp) -> Result<()> {
        match format {
            Format::Table | Format::Wide => {
                self.answer_text(&view.text(format == Format::Wide, now))
            }
            Format::Name => {
                let lines = view.names().join("\n");
                if lines.is_empty() { Ok(()) } else { self.answer(&lines) }
            }
            Format::Json => self.write_answer(&json(view)?),
            Format::Yaml => self.write_answer(&yaml(view)?),
        }
    }
}

fn json(view: &impl Serialize) -> Result<String> {
    let document = serde_json::to_string_pretty(view).map_err(cannot_serialise)?;
    Ok(format!("{}\n", sanitize::json(&document)))
}

fn yaml(view: &impl Serialize) -> Result<String> {
    let document = crate::yaml::to_string(view)?;
    if document.chars().any(|c| c != '\n' && sanitize::is_unsafe(c)) {
        // A plain scalar has no escapes. JSON is YAML, and has.
        return json(view);
    }
    Ok(document)
}

fn cannot_serialise(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Other, "cannot write the answer in this format")
        .caused_by(error)
        .hint("Use -o table, and report this as a bug.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Color, Streams, Terminal};

    #[derive(Serialize)]
    struct Named(&'static str);

    impl View for Named {
        fn text(&self, wide: bool, _now: Timestamp) -> Text {
            Text::new().plain(self.0).plain(if wide { " wide\n" } else { "\n" })
        }

        fn names(&self) -> Vec<String> {
            vec![format!("application/{}", self.0)]
        }
    }

    fn shown(name: &'static str, format: &str) -> Result<String> {
        let (streams, captured) = Streams::memory("");
        let ui = Ui::new(streams, Color::Auto, false, &Terminal::default());
        ui.show(&Named(name), format.parse()?, Timestamp::UNIX_EPOCH)?;
        Ok(captured.stdout())
    }

    #[test]
    fn every_format_shows_the_same_view() -> Result<()> {
        assert_eq!(shown("orders", "table")?, "orders\n");
        assert_eq!(shown("orders", "wide")?, "orders wide\n");
        assert_eq!(shown("orders", "json")?, "\"orders\"\n");
        assert_eq!(shown("orders", "yaml")?, "orders\n");
        assert_eq!(shown("orders", "name")?, "application/orders\n");
        Ok(())
    }

    #[test]
    fn hostile_names_stay_readable_and_equal_in_every_format() -> Result<()> {
        const NAME: &str = "a\u{202e}b\x1b[2J\u{9b}";
        for format in ["table", "wide", "json", "yaml", "name"] {
            let shown = shown(NAME, format)?;
            assert!(!shown.trim_end().chars().any(sanitize::is_unsafe), "{format}: {shown:?}");
        }
        assert_eq!(
            serde_json::from_str::<String>(&shown(NAME, "json")?).ok().as_deref(),
            Some(NAME)
        );
        let yaml: String = crate::yaml::from_str(&shown(NAME, "yaml")?, "test")?;
        assert_eq!(yaml, NAME);
        Ok(())
    }

    #[test]
    fn a_format_that_is_not_there_lists_those_that_are() {
        let error = shown("orders", "jsonpath={.metadata.name}").map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("table, wide, json, yaml, name")));
    }
}
