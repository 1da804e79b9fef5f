//! `-o`: every format renders the same view model.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::columns::Columns;
use super::jsonpath::{Path, Template};
use super::{Text, Ui, sanitize};
use crate::error::{Error, Kind, Result};

/// An output format of `-o`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// What a template makes of the JSON document.
    JsonPath(Template),
    /// A table of the user's own columns.
    Columns(Columns),
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
        match self {
            Format::JsonPath(template) => write!(f, "jsonpath={template}"),
            Format::Columns(columns) => write!(f, "custom-columns={columns}"),
            fixed => {
                let named = Format::ALL.iter().find(|(_, format)| format == fixed);
                f.write_str(named.map_or("", |(name, _)| name))
            }
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(template) = text.strip_prefix("jsonpath=") {
            return Ok(Format::JsonPath(template.parse()?));
        }
        if let Some(columns) = text.strip_prefix("custom-columns=") {
            return Ok(Format::Columns(columns.parse()?));
        }
        let named = Format::ALL.into_iter().find(|(name, _)| *name == text);
        named.map(|(_, format)| format).ok_or_else(|| {
            let known = Format::ALL.map(|(name, _)| name).join(", ");
            Error::usage(format!(
                "this format is not supported (supported: {known}, jsonpath=TEMPLATE, custom-columns=HEADER:PATH,…)"
            ))
        })
    }
}

/// The format of an answer; flatten it into the arguments of every command that shows something.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OutputArgs {
    /// Format of the answer: table, wide, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value_t)]
    pub format: Format,
    /// Leave the header of a table out
    #[arg(long)]
    pub no_headers: bool,
}

impl From<Format> for OutputArgs {
    fn from(format: Format) -> Self {
        OutputArgs { format, no_headers: false }
    }
}

impl From<&OutputArgs> for OutputArgs {
    fn from(output: &OutputArgs) -> Self {
        output.clone()
    }
}

/// The order of a list; flatten it into the arguments of every command that shows one.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SortArgs {
    /// Sort by a field of the items of -o json, such as .state or {.lastCheckpoint.stateBytes}
    #[arg(long, value_name = "PATH")]
    sort_by: Option<Path>,
}

impl SortArgs {
    /// Sorts as the user asked for; items that are equal, or lack the field, keep their order. Those without it come first.
    ///
    /// # Errors
    /// [`Kind::Usage`] when no item has such a field: it is misspelt then.
    pub fn sort<T: Serialize>(&self, items: &mut [T]) -> Result<()> {
        let Some(path) = &self.sort_by else { return Ok(()) };
        let mut found = false;
        items.sort_by_cached_key(|item| {
            let item = serde_json::to_value(item).unwrap_or_default();
            let key = path.values(&item).first().map(|value| SortKey::of(value));
            found |= key.is_some();
            key
        });
        if found || items.is_empty() {
            return Ok(());
        }
        Err(Error::usage(format!("no item has a field {path}"))
            .hint("See the fields with -o json; the path begins below an item."))
    }
}

/// Numbers by value and before everything else, which is sorted as text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Number(i128),
    Text(String),
}

impl SortKey {
    fn of(value: &Value) -> SortKey {
        let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        match (whole, value) {
            (Some(number), _) => SortKey::Number(number),
            (None, Value::String(text)) => SortKey::Text(text.clone()),
            (None, other) => SortKey::Text(other.to_string()),
        }
    }
}

/// What a command shows: one model for every format. Its serialised form is the schema of `-o json`.
pub trait View: Serialize {
    /// For people. `wide` asks for more; ages count back from `now`.
    fn text(&self, wide: bool, now: Timestamp) -> Text;

    /// `TYPE/NAME` of each thing shown.
    fn names(&self) -> Vec<String>;

    /// Whether [`View::text`] is one table, whose header can be left out.
    fn is_table(&self) -> bool {
        false
    }
}

impl Ui {
    /// Writes a view to standard output.
    ///
    /// # Errors
    /// When it cannot be serialised or standard output cannot be written.
    pub fn show(&self, view: &impl View, output: &OutputArgs, now: Timestamp) -> Result<()> {
        match &output.format {
            Format::Table | Format::Wide => self.answer_text(&table(view, output, now)?),
            Format::Name => {
                let lines = view.names().join("\n");
                if lines.is_empty() { Ok(()) } else { self.answer(&lines) }
            }
            Format::Json => self.write_answer(&json(view)?),
            Format::Yaml => self.write_answer(&yaml(view)?),
            Format::JsonPath(template) => {
                self.answer_text(&Text::new().plain(&template.render(&value(view)?)))
            }
            Format::Columns(_) => self.answer_text(&table(view, output, now)?),
        }
    }

    /// Writes the first `rows` rows of a view that is one table.
    ///
    /// # Errors
    /// As [`Ui::show`].
    pub fn show_first(
        &self,
        view: &impl View,
        output: &OutputArgs,
        now: Timestamp,
        rows: usize,
    ) -> Result<()> {
        let lines = rows + usize::from(!output.no_headers);
        self.answer_text(&table(view, output, now)?.first_lines(lines))
    }
}

/// The view as text: with a header or without, in our columns or the user's.
fn table(view: &impl View, output: &OutputArgs, now: Timestamp) -> Result<Text> {
    let (text, has_header) = match &output.format {
        Format::Columns(columns) => {
            (Text::new().plain(&columns.table(&value(view)?).to_lines()), true)
        }
        format => (view.text(*format == Format::Wide, now), view.is_table()),
    };
    Ok(if output.no_headers && has_header { text.without_first_line() } else { text })
}

fn value(view: &impl Serialize) -> Result<Value> {
    serde_json::to_value(view).map_err(cannot_serialise)
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
        let output = format.parse::<Format>()?.into();
        ui.show(&Named(name), &output, Timestamp::UNIX_EPOCH)?;
        Ok(captured.stdout())
    }

    #[test]
    fn every_format_shows_the_same_view() -> Result<()> {
        assert_eq!(shown("orders", "table")?, "orders\n");
        assert_eq!(shown("orders", "wide")?, "orders wide\n");
        assert_eq!(shown("orders", "json")?, "\"orders\"\n");
        assert_eq!(shown("orders", "yaml")?, "orders\n");
        assert_eq!(shown("orders", "name")?, "application/orders\n");
        assert_eq!(shown("orders", "jsonpath={$}")?, "orders");
        assert_eq!(shown("orders", "custom-columns=NAME:$")?, "NAME\norders\n");
        Ok(())
    }

    #[test]
    fn hostile_names_stay_readable_and_equal_in_every_format() -> Result<()> {
        const NAME: &str = "a\u{202e}b\x1b[2J\u{9b}";
        for format in
            ["table", "wide", "json", "yaml", "name", "jsonpath={$}", "custom-columns=N:$"]
        {
            let shown = shown(NAME, format)?;
            let safe = |line: &str| !line.chars().any(sanitize::is_unsafe);
            assert!(shown.lines().all(safe), "{format}: {shown:?}");
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
        let error = shown("orders", "go-template={{.}}").map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("table, wide, json, yaml, name")));
    }
}
