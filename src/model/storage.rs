//! State storage: the `--storage` request, the claim it ends in, and where things lie inside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::ids::OperationId;
use crate::model::name::{ApplicationName, Generation};
use crate::model::quantity::Quantity;

/// Where a claim is mounted, in the JobManager and in every TaskManager.
pub const MOUNT_PATH: &str = "/flink/state";

/// What the user asked for with `--storage` or the annotation `kubectl-flink.io/storage`.
///
/// `pvc:SIZE[,class=NAME][,access=rwo|rwx]` or `claim:NAME[/path]`.
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

const SYNTAX: &str =
    "Write pvc:SIZE[,class=NAME][,access=rwo|rwx] or claim:NAME[/path], such as pvc:10Gi.";

impl FromStr for StorageSpec {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("pvc", rest)) => parse_new_claim(text, rest).map(StorageSpec::NewClaim),
            Some(("claim", rest)) => parse_existing_claim(text, rest),
            Some((scheme, rest)) if rest.starts_with("//") => Err(Error::usage(format!(
                "--storage {text}: object stores come with storage profiles, which this version does not have"
            ))
            .hint(format!(
                "Use a claim (pvc:SIZE or claim:NAME), or set the {scheme} directories yourself with --set state.checkpoints.dir=… and --set state.savepoints.dir=…."
            ))),
            _ => Err(wrong(text, "it is neither pvc:… nor claim:…")),
        }
    }
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
    /// The storage this request ends in. `access` is the mode of an existing claim, as read from the
    /// cluster; a new claim has the mode it asks for.
    pub fn bind(&self, application: &ApplicationName, access: AccessMode) -> StateStorage {
        match self {
            StorageSpec::NewClaim(new) => StateStorage::Claim(ClaimStorage {
                claim: application.claim(),
                path: String::new(),
                access: new.access,
            }),
            StorageSpec::ExistingClaim { claim, path } => StateStorage::Claim(ClaimStorage {
                claim: claim.clone(),
                path: path.clone(),
                access,
            }),
        }
    }
}

/// The state storage of a generation, as its revision records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StateStorage {
    /// A PersistentVolumeClaim, mounted at [`MOUNT_PATH`].
    Claim(ClaimStorage),
}

/// A claim and the folder in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimStorage {
    /// The claim's name.
    pub claim: String,
    /// A folder in it, relative, possibly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// How many nodes may mount it.
    pub access: AccessMode,
}

impl StateStorage {
    /// The claim behind it.
    pub fn claim(&self) -> &ClaimStorage {
        let StateStorage::Claim(claim) = self;
        claim
    }

    /// Where the state of `application` lies on it.
    pub fn layout(&self, namespace: &str, application: &ApplicationName) -> StateLayout {
        let claim = self.claim();
        let root = match claim.path.is_empty() {
            true => MOUNT_PATH.to_owned(),
            false => format!("{MOUNT_PATH}/{}", claim.path),
        };
        StateLayout { base: format!("file://{root}/{namespace}/{application}") }
    }
}

/// The places of one application's state, as URIs that Flink reads (DESIGN "State on storage").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLayout {
    base: String,
}

impl StateLayout {
    /// `<base>/<namespace>/<application>`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The folder of uploaded job jars.
    pub fn jars(&self) -> String {
        format!("{}/jars", self.base)
    }

    /// The jar whose content has this SHA-256 (64 hexadecimal digits).
    pub fn jar(&self, sha256: &str) -> String {
        format!("{}/jars/{sha256}.jar", self.base)
    }

    /// The checkpoint directory; Flink adds `<job-id>/chk-N`.
    pub fn checkpoints(&self) -> String {
        format!("{}/checkpoints", self.base)
    }

    /// The savepoint directory; Flink adds `savepoint-…`.
    pub fn savepoints(&self) -> String {
        format!("{}/savepoints", self.base)
    }

    /// The savepoint directory of one operation alone, so that a savepoint that finished behind our back
    /// is found again.
    pub fn operation_savepoints(&self, operation: &OperationId) -> String {
        format!("{}/savepoints/{operation}", self.base)
    }

