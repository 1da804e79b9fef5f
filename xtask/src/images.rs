//! Container images of Flink with the official image's layout and entry point, made from package registries.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::step::Step;
use crate::tools::{Go, KT, Package, ensure_packages, repository};
use crate::{cache, flink_home, java, jobs};

/// The Flink versions whose images are made: one of each major line, newest first.
pub(crate) const VERSIONS: [&str; 2] = ["2.3.0", "1.20.5"];

/// The OCI archive of the image `docker.io/library/flink:VERSION`, which a pod's short name `flink:VERSION` resolves to.
/// A second call finds it in the cache.
///
/// # Errors
/// When something cannot be downloaded, installed or compiled.
pub(crate) fn ensure(version: &str) -> Result<PathBuf> {
    let base_key = flink_home::assembler_key(&[])?;
    let key = cache::key(&repository().join("cluster/flink"), &[&base_key, &jobs::key()?])?;
    let name = format!("image-{version}");
    let file = format!("flink-{version}.tar");
    let entry = cache::entry("flink", &name, &key, |dir| {
        let home = flink_home::ensure(version)?;
        let examples = jobs::ensure()?;
        let base = base(&base_key)?;
        let mut command = Command::new(Go::ensure()?.binary(&KT)?);
        command.args(["flink-image", "--version", version, "--home"]).arg(home);
        command.arg("--base").arg(base).arg("--examples").arg(examples);
        command.arg("--scripts").arg(repository().join("cluster/flink"));
        command.arg("--out").arg(dir.join(&file));
        Step::new(format!("Making the image flink:{version}"), &name).run(&mut command)
    })?;
    Ok(entry.join(file))
}

/// The layer that the images of all versions share: a small Debian and a Java runtime.
fn base(key: &str) -> Result<PathBuf> {
    let entry = cache::entry("flink", "base", key, |dir| {
        ensure_packages(&[Package { proof: &["dpkg-deb"], name: "dpkg" }])?;
        let mut command = Command::new(Go::ensure()?.binary(&KT)?);
        command
            .arg("flink-base")
            .arg("--jdk")
            .arg(java::jdk()?)
            .arg("--out")
            .arg(dir.join("base.tar"));
        Step::new("Making the base layer of the Flink images", "flink-base").run(&mut command)
    })?;
    Ok(entry.join("base.tar"))
}
