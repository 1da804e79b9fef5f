//! The krew manifest, from its template and the archives that are there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::platform::Platform;

/// Where a platform begins in the template.
const PLATFORM: &str = "    - selector:\n";

/// Fills in version, addresses and checksums. Platforms without an archive are left out.
///
/// # Errors
/// Without any archive, and when something is left that nobody fills in.
pub(super) fn fill(
    template: &str,
    version: &str,
    repository: &str,
    archives: &[(Platform, PathBuf, String)],
) -> Result<String> {
    ensure!(
        !archives.is_empty(),
        "there is no archive of version {version} to write a manifest for"
    );
    // The comment in front speaks of the template.
    let template = template.lines().skip_while(|line| line.starts_with('#'));
    let template = template.map(|line| format!("{line}\n")).collect::<String>();
    let mut parts = template.split(PLATFORM);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        for (platform, _, sum) in archives {
            let placeholder = format!("@SHA256_{}_{}@", platform.os, platform.arch);
            if part.contains(&placeholder) {
                filled += PLATFORM;
                filled += &part.replace(&placeholder, sum);
            }
        }
    }
    let filled = filled.replace("@VERSION@", version).replace("@REPOSITORY@", repository);
    ensure!(
        !filled.contains('@'),
        "the template has a placeholder that nobody fills in:\n{filled}"
    );
    Ok(filled)
}

/// Writes what `sha256sum --check` reads.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn checksums(archives: &[(Platform, PathBuf, String)], file: &Path) -> Result<()> {
    let lines = archives.iter().map(|(_, path, sum)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("{sum}  {name}\n")
    });
    Ok(fs::write(file, lines.collect::<String>())?)
}
