//! What krew demands of a manifest, and what its index asks for: checked before anybody publishes one.
//!
//! Source: krew's `internal/index/validation` and
//! <https://krew.sigs.k8s.io/docs/developer-guide/develop/best-practices/>.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::platform::Platform;

/// A manifest; a field that krew does not know is an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Manifest {
    api_version: String,
    kind: String,
    metadata: Metadata,
    pub(super) spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    version: String,
    homepage: String,
    short_description: String,
    description: String,
    #[serde(default)]
    caveats: String,
    pub(super) platforms: Vec<Target>,
}

/// One platform's archive.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) selector: Selector,
    pub(super) uri: String,
    pub(super) sha256: String,
    pub(super) bin: String,
    pub(super) files: Option<Vec<Files>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Selector {
    pub(super) match_labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    pub(super) from: String,
    pub(super) to: String,
}

/// Reads a manifest.
///
/// # Errors
/// When it is not one.
pub(super) fn parse(text: &str) -> Result<Manifest> {
    serde_saphyr::from_str(text).context("not a krew manifest")
}

/// Every rule that the manifest in this file breaks.
///
/// # Errors
/// When it is not a manifest at all.
pub(super) fn violations(file: &str, text: &str) -> Result<Vec<String>> {
    let manifest = parse(text)?;
    let mut broken = Vec::new();
    let mut rule = |holds: bool, otherwise: String| {
        if !holds {
            broken.push(otherwise);
        }
    };
    let (name, spec) = (&manifest.metadata.name, &manifest.spec);
    let version = "krew.googlecontainertools.github.com/v1alpha2";
    rule(manifest.api_version == version, format!("apiVersion is not {version}"));
    rule(manifest.kind == "Plugin", "kind is not Plugin".to_owned());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    rule(!name.is_empty() && name.chars().all(word), format!("{name:?} is no name for a plugin"));
    rule(file == format!("{name}.yaml"), format!("{file} holds the plugin {name}"));
    rule(is_version(&spec.version), format!("version {:?} is not vX.Y.Z", spec.version));
    rule(spec.homepage.starts_with("https://"), "homepage is not an https address".to_owned());
    let short = &spec.short_description;
    let one_line = !short.is_empty() && !short.contains('\n') && short.chars().count() <= 50;
    rule(one_line, "shortDescription is not one line of at most 50 characters".to_owned());
    rule(!spec.description.trim().is_empty(), "description is empty".to_owned());
    let examples = spec.description.contains("kubectl flink") || spec.description.contains("$ ");
    rule(!examples, "description has usage examples".to_owned());
    rule(
        spec.caveats.lines().count() <= 5,
        "caveats are for extra steps, not for a manual".to_owned(),
    );
    rule(!spec.platforms.is_empty(), "there is no platform".to_owned());
    for target in &spec.platforms {
        broken.extend(target.violations());
    }
    broken.extend(overlaps(&spec.platforms));
    Ok(broken)
}

impl Target {
    fn violations(&self) -> Vec<String> {
        let labels = &self.selector.match_labels;
        let place = format!("platform {labels:?}");
        let mut broken = Vec::new();
        let mut rule = |holds: bool, otherwise: &str| {
            if !holds {
                broken.push(format!("{place}: {otherwise}"));
            }
        };
        rule(!labels.is_empty(), "the selector is empty");
        rule(
            labels.keys().all(|key| key == "os" || key == "arch"),
            "selectors know os and arch only",
        );
        rule(!self.selects().is_empty(), "the selector selects no platform that we build for");
        rule(self.uri.starts_with("https://"), "uri is not an https address");
        let known = self.uri.ends_with(".tar.gz") || self.uri.ends_with(".zip");
        rule(known, "the archive is neither .tar.gz nor .zip");
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let sum = self.sha256.len() == 64 && self.sha256.chars().all(hex);
        rule(sum, "sha256 is not 64 lower-case hexadecimal digits");
        let windows = labels.get("os").is_some_and(|os| os == "windows");
        rule(
            windows == self.bin.ends_with(".exe"),
            "bin ends with .exe on Windows, and only there",
        );
        let inside =
            |path: &str| !path.starts_with('/') && !path.split(['/', '\\']).any(|p| p == "..");
        rule(inside(&self.bin), "bin leads out of the plugin's folder");
        if let Some(files) = &self.files {
            rule(!files.is_empty(), "files is there, but empty");
            rule(
                files.iter().all(|f| inside(&f.from) && inside(&f.to)),
                "files lead out of their folders",
            );
            let license =
                |f: &Files| f.from.starts_with("LICENSE") || f.from.starts_with("COPYING");
            rule(files.iter().any(license), "the license is not installed");
        }
        broken
    }

    /// The platforms that it is for.
    pub(super) fn selects(&self) -> Vec<Platform> {
        let labels = &self.selector.match_labels;
        let fits = |key: &str, value: &str| labels.get(key).is_none_or(|wanted| wanted == value);
        Platform::ALL.into_iter().filter(|p| fits("os", p.os) && fits("arch", p.arch)).collect()
    }
}

fn overlaps(targets: &[Target]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let platforms = targets.iter().flat_map(Target::selects);
    platforms
        .filter(|platform| !taken.insert(*platform))
        .map(|platform| format!("two archives are for {platform}"))
        .collect()
}

/// `vX.Y.Z`, with an optional suffix such as `-rc.1`.
fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else { return false };
    let release = rest.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = release.split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok())
}
