//! Google Cloud Storage.

use super::{Wiring, variable};
use crate::model::store::profile::{Credentials, Profile};

pub(super) fn wire(wiring: &mut Wiring, store: &Profile) {
    wiring.plugins.push("flink-gs-fs-hadoop");
    // Google's connector takes 64 MiB of memory for each file that is being written, and the agent writes several.
    wiring.agent_config.set("fs.gs.outputstream.upload.chunk.size", "1048576");
    if let Some(path) = wiring.secret_files(store) {
        let file = format!("{path}/key.json");
        wiring.env.push(variable("GOOGLE_APPLICATION_CREDENTIALS", &file));
    }
    if let Some(endpoint) = &store.access.endpoint {
        // Hadoop's connector and Google's client, both of which the plugin uses.
        wiring.set("fs.gs.storage.root.url", endpoint);
        wiring.set("gs.storage.root.url", endpoint);
        // Google's own servers speak TLS alone. An emulator knows no accounts, and nobody is to look for one: not the
        // connector for Hadoop, and not Google's client, which would ask the network for the node's.
        if endpoint.starts_with("http://") && store.credentials == Credentials::Ambient {
            wiring.set("fs.gs.auth.null.enable", "true");
            wiring.set("fs.gs.auth.service.account.enable", "false");
            wiring.env.push(variable("NO_GCE_CHECK", "true"));
        }
    }
}
