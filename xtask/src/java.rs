//! The JDK that compiles the repository's Java, and jars whose bytes depend on their sources alone.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::step::Step;
use crate::tools::{Package, ensure_packages};

/// The time that every entry of a jar gets; any fixed one serves.
const JAR_TIME: &str = "2023-11-14T22:13:20Z";

const USUAL: [&str; 2] =
    ["/usr/lib/jvm/java-17-openjdk-amd64", "/usr/lib/jvm/java-17-openjdk-arm64"];

/// The home of a JDK 17 with the modules that `jlink` needs, installed when it is missing.
///
/// # Errors
/// When there is none and it cannot be installed: what to install.
pub(crate) fn jdk() -> Result<PathBuf> {
    if let Some(home) = find() {
        return Ok(home);
    }
    ensure_packages(&[Package {
        proof: &[
            "/usr/lib/jvm/java-17-openjdk-amd64/jmods/java.base.jmod",
            "/usr/lib/jvm/java-17-openjdk-arm64/jmods/java.base.jmod",
        ],
        name: "openjdk-17-jdk-headless",
    }])?;
    find().ok_or_else(|| {
        anyhow!("no JDK 17 with its jmods folder in {}: set JAVA_HOME to one", USUAL.join(", "))
    })
}

fn find() -> Option<PathBuf> {
    let usual = USUAL.iter().map(PathBuf::from);
    env::var_os("JAVA_HOME").map(PathBuf::from).into_iter().chain(usual).find(|home| {
        let release = fs::read_to_string(home.join("release")).unwrap_or_default();
        release.contains("JAVA_VERSION=\"17.") && home.join("jmods/java.base.jmod").is_file()
    })
}

/// Compiles all sources of the folder `sources` against `class_path` for Java 11, the oldest that Flink 1.19 runs on.
///
/// # Errors
/// When a source does not compile: the compiler's messages.
pub(crate) fn compile(name: &str, sources: &Path, class_path: &str, classes: &Path) -> Result<()> {
    compile_with(name, &[], sources, class_path, classes)
}

/// [`compile`], with more options of `javac`.
///
/// # Errors
/// See [`compile`].
pub(crate) fn compile_with(
    name: &str,
    options: &[&str],
    sources: &Path,
    class_path: &str,
    classes: &Path,
) -> Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(sources).with_context(|| format!("read {}", sources.display()))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut command = Command::new(jdk()?.join("bin/javac"));
    command.args([
        "--release",
        "11",
        "-Xlint:all,-processing,-classfile",
        "-Werror",
        "-cp",
        class_path,
        "-d",
    ]);
    command.arg(classes).args(options).args(files);
    Step::new(format!("Compiling {name}"), &format!("javac-{name}")).run(&mut command)
}

/// Packs a folder of classes into a jar that `java -jar` and Flink can start.
///
/// # Errors
/// When the jar tool fails.
pub(crate) fn jar(jar: &Path, main_class: &str, classes: &Path) -> Result<()> {
    let name = jar.file_stem().unwrap_or_default().to_string_lossy();
    let mut command = Command::new(jdk()?.join("bin/jar"));
    command.args(["--create", "--date", JAR_TIME, "--main-class", main_class, "--file"]);
    command.arg(jar).arg("-C").arg(classes).arg(".");
    Step::new(format!("Packing {name}.jar"), &format!("jar-{name}")).run(&mut command)
}

/// Packs a folder of classes, and all that is in the jars of the folder `libraries`, into one jar. Of files that several
/// have, the first one is taken, in the order of the jars' names; lists of services are joined.
///
/// # Errors
/// When a jar cannot be read, or the new one not be written.
pub(crate) fn bundle(jar: &Path, main_class: &str, classes: &Path, libraries: &Path) -> Result<()> {
    let own = jar.with_extension("classes.jar");
    self::jar(&own, main_class, classes)?;
    let mut sources = vec![own.clone()];
    let mut others: Vec<PathBuf> =
        fs::read_dir(libraries)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    others.sort();
    sources.extend(others);
    let mut bundle = ZipWriter::new(File::create(jar)?);
    let (mut known, mut services) = (BTreeSet::new(), BTreeMap::<String, String>::new());
    for source in &sources {
        let mut archive = ZipArchive::new(File::open(source)?)
            .with_context(|| format!("read {}", source.display()))?;
        for index in 0..archive.len() {
            let file = archive.by_index_raw(index)?;
            let name = file.name()?.into_owned();
            if name.starts_with("META-INF/services/") && !file.is_dir() {
                drop(file);
                let mut text = String::new();
                archive.by_index(index)?.read_to_string(&mut text)?;
                services.entry(name).or_default().push_str(&format!("{text}\n"));
                continue;
            }
            // The signatures of a part say nothing of the whole.
            let is_signature = name.starts_with("META-INF/")
                && [".SF", ".DSA", ".RSA"].iter().any(|end| name.ends_with(end));
            if file.is_dir() || is_signature || name.ends_with("module-info.class") {
                continue;
            }
            if known.insert(name) {
                bundle.raw_copy_file(file)?;
            }
        }
    }
    for (name, lines) in services {
        bundle.start_file(name, SimpleFileOptions::default())?;
        bundle.write_all(lines.as_bytes())?;
    }
    bundle.finish()?;
    Ok(fs::remove_file(own)?)
}
