//! The flags of a storage profile.

use std::collections::BTreeMap;
use std::io::Read;

use clap::Args;

use crate::error::{Error, Result};
use crate::model::data::DataStore;
use crate::model::store::{Access, CaBundle, Credentials, PluginJar, Profile, S3Plugin, StoreUri};
use crate::ops::new_data_store::NewDataStore;
use crate::ops::new_profile::NewProfile;

/// The most that a Secret holds, in bytes.
const LIMIT: u64 = 1 << 20;

/// How a store is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Profiles")]
pub(super) struct ProfileArgs {
    /// URL of the server, for a store that is not the cloud's own
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Region of an S3 bucket
    #[arg(long)]
    region: Option<String>,
    /// Whether the bucket is in the path instead of the host name; on with --endpoint
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    path_style: Option<bool>,
    /// Flink's S3 plugin: presto (the default), hadoop or native
    #[arg(long)]
    plugin: Option<S3Plugin>,
    /// Server-side encryption of S3: sse-s3, sse-kms or sse-kms:KEY
    #[arg(long, value_name = "HOW")]
    encryption: Option<String>,
    /// URL that pods fetch Flink's plugin from, for an image that lacks it; #sha256=HEX behind it has it checked
    #[arg(long, value_name = "URL")]
    plugin_jar: Option<PluginJar>,
    /// ConfigMap, or secret/NAME, with certificates (keys in .crt or .pem) of the authorities that the server's comes from
    #[arg(long, value_name = "NAME")]
    ca_bundle: Option<CaBundle>,
    /// Secret that holds the credentials
    #[arg(long, value_name = "NAME", group = "credentials")]
    secret: Option<String>,
    /// ServiceAccount that the cloud trusts (workload identity); pods run under it
    #[arg(long, value_name = "NAME", group = "credentials")]
    service_account: Option<String>,
    /// Make a Secret with this key and value; other users of this machine may see it while the command runs
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "credentials")]
    from_literal: Vec<String>,
    /// Make a Secret with this key and a file's content; - is standard input
    #[arg(long, value_name = "KEY=PATH", conflicts_with = "credentials")]
    from_file: Vec<String>,
    /// ConfigMap with Hadoop's core-site.xml and hdfs-site.xml
    #[arg(long, value_name = "NAME")]
    hadoop_conf: Option<String>,
    /// Class path of Hadoop's client in the image, such as '/opt/hadoop/lib/*'; else HADOOP_CLASSPATH of the image
    #[arg(long, value_name = "PATH")]
    class_path: Option<String>,
    /// User name for HDFS
    #[arg(long, value_name = "NAME")]
    hdfs_user: Option<String>,
    /// Further key of Flink's configuration, or of the client's of a data store; nothing secret
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ProfileArgs {
    /// The first flag that was given: a claim takes none of them.
    pub(super) fn given(&self) -> Option<&'static str> {
        let shared = [
            ("--secret", self.secret.is_some()),
            ("--from-literal", !self.from_literal.is_empty()),
            ("--from-file", !self.from_file.is_empty()),
            ("--set", !self.set.is_empty()),
        ];
        let shared = || shared.into_iter().find_map(|(flag, given)| given.then_some(flag));
        self.of_file_systems().or_else(shared)
    }

    /// The first flag that was given and means something to file systems alone.
    fn of_file_systems(&self) -> Option<&'static str> {
        [
            ("--endpoint", self.endpoint.is_some()),
            ("--region", self.region.is_some()),
            ("--path-style", self.path_style.is_some()),
            ("--plugin", self.plugin.is_some()),
            ("--encryption", self.encryption.is_some()),
            ("--plugin-jar", self.plugin_jar.is_some()),
            ("--ca-bundle", self.ca_bundle.is_some()),
            ("--service-account", self.service_account.is_some()),
            ("--hadoop-conf", self.hadoop_conf.is_some()),
            ("--class-path", self.class_path.is_some()),
            ("--hdfs-user", self.hdfs_user.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }

    /// The profile `name` of the store at `uri`.
    ///
    /// # Errors
    /// For flags that cannot be understood, and files that cannot be read.
    pub(super) fn profile(&self, name: &str, uri: StoreUri) -> Result<NewProfile> {
        let mut access = Access {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            plugin: self.plugin,
            encryption: self.encryption.clone(),
            plugin_jar: self.plugin_jar.clone(),
            ca_bundle: self.ca_bundle.clone(),
            hadoop_conf: self.hadoop_conf.clone(),
            class_path: self.class_path.clone(),
            user: self.hdfs_user.clone(),
            config: Default::default(),
        };
        for pair in &self.set {
            let (key, value) = split(pair, "--set")?;
            access.config.set(key, value);
        }
        let credentials = match (&self.secret, &self.service_account) {
            (Some(name), _) => Credentials::Secret(name.clone()),
            (None, Some(name)) => Credentials::ServiceAccount(name.clone()),
            (None, None) => Credentials::Ambient,
        };
        let profile = Profile { uri, access, credentials };
        Ok(NewProfile { name: name.to_owned(), profile, secret: self.values()? })
    }

    /// Adds what these flags say of a data store.
    ///
    /// # Errors
    /// For flags that mean nothing to one, and for files that cannot be read.
    pub(super) fn data_store(&self, name: &str, mut store: DataStore) -> Result<NewDataStore> {
        if let Some(flag) = self.of_file_systems() {
            return Err(Error::usage(format!("{flag} means nothing to {}", store.kind().title()))
                .hint("Leave it out."));
        }
        store.secret.clone_from(&self.secret);
        for pair in &self.set {
            let (key, value) = split(pair, "--set")?;
            store.settings.insert(key.to_owned(), value.to_owned());
        }
        Ok(NewDataStore { name: name.to_owned(), store, secret: self.values()? })
    }

    /// The values of the Secret to be made. They are never printed, not even in an error.
    fn values(&self) -> Result<Option<BTreeMap<String, Vec<u8>>>> {
        let mut values = BTreeMap::new();
        for pair in &self.from_literal {
            let (key, value) = split(pair, "--from-literal")?;
            values.insert(key.to_owned(), value.as_bytes().to_vec());
        }
        for pair in &self.from_file {
            let (key, path) = split(pair, "--from-file")?;
            values.insert(key.to_owned(), content(path)?);
        }
        Ok((!values.is_empty()).then_some(values))
    }
}

/// `KEY=VALUE`. The value may be secret, so that an error does not repeat the text.
fn split<'a>(pair: &'a str, flag: &str) -> Result<(&'a str, &'a str)> {
    pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        Error::usage(format!("{flag} takes a key, '=' and what belongs to it"))
            .hint(format!("Write {flag} KEY=…"))
    })
}

/// A file's content, or that of standard input without the line break at its end.
fn content(path: &str) -> Result<Vec<u8>> {
    let unreadable = |e: std::io::Error| Error::usage(format!("cannot read {path}")).caused_by(e);
    let mut content = Vec::new();
    if path == "-" {
        std::io::stdin().take(LIMIT + 1).read_to_end(&mut content).map_err(unreadable)?;
        while content.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            content.pop();
        }
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LIMIT + 1).read_to_end(&mut content).map_err(unreadable)?;
    }
    if content.len() as u64 > LIMIT {
        return Err(Error::usage(format!("{path} is larger than the 1 MiB that a Secret holds")));
    }
    Ok(content)
}
