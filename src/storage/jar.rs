//! A job's jar on the user's machine: what it is, before anything is uploaded.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// The most of a manifest that is read, in bytes.
const MANIFEST_LIMIT: u64 = 1024 * 1024;

/// A jar that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalJar {
    /// Where it is.
    pub path: PathBuf,
    /// The file's name, for people.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, 64 lowercase hexadecimal digits.
    pub sha256: String,
    /// The main class that its manifest names, if it does.
    pub main_class: Option<String>,
}

/// Reads and checks a jar file.
///
/// # Errors
/// [`Kind::Usage`] when the file cannot be read or is not a jar.
pub async fn inspect(path: &Path) -> Result<LocalJar> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || inspect_now(&path))
        .await
        .map_err(|e| Error::new(Kind::Other, "reading the jar was interrupted").caused_by(e))?
}

fn inspect_now(path: &Path) -> Result<LocalJar> {
    let shown = path.display();
    let unreadable = |e: std::io::Error| {
        Error::usage(format!("cannot read {shown}")).caused_by(e).hint("Check --jar.")
    };
    let mut file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Error::usage(format!("{shown} is a folder, not a jar")).hint("Check --jar."));
    }
    let main_class = main_class(&file).map_err(|e| {
        Error::usage(format!("{shown} is not a jar"))
            .caused_by(e)
            .hint("Give the jar that the job's build made, not a source file or an archive of it.")
    })?;
    file.rewind().map_err(unreadable)?;
    let (size, sha256) = checksum(&mut file).map_err(unreadable)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(LocalJar { path: path.to_owned(), name, size, sha256, main_class })
}

/// The length and the SHA-256 of what is left to read.
fn checksum(file: &mut File) -> std::io::Result<(u64, String)> {
    let (mut hash, mut size, mut chunk) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        size += length as u64;
        hash.update(&chunk[..length]);
    }
    Ok((size, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// The main class of the manifest; `None` when the archive has no manifest or that names none.
fn main_class(file: &File) -> zip::result::ZipResult<Option<String>> {
    let mut archive = zip::ZipArchive::new(file)?;
    let manifest = match archive.by_name("META-INF/MANIFEST.MF") {
        Ok(manifest) => manifest,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    manifest.take(MANIFEST_LIMIT).read_to_end(&mut bytes)?;
    Ok(parse_main_class(&String::from_utf8_lossy(&bytes)))
}

/// The main class of a manifest. Flink looks for `program-class` before `Main-Class`
/// (`PackagedProgram`). Long lines are folded: a line that starts with a space goes on with the one
/// before (JAR specification).
fn parse_main_class(manifest: &str) -> Option<String> {
    let unfolded = manifest.replace("\r\n", "\n").replace('\r', "\n").replace("\n ", "");
    let main_section = unfolded.split("\n\n").next().unwrap_or_default();
    let attribute = |wanted: &str| {
        main_section.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim().eq_ignore_ascii_case(wanted) && !value.trim().is_empty())
                .then(|| value.trim().to_owned())
        })
    };
    attribute("program-class").or_else(|| attribute("Main-Class"))
}

#[cfg(test)]
mod tests;
