//! Shows the events of an operation on the terminal.

use std::sync::Arc;

use crate::ops::event::{Event, Observer};
use crate::ui::{Progress, Ui};

/// Turns events into progress, notes and lines on standard error.
pub(super) struct Narrator {
    ui: Ui,
    progress: Arc<Progress>,
    among: Option<Among>,
}

/// Which one it is of several that share a progress.
struct Among {
    name: String,
    phase: String,
}

impl Narrator {
    /// Narrates `title` ("Deploying orders") until it is dropped.
    pub(super) fn new(ui: &Ui, title: String) -> Self {
        Narrator { ui: ui.clone(), progress: Arc::new(ui.progress(title)), among: None }
    }

    /// Narrates what becomes of `name`, beside others.
    pub(super) fn among(ui: &Ui, progress: Arc<Progress>, name: String) -> Self {
        let among = Some(Among { name, phase: String::new() });
        Narrator { ui: ui.clone(), progress, among }
    }

    /// Of several, each tells a phase once, and none how far it is: they would take turns several times a second.
    fn one_of_many(among: &mut Among, progress: &Progress, event: Event) -> Option<Event> {
        let name = &among.name;
        match event {
            Event::Phase(phase) if phase != among.phase => {
                progress.phase(&format!("{name}: {phase}"));
                among.phase = phase;
                None
            }
            Event::Phase(_) | Event::Bytes { .. } | Event::Snapshot { .. } => None,
            Event::Note(note) => Some(Event::Note(format!("{name}: {note}"))),
            Event::Warning(warning) => Some(Event::Warning(format!("{name}: {warning}"))),
            Event::Changed(change) => Some(Event::Changed(change)),
        }
    }
}

impl Observer for Narrator {
    fn event(&mut self, event: Event) {
        let event = match &mut self.among {
            Some(among) => Narrator::one_of_many(among, &self.progress, event),
            None => Some(event),
        };
        match event {
            None => {}
            Some(Event::Phase(phase)) => self.progress.phase(&phase),
            Some(Event::Bytes { done, total }) => self.progress.bytes(done, total),
            Some(Event::Snapshot { acknowledged, total, bytes }) => {
                self.progress.subtasks(acknowledged, total, bytes);
            }
            Some(Event::Note(text) | Event::Changed(text)) => self.ui.status(&text),
            Some(Event::Warning(warning)) => self.ui.warn(&warning),
        }
    }
}
