//! `--dry-run`: what a verb would do, shown instead of done.

use clap::Args;

use crate::cluster::Cluster;
use crate::commands::narrate::Narrator;
use crate::context::Ctx;
use crate::error::Result;
use crate::ops::dry_run::{self, By};
use crate::ops::operation::record::Record;
use crate::ui::{Format, View};
use crate::view::plan::PlanView;

/// The values of `--dry-run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DryRun {
    /// Do it.
    None,
    /// Ask the cluster what is there, and write nothing.
    Client,
    /// Let the API server validate every object, and store nothing.
    Server,
}

impl DryRun {
    /// Who says what the objects would be; `None` when it is no dry run.
    pub fn by(self) -> Option<By> {
        match self {
            DryRun::None => None,
            DryRun::Client => Some(By::Client),
            DryRun::Server => Some(By::Server),
        }
    }
}

/// Whether to do it, and how to answer; flatten it into the arguments of every command that changes something.
#[derive(Debug, Clone, Args)]
pub(super) struct DryRunArgs {
    /// Print the plan and what would become of every object: as this program writes it (client), or as the API server makes it (server)
    #[arg(long, value_name = "MODE", default_value = "none")]
    dry_run: DryRun,
    /// Format of the answer: table, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value_t)]
    output: Format,
}

impl DryRunArgs {
    /// Who says what the objects would be; `None` when it is no dry run.
    pub(super) fn by(&self) -> Option<By> {
        self.dry_run.by()
    }

    /// Format of the answer.
    pub(super) fn format(&self) -> &Format {
        &self.output
    }

    /// Shows what there is to show.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn show(&self, ctx: &Ctx, view: &impl View) -> Result<()> {
        ctx.show(view, self.output.clone())
    }
}

/// What the operation of `record` would do; `outcome` is what the verb would say at its end.
///
/// # Errors
/// Those that a real run would end with before its first write.
pub(super) async fn view(
    cluster: &Cluster,
    mut record: Record,
    by: By,
    outcome: &str,
    narrator: &mut Narrator,
) -> Result<PlanView> {
    let found = dry_run::dry_run(cluster, &mut record, by, narrator).await?;
    PlanView::new(&record.plan, &found, outcome, by)
}
