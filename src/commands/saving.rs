//! What `savepoint` and `checkpoint` share: starting a snapshot, and following it to its end.

use crate::commands::narrate::Narrator;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::snapshot::SnapshotPath;
use crate::ops::plan::Take;
use crate::ops::saving::Saving;
use crate::ui::Format;
use crate::view::outcome::OutcomeView;

/// Starts it, and answers with the id under which it can be followed.
///
/// # Errors
/// When Flink cannot be asked.
pub(super) async fn start(ctx: &Ctx, saving: &Saving<'_>, output: Format) -> Result<()> {
    saving.trigger().await?;
    ctx.ui.status(&format!("{} of {} started", saving.take, saving.revision.application));
    ctx.ui.hint(&format!("Follow it with `{}`.", saving.reattach()));
    ctx.show(&outcome(saving, None), output)
}

/// The answer: the path, or the id to follow it with as long as there is none.
pub(super) fn outcome(saving: &Saving<'_>, path: Option<&SnapshotPath>) -> OutcomeView {
    let Saving { revision, operation, .. } = saving;
    let what = if path.is_some() { "saved" } else { "saving" };
    let target = format!("application/{}", revision.application);
    let mut outcome = OutcomeView::new(target, &revision.namespace, what);
    outcome.operation = Some(operation.to_string());
    outcome.text = if path.is_some() { String::new() } else { format!("{operation}\n") };
    outcome.ends_with(path);
    outcome
}

/// Follows it to its end; with `attach` it was started before.
///
/// # Errors
/// [`Kind::Flink`] when Flink fails it; [`Kind::Interrupted`] at Ctrl-C, while it goes on.
pub(super) async fn follow(
    ctx: &Ctx,
    saving: &Saving<'_>,
    attach: bool,
    deadline: Deadline,
) -> Result<SnapshotPath> {
    let (take, name) = (saving.take, &saving.revision.application);
    let interrupted = ctx.ui.interrupted();
    let title = match take {
        Take::Savepoint => format!("Savepoint of {name}"),
        Take::Checkpoint => format!("Checkpoint of {name}"),
    };
    let mut narrator = Narrator::new(&ctx.ui, title);
    let taken = async {
        match attach {
            true => saving.attach(deadline, &mut narrator).await,
            false => saving.take(deadline, &mut narrator).await,
        }
    };
    let path = tokio::select! {
        path = taken => path?,
        () = interrupted => {
            return Err(Error::new(Kind::Interrupted, format!("interrupted; the {take} goes on"))
                .hint(format!("Follow it with `{}`.", saving.reattach())));
        }
    };
    drop(narrator);
    ctx.ui.status(&format!("{take} of {name} completed"));
    Ok(path)
}
