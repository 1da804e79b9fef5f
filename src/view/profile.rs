//! A storage profile: in one line, and in all detail. Nothing of it is secret.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde::Serialize;

use super::created;
use super::section::{field, heading};
use super::store::credentials;
use crate::error::Result;
use crate::ops::profiles;
use crate::ui::{Table, Text, View, human};

/// A storage profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `s3`, `azure`, `gcs`, `oss` or `hdfs`.
    pub store: String,
    /// The folder that state goes under.
    pub uri: String,
    /// `secret NAME`, `serviceaccount NAME`, or nothing for what pods bring along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// The rest of what it says.
    pub settings: BTreeMap<String, String>,
    /// The applications whose present generation keeps its state by it.
    pub used_by: Vec<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

impl ProfileView {
    /// The profile that a ConfigMap holds.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn new(config_map: &ConfigMap, used_by: Vec<String>) -> Result<ProfileView> {
        let profile = profiles::read_profile(config_map)?;
        let mut settings = profile.to_data()?;
        settings
            .retain(|key, _| !["type", "uri", "secret", "service-account"].contains(&key.as_str()));
        Ok(ProfileView {
            namespace: config_map.namespace().unwrap_or_default(),
            name: profiles::name_of(config_map),
            store: profile.kind().to_string(),
            uri: profile.uri.to_string(),
            credentials: credentials(&profile.credentials),
            settings,
            used_by,
            created: created(&config_map.metadata),
        })
    }

    fn credentials(&self) -> &str {
        self.credentials.as_deref().unwrap_or("those of the pods")
    }
}

impl View for ProfileView {
    fn text(&self, _wide: bool, now: Timestamp) -> Text {
        let users = match self.used_by.is_empty() {
            true => "<none>".to_owned(),
            false => self.used_by.join(", "),
        };
        let mut text = field("Profile", &self.name)
            .text(&field("Namespace", &self.namespace))
            .text(&field("Type", &self.store))
            .text(&field("URI", &self.uri))
            .text(&field("Credentials", self.credentials()))
            .text(&field("Used by", &users));
        if let Some(created) = self.created {
            text = text.text(&field("Age", &human::age(created, now)));
        }
        if self.settings.is_empty() {
            return text;
        }
        let lines = self.settings.iter().map(|(key, value)| field(&format!("  {key}"), value));
        lines.fold(text.text(&heading("Settings")), |text, line| text.text(&line))
    }

    fn names(&self) -> Vec<String> {
        vec![format!("profile/{}", self.name)]
    }
}

/// The table of profiles, below that of claims.
pub(super) fn table(profiles: &[ProfileView], all_namespaces: bool, now: Timestamp) -> Table {
    let mut header = Vec::new();
    if all_namespaces {
        header.push("NAMESPACE");
    }
    header.extend(["PROFILE", "TYPE", "URI", "CREDENTIALS", "USED-BY", "AGE"]);
    let mut table = Table::new(header);
    for profile in profiles {
        let mut row = Vec::new();
        if all_namespaces {
            row.push(profile.namespace.clone());
        }
        row.extend([
            profile.name.clone(),
            profile.store.clone(),
            profile.uri.clone(),
            profile.credentials().to_owned(),
            profile.used_by.join(","),
            profile.created.map(|created| human::age(created, now)).unwrap_or_default(),
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
    fn a_profile_tells_everything_but_secrets() -> Result<()> {
        let config_map: ConfigMap = serde_json::from_value(json!({
            "metadata": {"name": "flink-storage-minio", "namespace": "shop",
                "labels": {"kubectl-flink.io/storage-profile": "minio"}},
            "data": {"uri": "s3://bucket/flink", "endpoint": "http://minio:9000", "secret": "keys"},
        }))
        .expect("a ConfigMap");
        let view = ProfileView::new(&config_map, vec!["orders".to_owned()])?;
        insta::assert_snapshot!(view.text(false, Timestamp::UNIX_EPOCH).to_plain(), @r"
        Profile:           minio
        Namespace:         shop
        Type:              s3
        URI:               s3://bucket/flink
        Credentials:       secret keys
        Used by:           orders

        Settings
          endpoint:        http://minio:9000
        ");
        let table = table(&[view], false, Timestamp::UNIX_EPOCH).to_lines();
        assert_eq!(
            table,
            "PROFILE   TYPE   URI                 CREDENTIALS   USED-BY   AGE\n\
             minio     s3     s3://bucket/flink   secret keys   orders    <none>\n"
        );
        Ok(())
    }
}
