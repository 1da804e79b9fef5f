//! Container images of Flink with the official image's layout and entry point, made from package registries.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::maven::{self, Take};
use crate::step::Step;
use crate::tools::{Go, KT, Package, ensure_packages, repository};
use crate::{cache, flink_home, java, jobs};

/// The Flink versions whose images are made: one of each major line, newest first.
pub(crate) const VERSIONS: [&str; 2] = ["2.3.0", "1.20.5"];

/// What an image has beside Flink itself. Layers are shared: what two images have in common is loaded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contents {
    /// Nothing: `flink:VERSION` that is quick to make and to load.
    Plain,
    /// The jars of Flink's file systems in `/opt/flink/opt`, as the official image has them: `flink:VERSION` too.
    FileSystems,
    /// Hadoop's client on `HADOOP_CLASSPATH` and the file systems, as users of HDFS build it: `flink:VERSION-hadoop`.
    Hadoop,
}

/// The OCI archive of the image `docker.io/library/flink:TAG`, which a pod's short name `flink:TAG` resolves to.
/// A second call finds it in the cache.
///
/// # Errors
/// When something cannot be downloaded, installed or compiled.
pub(crate) fn ensure(version: &str, contents: Contents) -> Result<PathBuf> {
    let base_key = flink_home::assembler_key(&[])?;
    let opt = match contents {
        Contents::Plain => None,
        Contents::FileSystems | Contents::Hadoop => Some(file_systems(version)?),
    };
    let hadoop = match contents {
        Contents::Plain | Contents::FileSystems => None,
        Contents::Hadoop => Some(maven::jars("hadoop", Take::Named)?),
    };
    let extras = format!("{:?}", [&opt, &hadoop]);
    let key =
        cache::key(&repository().join("cluster/flink"), &[&base_key, &jobs::key()?, &extras])?;
    let (name, file) = match contents {
        Contents::Plain => (format!("image-{version}"), format!("flink-{version}.tar")),
        Contents::FileSystems => {
            (format!("image-{version}-opt"), format!("flink-{version}-with-opt.tar"))
        }
        Contents::Hadoop => {
            (format!("image-{version}-hadoop"), format!("flink-{version}-hadoop.tar"))
        }
    };
    let entry = cache::entry("flink", &name, &key, |dir| {
        let home = flink_home::ensure(version)?;
        let examples = jobs::ensure()?;
        let base = base(&base_key)?;
        let mut command = Command::new(Go::ensure()?.binary(&KT)?);
        command.args(["flink-image", "--version", version, "--home"]).arg(home);
        command.arg("--base").arg(base).arg("--examples").arg(examples);
        command.arg("--scripts").arg(repository().join("cluster/flink"));
        for (flag, jars) in [("--opt", &opt), ("--hadoop", &hadoop)] {
            command.args(jars.iter().flat_map(|jars| [flag.as_ref(), jars.as_os_str()]));
        }
        command.arg("--out").arg(dir.join(&file));
        let title = format!("Making {}", file.trim_end_matches(".tar"));
        Step::new(title, &name).run(&mut command)
    })?;
    Ok(entry.join(file))
}

/// A folder with the jars of Flink's file systems, named as in the official image of this version. Maven Central has
/// not each of them in each patch release; one of the same minor version works and gets this version's name.
///
/// # Errors
/// When they cannot be fetched.
pub(crate) fn file_systems(version: &str) -> Result<PathBuf> {
    let project = format!("flink-{version}");
    let jars = maven::jars(&project, Take::Unversioned)?;
    let key = cache::key(&maven::project(&project), &[version])?;
    cache::entry("jars", &format!("opt-{version}"), &key, |dir| {
        for jar in fs::read_dir(&jars)? {
            let jar = jar?;
            let name =
                jar.file_name().to_string_lossy().replace(".jar", &format!("-{version}.jar"));
            fs::hard_link(jar.path(), dir.join(name))?;
        }
        Ok(())
    })
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
