//! A storage profile: all that is needed to reach a store, without anything secret.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ca_bundle::CaBundle;
use super::plugin_jar::PluginJar;
use super::uri::{Scheme, StoreKind, StoreUri};
use crate::error::{Error, Result};
use crate::model::config::FlinkConfig;
use crate::yaml;

/// How a store is reached. Kept in a ConfigMap under the profile's name, and in every revision that uses it, so
/// that a revision alone explains where its state is and who may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The folder that the state of all applications goes under.
    pub uri: StoreUri,
    /// How it is reached.
    #[serde(default)]
    pub access: Access,
    /// Where the right to do so comes from.
    #[serde(default)]
    pub credentials: Credentials,
}

/// What tells how to reach a store and is no secret. Each field is absent where the store's own default does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Access {
    /// URL of the server, for a store that is not the cloud's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region of a bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether the bucket is part of the path instead of the host name. On by default with an endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_style: Option<bool>,
    /// Which of Flink's S3 plugins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<S3Plugin>,
    /// Server-side encryption: `sse-s3`, `sse-kms` or `sse-kms:KEY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    /// The plugin's jar, for an image that lacks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin_jar: Option<PluginJar>,
    /// Certificate authorities of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
    /// ConfigMap with Hadoop's `core-site.xml` and `hdfs-site.xml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hadoop_conf: Option<String>,
    /// Class path of Hadoop's client in the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_path: Option<String>,
    /// Who one is to HDFS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Further keys of Flink's configuration.
    #[serde(skip_serializing_if = "FlinkConfig::is_empty")]
    pub config: FlinkConfig,
}

/// Where the right to use a store comes from. Never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Credentials {
    /// The pods bring it along: the identity of the node, anonymous access, or what the spec sets.
    #[default]
    Ambient,
    /// A Secret in the namespace, by name.
    Secret(String),
    /// A ServiceAccount that the cloud trusts (workload identity), by name.
    ServiceAccount(String),
}

/// The S3 plugins of Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum S3Plugin {
    /// flink-s3-fs-presto: what Flink's documentation recommends for checkpoints.
    Presto,
    /// flink-s3-fs-hadoop: needed by jobs that write files to S3 with FileSink.
    Hadoop,
    /// flink-s3-fs-native: since 2.3.
    Native,
}

impl S3Plugin {
    /// The name of its jar, without the version.
    pub fn jar(self) -> &'static str {
        match self {
            S3Plugin::Presto => "flink-s3-fs-presto",
            S3Plugin::Hadoop => "flink-s3-fs-hadoop",
            S3Plugin::Native => "flink-s3-fs-native",
        }
    }
}

impl fmt::Display for S3Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            S3Plugin::Presto => "presto",
            S3Plugin::Hadoop => "hadoop",
            S3Plugin::Native => "native",
        })
    }
}

impl FromStr for S3Plugin {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "presto" => Ok(S3Plugin::Presto),
            "hadoop" => Ok(S3Plugin::Hadoop),
            "native" => Ok(S3Plugin::Native),
            other => Err(Error::usage(format!("{other:?} is not one of Flink's S3 plugins"))
                .hint("Give presto, hadoop or native.")),
        }
    }
}

impl Profile {
    /// A store that pods reach by themselves, known by its URI alone.
    pub fn ambient(uri: StoreUri) -> Profile {
        Profile { uri, access: Access::default(), credentials: Credentials::default() }
    }

    /// The kind of store.
    pub fn kind(&self) -> StoreKind {
        self.uri.kind()
    }

    /// The S3 plugin: what the scheme demands, what was chosen, else presto.
    pub fn s3_plugin(&self) -> S3Plugin {
        match self.uri.scheme() {
            Scheme::S3p => S3Plugin::Presto,
            Scheme::S3a => self.access.plugin.unwrap_or(S3Plugin::Hadoop),
            _ => self.access.plugin.unwrap_or(S3Plugin::Presto),
        }
    }

