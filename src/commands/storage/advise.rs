//! `storage advise`: which StorageClass or storage profile suits the state of an application?

use std::time::Duration;

use clap::Args;

use crate::cli::duration;
use crate::commands::sources;
use crate::context::Ctx;
use crate::error::{Error, Result};
use crate::model::advise::{Wish, capacity};
use crate::model::name::ApplicationName;
use crate::model::quantity::Quantity;
use crate::ops::advise;
use crate::ui::OutputArgs;
use crate::view::advise::RankingView;

const EXAMPLES: &str = "\
Examples:
  # Where should the state of this job go, before it is deployed?
  kubectl flink storage advise -f orders.yaml --state-size 50Gi --growth 1Gi

  # Would another class suit the running application orders better?
  kubectl flink storage advise orders

  # Checkpoints each 30 seconds, with TaskManagers on several nodes
  kubectl flink storage advise --state-size 20Gi --interval 30s --spread

  # The best choice, for a script
  kubectl flink storage advise orders -o jsonpath='{.choices[0].storage}'";

/// State whose size nobody tells.
const STATE: u64 = 1 << 30;

/// Arguments of `storage advise`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AdviseArgs {
    /// Name of an application that is deployed
    #[arg(conflicts_with = "filename")]
    name: Option<ApplicationName>,
    /// File, folder or URL with the FlinkDeployment of one to come
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    filename: Option<String>,
    /// Size of the state; without it that of the newest checkpoint, or 1Gi
    #[arg(long, value_name = "SIZE")]
    state_size: Option<Quantity>,
    /// How much the state grows in a day
    #[arg(long, value_name = "SIZE")]
    growth: Option<Quantity>,
    /// From one checkpoint to the next; without it the application's
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    interval: Option<Duration>,
    /// TaskManagers are to be on several nodes
    #[arg(long)]
    spread: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Ranks what there is.
pub(super) async fn run(ctx: &mut Ctx, args: AdviseArgs) -> Result<()> {
    let spec = match &args.filename {
        Some(filename) => Some(from_file(filename).await?),
        None => None,
    };
    let cluster = ctx.cluster().await?;
    let found = match (&args.name, spec) {
        (Some(name), _) => advise::of_application(&cluster, name).await?,
        (None, Some(wish)) => wish,
        (None, None) => Wish::default(),
    };
    let state = args.state_size.map(Quantity::bytes).or(Some(found.state));
    let wish = Wish {
        state: state.filter(|&state| state > 0).unwrap_or(STATE),
        growth: args.growth.map_or(0, Quantity::bytes),
        interval: args.interval.or(found.interval),
        spread: args.spread,
        ..found
    };
    let advise::Ranking { wish, choices, unseen } = advise::advise(&cluster, wish).await?;
    for resource in &unseen {
        let what = if *resource == "configmaps" { "storage profiles" } else { "StorageClasses" };
        ctx.ui.warn(&format!("The {what} may not be listed, so that none of them is ranked."));
        ctx.ui.hint(&format!("Ask an administrator for `list {resource}`."));
    }
    if choices.is_empty() && unseen.is_empty() {
        ctx.ui.status(
            "There is no StorageClass in the cluster, and no storage profile in the namespace.",
        );
        ctx.ui.hint("Make a profile of an object store with `kubectl flink storage create NAME URI`, or ask the cluster's administrator for a StorageClass.");
    }
    let size = capacity(&wish).to_string();
    let view = RankingView { state: wish.state, size, nodes: wish.nodes, choices };
    ctx.show(&view, &args.output)
}

async fn from_file(filename: &str) -> Result<Wish> {
    let documents = sources::documents(&[filename.to_owned()], false).await?;
    let [document] = documents.as_slice() else {
        return Err(Error::usage(format!("there are {} documents in {filename}", documents.len()))
            .hint("Give a file with one FlinkDeployment."));
    };
    let reading = document.read();
    Ok(advise::of_spec(&reading.deployment))
}
