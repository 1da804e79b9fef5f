//! The `--storage` request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ClaimStorage;
use crate::error::{Error, Result};
use crate::model::name::ApplicationName;
use crate::model::quantity::Quantity;
use crate::model::store::StoreUri;

/// What the user asked for with `--storage` or the annotation `kubectl-flink.io/storage`.
///
/// `pvc:SIZE[,class=NAME][,access=rwo|rwx]`, `claim:NAME[/path]`, the name of a profile, or the URI of a folder on a
/// store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StorageSpec {
    /// A PersistentVolumeClaim of the application's own, made when it does not exist.
    NewClaim(NewClaim),
    /// A claim that exists already; `path` is a folder in it, relative, possibly empty.
    ExistingClaim {
        /// The claim's name.
        claim: String,
        /// The folder in it that the state goes under.
        path: String,
    },
    /// A storage profile, by name.
    Profile(String),
    /// A folder on a store: that of a profile whose folder it is in, else one that pods reach by themselves.
    Uri(StoreUri),
}

/// The claim that `--storage pvc:…` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClaim {
    /// Requested capacity.
    pub size: Quantity,
    /// The StorageClass; the cluster's default when absent.
    pub class: Option<String>,
    /// How many nodes may mount it.
    pub access: AccessMode,
}

/// The access modes of a claim that a JobManager and TaskManagers can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessMode {
    /// ReadWriteOnce: one node; all pods of the application are kept on it.
    #[default]
    Rwo,
    /// ReadWriteMany: any node.
    Rwx,
}

impl AccessMode {
    /// Kubernetes' name.
    pub fn as_kubernetes(self) -> &'static str {
        match self {
            AccessMode::Rwo => "ReadWriteOnce",
            AccessMode::Rwx => "ReadWriteMany",
        }
    }
}

impl fmt::Display for AccessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AccessMode::Rwo => "rwo",
            AccessMode::Rwx => "rwx",
        })
    }
}

const SYNTAX: &str = "Write pvc:SIZE[,class=NAME][,access=rwo|rwx], claim:NAME[/path], the name of a storage profile, or a URI such as s3://bucket/flink.";

impl FromStr for StorageSpec {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("pvc", rest)) => parse_new_claim(text, rest).map(StorageSpec::NewClaim),
            Some(("claim", rest)) => parse_existing_claim(text, rest),
            Some((_, rest)) if rest.starts_with("//") => text.parse().map(StorageSpec::Uri),
            None if is_profile_name(text) => Ok(StorageSpec::Profile(text.to_owned())),
            _ => Err(wrong(text, "it is neither a claim, nor a profile, nor a URI")),
        }
    }
}

/// Whether a storage profile can have this name: that of a ConfigMap, with a prefix before it.
pub fn is_profile_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn wrong(text: &str, why: &str) -> Error {
    Error::usage(format!("--storage {text:?}: {why}")).hint(SYNTAX)
}

fn parse_new_claim(text: &str, rest: &str) -> Result<NewClaim> {
    let mut parts = rest.split(',');
    let size: Quantity = parts
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|e: Error| e.context(format!("--storage {text:?}")).hint(SYNTAX))?;
    if size.is_zero() {
        return Err(wrong(text, "the size is zero"));
    }
    let mut claim = NewClaim { size, class: None, access: AccessMode::default() };
    for part in parts {
        match part.split_once('=') {
            Some(("class", name)) if !name.is_empty() => claim.class = Some(name.to_owned()),
            Some(("access", "rwo")) => claim.access = AccessMode::Rwo,
            Some(("access", "rwx")) => claim.access = AccessMode::Rwx,
            Some(("access", "rwop")) => {
                return Err(Error::usage(format!(
                    "--storage {text:?}: a ReadWriteOncePod volume serves one pod, and the JobManager and its TaskManagers share the state"
                ))
                .hint("Use access=rwo (all pods on one node) or access=rwx."));
            }
            Some(("access", other)) => {
                return Err(wrong(text, &format!("{other:?} is not an access mode")));
            }
            _ => return Err(wrong(text, &format!("{part:?} is not an option of pvc"))),
        }
    }
    Ok(claim)
}

fn parse_existing_claim(text: &str, rest: &str) -> Result<StorageSpec> {
    let (claim, path) = rest.split_once('/').unwrap_or((rest, ""));
    let claim_fits = !claim.is_empty()
        && claim.len() <= 253
        && claim
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    if !claim_fits {
        return Err(wrong(text, &format!("{claim:?} is not the name of a claim")));
    }
    let path = path.trim_matches('/');
    let part_fits = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._=".contains(&b))
    };
    if !path.is_empty() && !path.split('/').all(part_fits) {
        return Err(wrong(
            text,
            "the path may hold letters, digits and -._= between single slashes",
        ));
    }
    Ok(StorageSpec::ExistingClaim { claim: claim.to_owned(), path: path.to_owned() })
}

impl fmt::Display for StorageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageSpec::NewClaim(claim) => {
                write!(f, "pvc:{}", claim.size)?;
                if let Some(class) = &claim.class {
                    write!(f, ",class={class}")?;
                }
                if claim.access != AccessMode::default() {
                    write!(f, ",access={}", claim.access)?;
                }
                Ok(())
            }
            StorageSpec::ExistingClaim { claim, path } if path.is_empty() => {
                write!(f, "claim:{claim}")
            }
            StorageSpec::ExistingClaim { claim, path } => write!(f, "claim:{claim}/{path}"),
            StorageSpec::Profile(name) => f.write_str(name),
            StorageSpec::Uri(uri) => uri.fmt(f),
        }
    }
}

impl TryFrom<String> for StorageSpec {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<StorageSpec> for String {
    fn from(spec: StorageSpec) -> String {
        spec.to_string()
    }
}

impl StorageSpec {
    /// The claim that this request ends in; `None` when it is not for one. `access` is the mode of an existing claim, as
    /// read from the cluster; a new claim has the mode it asks for.
    pub fn claim(&self, application: &ApplicationName, access: AccessMode) -> Option<ClaimStorage> {
        match self {
            StorageSpec::NewClaim(new) => Some(ClaimStorage {
                claim: application.claim(),
                path: String::new(),
                access: new.access,
            }),
            StorageSpec::ExistingClaim { claim, path } => {
                Some(ClaimStorage { claim: claim.clone(), path: path.clone(), access })
            }
            StorageSpec::Profile(_) | StorageSpec::Uri(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
