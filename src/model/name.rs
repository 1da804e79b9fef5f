//! The application's name and every object name derived from it (DESIGN "Direct engine: objects").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The name of an application: a DNS label that starts with a letter, at most 45 characters.
///
/// The operator's rule (`DefaultValidator`), and it fits here too: the longest suffix is
/// `-g9999-taskmanager`, and names of Services and label values end at 63 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApplicationName(String);

/// Longest application name, in characters.
const MAX_LENGTH: usize = 45;

impl ApplicationName {
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The PersistentVolumeClaim that `--storage pvc:…` makes.
    pub fn claim(&self) -> String {
        format!("{self}-state")
    }

    /// The Service that always points at the active generation's REST endpoint.
    pub fn rest_service(&self) -> String {
        format!("{self}-rest")
    }

    /// The Ingress, as the operator names it.
    pub fn ingress(&self) -> String {
        self.0.clone()
    }

    /// The ServiceAccount, Role and RoleBinding of the application's pods.
    pub fn service_account(&self) -> String {
        self.0.clone()
    }

    /// The Lease and ConfigMap that hold the running operation.
    pub fn operation(&self) -> String {
        format!("{self}-operation")
    }

    /// The ControllerRevision that records `generation`.
    pub fn revision(&self, generation: Generation) -> String {
        format!("{self}-{generation}")
    }

    /// Flink's HA cluster id of `generation`, which prefixes the ConfigMaps that Flink writes, and the
    /// name of the generation's PodDisruptionBudget and NetworkPolicy.
    pub fn cluster_id(&self, generation: Generation) -> String {
        format!("{self}-g{generation}")
    }

    /// The ConfigMap with Flink's configuration of `generation`.
    pub fn config_map(&self, generation: Generation) -> String {
        format!("{}-config", self.cluster_id(generation))
    }

    /// The JobManager's Deployment and Service of `generation`.
    pub fn jobmanager(&self, generation: Generation) -> String {
        format!("{}-jobmanager", self.cluster_id(generation))
    }

    /// The TaskManagers' Deployment of `generation`.
    pub fn taskmanager(&self, generation: Generation) -> String {
        format!("{}-taskmanager", self.cluster_id(generation))
    }
}

impl FromStr for ApplicationName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let fits = text.len() <= MAX_LENGTH
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            return Ok(ApplicationName(text.to_owned()));
        }
        Err(Error::usage(format!("{text:?} is not a valid application name")).hint(format!(
            "Use at most {MAX_LENGTH} lowercase letters, digits and '-', starting with a letter and not ending with '-'."
        )))
    }
}

/// Whether an object can have this name: a DNS subdomain of at most 253 characters
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).
pub fn is_object_name(text: &str) -> bool {
    let part_fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(part_fits)
}

impl TryFrom<String> for ApplicationName {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ApplicationName> for String {
    fn from(name: ApplicationName) -> String {
        name.0
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a generation, counted from 1 for each application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(u32);

impl Generation {
    /// The first generation.
    pub const FIRST: Generation = Generation(1);

    /// The generation with this number.
    pub const fn new(number: u32) -> Self {
        Generation(number)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Generation(self.0.saturating_add(1))
    }
}

impl FromStr for Generation {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        text.parse().ok().filter(|number| *number > 0).map(Generation).ok_or_else(|| {
            Error::usage(format!("{text:?} is not a generation"))
                .hint("Give its number, as history prints it.")
        })
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn derives_the_names_of_the_design() {
        let name: ApplicationName = "orders".parse().expect("valid");
        let generation = Generation::new(4);
        assert_eq!(name.claim(), "orders-state");
        assert_eq!(name.revision(generation), "orders-4");
        assert_eq!(name.config_map(generation), "orders-g4-config");
        assert_eq!(name.jobmanager(generation), "orders-g4-jobmanager");
        assert_eq!(name.taskmanager(generation), "orders-g4-taskmanager");
        assert_eq!(name.cluster_id(generation), "orders-g4");
        assert_eq!(name.rest_service(), "orders-rest");
        assert_eq!(name.operation(), "orders-operation");
    }

    #[test]
    fn refuses_names_that_kubernetes_would_refuse_later() {
        let long = "a".repeat(46);
        for bad in
            ["", "Orders", "1orders", "-orders", "orders-", "or_ders", "or.ders", "ördérs", &long]
        {
            assert!(bad.parse::<ApplicationName>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn the_longest_derived_name_still_fits_a_service(text in "[a-z][a-z0-9-]{0,43}[a-z0-9]") {
            let name: ApplicationName = text.parse().expect("valid");
            prop_assert!(name.taskmanager(Generation::new(9999)).len() <= 63);
        }
    }
}
