//! All that is needed to reach a data store, without anything secret.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::uri::{DataKind, DataUri};
use crate::error::{Error, Result};
use crate::yaml;

/// A data store as its ConfigMap describes it, and each revision that is bound to it records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataStore {
    /// Hosts, and keyspace or namespace.
    pub uri: DataUri,
    /// How many replicas answer for a read or a write. Cassandra's alone: HBase has one region server for each row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// The datacenter whose nodes a client of Cassandra talks to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_datacenter: Option<String>,
    /// Whether, and trusting whom, connections to Cassandra are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// HBase's folder in ZooKeeper; `/hbase` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub znode_parent: Option<String>,
    /// Further settings of the client: keys of the driver's configuration, or of `hbase-site.xml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The Secret with the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Cassandra's consistency levels that reads and writes both have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Consistency {
    /// One replica.
    One,
    /// Two replicas.
    Two,
    /// Three replicas.
    Three,
    /// More than half of the replicas of all datacenters.
    Quorum,
    /// Every replica.
    All,
    /// More than half of those in the local datacenter.
    #[default]
    LocalQuorum,
    /// One replica in the local datacenter.
    LocalOne,
}

impl Consistency {
    /// Each level and its name.
    const ALL: [(Consistency, &'static str); 7] = [
        (Consistency::One, "ONE"),
        (Consistency::Two, "TWO"),
        (Consistency::Three, "THREE"),
        (Consistency::Quorum, "QUORUM"),
        (Consistency::All, "ALL"),
        (Consistency::LocalQuorum, "LOCAL_QUORUM"),
        (Consistency::LocalOne, "LOCAL_ONE"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(level, _)| *level == self).map_or("", |(_, name)| name)
    }

    /// How many of `replicas` must answer.
    pub fn of(self, replicas: u32) -> u32 {
        match self {
            Consistency::One | Consistency::LocalOne => 1,
            Consistency::Two => 2,
            Consistency::Three => 3,
            Consistency::Quorum | Consistency::LocalQuorum => replicas / 2 + 1,
            Consistency::All => replicas,
        }
    }

    /// Whether the replicas of other datacenters count too.
    pub fn is_global(self) -> bool {
        !matches!(self, Consistency::LocalOne | Consistency::LocalQuorum)
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Consistency {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.to_ascii_uppercase().replace('-', "_");
        let found = Self::ALL.iter().find(|(_, name)| *name == wanted).map(|(level, _)| *level);
        found.ok_or_else(|| {
            let why = match wanted.as_str() {
                "ANY" | "EACH_QUORUM" => "is for writes alone",
                "SERIAL" | "LOCAL_SERIAL" => "is for conditional writes alone",
                _ => "is not one of Cassandra's consistency levels",
            };
            let all: Vec<&str> = Self::ALL.iter().map(|(_, name)| *name).collect();
            Error::usage(format!("{text:?} {why}")).hint(format!("Give one of {}.", all.join(", ")))
        })
    }
}

/// Whom an encrypted connection trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// The authorities that the image's Java knows.
    System,
    /// Those in `truststore.p12` of the Secret.
    Truststore,
}

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tls::System => "system",
            Tls::Truststore => "truststore",
        })
    }
}

impl FromStr for Tls {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "system" => Ok(Tls::System),
            "truststore" => Ok(Tls::Truststore),
            _ => Err(Error::usage(format!("{text:?} says not whom to trust"))
                .hint("Give system, or truststore for truststore.p12 of the Secret.")),
        }
    }
}

impl DataStore {
    /// One that is known by its URI alone.
    pub fn at(uri: DataUri) -> DataStore {
        DataStore {
            uri,
            consistency: None,
            local_datacenter: None,
            tls: None,
            znode_parent: None,
            settings: BTreeMap::new(),
            secret: None,
        }
    }

    /// The kind of store.
    pub fn kind(&self) -> DataKind {
        self.uri.kind()
    }

    /// The level of Cassandra's reads and writes.
    pub fn level(&self) -> Consistency {
        self.consistency.unwrap_or_default()
    }

