//! Flink's configuration: an ordered map of flat keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

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

    /// Removes `key`.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// All pairs, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
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
