//! What is known of the encryption of state, without asking the store: nothing that a pod can see tells how it is
//! kept.

use serde::Serialize;

use super::profile::Profile;
use super::uri::{Scheme, StoreKind};
use crate::model::storage::StateStorage;

/// Whether something is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody here can tell.
    Unknown,
}

/// Whether state is encrypted at one place, and why that is known, or where it is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Protection {
    /// Whether it is.
    pub encrypted: Known,
    /// Why, in a few words.
    pub why: String,
}

/// Where state is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// On its way to the store.
    pub in_transit: Protection,
    /// Where it is kept.
    pub at_rest: Protection,
}

/// Keys by which TLS is switched off where nothing else says so: of the S3 plugins, and of Hadoop's clients of Azure
/// and OSS. All are on by default.
const TLS_KEYS: [&str; 5] = [
    "s3.connection.ssl.enabled",
    "fs.s3a.connection.ssl.enabled",
    "presto.s3.ssl.enabled",
    "fs.azure.always.use.https",
    "fs.oss.connection.secure.enabled",
];

impl Encryption {
    /// Of this storage.
    pub fn of(storage: &StateStorage) -> Encryption {
        match storage {
            StateStorage::Claim(_) => Encryption {
                in_transit: unknown("as the volume's driver does"),
                at_rest: unknown("as the parameters of its StorageClass say"),
            },
            StateStorage::Remote(remote) => Encryption {
                in_transit: in_transit(&remote.store),
                at_rest: at_rest(&remote.store),
            },
        }
    }
}

fn in_transit(store: &Profile) -> Protection {
    let tls_off = |key: &&str| store.access.config.get(key).is_some_and(|value| value == "false");
    let endpoint = store.access.endpoint.as_deref();
    match store.uri.scheme() {
        Scheme::Hdfs => unknown("as dfs.encrypt.data.transfer of Hadoop's configuration says"),
        Scheme::Abfss | Scheme::Wasbs => yes("TLS"),
        Scheme::Wasb => no("wasb:// is plain HTTP; wasbs:// is not"),
        _ if endpoint.is_some_and(|url| url.starts_with("http://")) => {
            no("the endpoint is plain HTTP")
        }
        _ => match TLS_KEYS.iter().find(|key| tls_off(key)) {
            Some(key) => no(&format!("{key} is false")),
            None => yes("TLS"),
        },
    }
}

fn at_rest(store: &Profile) -> Protection {
    let own_server = store.access.endpoint.is_some();
    match (store.kind(), &store.access.encryption) {
        (StoreKind::S3, Some(asked)) => yes(&format!("the profile asks for {asked}")),
        // "Amazon S3 encrypts new object uploads by default", since January 2023.
        (StoreKind::S3, None) if !own_server => {
            yes("Amazon S3 does so by itself, with its own keys")
        }
        (StoreKind::Azure, _) => yes("Azure Storage does so by itself"),
        (StoreKind::Gcs, _) if !own_server => yes("Google Cloud Storage does so by itself"),
        (StoreKind::Hdfs, _) => unknown("as the folder's encryption zone says"),
        (StoreKind::S3 | StoreKind::Gcs, _) => unknown("as the server does by itself"),
        (StoreKind::Oss, _) => unknown("as the bucket is set"),
    }
}

fn yes(why: &str) -> Protection {
    Protection { encrypted: Known::Yes, why: why.to_owned() }
}

fn no(why: &str) -> Protection {
    Protection { encrypted: Known::No, why: why.to_owned() }
}

fn unknown(why: &str) -> Protection {
    Protection { encrypted: Known::Unknown, why: why.to_owned() }
}

impl Protection {
    /// In a few words: `encrypted (TLS)`.
    pub fn told(&self) -> String {
        let word = match self.encrypted {
            Known::Yes => "encrypted",
            Known::No => "not encrypted",
            Known::Unknown => "not known here",
        };
        format!("{word} ({})", self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::model::storage::{AccessMode, ClaimStorage, RemoteStorage};
    use crate::model::store::Access;

    fn found(uri: &str, access: Access) -> Result<(Known, Known)> {
        let store = Profile { access, ..Profile::ambient(uri.parse()?) };
        let remote = RemoteStorage { profile: None, store };
        let Encryption { in_transit, at_rest } =
            Encryption::of(&StateStorage::Remote(Box::new(remote)));
        Ok((in_transit.encrypted, at_rest.encrypted))
    }

    fn at(endpoint: &str) -> Access {
        Access { endpoint: Some(endpoint.to_owned()), ..Access::default() }
    }

    #[test]
    fn plain_http_is_told_from_tls() -> Result<()> {
        use Known::{No, Unknown, Yes};
        let plain = || Access::default();
        for (uri, access, expected) in [
            ("s3://b/f", plain(), (Yes, Yes)),
            ("s3://b/f", at("http://minio:9000"), (No, Unknown)),
            ("s3://b/f", at("https://minio:9000"), (Yes, Unknown)),
            ("gs://b/f", plain(), (Yes, Yes)),
            ("gs://b/f", at("http://fake:4443"), (No, Unknown)),
            ("oss://b/f", at("oss-eu-central-1.aliyuncs.com"), (Yes, Unknown)),
            ("abfs://c@a.dfs.core.windows.net/f", plain(), (Yes, Yes)),
            ("wasb://c@a.blob.core.windows.net/f", plain(), (No, Yes)),
            ("wasbs://c@a.blob.core.windows.net/f", plain(), (Yes, Yes)),
            ("hdfs://namenode/f", plain(), (Unknown, Unknown)),
        ] {
            let told = format!("{uri} {access:?}");
            assert_eq!(found(uri, access)?, expected, "{told}");
        }
        Ok(())
    }

    #[test]
    fn what_the_profile_asks_for_counts() -> Result<()> {
        let encrypted = Access { encryption: Some("sse-kms:k".into()), ..at("http://minio:9000") };
        assert_eq!(found("s3://b/f", encrypted)?, (Known::No, Known::Yes));
        let mut switched_off = Access::default();
        switched_off.config.set("presto.s3.ssl.enabled", "false");
        assert_eq!(found("s3://b/f", switched_off)?, (Known::No, Known::Yes));
        let claim =
            ClaimStorage { claim: "c".into(), path: String::new(), access: AccessMode::Rwo };
        let found = Encryption::of(&StateStorage::Claim(claim));
        assert!(found.at_rest.told().starts_with("not known here (as the parameters"), "{found:?}");
        Ok(())
    }
}
