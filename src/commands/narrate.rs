//! Shows the events of an operation on the terminal.

use crate::context::Ctx;
use crate::error::{Error, Kind, Result};
use crate::ops::event::{Event, Observer};
use crate::ops::execute::Executor;
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

/// Runs a plan until it ends or the user interrupts it.
///
/// # Errors
/// The plan's; [`Kind::Interrupted`] at Ctrl-C, with the way to go on.
pub(super) async fn run_plan(
    ctx: &Ctx,
    executor: &mut Executor<'_>,
    narrator: &mut Narrator,
    again: &str,
) -> Result<()> {
    let interrupted = ctx.ui.interrupted();
    let outcome = tokio::select! {
        outcome = executor.run(narrator) => outcome,
        () = interrupted => Err(left_half_way(executor, again)),
    };
    executor.state.close().await;
    outcome
}

fn left_half_way(executor: &Executor<'_>, again: &str) -> Error {
    let name = &executor.plan.application;
    let error =
        Error::new(Kind::Interrupted, format!("interrupted while {name} was being changed"));
    let error = match &executor.stopped_at {
        Some(snapshot) => {
            error.hint(format!("The old job has stopped; its state is in {snapshot}."))
        }
        None => error,
    };
    error
        .hint(format!("Go on by running the same `kubectl flink {again}` again."))
        .hint(format!("See where it stands with `kubectl flink status {name}`."))
}
