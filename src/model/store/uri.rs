//! The URI of a folder on a store, and the kinds of store there are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A kind of store that Flink keeps checkpoints on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// Amazon S3, and what speaks its protocol.
    S3,
    /// Azure Blob Storage and Data Lake Storage.
    Azure,
    /// Google Cloud Storage.
    Gcs,
    /// Alibaba Cloud Object Storage Service.
    Oss,
    /// The Hadoop Distributed File System.
    Hdfs,
}

impl StoreKind {
    /// All of them.
    pub const ALL: [StoreKind; 5] =
        [StoreKind::S3, StoreKind::Azure, StoreKind::Gcs, StoreKind::Oss, StoreKind::Hdfs];

    /// As `--type` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreKind::S3 => "s3",
            StoreKind::Azure => "azure",
            StoreKind::Gcs => "gcs",
            StoreKind::Oss => "oss",
            StoreKind::Hdfs => "hdfs",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            StoreKind::S3 => "S3",
            StoreKind::Azure => "Azure storage",
            StoreKind::Gcs => "Google Cloud Storage",
            StoreKind::Oss => "Alibaba OSS",
            StoreKind::Hdfs => "HDFS",
        }
    }

    /// A URI of this kind, to be shown.
    pub fn example(self) -> &'static str {
        match self {
            StoreKind::S3 => "s3://bucket/flink",
            StoreKind::Azure => "abfss://container@account.dfs.core.windows.net/flink",
            StoreKind::Gcs => "gs://bucket/flink",
            StoreKind::Oss => "oss://bucket/flink",
            StoreKind::Hdfs => "hdfs://namenode:8020/flink",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scheme of a URI, which chooses Flink's file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Any of the S3 plugins.
    S3,
    /// S3 by flink-s3-fs-hadoop.
    S3a,
    /// S3 by flink-s3-fs-presto.
    S3p,
    /// Azure Data Lake Storage, plain.
    Abfs,
    /// Azure Data Lake Storage over TLS.
    Abfss,
    /// Azure Blob Storage, plain.
    Wasb,
    /// Azure Blob Storage over TLS.
    Wasbs,
    /// Google Cloud Storage.
    Gs,
    /// Alibaba OSS.
    Oss,
    /// HDFS.
    Hdfs,
}

/// Each scheme, its name and its store.
const SCHEMES: [(Scheme, &str, StoreKind); 10] = [
    (Scheme::S3, "s3", StoreKind::S3),
    (Scheme::S3a, "s3a", StoreKind::S3),
    (Scheme::S3p, "s3p", StoreKind::S3),
    (Scheme::Abfs, "abfs", StoreKind::Azure),
    (Scheme::Abfss, "abfss", StoreKind::Azure),
    (Scheme::Wasb, "wasb", StoreKind::Azure),
    (Scheme::Wasbs, "wasbs", StoreKind::Azure),
    (Scheme::Gs, "gs", StoreKind::Gcs),
    (Scheme::Oss, "oss", StoreKind::Oss),
    (Scheme::Hdfs, "hdfs", StoreKind::Hdfs),
];

impl Scheme {
    /// As it stands before `://`.
    pub fn as_str(self) -> &'static str {
        SCHEMES.iter().find(|(scheme, _, _)| *scheme == self).map_or("", |(_, name, _)| name)
    }

    /// The scheme of `uri`, if it is that of a store.
    pub fn of(uri: &str) -> Option<Scheme> {
        let (name, _) = uri.split_once("://")?;
        SCHEMES.iter().find(|(_, known, _)| *known == name).map(|(scheme, _, _)| *scheme)
    }

    /// The store behind it.
    pub fn kind(self) -> StoreKind {
        SCHEMES
            .iter()
            .find(|(scheme, _, _)| *scheme == self)
            .map_or(StoreKind::S3, |(_, _, kind)| *kind)
    }
}

/// The URI of a folder on a store, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreUri {
    text: String,
    scheme: Scheme,
}

impl StoreUri {
    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The store.
    pub fn kind(&self) -> StoreKind {
        self.scheme.kind()
    }

