//! `version`: which plugin, which cluster.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::cluster::retry;
use crate::context::Ctx;
use crate::error::Result;
use crate::ui::OutputArgs;
use crate::ui::{Text, View};

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

/// The versions on both ends.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    client_version: Client,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_version: Option<Server>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    version: &'static str,
    platform: String,
    /// Flink versions whose options and REST interface this plugin knows.
    flink_versions: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    git_version: String,
    platform: String,
}

/// Prints the versions.
///
/// # Errors
/// When the cluster cannot be asked; the plugin's own version is printed all the same.
pub async fn run(ctx: &mut Ctx, args: VersionArgs) -> Result<()> {
    let client_version = Client {
        version: env!("CARGO_PKG_VERSION"),
        platform: platform(),
        flink_versions: "1.17 to 2.3",
    };
    let server = if args.client { Ok(None) } else { ask(ctx).await.map(Some) };
    let (server_version, failure) = match server {
        Ok(server) => (server, None),
        Err(error) => (None, Some(error)),
    };
    ctx.show(&Versions { client_version, server_version }, &args.output)?;
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

async fn ask(ctx: &mut Ctx) -> Result<Server> {
    let cluster = ctx.cluster().await?;
    let info = retry::idempotent(&cluster, "read the API server's version", || {
        cluster.client().apiserver_version()
    })
    .await?;
    Ok(Server { git_version: info.git_version, platform: info.platform })
}

impl View for Versions {
    fn text(&self, wide: bool, _now: Timestamp) -> Text {
        let client = &self.client_version;
        let mut text = Text::new().plain(&format!("Client Version: v{}\n", client.version));
        if wide {
            text = text.plain(&format!("Client Platform: {}\n", client.platform));
        }
        text = text.plain(&format!("Flink Versions: {}\n", client.flink_versions));
        if let Some(server) = &self.server_version {
            text = text.plain(&format!("Server Version: {}\n", server.git_version));
            if wide {
                text = text.plain(&format!("Server Platform: {}\n", server.platform));
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![format!("version/v{}", self.client_version.version)]
    }
}
