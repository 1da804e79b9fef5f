//! Shows the events of an operation on the terminal.

use crate::ops::event::{Event, Observer};
use crate::ui::{Progress, Ui};

/// Turns events into progress, notes and lines on standard error.
pub(super) struct Narrator {
    ui: Ui,
    progress: Progress,
}

impl Narrator {
    /// Narrates `title` ("Deploying orders") until it is dropped.
    pub(super) fn new(ui: &Ui, title: String) -> Self {
        Narrator { ui: ui.clone(), progress: ui.progress(title) }
    }
}

impl Observer for Narrator {
    fn event(&mut self, event: Event) {
        match event {
            Event::Phase(phase) => self.progress.phase(&phase),
            Event::Bytes { done, total } => self.progress.bytes(done, total),
            Event::Snapshot { acknowledged, total, bytes } => {
                self.progress.subtasks(acknowledged, total, bytes);
            }
            Event::Note(note) => self.ui.status(&note),
            Event::Warning(warning) => self.ui.warn(&warning),
            Event::Changed(change) => self.ui.status(&change),
        }
    }
}
