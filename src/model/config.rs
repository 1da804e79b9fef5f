//! Flink's configuration: an ordered map of flat keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::model::flink_version::FlinkVersion;
use crate::yaml;

/// Flat keys and values, ordered by key, so that the same configuration always renders to the same text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct FlinkConfig(BTreeMap<String, String>);

impl FlinkConfig {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether `key` is set.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Sets `key`, replacing its value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Sets every key of `over`, replacing values.
    pub fn overlay(&mut self, over: &FlinkConfig) {
        self.0.extend(over.0.clone());
    }

    /// Sets `key` unless it is set already, under this name or another that Flink takes for it.
    pub fn set_default(&mut self, key: &str, value: impl Into<String>) {
        if self.find(key).is_none() {
            self.set(key, value);
        }
    }

    /// Name and value of `key`, under this name or another that Flink takes for it.
    pub fn find(&self, key: &str) -> Option<(&str, &str)> {
        names(key)
            .find_map(|name| self.0.get_key_value(name))
            .map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// All pairs, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of the configuration file of `version` ([`FlinkVersion::config_file`]).
    ///
    /// Up to 1.18 Flink reads `key: value` line by line, cuts at `#` and knows no quotes; values that such
    /// a line cannot hold are refused by [`validate`](crate::model::validate). Later versions read YAML,
    /// where flat keys are fine.
    ///
    /// # Errors
    /// None in practice: a map of strings can always be written.
    pub fn render(&self, version: FlinkVersion) -> Result<String> {
        if version >= FlinkVersion::V1_19 {
            return yaml::to_string(self);
        }
        Ok(self.iter().map(|(key, value)| format!("{key}: {value}\n")).collect())
    }
}

/// Keys with a second name, each accepted by some version of 1.17 to 2.3: the portable name (which every
/// version reads) first.
const OTHER_NAMES: [(&str, &[&str]); 10] = [
    ("state.checkpoints.dir", &["execution.checkpointing.dir", "state.backend.fs.checkpointdir"]),
    (
        "state.savepoints.dir",
        &["execution.checkpointing.savepoint-dir", "savepoints.state.backend.fs.dir"],
    ),
    ("state.checkpoints.num-retained", &["execution.checkpointing.num-retained"]),
    ("high-availability.type", &["high-availability", "recovery.mode"]),
    (
        "high-availability.storageDir",
        &["high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"],
    ),
    (
        "high-availability.cluster-id",
        &["high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"],
    ),
    ("execution.savepoint-restore-mode", &["execution.state-recovery.claim-mode"]),
    ("execution.savepoint.path", &["execution.state-recovery.path"]),
    (
        "execution.savepoint.ignore-unclaimed-state",
        &["execution.state-recovery.ignore-unclaimed-state"],
    ),
    ("env.java.opts.all", &["env.java.opts"]),
];

/// All names of an option, the given one first.
pub fn names(key: &str) -> impl Iterator<Item = &str> {
    let others =
        OTHER_NAMES.iter().find(|(name, _)| *name == key).map_or(&[][..], |(_, others)| others);
    std::iter::once(key).chain(others.iter().copied())
}

impl<'de> Deserialize<'de> for FlinkConfig {
    /// Reads flat and nested maps alike (`a: {b: 1}` is `a.b: 1`); a list becomes Flink's own form, joined
    /// with `;`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = FlinkConfig::default();
        let map: serde_json::Map<String, Value> = serde_json::Map::deserialize(deserializer)?;
        for (key, value) in map {
            flatten(&mut config, &key, value).map_err(serde::de::Error::custom)?;
        }
        Ok(config)
    }
}

fn flatten(config: &mut FlinkConfig, key: &str, value: Value) -> Result<(), String> {
    let text = match value {
        Value::Object(map) => {
            return map
                .into_iter()
                .try_for_each(|(inner, value)| flatten(config, &format!("{key}.{inner}"), value));
        }
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(scalar).collect();
            items.map(|items| items.join(";"))
        }
        other => scalar(&other),
    };
    let text = text.ok_or_else(|| format!("{key}: expected a string, a number or a boolean"))?;
    match config.0.insert(key.to_owned(), text) {
        None => Ok(()),
        Some(_) => Err(format!("{key} is given twice, flat and nested")),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> FlinkConfig {
        yaml::from_str(text, "test").expect(text)
    }

    #[test]
    fn nested_and_flat_keys_are_the_same() {
        let flat = read("taskmanager.numberOfTaskSlots: 2\nstate.backend.type: rocksdb");
        let nested = read("taskmanager: {numberOfTaskSlots: 2}\nstate: {backend: {type: rocksdb}}");
        assert_eq!(flat, nested);
        assert_eq!(read("a: [x, 1]\nb: true").get("a"), Some("x;1"));
    }

    #[test]
    fn refuses_a_key_that_is_given_flat_and_nested() {
        let error = yaml::from_str::<FlinkConfig>("a.b: 1\na: {b: 2}", "test").expect_err("twice");
        assert!(error.to_string().contains("a.b is given twice"), "{error}");
    }

    #[test]
    fn a_default_yields_to_either_name_of_an_option() {
        let mut config = read("execution.checkpointing.dir: s3://mine");
        config.set_default("state.checkpoints.dir", "file:///ours");
        assert!(!config.contains("state.checkpoints.dir"));
        config.set_default("state.savepoints.dir", "file:///ours");
        assert_eq!(config.get("state.savepoints.dir"), Some("file:///ours"));
    }

    #[test]
    fn renders_what_each_version_reads() {
        let config = read("b: 'yes'\na.c: 'x: y # z'\na.b: 1");
        let lines = config.render(FlinkVersion::V1_18).expect("text");
        assert_eq!(lines, "a.b: 1\na.c: x: y # z\nb: yes\n");
        let yaml = config.render(FlinkVersion::V1_19).expect("text");
        assert_eq!(yaml, "a.b: \"1\"\na.c: \"x: y # z\"\nb: \"yes\"\n");
        assert_eq!(read(&yaml), config);
    }
}
