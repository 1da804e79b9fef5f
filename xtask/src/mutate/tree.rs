//! A copy of the checkout that holds all mutations. The checkout itself is only read, so nothing has to be restored.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::list::{self, Mutation};
use crate::step::say;

/// Asks for the chosen mutation in the file that `CHOSEN` stands for, once a process: tests start programs with an
/// empty environment.
const SWITCH: &str = r#"
/// Whether this mutation is the chosen one.
pub fn mutated(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::fs::read_to_string(CHOSEN).unwrap_or_default()) == name
}
"#;

/// The copy.
pub(crate) struct Tree {
    /// `target/mutate` of the checkout.
    dir: PathBuf,
}

/// Copies what git knows of the checkout, as it is on disk, with all mutations in it.
///
/// # Errors
/// When git does not answer, a file cannot be copied, or a mutation does not fit its file.
pub(crate) fn make(root: &Path, mutations: &[Mutation]) -> Result<Tree> {
    say("==> Copying the checkout");
    let tree = Tree { dir: root.join("target/mutate") };
    let mut files = BTreeMap::new();
    for name in tracked(root)? {
        // A file may be deleted, and not be committed yet.
        if let Ok(content) = fs::read(root.join(&name)) {
            files.insert(name, content);
        }
    }
    let mut by_file = BTreeMap::<&str, Vec<&Mutation>>::new();
    for mutation in mutations {
        by_file.entry(&mutation.file).or_default().push(mutation);
    }
    for (file, mutations) in by_file {
        let content = files.get_mut(file).with_context(|| format!("{file}: no such file"))?;
        let text = String::from_utf8(std::mem::take(content))?;
        *content = list::with_all(&text, &mutations)?.into_bytes();
    }
    let chosen = format!("{:?}", tree.chosen());
    let switch = SWITCH.replace("(CHOSEN)", &format!("({chosen})"));
    files.get_mut("src/lib.rs").context("src/lib.rs")?.extend(switch.into_bytes());
    for (name, content) in &files {
        write(&tree.source().join(name), content)?;
    }
    remove_others(&tree.source(), &tree.source(), &files)?;
    Ok(tree)
}

impl Tree {
    fn source(&self) -> PathBuf {
        self.dir.join("source")
    }

    /// The file with the name of the chosen mutation.
    fn chosen(&self) -> PathBuf {
        self.dir.join("chosen")
    }

    /// Its `Cargo.toml`.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.source().join("Cargo.toml")
    }

    /// Where it is built, so that no mutated program ever lies where a sound one is expected.
    pub(crate) fn target(&self) -> PathBuf {
        self.dir.join("target")
    }

    /// Chooses a mutation for the programs that are started from now on.
    pub(crate) fn switch(&self, name: Option<&str>) -> Result<()> {
        fs::write(self.chosen(), name.unwrap_or_default()).context("choose a mutation")
    }
}

fn tracked(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    let output = output.context("cannot run git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout)?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

/// Leaves files alone that are the same, so that cargo need not compile them again.
fn write(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}

fn remove_others(source: &Path, folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(source, &path, files)?;
        } else if !files.contains_key(path.strip_prefix(source)?.to_string_lossy().as_ref()) {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_the_same_keeps_its_time_and_what_is_gone_goes() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("mutate-tree-{}", std::process::id()));
        let (kept, old) = (dir.join("a/kept"), dir.join("a/old"));
        write(&kept, b"1")?;
        write(&old, b"2")?;
        let before = kept.metadata()?.modified()?;
        write(&kept, b"1")?;
        assert_eq!(kept.metadata()?.modified()?, before);
        remove_others(&dir, &dir, &BTreeMap::from([("a/kept".to_owned(), Vec::new())]))?;
        assert!(kept.exists() && !old.exists());
        Ok(fs::remove_dir_all(dir)?)
    }
}