    /// The directory of Flink's HA payloads; Flink adds the HA cluster id.
    pub fn ha(&self) -> String {
        format!("{}/ha", self.base)
    }

    /// The folder of the catalogue.
    pub fn catalogue(&self) -> String {
        format!("{}/catalogue", self.base)
    }

    /// The record of a generation.
    pub fn catalogue_entry(&self, generation: Generation) -> String {
        format!("{}/catalogue/{generation}.json", self.base)
    }
}

/// The path in a pod of a `file:` URI under [`MOUNT_PATH`]; `None` for any other URI.
pub fn mounted_path(uri: &str) -> Option<&str> {
    let path = uri.strip_prefix("file://")?;
    let inside = path.strip_prefix(MOUNT_PATH)?;
    (inside.is_empty() || inside.starts_with('/')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> StorageSpec {
        text.parse().expect(text)
    }

    #[test]
    fn reads_and_prints_requests() {
        for text in [
            "pvc:10Gi",
            "pvc:10Gi,class=fast",
            "pvc:10Gi,class=fast,access=rwx",
            "claim:shared",
            "claim:shared/flink/state",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        assert_eq!(parse("pvc:1024Mi,access=rwo").to_string(), "pvc:1Gi");
    }

    #[test]
    fn refuses_with_the_reason() {
        for (text, reason) in [
            ("", "neither pvc"),
            ("10Gi", "neither pvc"),
            ("pvc:", "not a Kubernetes quantity"),
            ("pvc:0", "the size is zero"),
            ("pvc:1Gi,access=rwop", "serves one pod"),
            ("pvc:1Gi,access=rox", "not an access mode"),
            ("pvc:1Gi,clas=x", "not an option of pvc"),
            ("claim:", "not the name of a claim"),
            ("claim:Shared", "not the name of a claim"),
            ("claim:shared/../other", "the path may hold"),
            ("claim:shared/a b", "the path may hold"),
            ("s3://bucket/flink", "storage profiles"),
        ] {
            let error = text.parse::<StorageSpec>().expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(!error.hints().is_empty(), "{text}");
        }
    }

    #[test]
    fn lays_the_state_out_as_the_design_says() {
        let name: ApplicationName = "orders".parse().expect("valid");
        let layout = parse("pvc:1Gi").bind(&name, AccessMode::Rwx).layout("shop", &name);
        assert_eq!(layout.checkpoints(), "file:///flink/state/shop/orders/checkpoints");
        assert_eq!(layout.jar("ab"), "file:///flink/state/shop/orders/jars/ab.jar");
        assert_eq!(
            layout.catalogue_entry(Generation::new(4)),
            "file:///flink/state/shop/orders/catalogue/4.json"
        );
        let shared = parse("claim:shared/a/b").bind(&name, AccessMode::Rwx);
        assert_eq!(shared.layout("shop", &name).base(), "file:///flink/state/a/b/shop/orders");
        assert_eq!(shared.claim().access, AccessMode::Rwx);
    }

    #[test]
    fn knows_which_uris_are_on_the_volume() {
        assert_eq!(mounted_path("file:///flink/state/a/b"), Some("/flink/state/a/b"));
        assert_eq!(mounted_path("file:///flink/statement"), None);
        assert_eq!(mounted_path("s3://flink/state"), None);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(
            size in 1..1_u64 << 50, class in proptest::option::of("[a-z]{1,8}"), many: bool,
        ) {
            let access = if many { AccessMode::Rwx } else { AccessMode::Rwo };
            let spec =
                StorageSpec::NewClaim(NewClaim { size: Quantity::from_bytes(size), class, access });
            prop_assert_eq!(spec.to_string().parse::<StorageSpec>().ok(), Some(spec));
        }

        #[test]
        fn never_panics(text in "(pvc:|claim:|s3://)?\\PC*") {
            let _ = text.parse::<StorageSpec>();
        }
    }
}
