//! The Flink versions this plugin knows, and how they differ for a deployer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A minor version of Flink, oldest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum FlinkVersion {
    V1_17,
    V1_18,
    V1_19,
    V1_20,
    V2_0,
    V2_1,
    V2_2,
    #[default]
    V2_3,
}

impl FlinkVersion {
    /// Every known version, oldest first.
    pub const ALL: [FlinkVersion; 8] = [
        FlinkVersion::V1_17,
        FlinkVersion::V1_18,
        FlinkVersion::V1_19,
        FlinkVersion::V1_20,
        FlinkVersion::V2_0,
        FlinkVersion::V2_1,
        FlinkVersion::V2_2,
        FlinkVersion::V2_3,
    ];

    /// Major and minor number.
    pub fn numbers(self) -> (u8, u8) {
        match self {
            FlinkVersion::V1_17 => (1, 17),
            FlinkVersion::V1_18 => (1, 18),
            FlinkVersion::V1_19 => (1, 19),
            FlinkVersion::V1_20 => (1, 20),
            FlinkVersion::V2_0 => (2, 0),
            FlinkVersion::V2_1 => (2, 1),
            FlinkVersion::V2_2 => (2, 2),
            FlinkVersion::V2_3 => (2, 3),
        }
    }

    /// The newest patch release of this version that was checked.
    pub fn release(self) -> &'static str {
        match self {
            FlinkVersion::V1_17 => "1.17.2",
            FlinkVersion::V1_18 => "1.18.1",
            FlinkVersion::V1_19 => "1.19.3",
            FlinkVersion::V1_20 => "1.20.5",
            FlinkVersion::V2_0 => "2.0.2",
            FlinkVersion::V2_1 => "2.1.3",
            FlinkVersion::V2_2 => "2.2.1",
            FlinkVersion::V2_3 => "2.3.0",
        }
    }

    /// The official image of [`FlinkVersion::release`], used when the spec names none.
    pub fn default_image(self) -> String {
        format!("flink:{}", self.release())
    }

    /// The name of the configuration file that this version reads: 1.19 introduced `config.yaml`,
    /// and 2.0 reads nothing else.
    pub fn config_file(self) -> &'static str {
        if self >= FlinkVersion::V1_19 { "config.yaml" } else { "flink-conf.yaml" }
    }

    /// The spelling of the spec: `v1_20`.
    pub fn as_spec(self) -> String {
        let (major, minor) = self.numbers();
        format!("v{major}_{minor}")
    }
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.numbers();
        write!(f, "{major}.{minor}")
    }
}

impl FromStr for FlinkVersion {
    type Err = Error;

    /// Reads `1.20`, `1.20.5` or the spec's `v1_20`; a patch number is accepted and dropped.
    fn from_str(text: &str) -> Result<Self> {
        let plain = text.strip_prefix('v').unwrap_or(text).replace('_', ".");
        let numbers: Option<Vec<u8>> = plain.split('.').map(|part| part.parse().ok()).collect();
        let known = match numbers.as_deref() {
            Some([major, minor] | [major, minor, _]) => {
                FlinkVersion::ALL.into_iter().find(|v| v.numbers() == (*major, *minor))
            }
            _ => None,
        };
        known.ok_or_else(|| {
            let all: Vec<String> = FlinkVersion::ALL.iter().map(ToString::to_string).collect();
            Error::usage(format!("{text:?} is not a Flink version that is supported"))
                .hint(format!("Use one of {}.", all.join(", ")))
        })
    }
}

impl TryFrom<String> for FlinkVersion {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<FlinkVersion> for String {
    fn from(version: FlinkVersion) -> String {
        version.as_spec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling_of_every_version() {
        for version in FlinkVersion::ALL {
            for text in [version.to_string(), version.as_spec(), version.release().to_owned()] {
                assert_eq!(text.parse::<FlinkVersion>().ok(), Some(version), "{text}");
            }
        }
        for text in ["", "2", "1.16", "v2_4", "2.3.0.1", "2.3-java17", "latest"] {
            assert!(text.parse::<FlinkVersion>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn knows_the_order_and_the_file_each_version_reads() {
        assert!(FlinkVersion::ALL.is_sorted());
        assert_eq!(FlinkVersion::V1_18.config_file(), "flink-conf.yaml");
        assert_eq!(FlinkVersion::V1_19.config_file(), "config.yaml");
        assert_eq!(FlinkVersion::default().default_image(), "flink:2.3.0");
    }
}
