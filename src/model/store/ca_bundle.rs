//! Certificate authorities that the JVM does not know by itself: those of servers in one's own network.

use std::fmt;
use std::str::FromStr;

use k8s_openapi::api::core::v1::{ConfigMapVolumeSource, SecretVolumeSource, Volume};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The object with the certificates: each of its keys that ends in `.crt` or `.pem` holds some, as PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CaBundle {
    /// A ConfigMap of this name, as trust-manager makes it.
    ConfigMap(String),
    /// A Secret of this name, as cert-manager makes it.
    Secret(String),
}

/// Before the name of a Secret.
const SECRET: &str = "secret/";

impl CaBundle {
    /// The volume of this name that holds the files.
    pub fn volume(&self, name: String) -> Volume {
        match self {
            CaBundle::ConfigMap(config_map) => Volume {
                name,
                config_map: Some(ConfigMapVolumeSource {
                    name: config_map.clone(),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            },
            CaBundle::Secret(secret) => Volume {
                name,
                secret: Some(SecretVolumeSource {
                    secret_name: Some(secret.clone()),
                    ..SecretVolumeSource::default()
                }),
                ..Volume::default()
            },
        }
    }
}

impl fmt::Display for CaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaBundle::ConfigMap(name) => f.write_str(name),
            CaBundle::Secret(name) => write!(f, "{SECRET}{name}"),
        }
    }
}

impl FromStr for CaBundle {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let (name, secret) = match text.strip_prefix(SECRET) {
            Some(name) => (name, true),
            None => (text, false),
        };
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(Error::usage(format!("CA bundle {text:?} is no name of an object"))
                .hint("Give the name of a ConfigMap, or secret/NAME."));
        }
        Ok(if secret {
            CaBundle::Secret(name.to_owned())
        } else {
            CaBundle::ConfigMap(name.to_owned())
        })
    }
}

impl From<CaBundle> for String {
    fn from(bundle: CaBundle) -> String {
        bundle.to_string()
    }
}

impl TryFrom<String> for CaBundle {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_a_config_map_or_a_secret() -> Result<()> {
        assert_eq!("our-ca".parse::<CaBundle>()?, CaBundle::ConfigMap("our-ca".to_owned()));
        assert_eq!("secret/our-ca".parse::<CaBundle>()?, CaBundle::Secret("our-ca".to_owned()));
        for bad in ["", "secret/", "configmap/our-ca", "our_ca", "/etc/ca.pem", "OUR"] {
            assert!(bad.parse::<CaBundle>().is_err(), "{bad:?}");
        }
        Ok(())
    }
}
