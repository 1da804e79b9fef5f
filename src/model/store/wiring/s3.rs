//! S3, by any of its three plugins.

use super::{Wiring, variable};
use crate::model::store::profile::{Profile, S3Plugin};

pub(super) fn wire(wiring: &mut Wiring, store: &Profile) {
    let plugin = store.s3_plugin();
    let access = &store.access;
    wiring.plugins.push(plugin.jar());
    // All three plugins ask the AWS SDK's default chain, which begins with these, when no key is configured.
    wiring.secret(store, "AWS_ACCESS_KEY_ID", false);
    wiring.secret(store, "AWS_SECRET_ACCESS_KEY", false);
    wiring.secret(store, "AWS_SESSION_TOKEN", true);
    if let Some(endpoint) = &access.endpoint {
        wiring.set("s3.endpoint", endpoint);
        if plugin == S3Plugin::Presto && endpoint.starts_with("http://") {
            wiring.set("s3.ssl.enabled", "false");
        }
    }
    if access.path_style.unwrap_or(access.endpoint.is_some()) {
        wiring.set("s3.path.style.access", "true");
    }
    if let Some(region) = &access.region {
        wiring.env.push(variable("AWS_REGION", region));
        match plugin {
            S3Plugin::Presto => {}
            S3Plugin::Hadoop => wiring.set("s3.endpoint.region", region),
            S3Plugin::Native => wiring.set("s3.region", region),
        }
    }
    if plugin == S3Plugin::Hadoop {
        // S3A would delete the markers of all parent folders after each file, and some servers refuse to: the job
        // stalls in retries. With `keep` it leaves them, which every Hadoop since 3.3.1 reads.
        wiring.set("s3.directory.marker.retention", "keep");
    }
    if let Some(encryption) = &access.encryption {
        encrypt(wiring, plugin, encryption);
    }
}

/// `sse-s3`, `sse-kms` or `sse-kms:KEY`.
fn encrypt(wiring: &mut Wiring, plugin: S3Plugin, text: &str) {
    let (how, key) = text.split_once(':').map_or((text, None), |(how, key)| (how, Some(key)));
    let kms = how == "sse-kms";
    match plugin {
        S3Plugin::Presto => {
            wiring.set("s3.sse.enabled", "true");
            wiring.set("s3.sse.type", if kms { "KMS" } else { "S3" });
            key.into_iter().for_each(|key| wiring.set("s3.sse.kms-key-id", key));
        }
        S3Plugin::Hadoop => {
            let algorithm = if kms { "SSE-KMS" } else { "AES256" };
            wiring.set("s3.encryption.algorithm", algorithm);
            key.into_iter().for_each(|key| wiring.set("s3.encryption.key", key));
        }
        S3Plugin::Native => {
            wiring.set("s3.sse.type", how);
            key.into_iter().for_each(|key| wiring.set("s3.sse.kms.key-id", key));
        }
    }
}
