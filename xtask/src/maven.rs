//! Jars from Maven Central, by the small POMs in `cluster/maven`, each with the checksums of what it must bring.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::step::Step;
use crate::tools::{Package, ensure_packages, repository};
use crate::{cache, java};

const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
/// The file beside a POM with the checksums of its jars.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// Which jars of a POM are wanted, and what they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// The dependencies and all that these need, by their full names.
    All,
    /// The dependencies alone.
    Named,
    /// The dependencies alone, without the version in their names.
    Unversioned,
}

/// A folder with the jars of `cluster/maven/NAME`, from the cache or from Maven Central.
///
/// # Errors
/// When they cannot be fetched, or are not the ones whose checksums the repository holds.
pub(crate) fn jars(name: &str, take: Take) -> Result<PathBuf> {
    let project = project(name);
    let key = cache::key(&project, &[COPY, &format!("{take:?}")])?;
    let entry = cache::entry("jars", name, &key, |dir| {
        ensure_packages(&[Package { proof: &["mvn"], name: "maven" }])?;
        let jars = dir.join("lib");
        let mut command = Command::new("mvn");
        command.env("JAVA_HOME", java::jdk()?).current_dir(dir);
        command.args(["--batch-mode", "--strict-checksums", "--file"]).arg(project.join("pom.xml"));
        command.args([COPY, "-DincludeScope=runtime"]);
        command.arg(format!("-DoutputDirectory={}", jars.display()));
        if take != Take::All {
            command.arg("-DexcludeTransitive=true");
        }
        if take == Take::Unversioned {
            command.arg("-Dmdep.stripVersion=true");
        }
        Step::new(format!("Fetching the jars of {name}"), &format!("maven-{name}"))
            .run(&mut command)?;
        let wanted = fs::read_to_string(project.join(SUMS)).context("the checksums of the jars")?;
        compare(&wanted, &sums(&jars)?).with_context(|| {
            format!("the jars of {} are not those of its {SUMS}", project.display())
        })
    })?;
    Ok(entry.join("lib"))
}

/// The folder of a POM and its checksums.
pub(crate) fn project(name: &str) -> PathBuf {
    repository().join("cluster/maven").join(name)
}

/// The lines that `sha256sum` prints for the files of a folder, in name order.
fn sums(dir: &Path) -> Result<String> {
    let mut lines = BTreeMap::new();
    for entry in fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let entry = entry?;
        let hash: String = Sha256::digest(fs::read(entry.path())?)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let name = entry.file_name().to_string_lossy().into_owned();
        lines.insert(name.clone(), format!("{hash}  {name}\n"));
    }
    Ok(lines.into_values().collect())
}

fn compare(wanted: &str, found: &str) -> Result<()> {
    let missing: Vec<_> =
        wanted.lines().filter(|line| !found.lines().any(|l| l == *line)).collect();
    let strange: Vec<_> =
        found.lines().filter(|line| !wanted.lines().any(|l| l == *line)).collect();
    if missing.is_empty() && strange.is_empty() {
        return Ok(());
    }
    bail!("wanted, not there:\n{}\nthere, not wanted:\n{}", missing.join("\n"), strange.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jar_that_differs_is_refused() {
        assert!(compare("1  a.jar\n2  b.jar\n", "2  b.jar\n1  a.jar\n").is_ok());
        for other in ["1  a.jar\n", "1  a.jar\n3  b.jar\n", "1  a.jar\n2  b.jar\n3  c.jar\n"] {
            compare("1  a.jar\n2  b.jar\n", other).unwrap_err();
        }
    }

    #[test]
    fn every_project_pins_checksums_for_its_dependencies() {
        for entry in fs::read_dir(repository().join("cluster/maven")).unwrap() {
            let project = entry.unwrap().path();
            let pom = fs::read_to_string(project.join("pom.xml")).unwrap();
            let sums = fs::read_to_string(project.join(SUMS)).unwrap();
            assert!(
                sums.lines().count() >= pom.matches("<dependency>").count(),
                "{}",
                project.display()
            );
        }
    }
}
