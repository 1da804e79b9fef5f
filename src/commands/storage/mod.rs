//! `storage`: the claims that hold state, the profiles of stores, and data stores.

mod advise;
mod check;
mod create;
mod data_check;
mod data_store;
mod delete;
mod describe;
mod from_snapshot;
mod list;
mod profile_args;
mod relocate;
mod resize;
mod snapshot;

use clap::{Args, Subcommand};

use crate::context::Ctx;
use crate::error::Result;

/// Arguments of `storage`.
#[derive(Debug, Args)]
pub struct StorageArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Create a claim or a profile of an object store or HDFS for the state of applications, or make a data store known
    Create(Box<create::CreateArgs>),
    /// List the claims that hold state, the storage profiles, and the data stores
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show all that is known of a claim, profile or data store
    Describe(describe::DescribeArgs),
    /// Move the state of an application to another storage, by an upgrade
    Move(relocate::MoveArgs),
    /// Measure whether storage or a data store is consistent, fast and large enough, and judge it for each use
    Check(check::CheckArgs),
    /// Rank the StorageClasses and storage profiles for the state of an application
    Advise(advise::AdviseArgs),
    /// Give a claim more room, while it is in use
    Resize(resize::ResizeArgs),
    /// Take a snapshot of the volume that holds the state (VolumeSnapshot)
    Snapshot(snapshot::SnapshotArgs),
    /// Delete a claim with every checkpoint and savepoint on it, but no volume snapshot of it; or a profile or data store and nothing that is in it
    Delete(delete::DeleteArgs),
}

/// Runs one of the storage verbs.
///
/// # Errors
/// Those of the verb.
pub async fn run(ctx: &mut Ctx, args: StorageArgs) -> Result<()> {
    match args.verb {
        Verb::Create(args) => create::run(ctx, *args).await,
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Describe(args) => describe::run(ctx, args).await,
        Verb::Move(args) => relocate::run(ctx, args).await,
        Verb::Check(args) => check::run(ctx, args).await,
        Verb::Advise(args) => advise::run(ctx, args).await,
        Verb::Resize(args) => resize::run(ctx, args).await,
        Verb::Snapshot(args) => snapshot::run(ctx, args).await,
        Verb::Delete(args) => delete::run(ctx, args).await,
    }
}
