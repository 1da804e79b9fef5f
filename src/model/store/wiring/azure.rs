//! Azure Blob Storage (`wasb`, `wasbs`) and Data Lake Storage (`abfs`, `abfss`).

use super::Wiring;
use crate::model::store::profile::{Credentials, Profile};
use crate::model::store::uri::Scheme;

/// Azurite's account, whose host name is no host of Azure's.
const EMULATOR: &str = "devstoreaccount1";
const KEY: &str = "AZURE_STORAGE_KEY";

pub(super) fn wire(wiring: &mut Wiring, store: &Profile) {
    wiring.plugins.push("flink-azure-fs-hadoop");
    // `container@account.blob.core.windows.net`, or the emulator's `container@devstoreaccount1`.
    let host = store.uri.authority().split_once('@').map_or("", |(_, host)| host);
    if host == EMULATOR {
        wiring.set("fs.azure.storage.emulator.account.name", EMULATOR);
        return;
    }
    if !matches!(store.credentials, Credentials::Secret(_)) {
        return;
    }
    wiring.secret(store, KEY, false);
    match store.uri.scheme() {
        // Flink's own class, which reads that variable.
        Scheme::Wasb | Scheme::Wasbs => wiring.set(
            &format!("fs.azure.account.keyprovider.{host}"),
            "org.apache.flink.fs.azurefs.EnvironmentVariableKeyProvider",
        ),
        // It is a provider for `wasb` only (Hadoop has one interface for each scheme).
        _ => wiring.secret_config.push((format!("fs.azure.account.key.{host}"), KEY)),
    }
}
