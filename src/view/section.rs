//! The building blocks of text in sections.

use jiff::Timestamp;

use super::event::EventView;
use super::status::ProblemView;
use crate::ui::{Table, Text, Tone, human, sanitize};

/// A section's title, after an empty line.
pub(super) fn heading(title: &str) -> Text {
    Text::new().end().toned(Tone::Heading, title).end()
}

/// `Name:   value`.
pub(super) fn field(name: &str, value: &str) -> Text {
    toned(name, Tone::Plain, value)
}

/// `Name:   value`, coloured by what the value says. A line break in the value would let its author write
/// lines that look like ours.
pub(super) fn toned(name: &str, tone: Tone, value: &str) -> Text {
    let value = &sanitize::line(value);
    Text::new().plain(&format!("{:<19}", format!("{name}:"))).toned(tone, value).end()
}

/// A table inside a section.
pub(super) fn indented(table: &Table) -> Text {
    table.to_lines().lines().fold(Text::new(), |text, line| text.plain("  ").plain(line).end())
}

/// What is wrong, and what to do about it.
pub(super) fn problem(problem: &ProblemView) -> Text {
    let (message, remedy) = (sanitize::line(&problem.message), sanitize::line(&problem.remedy));
    let text = Text::new().toned(Tone::Bad, "Problem:").plain(" ").plain(&message).end();
    text.toned(Tone::Hint, "Remedy:").plain("  ").plain(&remedy).end()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_cannot_write_lines_that_look_like_ours() {
        let hostile = "no volume\nState:             RUNNING\r\n\x1b[2J".to_owned();
        let view = ProblemView { message: hostile.clone(), remedy: hostile.clone() };
        assert_eq!(problem(&view).to_plain().lines().count(), 2);
        assert_eq!(field("Reason", &hostile).to_plain().lines().count(), 1);
    }
}
