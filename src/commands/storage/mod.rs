//! `storage`: the claims that hold state.

mod create;
mod delete;
mod describe;
mod list;

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
    /// Create a claim for the state of applications to come
    Create(create::CreateArgs),
    /// List the claims that hold state
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show all that is known of a claim
    Describe(describe::DescribeArgs),
    /// Delete a claim and every snapshot on it
    Delete(delete::DeleteArgs),
}

/// Runs one of the storage verbs.
///
/// # Errors
/// Those of the verb.
pub async fn run(ctx: &mut Ctx, args: StorageArgs) -> Result<()> {
    match args.verb {
        Verb::Create(args) => create::run(ctx, args).await,
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Describe(args) => describe::run(ctx, args).await,
        Verb::Delete(args) => delete::run(ctx, args).await,
    }
}
