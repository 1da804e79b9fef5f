//! FLINK_HOME of a Flink version: scripts, configuration and jars, from Flink's own Python packages.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::step::Step;
use crate::tools::{Go, KT, Package, ensure_packages, repository};
use crate::{cache, java};

/// The key of everything that this folder of Go sources makes, with `extra` for what else it depends on.
pub(crate) fn assembler_key(extra: &[&str]) -> Result<String> {
    let image = cache::key(&repository().join("cluster/kt/internal/image"), &[])?;
    cache::key(
        &repository().join("cluster/kt/internal/flink"),
        &[&[image.as_str()], extra].concat(),
    )
}

/// A folder with the layout of a Flink distribution. The first time it downloads about 300 MB.
///
/// # Errors
/// When the packages cannot be downloaded or differ from the pinned ones, or Java or Python is missing.
pub(crate) fn ensure(version: &str) -> Result<PathBuf> {
    let name = format!("home-{version}");
    let entry = cache::entry("flink", &name, &assembler_key(&[])?, |dir| {
        ensure_packages(&[
            Package { proof: &["python3"], name: "python3" },
            Package { proof: &["pip3", "pip"], name: "python3-pip" },
        ])?;
        let mut command = Command::new(Go::ensure()?.binary(&KT)?);
        command.args(["flink-home", "--version", version, "--downloads"]);
        command.arg(cache::dir()?.join("downloads")).arg("--out").arg(dir.join("flink"));
        command.env("JAVA_HOME", java::jdk()?);
        Step::new(format!("Assembling Flink {version}"), &name)
            .note("the first time it downloads 300 MB")
            .run(&mut command)
    })?;
    Ok(entry.join("flink"))
}
