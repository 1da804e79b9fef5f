//! What is built once and kept outside the checkout: `$KUBECTL_FLINK_CACHE`, else `kubectl-flink/` in the user's
//! cache directory (`$XDG_CACHE_HOME`, `~/.cache`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{env, io};

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};

/// Entries that nobody used for so long are removed when a newer one is made.
const UNUSED: Duration = Duration::from_secs(14 * 24 * 3600);

/// The cache directory. It need not exist yet.
pub(crate) fn dir() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("KUBECTL_FLINK_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("kubectl-flink")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/kubectl-flink")))
        .ok_or_else(|| anyhow!("no place for the cache: set HOME or KUBECTL_FLINK_CACHE"))
}

/// A key over every file below `dir` (names and content; Go's tests apart) and over `extra`: 16 hex digits of a SHA-256.
pub(crate) fn key(dir: &Path, extra: &[&str]) -> Result<String> {
    let mut hash = Sha256::new();
    let mut files = Vec::new();
    collect(dir, &mut files).with_context(|| format!("read {}", dir.display()))?;
    files.sort();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        let name = file.strip_prefix(dir)?.to_string_lossy();
        // Lengths keep the end of one part and the start of the next apart.
        hash.update(format!("{} {}\n{name}", name.len(), content.len()));
        hash.update(content);
    }
    for value in extra {
        hash.update(format!("{}\n{value}", value.len()));
    }
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else if !entry.file_name().to_string_lossy().ends_with("_test.go") {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The directory `NAME-KEY` of the cache's folder `kind`, made by `fill` when it is not there.
///
/// `fill` gets an empty directory that takes the final name only when it returns without an error. Two processes that
/// want the same entry wait for each other; older unused entries of the same name are removed.
///
/// # Errors
/// When `fill` fails or the cache cannot be written.
pub(crate) fn entry(
    kind: &str,
    name: &str,
    key: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let parent = dir()?.join(kind);
    fs::create_dir_all(&parent).with_context(|| format!("create {}", parent.display()))?;
    let target = parent.join(format!("{name}-{key}"));
    let lock = File::create(parent.join(format!(".{name}.lock"))).context("lock the cache")?;
    lock.lock().context("lock the cache")?;
    if !target.exists() {
        let partial = parent.join(format!(".{name}-{key}.partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir(&partial)?;
        if let Err(error) = fill(&partial) {
            fs::remove_dir_all(&partial)?;
            return Err(error);
        }
        fs::rename(&partial, &target)?;
        prune(&parent, name, &target)?;
    }
    // The time says when the entry was used last.
    File::open(&target)?.set_modified(SystemTime::now())?;
    Ok(target)
}

fn prune(parent: &Path, name: &str, keep: &Path) -> Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().strip_prefix(name).is_some_and(|rest| {
            rest.len() == 17
                && rest.starts_with('-')
                && !rest[1..].contains(|c: char| !c.is_ascii_hexdigit())
        });
        let unused = entry.metadata()?.modified()?.elapsed().unwrap_or_default() > UNUSED;
        if is_ours && unused && entry.path() != keep {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(dir.join("sub")).unwrap();
        dir
    }

    #[test]
    fn key_depends_on_names_content_and_extra() {
        let dir = scratch("key");
        fs::write(dir.join("a"), "1").unwrap();
        let first = key(&dir, &["x"]).unwrap();
        assert_eq!(first, key(&dir, &["x"]).unwrap());
        assert_ne!(first, key(&dir, &["y"]).unwrap());
        fs::write(dir.join("sub/b"), "2").unwrap();
        let second = key(&dir, &["x"]).unwrap();
        assert_ne!(first, second);
        fs::rename(dir.join("sub/b"), dir.join("sub/c")).unwrap();
        assert_ne!(second, key(&dir, &["x"]).unwrap());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn prune_removes_only_old_entries_of_the_name() {
        let dir = scratch("prune");
        let old = SystemTime::now() - UNUSED - Duration::from_secs(60);
        for (name, time) in [
            ("kt-0123456789abcdef", old),
            ("kt-1123456789abcdef", SystemTime::now()),
            ("kt-2123456789abcdef", old),
            ("ktx-0123456789abcdef", old),
        ] {
            fs::create_dir(dir.join(name)).unwrap();
            File::open(dir.join(name)).unwrap().set_modified(time).unwrap();
        }
        prune(&dir, "kt", &dir.join("kt-2123456789abcdef")).unwrap();
        let left = |name: &str| dir.join(name).exists();
        assert!(!left("kt-0123456789abcdef"));
        assert!(left("kt-1123456789abcdef") && left("kt-2123456789abcdef"));
        assert!(left("ktx-0123456789abcdef"));
        fs::remove_dir_all(dir).unwrap();
    }
}