    /// The keys that the Secret of such a store must have.
    pub fn secret_keys(&self) -> Vec<&'static str> {
        match (self.kind(), self.tls) {
            (DataKind::Cassandra, Some(Tls::Truststore)) => {
                vec!["username", "password", "truststore.p12", "truststore-password"]
            }
            (DataKind::Cassandra, _) => vec!["username", "password"],
            (DataKind::Hbase, _) => vec!["keytab"],
        }
    }

    /// Checks that everything means something to the store.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for what does not, and for what is missing.
    pub fn check(&self) -> Result<()> {
        let cassandra = self.kind() == DataKind::Cassandra;
        for (name, given, means) in [
            ("consistency", self.consistency.is_some(), cassandra),
            ("local-datacenter", self.local_datacenter.is_some(), cassandra),
            ("tls", self.tls.is_some(), cassandra),
            ("znode-parent", self.znode_parent.is_some(), !cassandra),
        ] {
            if given && !means {
                return Err(Error::usage(format!(
                    "{name} means nothing to {}",
                    self.kind().title()
                ))
                .hint("Leave it out."));
            }
        }
        if cassandra && self.local_datacenter.is_none() {
            return Err(Error::usage("Cassandra's drivers must know the local datacenter")
                .hint("Give it with --local-datacenter; `nodetool status` shows its name, datacenter1 by default."));
        }
        if self.tls == Some(Tls::Truststore) && self.secret.is_none() {
            return Err(Error::usage("there is no Secret to take truststore.p12 from")
                .hint("Give its name with --secret."));
        }
        let parent = self.znode_parent.as_deref().unwrap_or("/hbase");
        if !parent.starts_with('/') || parent.contains(|c: char| c.is_whitespace()) {
            return Err(Error::usage(format!("znode-parent {parent:?} is no path in ZooKeeper"))
                .hint("Write it as zookeeper.znode.parent has it, such as /hbase."));
        }
        let is_key = |key: &String| {
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        match self.settings.keys().find(|key| !is_key(key)) {
            Some(key) => Err(Error::usage(format!("{key:?} is no key of the client's settings"))
                .hint("Keys have letters, digits, '.', '-' and '_'.")),
            None => Ok(()),
        }
    }

    /// As the data of a ConfigMap.
    ///
    /// # Errors
    /// None in practice: a map of strings can always be written.
    pub fn to_data(&self) -> Result<BTreeMap<String, String>> {
        let settings = match self.settings.is_empty() {
            true => None,
            false => Some(yaml::to_string(&self.settings)?),
        };
        let pairs = [
            ("type", Some(self.kind().to_string())),
            ("uri", Some(self.uri.to_string())),
            ("consistency", self.consistency.map(|level| level.to_string())),
            ("local-datacenter", self.local_datacenter.clone()),
            ("tls", self.tls.map(|tls| tls.to_string())),
            ("znode-parent", self.znode_parent.clone()),
            ("secret", self.secret.clone()),
            ("settings", settings),
        ];
        Ok(pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    /// Reads the data of a ConfigMap back.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for a key or a value that is not understood: nothing is passed over.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<DataStore> {
        let mut data = data.clone();
        let mut take = |key: &str| data.remove(key).filter(|value| !value.is_empty());
        let uri: DataUri = take("uri").ok_or_else(|| Error::usage("it has no uri"))?.parse()?;
        if let Some(kind) = take("type").filter(|kind| kind != uri.kind().as_str()) {
            return Err(Error::usage(format!(
                "its type is {kind}, and {uri} is of type {}",
                uri.kind()
            )));
        }
        let settings =
            take("settings").map(|text| yaml::from_str(&text, "settings")).transpose()?;
        let store = DataStore {
            uri,
            consistency: take("consistency").map(|level| level.parse()).transpose()?,
            local_datacenter: take("local-datacenter"),
            tls: take("tls").map(|tls| tls.parse()).transpose()?,
            znode_parent: take("znode-parent"),
            settings: settings.unwrap_or_default(),
            secret: take("secret"),
        };
        if let Some(key) = data.keys().next() {
            return Err(Error::usage(format!("its key {key:?} is not known"))
                .hint("It may be one of a newer kubectl flink: update the plugin."));
        }
        store.check()?;
        Ok(store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> DataStore {
        DataStore {
            consistency: Some(Consistency::Quorum),
            local_datacenter: Some("dc1".to_owned()),
            tls: Some(Tls::Truststore),
            settings: BTreeMap::from([("basic.request.timeout".to_owned(), "5s".to_owned())]),
            secret: Some("keys".to_owned()),
            ..DataStore::at("cassandra://a,b/shop".parse().expect("a URI"))
        }
    }

    #[test]
    fn a_store_survives_its_config_map_and_its_revision() -> Result<()> {
        let mut hbase = DataStore::at("hbase://z/shop:orders".parse()?);
        hbase.znode_parent = Some("/hbase-secure".to_owned());
        for store in [full(), hbase, DataStore::at("hbase://z".parse()?)] {
            assert_eq!(DataStore::from_data(&store.to_data()?)?, store);
            let json = serde_json::to_value(&store).expect("JSON");
            assert_eq!(serde_json::from_value::<DataStore>(json).expect("a store"), store);
        }
        Ok(())
    }

    #[test]
    fn nothing_in_a_store_is_passed_over() -> Result<()> {
        for (key, value, reason) in [
            ("consistencies", "ONE", "not known"),
            ("type", "hbase", "its type is hbase"),
            ("consistency", "EACH_QUORUM", "for writes alone"),
            ("consistency", "most", "not one of Cassandra's"),
            ("local-datacenter", "", "must know the local datacenter"),
            ("tls", "yes", "whom to trust"),
            ("secret", "", "no Secret to take truststore.p12"),
            ("znode-parent", "/hbase", "means nothing to Cassandra"),
            ("settings", "'a b': c", "no key"),
        ] {
            let mut data = full().to_data()?;
            data.insert(key.to_owned(), value.to_owned());
            let error = DataStore::from_data(&data).expect_err(key);
            assert!(error.to_string().contains(reason), "{key}: {error}");
        }
        Ok(())
    }

    #[test]
    fn levels_are_read_as_people_write_them_and_count_replicas() -> Result<()> {
        let level: Consistency = "local-quorum".parse()?;
        assert_eq!((level, level.of(3), level.of(2)), (Consistency::LocalQuorum, 2, 2));
        assert_eq!("all".parse::<Consistency>()?.of(3), 3);
        Ok(())
    }
}
