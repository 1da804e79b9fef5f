//! The answers of verbs that change something: where people read them, each at once; as data, one document at the end.

use crate::context::Ctx;
use crate::error::Result;
use crate::ui::Format;
use crate::view::outcome::{OutcomeList, OutcomeView};

/// The answers of one command.
pub(super) struct Answers {
    format: Format,
    kept: OutcomeList,
}

impl Answers {
    /// None yet.
    pub(super) fn new(format: &Format) -> Self {
        Answers { format: format.clone(), kept: OutcomeList::default() }
    }

    /// Gives one.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn give(&mut self, ctx: &Ctx, outcome: OutcomeView) -> Result<()> {
        if matches!(self.format, Format::Table | Format::Wide | Format::Name) {
            return ctx.show(&outcome, self.format.clone());
        }
        self.kept.0.push(outcome);
        Ok(())
    }

    /// There are no more.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn end(self, ctx: &Ctx) -> Result<()> {
        if self.kept.0.is_empty() {
            return Ok(());
        }
        ctx.show(&self.kept, self.format)
    }
}
