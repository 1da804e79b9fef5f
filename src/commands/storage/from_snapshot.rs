//! `storage create --from-snapshot`: a claim that has the content of a volume snapshot.

use kube::ResourceExt;

use super::create::{self, CreateArgs};
use crate::context::Ctx;
use crate::error::{Error, Result};
use crate::model::labels;
use crate::model::storage::{NewClaim, StorageSpec};
use crate::ops::from_volume_snapshot::{claim, find, fits};
use crate::ops::new_claim::{self, Request};
use crate::ops::permissions;

/// Creates a claim from the volume snapshot `from`.
pub(super) async fn run(ctx: &mut Ctx, args: &CreateArgs, from: &str) -> Result<()> {
    let asked = asked(args)?;
    let cluster = ctx.cluster().await?;
    let snapshot = find(&cluster, from).await?;
    let copy = claim(&cluster, &snapshot, asked).await?;
    let class = new_claim::check(&cluster, &copy.new).await?;
    fits(&cluster, &snapshot, class.as_ref()).await?;
    let application = snapshot.labels().get(labels::APPLICATION);
    let next = match application {
        Some(name) => format!(
            "Bring the application back with `kubectl flink restore {name} --storage claim:{}`.",
            args.name
        ),
        None => format!(
            "Bring an application back with `kubectl flink restore NAME --storage claim:{}`.",
            args.name
        ),
    };
    if args.dry_run.by().is_none() {
        permissions::verb(&cluster, "storage-create-from-snapshot").await?;
    }
    let operation = ctx.operation_id()?;
    let request = Request {
        name: &args.name,
        new: &copy.new,
        from: Some(from),
        image: copy.image.as_deref(),
        operation: &operation,
    };
    create::claim(ctx, args, request, class, &next).await
}

/// The claim that STORAGE asks for, where it is given.
fn asked(args: &CreateArgs) -> Result<Option<NewClaim>> {
    if args.kind.as_deref().is_some_and(|kind| kind != "pvc") {
        return Err(Error::usage("--from-snapshot makes a claim, and --type says something else")
            .hint("Leave --type out."));
    }
    match args.storage.as_deref().map(str::parse).transpose()? {
        None => Ok(None),
        Some(StorageSpec::NewClaim(new)) => Ok(Some(new)),
        Some(other) => Err(Error::usage(format!("--from-snapshot makes a claim, and {:?} is none", other.to_string()))
            .hint("Give pvc:SIZE[,class=NAME][,access=rwo|rwx], or leave STORAGE out: then it is like the claim that the snapshot is of.")),
    }
}
