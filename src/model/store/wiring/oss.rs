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
        wiring.set(
            "fs.oss.credentials.provider",
            "com.aliyun.oss.common.auth.EnvironmentVariableCredentialsProvider",
        );
    }
}
