//! `status`: all that is known of one application.

use std::time::Duration;

use clap::Args;
use kube::ResourceExt;

use super::list::asked;
use crate::cluster::{Cluster, observe as around};
use crate::context::Ctx;
use crate::error::Result;
use crate::flink::client::CallError;
use crate::model::labels;
use crate::model::name::ApplicationName;
use crate::ops::observed::Run;
use crate::ops::{anchor, drift, observe, profiles};
use crate::ui::OutputArgs;
use crate::ui::{Format, View};
use crate::view::application::{Asked, State};
use crate::view::status::{Findings, StatusView};

/// Pause between two looks with `--watch`.
const PAUSE: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  # How is orders?
  kubectl flink status orders

  # Keep looking until the job ends
  kubectl flink status orders -w

  # Fail a script unless it is well
  kubectl flink status orders -q > /dev/null || exit 1";

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// Name of the application
    name: ApplicationName,
    /// Keep looking until the job has ended
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Shows an application's status.
///
/// # Errors
/// When the application does not exist, and, after everything was shown, when it is not well: see
/// [`StatusView::verdict`].
pub async fn run(ctx: &mut Ctx, args: StatusArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    if args.watch {
        return watch(ctx, &cluster, &args).await;
    }
    let view = look(&cluster, &args.name).await?;
    ctx.show(&view, &args.output)?;
    view.verdict()
}

/// Redraws on a terminal; elsewhere writes a line, or a document, at each change.
async fn watch(ctx: &mut Ctx, cluster: &Cluster, args: &StatusArgs) -> Result<()> {
    let format = &args.output.format;
    let redraw = ctx.ui.stdout_is_terminal() && matches!(format, Format::Table | Format::Wide);
    let mut last = None;
    loop {
        let view = look(cluster, &args.name).await?;
        let summary = view.summary();
        let changed = last.as_ref() != Some(&summary);
        if redraw {
            ctx.ui.redraw(&view.text(*format == Format::Wide, ctx.now()))?;
        } else if changed && matches!(format, Format::Table | Format::Wide) {
            ctx.ui.answer(&summary)?;
        } else if changed {
            ctx.show(&view, &args.output)?;
        }
        last = Some(summary);
        if matches!(view.application.state, State::Job(status) if status.is_final()) {
            return view.verdict();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks everybody at once. Whoever does not answer is listed in the view.
async fn look(cluster: &Cluster, name: &ApplicationName) -> Result<StatusView> {
    let (anchor, service) = anchor::get_service(cluster, name).await?;
    let revision = observe::revision(cluster, name, anchor.generation).await?;
    let claims = revision.claims();
    let selector = labels::selector(name, None, None);
    let flink = observe::flink(cluster, name, anchor.generation);
    let runs = anchor.run == Run::Running;
    let job = revision.job_id;
    let named = revision.storage.remote().and_then(|remote| remote.profile.as_deref());
    let (observed, drift, profile, status, details, checkpoints, failures) = tokio::join!(
        around::observe(cluster, &selector, &claims),
        drift::find(cluster, &revision, &anchor),
        profiles::seen(cluster, named),
        ask(runs, || flink.job_status(job)),
        ask(runs, || flink.job(job)),
        ask(runs, || flink.checkpoints(job)),
        ask(runs, || flink.failures(job)),
    );
    let created = service.creation_timestamp().map(|time| time.0);
    Ok(StatusView::new(&Findings {
        anchor,
        revision,
        created,
        status,
        job: details,
        checkpoints,
        failures,
        observed,
        drift,
        profile,
    }))
}

/// Asks Flink, unless there is nobody to ask.
async fn ask<T, F>(runs: bool, call: impl FnOnce() -> F) -> Asked<T>
where
    F: Future<Output = std::result::Result<T, CallError>>,
{
    if runs { asked(call()).await } else { Asked::No }
}
