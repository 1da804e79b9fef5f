//! The address of a data store.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The kinds of data stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataKind {
    /// Apache Cassandra, and what speaks its protocol.
    Cassandra,
    /// Apache HBase.
    Hbase,
}

impl DataKind {
    /// All of them.
    pub const ALL: [DataKind; 2] = [DataKind::Cassandra, DataKind::Hbase];

    /// The name in `--type`, and the scheme of its URIs.
    pub fn as_str(self) -> &'static str {
        match self {
            DataKind::Cassandra => "cassandra",
            DataKind::Hbase => "hbase",
        }
    }

    /// Its name, for people.
    pub fn title(self) -> &'static str {
        match self {
            DataKind::Cassandra => "Cassandra",
            DataKind::Hbase => "HBase",
        }
    }

    /// A URI to show how one looks.
    pub fn example(self) -> &'static str {
        match self {
            DataKind::Cassandra => "cassandra://node1,node2:9042/shop",
            DataKind::Hbase => "hbase://zookeeper1,zookeeper2:2181/shop",
        }
    }

    /// The kind that `--type` or the scheme of a URI names.
    pub fn named(name: &str) -> Option<DataKind> {
        DataKind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The kind of store that a URI is about.
    pub fn of(uri: &str) -> Option<DataKind> {
        uri.split_once("://").and_then(|(scheme, _)| DataKind::named(scheme))
    }

    /// The port that a host without one has: CQL's, or that of ZooKeeper's clients.
    fn port(self) -> u16 {
        match self {
            DataKind::Cassandra => 9042,
            DataKind::Hbase => 2181,
        }
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `cassandra://HOST[:PORT],…/KEYSPACE`, or `hbase://HOST[:PORT],…[/NAMESPACE[:TABLE]]` with the hosts of ZooKeeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DataUri {
    text: String,
    kind: DataKind,
    hosts: Vec<String>,
    space: String,
    table: Option<String>,
}

impl DataUri {
    /// The kind of store.
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// Whom a client asks first, each with a port: Cassandra's contact points, or HBase's ZooKeeper quorum.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Cassandra's keyspace, or HBase's namespace.
    pub fn space(&self) -> &str {
        &self.space
    }

    /// HBase's table, where the URI names one.
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }
}

impl fmt::Display for DataUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<DataUri> for String {
    fn from(uri: DataUri) -> String {
        uri.text
    }
}

impl TryFrom<String> for DataUri {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl FromStr for DataUri {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let Some(kind) = DataKind::of(text) else {
            return Err(Error::usage(format!("{text:?} is not the URI of a data store"))
                .hint("Write cassandra://HOST,…/KEYSPACE or hbase://ZOOKEEPER,…/NAMESPACE."));
        };
        // What stands before an @ may be a password.
        if text.contains('@') {
            return Err(Error::usage(format!(
                "{kind}://…: a password does not belong into the URI"
            ))
            .hint("What is secret is given to `storage create` with --secret or --from-file."));
        }
        let wrong = |why: String| {
            Error::usage(format!("data store {text:?}: {why}"))
                .hint(format!("Write a URI such as {}.", kind.example()))
        };
        let rest = text.split_once("://").map_or("", |(_, rest)| rest).trim_end_matches('/');
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts = hosts.split(',').map(|host| with_port(host, kind)).collect::<Option<Vec<_>>>();
        let hosts =
            hosts.ok_or_else(|| wrong("it names no hosts, or one that is none".to_owned()))?;
        let (space, table) = match (kind, path.split_once(':')) {
            (DataKind::Cassandra, None) if path.is_empty() => {
                return Err(wrong("it names no keyspace".to_owned()));
            }
            (DataKind::Hbase, None) if path.is_empty() => ("default", None),
            (DataKind::Hbase, Some((space, table))) => (space, Some(table)),
            (_, None) => (path, None),
            (DataKind::Cassandra, Some(_)) => {
                return Err(wrong(format!("{path:?} is no keyspace")));
            }
        };
        let word = |text: &str, more: &[u8]| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || more.contains(&b))
        };
        if !word(space, &[]) {
            let what = if kind == DataKind::Cassandra { "keyspace" } else { "namespace" };
            return Err(wrong(format!("{space:?} is no {what}")));
        }
        if let Some(table) = table.filter(|table| !word(table, b"-.")) {
            return Err(wrong(format!("{table:?} is no table")));
        }
        Ok(DataUri {
            text: format!("{kind}://{rest}"),
            kind,
            hosts,
            space: space.to_owned(),
            table: table.map(str::to_owned),
        })
    }
}

fn with_port(host: &str, kind: DataKind) -> Option<String> {
    let (name, port) = match host.split_once(':') {
        Some((name, port)) => (name, port.parse().ok()?),
        None => (host, kind.port()),
    };
    let is_name = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    (is_name && port > 0).then(|| format!("{name}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() -> Result<()> {
        let uri: DataUri = "cassandra://a,b.shop:9043/orders/".parse()?;
        assert_eq!(uri.hosts(), ["a:9042", "b.shop:9043"]);
        assert_eq!((uri.space(), uri.table(), uri.kind()), ("orders", None, DataKind::Cassandra));
        assert_eq!(uri.to_string(), "cassandra://a,b.shop:9043/orders");
        let uri: DataUri = "hbase://z1/shop:orders.v-2".parse()?;
        assert_eq!((uri.space(), uri.table()), ("shop", Some("orders.v-2")));
        let uri: DataUri = "hbase://10.0.0.1:2181".parse()?;
        assert_eq!((uri.space(), uri.table()), ("default", None));
        for kind in DataKind::ALL {
            assert_eq!(kind.example().parse::<DataUri>()?.kind(), kind);
        }
        Ok(())
    }

    #[test]
    fn refuses_with_a_reason_and_shows_no_password() {
        for (text, reason) in [
            ("mysql://host/db", "not the URI of a data store"),
            ("cassandra://host", "names no keyspace"),
            ("cassandra:///shop", "names no hosts"),
            ("cassandra://a,,b/shop", "names no hosts"),
            ("cassandra://a:99999/shop", "names no hosts"),
            ("cassandra://a/shop:orders", "is no keyspace"),
            ("cassandra://a/my-shop", "is no keyspace"),
            ("hbase://z/shop:a b", "is no table"),
            ("hbase://z/a/b", "is no namespace"),
            ("cassandra://me:hunter2@a/shop", "a password"),
        ] {
            let error = text.parse::<DataUri>().expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(!error.to_string().contains("hunter2") && !error.hints().is_empty(), "{text}");
        }
    }
}
