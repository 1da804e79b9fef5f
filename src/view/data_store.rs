//! A data store: in one line, and in all detail. Nothing of it is secret.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde::Serialize;

use super::created;
use super::section::{field, heading};
use crate::error::Result;
use crate::model::data::Binding;
use crate::ops::data_stores;
use crate::ui::{Table, Text, View, human};

/// A data store, which holds the rows of jobs and never their state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataStoreView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `cassandra` or `hbase`.
    pub store: String,
    /// Hosts, and keyspace or namespace.
    pub uri: String,
    /// The Secret with the credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The rest of what it says.
    pub settings: BTreeMap<String, String>,
    /// The names of the variables that a job gets which is bound to it.
    pub variables: Vec<String>,
    /// The folder of the files that such a job gets.
    pub folder: String,
    /// The applications whose present generation is bound to it.
    pub used_by: Vec<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

impl DataStoreView {
    /// The data store that a ConfigMap holds.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn new(config_map: &ConfigMap, used_by: Vec<String>) -> Result<DataStoreView> {
        let store = data_stores::read_store(config_map)?;
        let mut settings = store.to_data()?;
        settings.retain(|key, _| !["type", "uri", "secret"].contains(&key.as_str()));
        let (kind, uri, secret) =
            (store.kind().to_string(), store.uri.to_string(), store.secret.clone());
        let binding = Binding { name: data_stores::name_of(config_map), store };
        Ok(DataStoreView {
            namespace: config_map.namespace().unwrap_or_default(),
            store: kind,
            uri,
            secret,
            settings,
            variables: binding.env().into_iter().map(|variable| variable.name).collect(),
            folder: binding.folder(),
            name: binding.name,
            used_by,
            created: created(&config_map.metadata),
        })
    }
}

impl View for DataStoreView {
    fn text(&self, _wide: bool, now: Timestamp) -> Text {
        let users = match self.used_by.is_empty() {
            true => "<none>".to_owned(),
            false => self.used_by.join(", "),
        };
        let mut text = field("Data store", &self.name)
            .text(&field("Namespace", &self.namespace))
            .text(&field("Type", &self.store))
            .text(&field("URI", &self.uri))
            .text(&field("Secret", self.secret.as_deref().unwrap_or("<none>")))
            .text(&field("Used by", &users));
        if let Some(created) = self.created {
            text = text.text(&field("Age", &human::age(created, now)));
        }
        if !self.settings.is_empty() {
            let line = |(key, value)| format!("  {key}: {value}");
            let lines = self.settings.iter().map(line);
            let settings = text.text(&heading("Settings"));
            text = lines.fold(settings, |text, line| text.plain(&line).end());
        }
        text = text.text(&heading("A job that is bound to it gets"));
        text = text.plain(&format!("  {}/", self.folder)).end();
        self.variables.iter().fold(text, |text, name| text.plain(&format!("  {name}")).end())
    }

    fn names(&self) -> Vec<String> {
        vec![format!("datastore/{}", self.name)]
    }
}

/// The table of data stores, below that of profiles.
pub(super) fn table(stores: &[DataStoreView], all_namespaces: bool, now: Timestamp) -> Table {
    let mut header = Vec::new();
    if all_namespaces {
        header.push("NAMESPACE");
    }
    header.extend(["DATA-STORE", "TYPE", "URI", "SECRET", "USED-BY", "AGE"]);
    let mut table = Table::new(header);
    for store in stores {
        let mut row = Vec::new();
        if all_namespaces {
            row.push(store.namespace.clone());
        }
        row.extend([
            store.name.clone(),
            store.store.clone(),
            store.uri.clone(),
            store.secret.clone().unwrap_or_default(),
            store.used_by.join(","),
            store.created.map(|created| human::age(created, now)).unwrap_or_default(),
        ]);
        table.row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_data_store_tells_everything_but_secrets() -> Result<()> {
        let config_map: ConfigMap = serde_json::from_value(json!({
            "metadata": {"name": "flink-data-rows", "namespace": "shop",
                "labels": {"kubectl-flink.io/data-store": "rows"}},
            "data": {"uri": "cassandra://a/shop", "local-datacenter": "dc1", "secret": "keys"},
        }))
        .expect("a ConfigMap");
        let view = DataStoreView::new(&config_map, vec!["orders".to_owned()])?;
        insta::assert_snapshot!(view.text(false, Timestamp::UNIX_EPOCH).to_plain(), @r##"
        Data store:        rows
        Namespace:         shop
        Type:              cassandra
        URI:               cassandra://a/shop
        Secret:            keys
        Used by:           orders

        Settings
          local-datacenter: dc1

        A job that is bound to it gets
          /flink/data-stores/rows/
          DATA_STORE_ROWS_TYPE
          DATA_STORE_ROWS_DIR
          DATA_STORE_ROWS_CONTACT_POINTS
          DATA_STORE_ROWS_KEYSPACE
          DATA_STORE_ROWS_LOCAL_DATACENTER
          DATA_STORE_ROWS_CONSISTENCY
          DATA_STORE_ROWS_TLS
          DATA_STORE_ROWS_USERNAME
          DATA_STORE_ROWS_PASSWORD
        "##);
        let table = table(&[view], false, Timestamp::UNIX_EPOCH).to_lines();
        assert_eq!(
            table,
            "DATA-STORE   TYPE        URI                  SECRET   USED-BY   AGE\n\
             rows         cassandra   cassandra://a/shop   keys     orders    <none>\n"
        );
        Ok(())
    }
}
