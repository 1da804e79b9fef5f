//! Consent to destructive steps.

use std::io::BufRead;

use super::output::lock;
use super::{Text, Tone, Ui};
use crate::error::{Error, Kind, Result};

impl Ui {
    /// Asks for consent to what `question` names ("Delete claim orders-state and 3 snapshots in it?").
    /// `yes` is the command's `-y`, the only other way to consent: neither a pipe nor `CI=true` is one.
    ///
    /// # Errors
    /// [`Kind::Declined`] when the user says no, says nothing, or there is no terminal to ask on.
    pub async fn confirm(&self, question: &str, yes: bool) -> Result<()> {
        if yes {
            return Ok(());
        }
        let Some(stdin) = self.stdin() else {
            return Err(declined(&format!(
                "this needs consent, and there is no terminal to ask on: {question}"
            ))
            .hint("Add -y to consent."));
        };
        self.narrate(&Text::new().toned(Tone::Attention, question).plain(" [y/N] "));
        // Reading blocks, and Ctrl-C must still end the program.
        let answer = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            lock(&stdin).read_line(&mut answer).map(|_| answer)
        });
        let answer =
            answer.await.map_err(|e| declined("the question was not answered").caused_by(e))?;
        let answer = answer.map_err(|e| declined("cannot read the answer").caused_by(e))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(declined("nothing was changed, because you did not consent")
                .hint("Answer y, or add -y to consent beforehand.")),
        }
    }
}

fn declined(message: &str) -> Error {
    Error::new(Kind::Declined, message)
}

#[cfg(test)]
mod tests {
    use crate::error::Kind;
    use crate::ui::{Color, Streams, Terminal, Ui};

    async fn answer(typed: &str, is_terminal: bool, yes: bool) -> (Option<Kind>, String) {
        let (mut streams, captured) = Streams::memory(typed);
        streams.stdin_is_terminal = is_terminal;
        let ui = Ui::new(streams, Color::Auto, false, &Terminal::default());
        let outcome = ui.confirm("Delete claim orders-state?", yes).await;
        (outcome.err().map(|e| e.kind()), captured.stderr())
    }

    #[tokio::test]
    async fn only_a_yes_or_the_flag_is_consent() {
        assert_eq!(answer("y\n", true, false).await.0, None);
        assert_eq!(answer("YES\n", true, false).await.0, None);
        assert_eq!(answer("", false, true).await.0, None);
        for no in ["\n", "n\n", "", "yep\n"] {
            assert_eq!(answer(no, true, false).await.0, Some(Kind::Declined), "{no:?}");
        }
    }

    #[tokio::test]
    async fn without_a_terminal_an_answer_in_the_pipe_is_no_consent() {
        assert_eq!(answer("y\n", false, false).await.0, Some(Kind::Declined));
    }

    #[tokio::test]
    async fn the_question_names_what_dies() {
        assert_eq!(answer("y\n", true, false).await.1, "Delete claim orders-state? [y/N] ");
    }
}
