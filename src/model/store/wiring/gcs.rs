//! Google Cloud Storage.

use super::{Wiring, variable};
use crate::model::store::profile::Profile;

pub(super) fn wire(wiring: &mut Wiring, store: &Profile) {
    wiring.plugins.push("flink-gs-fs-hadoop");
    if let Some(path) = wiring.secret_files(store) {
        let file = format!("{path}/key.json");
        wiring.env.push(variable("GOOGLE_APPLICATION_CREDENTIALS", &file));
    }
    if let Some(endpoint) = &store.access.endpoint {
        // Hadoop's connector and Google's client, both of which the plugin uses.
        wiring.set("fs.gs.storage.root.url", endpoint);
        wiring.set("gs.storage.root.url", endpoint);
    }
}
