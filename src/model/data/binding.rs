//! A job's tie to a data store: the variables and files by which its pods reach it. Pure.
//!
//! The names are documented (`docs/data-stores.md`): they are what a job's code is written against.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, EnvVar, EnvVarSource, KeyToPath, ProjectedVolumeSource, SecretKeySelector,
    SecretProjection, Volume, VolumeMount, VolumeProjection,
};
use serde::{Deserialize, Serialize};

use super::files;
use super::store::{DataStore, Tls};
use super::uri::DataKind;
use crate::error::{Error, Result};
use crate::model::storage::is_profile_name;

/// Each data store has a folder below it.
pub const FOLDER: &str = "/flink/data-stores";

/// Read for nobody else than user and group of the pod.
const MODE: i32 = 0o440;

/// Whether a data store can have this name: it is part of the names of variables, volumes and objects.
pub fn is_name(text: &str) -> bool {
    text.len() <= 40 && is_profile_name(text)
}

/// The names in a list with commas, such as that of the annotation `kubectl-flink.io/data-stores`.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) for what is no name, and for one that comes twice.
pub fn names(list: &str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in list.split(',').map(str::trim) {
        if !is_name(name) {
            return Err(Error::usage(format!("{name:?} is not the name of a data store")).hint(
                "Give the names that `kubectl flink storage list` shows, with commas between them.",
            ));
        }
        if names.iter().any(|other| other == name) {
            return Err(Error::usage(format!("data store {name:?} is named twice")));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// A data store under the name by which a job asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The name of the data store.
    pub name: String,
    /// What it was when the job was bound to it.
    pub store: DataStore,
}

impl Binding {
    /// What the names of its variables begin with: `DATA_STORE_SHOP` for `shop`.
    pub fn prefix(&self) -> String {
        format!("DATA_STORE_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Its folder in the pods.
    pub fn folder(&self) -> String {
        format!("{FOLDER}/{}", self.name)
    }

    /// Its variables. What is secret comes from the Secret.
    pub fn env(&self) -> Vec<EnvVar> {
        let (prefix, store) = (self.prefix(), &self.store);
        let hosts = store.uri.hosts().join(",");
        let plain = |key: &str, value: &str| EnvVar {
            name: format!("{prefix}_{key}"),
            // Kubernetes would replace `$(NAME)`.
            value: Some(value.replace('$', "$$")),
            value_from: None,
        };
        let mut env = vec![plain("TYPE", store.kind().as_str()), plain("DIR", &self.folder())];
        match store.kind() {
            DataKind::Cassandra => {
                env.push(plain("CONTACT_POINTS", &hosts));
                env.push(plain("KEYSPACE", store.uri.space()));
                let datacenter = store.local_datacenter.as_deref().unwrap_or_default();
                env.push(plain("LOCAL_DATACENTER", datacenter));
                env.push(plain("CONSISTENCY", store.level().as_str()));
                env.push(plain("TLS", &store.tls.is_some().to_string()));
                env.extend(self.secret("USERNAME", "username"));
                env.extend(self.secret("PASSWORD", "password"));
                if store.tls == Some(Tls::Truststore) {
                    let path = format!("{}/truststore.p12", self.folder());
                    env.push(plain("TRUSTSTORE", &path));
                    env.extend(self.secret("TRUSTSTORE_PASSWORD", "truststore-password"));
                }
            }
            DataKind::Hbase => {
                env.push(plain("ZOOKEEPER_QUORUM", &hosts));
                let parent = store.znode_parent.as_deref().unwrap_or(files::ZNODE_PARENT);
                env.push(plain("ZNODE_PARENT", parent));
                env.push(plain("NAMESPACE", store.uri.space()));
                env.extend(store.uri.table().map(|table| plain("TABLE", table)));
            }
        }
        env
    }

    fn secret(&self, key: &str, of: &str) -> Option<EnvVar> {
        let source = SecretKeySelector {
            name: self.store.secret.clone()?,
            key: of.to_owned(),
            optional: None,
        };
        Some(EnvVar {
            name: format!("{}_{key}", self.prefix()),
            value: None,
            value_from: Some(EnvVarSource {
                secret_key_ref: Some(source),
                ..EnvVarSource::default()
            }),
        })
    }

    /// The client's configuration files, by the keys that they have in a ConfigMap.
    pub fn files(&self) -> BTreeMap<String, String> {
        let (name, content) = files::render(self);
        BTreeMap::from([(self.key(name), content)])
    }

    fn key(&self, file: &str) -> String {
        format!("data-store-{}-{file}", self.name)
    }

    /// The volume with its files: those that `config_map` holds, and the keys of the Secret. `None` when there are neither.
    pub fn volume(&self, config_map: Option<&str>) -> Option<Volume> {
        let file = files::render(self).0;
        let item = KeyToPath { key: self.key(file), path: file.to_owned(), mode: None };
        let settings = config_map.map(|name| VolumeProjection {
            config_map: Some(ConfigMapProjection {
                name: name.to_owned(),
                items: Some(vec![item]),
                optional: None,
            }),
            ..VolumeProjection::default()
        });
        let secret = self.store.secret.as_ref().map(|name| VolumeProjection {
            secret: Some(SecretProjection { name: name.clone(), items: None, optional: None }),
            ..VolumeProjection::default()
        });
        let sources: Vec<VolumeProjection> = settings.into_iter().chain(secret).collect();
        (!sources.is_empty()).then(|| Volume {
            name: self.volume_name(),
            projected: Some(ProjectedVolumeSource {
                default_mode: Some(MODE),
                sources: Some(sources),
            }),
            ..Volume::default()
        })
    }

    /// Where [`Binding::volume`] is mounted.
    pub fn mount(&self) -> VolumeMount {
        VolumeMount {
            name: self.volume_name(),
            mount_path: self.folder(),
            read_only: Some(true),
            ..VolumeMount::default()
        }
    }

    /// A DNS label: names of data stores are short enough.
    fn volume_name(&self) -> String {
        format!("data-store-{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that a pod gets, a line each.
    fn lines(binding: &Binding) -> String {
        let mut lines = Vec::new();
        for variable in binding.env() {
            let key = variable.value_from.and_then(|source| source.secret_key_ref);
            let from = key.map(|key| format!("<{}/{}>", key.name, key.key));
            lines.push(format!(
                "{}={}",
                variable.name,
                variable.value.or(from).unwrap_or_default()
            ));
        }
        let volume = serde_json::to_string(&binding.volume(Some("g1-config"))).expect("JSON");
        lines.push(volume);
        lines.extend(binding.files().into_values());
        lines.join("\n")
    }

    #[test]
    fn names_come_with_commas_and_once() -> Result<()> {
        assert_eq!(names("shop, events")?, ["shop", "events"]);
        for wrong in ["", "shop,", "Shop", "a_b", "shop,shop", &"a".repeat(41)] {
            assert!(names(wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }

    #[test]
    fn cassandra_gets_its_drivers_configuration_and_no_secret() -> Result<()> {
        let mut store = DataStore::at("cassandra://a,b:9043/Shop".parse()?);
        store.local_datacenter = Some("dc$(1)".to_owned());
        store.tls = Some(Tls::Truststore);
        store.secret = Some("keys".to_owned());
        store.settings.insert("basic.request.timeout".to_owned(), "5 s".to_owned());
        let binding = Binding { name: "my-shop".to_owned(), store };
        insta::assert_snapshot!(lines(&binding), @r##"
        DATA_STORE_MY_SHOP_TYPE=cassandra
        DATA_STORE_MY_SHOP_DIR=/flink/data-stores/my-shop
        DATA_STORE_MY_SHOP_CONTACT_POINTS=a:9042,b:9043
        DATA_STORE_MY_SHOP_KEYSPACE=Shop
        DATA_STORE_MY_SHOP_LOCAL_DATACENTER=dc$$(1)
        DATA_STORE_MY_SHOP_CONSISTENCY=LOCAL_QUORUM
        DATA_STORE_MY_SHOP_TLS=true
        DATA_STORE_MY_SHOP_USERNAME=<keys/username>
        DATA_STORE_MY_SHOP_PASSWORD=<keys/password>
        DATA_STORE_MY_SHOP_TRUSTSTORE=/flink/data-stores/my-shop/truststore.p12
        DATA_STORE_MY_SHOP_TRUSTSTORE_PASSWORD=<keys/truststore-password>
        {"name":"data-store-my-shop","projected":{"defaultMode":288,"sources":[{"configMap":{"items":[{"key":"data-store-my-shop-application.conf","path":"application.conf"}],"name":"g1-config"}},{"secret":{"name":"keys"}}]}}
        datastax-java-driver {
          basic.contact-points = ["a:9042", "b:9043"]
          basic.session-keyspace = "\"Shop\""
          basic.request.consistency = "LOCAL_QUORUM"
          basic.load-balancing-policy.local-datacenter = "dc$(1)"
          advanced.auth-provider.class = PlainTextAuthProvider
          advanced.auth-provider.username = ${DATA_STORE_MY_SHOP_USERNAME}
          advanced.auth-provider.password = ${DATA_STORE_MY_SHOP_PASSWORD}
          advanced.ssl-engine-factory.class = DefaultSslEngineFactory
          advanced.ssl-engine-factory.truststore-path = "/flink/data-stores/my-shop/truststore.p12"
          advanced.ssl-engine-factory.truststore-password = ${DATA_STORE_MY_SHOP_TRUSTSTORE_PASSWORD}
          basic.request.timeout = "5 s"
        }
        "##);
        Ok(())
    }

    #[test]
    fn hbase_gets_its_site_file() -> Result<()> {
        let mut store = DataStore::at("hbase://z1,z2:2182/shop:orders".parse()?);
        store.settings.insert("hbase.rpc.timeout".to_owned(), "<5>".to_owned());
        let binding = Binding { name: "events".to_owned(), store };
        insta::assert_snapshot!(lines(&binding), @r##"
        DATA_STORE_EVENTS_TYPE=hbase
        DATA_STORE_EVENTS_DIR=/flink/data-stores/events
        DATA_STORE_EVENTS_ZOOKEEPER_QUORUM=z1:2181,z2:2182
        DATA_STORE_EVENTS_ZNODE_PARENT=/hbase
        DATA_STORE_EVENTS_NAMESPACE=shop
        DATA_STORE_EVENTS_TABLE=orders
        {"name":"data-store-events","projected":{"defaultMode":288,"sources":[{"configMap":{"items":[{"key":"data-store-events-hbase-site.xml","path":"hbase-site.xml"}],"name":"g1-config"}}]}}
        <configuration>
          <property><name>hbase.zookeeper.quorum</name><value>z1:2181,z2:2182</value></property>
          <property><name>zookeeper.znode.parent</name><value>/hbase</value></property>
          <property><name>hbase.rpc.timeout</name><value>&lt;5&gt;</value></property>
        </configuration>
        "##);
        assert!(binding.volume(None).is_none(), "nothing to mount");
        Ok(())
    }
}
