//! Text with meaning attached to its parts; colours follow from the meaning.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::sanitize;

/// What a piece of text says about the thing it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// A section's title.
    Heading,
    /// All is well.
    Good,
    /// Worth a look, or still under way.
    Attention,
    /// Failed.
    Bad,
    /// The remedy in front of a hint.
    Hint,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Heading => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Attention => AnsiColor::Yellow.on_default().bold(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Hint => AnsiColor::Cyan.on_default().bold(),
        }
    }
}

/// Text ready for a terminal: sanitised when it is added, coloured by [`Tone`]. The colours are taken
/// out again by [`super::Ui`] where they are not wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Empty text.
    pub fn new() -> Self {
        Text::default()
    }

    /// Adds text without a tone.
    #[must_use]
    pub fn plain(self, text: &str) -> Self {
        self.toned(Tone::Plain, text)
    }

    /// Adds text with a tone.
    #[must_use]
    pub fn toned(mut self, tone: Tone, text: &str) -> Self {
        let style = tone.style();
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{style}{}{style:#}", sanitize::text(text));
        self
    }

    /// Adds text that is already safe.
    #[must_use]
    pub fn text(mut self, other: &Text) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// Ends the line.
    #[must_use]
    pub fn end(mut self) -> Self {
        self.0.push('\n');
        self
    }

    /// Without its first line: a table's header.
    #[must_use]
    pub fn without_first_line(self) -> Self {
        Text(self.0.split_once('\n').map_or("", |(_, rest)| rest).to_owned())
    }

    /// Its first `count` lines.
    #[must_use]
    pub fn first_lines(self, count: usize) -> Self {
        Text(self.0.split_inclusive('\n').take(count).collect())
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with its colours as ANSI escape sequences.
    pub fn as_ansi(&self) -> &str {
        &self.0
    }

    /// The text without colours.
    pub fn to_plain(&self) -> String {
        anstream::adapter::strip_str(&self.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_ours_and_control_characters_are_shown() {
        let text = Text::new().toned(Tone::Bad, "FAILED").plain(" \x1b[32mfine\x1b[0m").end();
        assert_eq!(text.to_plain(), "FAILED ^[[32mfine^[[0m\n");
        assert_eq!(text.as_ansi(), "\x1b[1m\x1b[31mFAILED\x1b[0m ^[[32mfine^[[0m\n");
    }
}
