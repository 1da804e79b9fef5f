//! The versions on both ends.

use jiff::Timestamp;
use serde::Serialize;

use crate::ui::{Text, View};

/// The versions of the plugin and of the API server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// The plugin.
    pub client_version: ClientView,
    /// The API server; absent with `--client`, and when it cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_version: Option<ServerView>,
}

/// The plugin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientView {
    /// Its version, without a leading `v`.
    pub version: &'static str,
    /// What it was built for, as `os/architecture` in the names of Kubernetes and krew.
    pub platform: String,
    /// Flink versions whose options and REST interface it knows.
    pub flink_versions: &'static str,
}

/// The API server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerView {
    /// Its version, with a leading `v`.
    pub git_version: String,
    /// What it runs on, as `os/architecture`.
    pub platform: String,
}

impl View for VersionView {
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
