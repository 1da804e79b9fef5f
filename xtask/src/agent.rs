//! The storage agent's jar: sources in `agent/src`, the jar beside them is committed and embedded in the plugin.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::step::{print, say};
use crate::tools::repository;
use crate::{cache, flink_home, java};

/// The Flink version that it is compiled against. It may call only what Flink 1.17 to 2.3 all have.
const COMPILED_AGAINST: &str = "1.20.5";

/// Arguments of `cargo xtask agent`.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {}

/// Makes the jar.
///
/// # Errors
/// When the sources do not compile, or there is no JDK or Flink.
pub(crate) fn run(_: &AgentArgs) -> Result<()> {
    let bytes = build()?;
    fs::write(committed(), &bytes)?;
    say(&format!("    {} bytes", bytes.len()));
    print(&committed().display().to_string());
    Ok(())
}

/// Whether the committed jar is what its sources make.
///
/// # Errors
/// See [`run`].
pub(crate) fn is_fresh() -> Result<bool> {
    Ok(fs::read(committed()).is_ok_and(|jar| build().is_ok_and(|built| built == jar)))
}

/// A folder of plugins with the fault injector of `agent/faulty`: file systems that delay, deny, forget and lag behind.
///
/// # Errors
/// See [`run`].
pub(crate) fn faulty() -> Result<PathBuf> {
    let sources = repository().join("agent/faulty");
    let key = cache::key(&sources, &[COMPILED_AGAINST, include_str!("java.rs")])?;
    cache::entry("flink", "faulty", &key, |dir| {
        let lib = flink_home::ensure(COMPILED_AGAINST)?.join("lib/*");
        let (classes, plugin) = (dir.join("classes"), dir.join("faulty"));
        let services = classes.join("META-INF/services");
        fs::create_dir_all(&services)?;
        fs::create_dir(&plugin)?;
        java::compile("faulty", &sources.join("faulty"), &lib.to_string_lossy(), &classes)?;
        let factories =
            ["Denying", "Slow", "Forgetful", "Late"].map(|f| format!("faulty.Faulty${f}\n"));
        fs::write(services.join("org.apache.flink.core.fs.FileSystemFactory"), factories.concat())?;
        java::jar(&plugin.join("faulty.jar"), "faulty.Faulty", &classes)?;
        Ok(fs::remove_dir_all(classes)?)
    })
}

fn committed() -> PathBuf {
    repository().join("agent/agent.jar")
}

fn build() -> Result<Vec<u8>> {
    let lib = flink_home::ensure(COMPILED_AGAINST)?.join("lib/*");
    let classes = std::env::temp_dir().join(format!("kubectl-flink-agent-{}", std::process::id()));
    fs::create_dir_all(&classes)?;
    let sources = repository().join("agent/src/agent");
    // Small, and quick to start: no tables for debuggers, no classes made at run time for each `+`.
    let options = ["-g:none", "-XDstringConcat=inline"];
    let compiled =
        java::compile_with("agent", &options, &sources, &lib.to_string_lossy(), &classes);
    let packed = compiled.and_then(|()| pack(&classes));
    fs::remove_dir_all(&classes)?;
    packed
}

/// A jar whose bytes depend on the classes alone.
fn pack(classes: &Path) -> Result<Vec<u8>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(classes.join("agent"))? {
        files.push(entry?.path());
    }
    files.sort();
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut jar = ZipWriter::new(Cursor::new(Vec::new()));
    jar.start_file("META-INF/MANIFEST.MF", options)?;
    jar.write_all(b"Manifest-Version: 1.0\r\nMain-Class: agent.Agent\r\n\r\n")?;
    for file in files {
        let name = file.file_name().context("a class file")?.to_string_lossy();
        jar.start_file(format!("agent/{name}"), options)?;
        jar.write_all(&fs::read(&file)?)?;
    }
    Ok(jar.finish()?.into_inner())
}