    /// What stands between `://` and the next slash: a bucket, `container@account…`, or a host and port.
    pub fn authority(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Whether `uri` is this folder or lies in it.
    pub fn holds(&self, uri: &str) -> bool {
        uri.strip_prefix(&self.text).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for StoreUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<StoreUri> for String {
    fn from(uri: StoreUri) -> String {
        uri.text
    }
}

impl TryFrom<String> for StoreUri {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl FromStr for StoreUri {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str, example: &str| {
            Error::usage(format!("storage {text:?}: {why}"))
                .hint(format!("Write a URI such as {example}."))
        };
        let Some(scheme) = Scheme::of(text) else { return Err(unknown(text)) };
        let example = scheme.kind().example();
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |part: &str, more: &[u8]| {
            part.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b) || more.contains(&b))
        };
        if authority.is_empty() {
            return Err(wrong("it names no bucket, container or host", example));
        }
        if authority.contains(':') && scheme != Scheme::Hdfs {
            // Not printed: it may be a password.
            return Err(Error::usage(format!(
                "storage {}://…: a port or a password does not belong into the URI",
                scheme.as_str()
            ))
            .hint("The address of the server is given to `storage create` with --endpoint, and what is secret with --secret."));
        }
        let azure = scheme.kind() == StoreKind::Azure;
        if azure && !authority.split_once('@').is_some_and(|(c, a)| !c.is_empty() && !a.is_empty())
        {
            return Err(wrong("it names no container and account", example));
        }
        if !plain(authority, if azure { b"@" } else { b":" }) {
            return Err(wrong(
                &format!("{authority:?} is no name of a bucket, container or host"),
                example,
            ));
        }
        let path = path.trim_end_matches('/');
        let part_fits =
            |part: &str| !part.is_empty() && part != "." && part != ".." && plain(part, b"=+");
        if !path.is_empty() && !path.split('/').all(part_fits) {
            return Err(wrong(
                "the path may hold letters, digits and -._~=+ between single slashes",
                example,
            ));
        }
        let text = text.trim_end_matches('/').to_owned();
        Ok(StoreUri { text, scheme })
    }
}

/// Why state does not go to another scheme.
fn unknown(text: &str) -> Error {
    let scheme = text.split_once("://").map_or(text, |(scheme, _)| scheme);
    let use_instead =
        "Keep state on a claim (pvc:SIZE), S3, Azure, Google Cloud Storage, OSS or HDFS.";
    let refuse = |why: &str| Error::usage(format!("storage {text:?}: {why}")).hint(use_instead);
    match scheme {
        "cassandra" | "hbase" => refuse(&format!(
            "{scheme} holds the rows that a job reads and writes; Flink has no file system on it, and a checkpoint consists of files"
        )),
        "swift" => refuse(
            "OpenStack Swift lists and overwrites with a delay, so that a restore could find an old checkpoint or none; Flink dropped its plugin in 1.15",
        ),
        "http" | "https" | "ftp" => refuse("Flink cannot write checkpoints there"),
        "file" => Error::usage(format!("storage {text:?}: a path in a container is gone with it"))
            .hint("Name the volume: pvc:SIZE for a new claim, or claim:NAME for one that exists."),
        _ => refuse(&format!("{scheme}: is not a scheme whose consistency and plugin are known"))
            .hint("If your image has a plugin for it, set the directories yourself with --set state.checkpoints.dir=… and --set state.savepoints.dir=…."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> StoreUri {
        text.parse().expect(text)
    }

    #[test]
    fn reads_what_flink_reads() {
        for kind in StoreKind::ALL {
            assert_eq!(uri(kind.example()).kind(), kind);
        }
        assert_eq!(uri("s3://bucket/a/b/").as_str(), "s3://bucket/a/b");
        assert_eq!(uri("s3://bucket/").as_str(), "s3://bucket");
        assert_eq!(
            uri("wasb://state@devstoreaccount1/flink").authority(),
            "state@devstoreaccount1"
        );
        assert_eq!(uri("hdfs://namenode.shop:8020/flink").authority(), "namenode.shop:8020");
        assert_eq!(uri("hdfs://nameservice").authority(), "nameservice");
    }

    #[test]
    fn a_folder_holds_what_is_in_it() {
        let base = uri("s3://bucket/flink");
        assert!(base.holds("s3://bucket/flink") && base.holds("s3://bucket/flink/shop"));
        assert!(!base.holds("s3://bucket/flink-2") && !base.holds("gs://bucket/flink"));
    }

    #[test]
    fn refuses_with_reason_and_alternative() {
        for (text, reason) in [
            ("s3://", "names no bucket"),
            ("s3:///flink", "names no bucket"),
            ("s3://key:secret@bucket/flink", "storage s3://…: a port or a password"),
            ("s3://bucket:9000/flink", "a port"),
            ("s3://bucket/../other", "the path may hold"),
            ("s3://bucket//flink", "the path may hold"),
            ("s3://buc ket/flink", "no name of a bucket"),
            ("abfss://account.dfs.core.windows.net/flink", "no container and account"),
            ("cassandra://hosts/keyspace", "holds the rows"),
            ("hbase://table", "holds the rows"),
            ("swift://container.host/a", "with a delay"),
            ("https://example.com/state", "cannot write"),
            ("file:///tmp/state", "gone with it"),
            ("minio://bucket/a", "not a scheme whose consistency"),
        ] {
            let error = text.parse::<StoreUri>().expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(!error.hints().is_empty(), "{text}");
        }
    }
}
