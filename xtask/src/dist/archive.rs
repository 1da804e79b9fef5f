//! Archives whose bytes depend on their content alone.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use super::platform::Platform;

/// What is released.
pub(super) struct Source {
    /// Without a `v` in front.
    pub(super) version: String,
    /// The time of every file, in seconds since 1970.
    pub(super) seconds: u64,
    /// krew refuses a plugin without one.
    pub(super) license: PathBuf,
}

/// A file in an archive: its name, its Unix mode, its content.
struct Entry {
    name: &'static str,
    mode: u32,
    content: Vec<u8>,
}

/// Packs a binary into the archive of its platform, in `out`; returns the archive's path.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn pack(
    source: &Source,
    binary: &Path,
    platform: Platform,
    out: &Path,
) -> Result<PathBuf> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let entries = [
        Entry { name: "LICENSE", mode: 0o644, content: read(&source.license)? },
        Entry { name: platform.program(), mode: 0o755, content: read(binary)? },
    ];
    let bytes = match platform.os {
        "windows" => zipped(&entries)?,
        _ => tarred(&entries, source.seconds)?,
    };
    let path = out.join(platform.archive(&source.version));
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Owner, group and the compressor's own time would differ from machine to machine.
fn tarred(entries: &[Entry], seconds: u64) -> Result<Vec<u8>> {
    let gzip =
        GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(entry.content.len() as u64);
        header.set_mode(entry.mode);
        header.set_mtime(seconds);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, entry.name, entry.content.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

/// The format's own first day stands for the time, which it keeps without a zone.
fn zipped(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(entry.mode);
        zip.start_file(entry.name, options)?;
        zip.write_all(&entry.content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The archives of this version in a folder, in order of [`Platform::ALL`].
///
/// # Errors
/// When one cannot be read.
pub(super) fn find(folder: &Path, version: &str) -> Result<Vec<(Platform, PathBuf, String)>> {
    let mut found = Vec::new();
    for platform in Platform::ALL {
        let path = folder.join(platform.archive(version));
        if path.is_file() {
            let sum = checksum(&path)?;
            found.push((platform, path, sum));
        }
    }
    Ok(found)
}

/// SHA-256 in 64 lower-case hexadecimal digits.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn checksum(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    std::io::copy(&mut File::open(path)?, &mut Hashing(&mut hash))?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What is written to it is hashed.
struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
