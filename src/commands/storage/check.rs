//! `storage check`: is this storage, or data store, consistent, fast and large enough?

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::{WaitTimeout, duration};
use crate::cluster::Cluster;
use crate::commands::narrate::Narrator;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::check::{Grade, Purpose, verdicts};
use crate::model::ids::OperationId;
use crate::model::quantity::Quantity;
use crate::model::store::Encryption;
use crate::ops::check::{self, Checked, Target};
use crate::ops::data_check;
use crate::ops::halt::Halt;
use crate::storage::probe::Load;
use crate::ui::OutputArgs;
use crate::view::check::{CheckView, CheckedFrom};
use crate::view::check_page;

const EXAMPLES: &str = "\
Examples:
  # Is the storage of orders good enough for its checkpoints?
  kubectl flink storage check orders

  # Will a claim do for 50 GiB of state, saved every minute?
  kubectl flink storage check claim:shared --state-size 50Gi --interval 1m

  # Is a store fast enough, before anything is deployed to it?
  kubectl flink storage check minio --image flink:2.3.0

  # Does Cassandra meet the consistency level, and how long does a row take from where the job runs?
  kubectl flink storage check rows

  # A page with the pictures, to show around
  kubectl flink storage check orders --html report.html";

/// State whose size nobody tells.
const STATE: u64 = 1 << 30;

/// Arguments of `storage check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// Name of an application, storage profile or data store, claim:NAME, or the URI of a folder on a store
    #[arg(value_name = "STORAGE")]
    target: String,
    /// Size of the state to estimate for; without it that of the newest checkpoint, or 1Gi
    #[arg(long, value_name = "SIZE")]
    state_size: Option<Quantity>,
    /// From one checkpoint to the next; without it the application's
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    interval: Option<Duration>,
    /// Measure for about so long
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    duration: Duration,
    /// Write at most so much, and never more than a quarter of the free space
    #[arg(long, value_name = "SIZE", default_value = "512Mi")]
    bytes: Quantity,
    /// Numbers of streams to compare
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,4,8")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    streams: Vec<u32>,
    /// Small files to make in one folder
    #[arg(long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    files: u32,
    /// Image to measure with; without it the application's
    #[arg(long)]
    image: Option<String>,
    /// Write a page with pictures to this file too
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    html: Option<PathBuf>,
    #[command(flatten)]
    wait: WaitTimeout,
    #[command(flatten)]
    output: OutputArgs,
}

impl CheckArgs {
    /// Refuses what means nothing to a data store.
    fn of_files_alone(&self) -> Result<()> {
        let given = [
            ("--state-size", self.state_size.is_some()),
            ("--interval", self.interval.is_some()),
            ("--html", self.html.is_some()),
        ];
        match given.into_iter().find_map(|(flag, given)| given.then_some(flag)) {
            Some(flag) => Err(Error::usage(format!("{flag} means nothing to a data store"))
                .hint("Leave it out; `-o json` has every figure.")),
            None => Ok(()),
        }
    }
}

/// Measures, and judges.
pub(super) async fn run(ctx: &mut Ctx, args: CheckArgs) -> Result<()> {
    let load = load(&args)?;
    let cluster = ctx.cluster().await?;
    if let Some(store) = data_check::find(&cluster, &args.target).await? {
        let image = args.image.as_deref();
        args.of_files_alone()?;
        return super::data_check::run(ctx, &store, image, load.seconds, &args.output).await;
    }
    let target = check::find(&cluster, &args.target, args.image.as_deref()).await?;
    let operations = [ctx.operation_id()?, ctx.operation_id()?];
    let purpose = Purpose {
        state: args.state_size.map(Quantity::bytes).or(target.state).unwrap_or(STATE),
        interval: args.interval.or(target.interval),
        remote: target.storage.claim().is_none(),
    };
    let patience = args.wait.timeout(check::PATIENCE);
    let opening = patience.map_or(Deadline::NEVER, Deadline::after);
    let checked = measure(ctx, &cluster, &target, operations, &load, opening).await?;
    let pods = checked.pods.into_iter().map(|(pod, node)| CheckedFrom { pod, node });
    let view = CheckView {
        storage: target.name,
        folder: checked.folder,
        pods: pods.collect(),
        encryption: Encryption::of(&target.storage),
        verdicts: verdicts(&checked.measured, &purpose),
        measured: checked.measured,
    };
    if let Some(file) = &args.html {
        write_page(file, &check_page::page(&view, ctx.now())).await?;
        ctx.ui.status(&format!("The page is in {}.", file.display()));
    }
    ctx.show(&view, &args.output)?;
    match view.worst_of_state() {
        Grade::Bad => Err(Error::new(
            Kind::Preflight,
            format!("{} is not fit to keep state on", view.storage),
        )
        .hint("The verdict above says for which use, and why.")),
        _ => Ok(()),
    }
}

/// The first Ctrl-C has the check clean up after itself; the second one leaves at once.
async fn measure(
    ctx: &Ctx,
    cluster: &Cluster,
    target: &Target,
    operations: [OperationId; 2],
    load: &Load,
    opening: Deadline,
) -> Result<Checked> {
    let mut narrator = Narrator::new(&ctx.ui, format!("Checking {}", target.name));
    let (halt, interrupted) = (Halt::default(), ctx.ui.interrupted());
    let mut work = std::pin::pin!(check::run(
        cluster,
        target,
        operations,
        load,
        opening,
        &halt,
        &mut narrator
    ));
    tokio::select! {
        checked = &mut work => checked,
        () = interrupted => {
            ctx.ui.status("cleaning up; Ctrl-C again leaves at once");
            halt.request();
            work.await
        }
    }
}

fn load(args: &CheckArgs) -> Result<Load> {
    let mut streams = args.streams.clone();
    streams.sort_unstable();
    streams.dedup();
    let seconds = args.duration.as_secs();
    if !(5..=600).contains(&seconds) {
        return Err(Error::usage("--duration must be between 5s and 10m"));
    }
    Ok(Load { seconds, bytes: args.bytes.bytes(), streams, files: args.files })
}

async fn write_page(file: &std::path::Path, page: &str) -> Result<()> {
    tokio::fs::write(file, page).await.map_err(|e| {
        Error::usage(format!("cannot write {}", file.display())).caused_by(e).hint("Check --html.")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CheckArgs,
    }

    fn parse(words: &[&str]) -> Result<Load, String> {
        let words = ["check", "orders"].iter().chain(words);
        let line = Line::try_parse_from(words).map_err(|e| e.to_string())?;
        load(&line.args).map_err(|e| e.to_string())
    }

    #[test]
    fn the_load_is_bounded() {
        let load = parse(&["--streams", "8,1,8", "--duration", "60"]).expect("sound");
        assert_eq!((load.seconds, load.streams, load.bytes), (60, vec![1, 8], 512 << 20));
        for bad in
            [["--duration", "1s"], ["--duration", "1h"], ["--streams", "0"], ["--files", "0"]]
        {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }
}