    /// The keys that the Secret of such a store must have.
    pub fn secret_keys(&self) -> &'static [&'static str] {
        match self.kind() {
            StoreKind::S3 => &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            StoreKind::Azure => &["AZURE_STORAGE_KEY"],
            StoreKind::Gcs => &["key.json"],
            StoreKind::Oss => &["OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET"],
            StoreKind::Hdfs => &["keytab"],
        }
    }

    /// Whether its plugin trusts the authorities that the JVM trusts. Google's client brings its own list, and HDFS
    /// speaks no TLS of this kind.
    fn trusts_jvm(&self) -> bool {
        matches!(self.kind(), StoreKind::S3 | StoreKind::Azure | StoreKind::Oss)
    }

    /// Whether what this profile reaches, the `other` one reaches in the same pod: Flink has one set of keys for
    /// each kind of store.
    pub fn goes_with(&self, other: &Profile) -> bool {
        let same_access = self.access == other.access && self.credentials == other.credentials;
        self.kind() != other.kind() || same_access
    }

    /// Checks what does not depend on the Flink version.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for a field that means nothing to the store.
    pub fn check(&self) -> Result<()> {
        let (kind, access) = (self.kind(), &self.access);
        let s3 = kind == StoreKind::S3;
        let hdfs = kind == StoreKind::Hdfs;
        for (name, given, means) in [
            (
                "endpoint",
                access.endpoint.is_some(),
                s3 || kind == StoreKind::Oss || kind == StoreKind::Gcs,
            ),
            ("region", access.region.is_some(), s3),
            ("path-style", access.path_style.is_some(), s3),
            ("plugin", access.plugin.is_some(), s3),
            ("encryption", access.encryption.is_some(), s3),
            ("plugin-jar", access.plugin_jar.is_some(), !hdfs),
            ("ca-bundle", access.ca_bundle.is_some(), self.trusts_jvm()),
            ("hadoop-conf", access.hadoop_conf.is_some(), hdfs),
            ("class-path", access.class_path.is_some(), hdfs),
            ("user", access.user.is_some(), hdfs),
        ] {
            if given && !means {
                return Err(Error::usage(format!("{name} means nothing to {}", kind.title()))
                    .hint("Leave it out."));
            }
        }
        if let Some(text) = &access.encryption {
            let known = text == "sse-s3"
                || text == "sse-kms"
                || text.strip_prefix("sse-kms:").is_some_and(|key| !key.is_empty());
            if !known {
                return Err(Error::usage(format!("encryption {text:?} is not known"))
                    .hint("Give sse-s3, sse-kms or sse-kms:KEY; a bucket that encrypts by itself needs none."));
            }
        }
        if let Some(url) = &access.endpoint
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return Err(Error::usage(format!("endpoint {url:?} is not a URL"))
                .hint("Write http://HOST:PORT or https://HOST."));
        }
        let identity = matches!(self.credentials, Credentials::ServiceAccount(_));
        if identity && kind == StoreKind::Azure {
            // No `WorkloadIdentityTokenProvider` in flink-azure-fs-hadoop 1.20.0 to 2.3.0.
            return Err(Error::usage("Flink's Azure plugin does not know workload identity")
                .hint("Give the account's key in a Secret, or set the fs.azure.account.oauth… keys of a managed identity with --set."));
        }
        if self.uri.scheme() == Scheme::S3p
            && !matches!(access.plugin, None | Some(S3Plugin::Presto))
        {
            return Err(Error::usage("s3p:// is the presto plugin's scheme").hint("Write s3://."));
        }
        if self.uri.scheme() == Scheme::S3a && access.plugin == Some(S3Plugin::Presto) {
            return Err(
                Error::usage("the presto plugin does not serve s3a://").hint("Write s3://.")
            );
        }
        Ok(())
    }

    /// As the data of a ConfigMap.
    ///
    /// # Errors
    /// None in practice: a map of strings can always be written.
    pub fn to_data(&self) -> Result<BTreeMap<String, String>> {
        let Access {
            endpoint,
            region,
            path_style,
            plugin,
            encryption,
            plugin_jar,
            ca_bundle,
            hadoop_conf,
            class_path,
            user,
            config,
        } = self.access.clone();
        let (secret, account) = match self.credentials.clone() {
            Credentials::Ambient => (None, None),
            Credentials::Secret(name) => (Some(name), None),
            Credentials::ServiceAccount(name) => (None, Some(name)),
        };
        let config = match config.is_empty() {
            true => None,
            false => Some(yaml::to_string(&config)?),
        };
        let pairs = [
            ("type", Some(self.kind().to_string())),
            ("uri", Some(self.uri.to_string())),
            ("endpoint", endpoint),
            ("region", region),
            ("path-style", path_style.map(|on| on.to_string())),
            ("plugin", plugin.map(|plugin| plugin.to_string())),
            ("encryption", encryption),
            ("plugin-jar", plugin_jar.map(|jar| jar.to_string())),
            ("ca-bundle", ca_bundle.map(|bundle| bundle.to_string())),
            ("hadoop-conf", hadoop_conf),
            ("class-path", class_path),
            ("user", user),
            ("secret", secret),
            ("service-account", account),
            ("config", config),
        ];
        Ok(pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    /// Reads the data of a ConfigMap back.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for a key or a value that is not understood: nothing is passed over.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Profile> {
        let mut data = data.clone();
        let mut take = |key: &str| data.remove(key).filter(|value| !value.is_empty());
        let uri: StoreUri = take("uri").ok_or_else(|| Error::usage("it has no uri"))?.parse()?;
        if let Some(kind) = take("type").filter(|kind| kind != uri.kind().as_str()) {
            return Err(Error::usage(format!(
                "its type is {kind}, and {uri} is of type {}",
                uri.kind()
            )));
        }
        let credentials = match (take("secret"), take("service-account")) {
            (None, None) => Credentials::Ambient,
            (Some(name), None) => Credentials::Secret(name),
            (None, Some(name)) => Credentials::ServiceAccount(name),
            (Some(_), Some(_)) => {
                return Err(Error::usage("it names a secret and a service-account")
                    .hint("One of them is enough."));
            }
        };
        let path_style = match take("path-style").as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => {
                return Err(Error::usage(format!("path-style {other:?} is not true or false")));
            }
        };
        let config = take("config").map(|text| yaml::from_str(&text, "config")).transpose()?;
        let access = Access {
            endpoint: take("endpoint"),
            region: take("region"),
            path_style,
            plugin: take("plugin").map(|plugin| plugin.parse()).transpose()?,
            encryption: take("encryption"),
            plugin_jar: take("plugin-jar").map(|jar| jar.parse()).transpose()?,
            ca_bundle: take("ca-bundle").map(|bundle| bundle.parse()).transpose()?,
            hadoop_conf: take("hadoop-conf"),
            class_path: take("class-path"),
            user: take("user"),
            config: config.unwrap_or_default(),
        };
        if let Some(key) = data.keys().next() {
            return Err(Error::usage(format!("its key {key:?} is not known"))
                .hint("It may be one of a newer kubectl flink: update the plugin."));
        }
        let profile = Profile { uri, access, credentials };
        profile.check()?;
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Profile {
        let mut config = FlinkConfig::default();
        config.set("s3.entropy.length", "4");
        Profile {
            uri: "s3://bucket/flink".parse().expect("a URI"),
            access: Access {
                endpoint: Some("http://minio:9000".to_owned()),
                region: Some("eu-west-1".to_owned()),
                path_style: Some(true),
                plugin: Some(S3Plugin::Hadoop),
                encryption: Some("sse-kms:key".to_owned()),
                ca_bundle: Some(CaBundle::Secret("our-ca".to_owned())),
                plugin_jar: "https://host/plugin.jar".parse().ok(),
                config,
                ..Access::default()
            },
            credentials: Credentials::Secret("minio".to_owned()),
        }
    }

    #[test]
    fn a_profile_survives_its_config_map_and_its_revision() -> Result<()> {
        let hdfs = Profile {
            uri: "hdfs://namenode:8020/flink".parse()?,
            access: Access {
                hadoop_conf: Some("hadoop".to_owned()),
                class_path: Some("/opt/h/*".to_owned()),
                user: Some("flink".to_owned()),
                ..Access::default()
            },
            credentials: Credentials::ServiceAccount("flink".to_owned()),
        };
        for profile in [full(), hdfs, Profile::ambient("gs://bucket".parse()?)] {
            assert_eq!(Profile::from_data(&profile.to_data()?)?, profile);
            let json = serde_json::to_value(&profile).expect("JSON");
            assert_eq!(serde_json::from_value::<Profile>(json).expect("a profile"), profile);
        }
        Ok(())
    }

    #[test]
    fn nothing_in_a_profile_is_passed_over() -> Result<()> {
        for (key, value, reason) in [
            ("endpont", "http://x", "not known"),
            ("type", "gcs", "its type is gcs"),
            ("service-account", "other", "a secret and a service-account"),
            ("user", "flink", "means nothing to S3"),
            ("endpoint", "minio:9000", "not a URL"),
            ("encryption", "rot13", "not known"),
            ("ca-bundle", "/etc/ca.pem", "no name of an object"),
            ("plugin-jar", "./a.jar", "no URL"),
            ("plugin", "aws", "not one of Flink's S3 plugins"),
            ("path-style", "yes", "not true or false"),
            ("uri", "s3p://bucket", "presto plugin's scheme"),
        ] {
            let mut data = full().to_data()?;
            data.insert(key.to_owned(), value.to_owned());
            let error = Profile::from_data(&data).expect_err(key);
            assert!(error.to_string().contains(reason), "{key}: {error}");
        }
        Ok(())
    }

    #[test]
    fn one_pod_has_one_access_to_a_kind_of_store() {
        let one = full();
        let mut other = full();
        other.uri = "s3://another".parse().expect("a URI");
        assert!(one.goes_with(&other), "another bucket of the same server");
        other.credentials = Credentials::Secret("other".to_owned());
        assert!(!one.goes_with(&other), "another user");
        assert!(one.goes_with(&Profile::ambient("gs://bucket".parse().expect("a URI"))));
    }
}
