//! Alibaba Cloud Object Storage Service.

use super::Wiring;
use crate::model::store::profile::{Credentials, Profile};

pub(super) fn wire(wiring: &mut Wiring, store: &Profile) {
    wiring.plugins.push("flink-oss-fs-hadoop");
    if let Some(endpoint) = &store.access.endpoint {
        wiring.set("fs.oss.endpoint", endpoint);
    }
    if matches!(store.credentials, Credentials::Secret(_)) {
        wiring.secret(store, "OSS_ACCESS_KEY_ID", false);
        wiring.secret(store, "OSS_ACCESS_KEY_SECRET", false);
        // Not by a provider that reads the environment: Flink's plugin looks for its class where Flink 1.x had moved it,
        // and finds none (1.20 and 2.3).
        wiring.secret_config.push(("fs.oss.accessKeyId".to_owned(), "OSS_ACCESS_KEY_ID"));
        wiring.secret_config.push(("fs.oss.accessKeySecret".to_owned(), "OSS_ACCESS_KEY_SECRET"));
    }
}
