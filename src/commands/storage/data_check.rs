//! `storage check` of a data store: are its rows seen at once, and how long does one take?

use crate::commands::narrate::Narrator;
use crate::context::Ctx;
use crate::error::{Error, Kind, Result};
use crate::model::check::Grade;
use crate::model::data::{Binding, DataKind, data_verdicts};
use crate::model::flink_version::FlinkVersion;
use crate::ops::data_check::{self, Checked};
use crate::ops::halt::Halt;
use crate::ui::OutputArgs;
use crate::view::check::CheckedFrom;
use crate::view::data_check::DataCheckView;

/// Measures for about so many `seconds`, and judges.
pub(super) async fn run(
    ctx: &mut Ctx,
    binding: &Binding,
    image: Option<&str>,
    seconds: u64,
    output: &OutputArgs,
) -> Result<()> {
    let image = image.map_or_else(|| FlinkVersion::default().default_image(), str::to_owned);
    let Checked { measured, pod: (pod, node), table } =
        measure(ctx, binding, &image, seconds).await?;
    let store = &binding.store;
    let view = DataCheckView {
        data_store: binding.name.clone(),
        uri: store.uri.to_string(),
        consistency: (store.kind() == DataKind::Cassandra).then(|| store.level().to_string()),
        table,
        pod: CheckedFrom { pod, node },
        verdicts: data_verdicts(&measured, store),
        measured,
    };
    ctx.show(&view, output)?;
    match view.worst() {
        Grade::Bad => Err(Error::new(
            Kind::Preflight,
            format!("data store {} does not serve a job as it is", view.data_store),
        )
        .hint("The verdict above says for which use, and why.")
        .hint("Cassandra's user needs CREATE on the keyspace for this check, HBase's C on the namespace: it makes a table of its own and drops it.")),
        _ => Ok(()),
    }
}

/// The first Ctrl-C has the check clean up after itself; the second one leaves at once.
async fn measure(ctx: &mut Ctx, binding: &Binding, image: &str, seconds: u64) -> Result<Checked> {
    let cluster = ctx.cluster().await?;
    let operation = ctx.operation_id()?;
    let mut narrator = Narrator::new(&ctx.ui, format!("Checking data store {}", binding.name));
    let (halt, interrupted) = (Halt::default(), ctx.ui.interrupted());
    let work = data_check::run(&cluster, binding, image, operation, seconds, &halt, &mut narrator);
    let mut work = std::pin::pin!(work);
    tokio::select! {
        checked = &mut work => checked,
        () = interrupted => {
            ctx.ui.status("cleaning up; Ctrl-C again leaves at once");
            halt.request();
            work.await
        }
    }
}
