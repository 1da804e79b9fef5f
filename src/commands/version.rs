//! `version`: which plugin, which cluster.

use clap::Args;

use crate::cluster::retry;
use crate::context::Ctx;
use crate::error::Result;
use crate::ui::OutputArgs;
use crate::view::version::{ClientView, ServerView, VersionView};

const EXAMPLES: &str = "\
Examples:
  # The plugin's version and the API server's
  kubectl flink version

  # The plugin's version alone, without a cluster
  kubectl flink version --client -o json";

/// Arguments of `version`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VersionArgs {
    /// Print the plugin's version only, without asking a cluster
    #[arg(long)]
    client: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the versions.
///
/// # Errors
/// When the cluster cannot be asked; the plugin's own version is printed all the same.
pub async fn run(ctx: &mut Ctx, args: VersionArgs) -> Result<()> {
    let client_version = ClientView {
        version: env!("CARGO_PKG_VERSION"),
        platform: platform(),
        flink_versions: "1.17 to 2.3",
    };
    let server = if args.client { Ok(None) } else { ask(ctx).await.map(Some) };
    let (server_version, failure) = match server {
        Ok(server) => (server, None),
        Err(error) => (None, Some(error)),
    };
    ctx.show(&VersionView { client_version, server_version }, &args.output)?;
    failure.map_or(Ok(()), Err)
}

/// Operating system and architecture by the names that Kubernetes and krew use.
fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}/{architecture}")
}

async fn ask(ctx: &mut Ctx) -> Result<ServerView> {
    let cluster = ctx.cluster().await?;
    let info = retry::idempotent(&cluster, "read the API server's version", || {
        cluster.client().apiserver_version()
    })
    .await?;
    Ok(ServerView { git_version: info.git_version, platform: info.platform })
}
