//! The building blocks of text in sections.

use jiff::Timestamp;

use super::event::EventView;
use super::status::ProblemView;
use crate::ui::{Table, Text, Tone, human};

/// A section's title, after an empty line.
pub(super) fn heading(title: &str) -> Text {
    Text::new().end().toned(Tone::Heading, title).end()
}

/// `Name:   value`.
pub(super) fn field(name: &str, value: &str) -> Text {
    toned(name, Tone::Plain, value)
}

/// `Name:   value`, coloured by what the value says.
pub(super) fn toned(name: &str, tone: Tone, value: &str) -> Text {
    Text::new().plain(&format!("{:<19}", format!("{name}:"))).toned(tone, value).end()
}

/// A table inside a section.
pub(super) fn indented(table: &Table) -> Text {
    table.to_lines().lines().fold(Text::new(), |text, line| text.plain("  ").plain(line).end())
}

/// What is wrong, and what to do about it.
pub(super) fn problem(problem: &ProblemView) -> Text {
    let text = Text::new().toned(Tone::Bad, "Problem:").plain(" ").plain(&problem.message).end();
    text.toned(Tone::Hint, "Remedy:").plain("  ").plain(&problem.remedy).end()
}

/// The section of warnings; nothing when there are none.
pub(super) fn warnings(warnings: &[EventView], now: Timestamp) -> Text {
    if warnings.is_empty() {
        return Text::new();
    }
    let mut table = Table::new(["AGE", "OBJECT", "REASON", "MESSAGE"]);
    for warning in warnings {
        let age = warning.last_seen.map(|seen| human::age(seen, now)).unwrap_or_default();
        let repeated =
            if warning.count > 1 { format!(" (x{})", warning.count) } else { String::new() };
        table.row([
            age + &repeated,
            warning.object.clone(),
            warning.reason.clone(),
            warning.message.clone(),
        ]);
    }
    heading("Warnings").text(&indented(&table))
}
