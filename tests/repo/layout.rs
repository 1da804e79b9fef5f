//! The shape of the repository: no test forgotten, layers that point downwards, files of a size
//! one can read.

use std::fs;
use std::path::{Path, PathBuf};

use super::path;

/// Every Rust file below `dir`.
pub(super) fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// A file that no `mod` line names is a test that never runs.
#[test]
fn every_test_file_is_listed() {
    for file in rust_files(&path("tests")) {
        let (dir, stem) = (file.parent().unwrap(), file.file_stem().unwrap().to_str().unwrap());
        let (parent, name) = match stem {
            "main" => continue,
            "mod" => {
                let above = dir.parent().unwrap();
                let parent = if above.ends_with("tests") { "main.rs" } else { "mod.rs" };
                (above.join(parent), dir.file_name().unwrap())
            }
            _ => (dir.join("mod.rs"), file.file_stem().unwrap()),
        };
        let listed = format!("mod {};", name.to_str().unwrap());
        let text = fs::read_to_string(&parent).unwrap();
        assert!(text.contains(&listed), "{}: add `{listed}`", parent.display());
    }
}

/// A layer and those it may use, from `docs/architecture.md`.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("manifest", &["model"]),
    ("storage", &["model", "manifest", "cluster"]),
    ("flink", &["model", "cluster"]),
    ("cluster", &["model", "manifest"]),
    ("ops", &["model", "manifest", "storage", "flink", "cluster"]),
    ("ui", &["model"]),
    ("view", &["model", "flink", "cluster", "ops", "ui"]),
];

/// Modules of the crate that every layer may use.
const EVERYWHERE: &[&str] = &["download", "error", "exit_code", "yaml"];

#[test]
fn layers_point_downwards() {
    let modules =
        ["cli", "commands", "view", "ops", "cluster", "flink", "storage", "manifest", "ui"];
    for (layer, below) in LAYERS {
        for file in
            rust_files(&path("src")).iter().filter(|f| f.starts_with(path("src").join(layer)))
        {
            let text = fs::read_to_string(file).unwrap();
            for used in uses(&text) {
                let allowed = used == *layer
                    || below.contains(&used)
                    || EVERYWHERE.contains(&used)
                    || !modules.contains(&used);
                assert!(allowed, "{}: {layer} must not use crate::{used}", file.display());
            }
        }
    }
}

/// The top-level modules named in `crate::x` paths.
fn uses(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| {
        line.split("crate::").skip(1).filter_map(|rest| {
            rest.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .next()
                .filter(|m| !m.is_empty())
        })
    })
}

#[test]
fn files_stay_readable() {
    let long: Vec<_> = [path("src"), path("xtask/src"), path("tests")]
        .iter()
        .flat_map(|dir| rust_files(dir))
        .map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > 600)
        .collect();
    assert!(long.is_empty(), "split these (400 lines are plenty): {long:?}");
}
