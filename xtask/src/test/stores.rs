//! The table of stores in `docs/storage.md`: what was proven on which, with which Flink.
//!
//! The rows are those of `tests/data/stores.tsv`. What a test proved of a store it appends to a file
//! (`tests/support/proof.rs`); of what no test can prove, the list itself says why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::results::Results;
use crate::step::{print, say};

/// The stores, one a line: store, Flink, how it is known to work, why not by a run.
const STORES: &str = include_str!("../../../tests/data/stores.tsv");
/// The page that holds the table, between these two lines.
const PAGE: &str = "docs/storage.md";
const BEGIN: &str = "<!-- the table of a run -->\n";
const END: &str = "<!-- end of the table -->\n";
const HEAD: &str = "| store | Flink | deploy | savepoint | restore | check | by |\n|---|---|---|---|---|---|---|\n";
/// What is to be proven of each, in the order of the columns.
const STEPS: [&str; 4] = ["deploy", "savepoint", "restore", "check"];
/// How the list says that tests prove it.
const BY_RUN: &str = "run";
const PROVEN: &str = "proven";
const NOT_PROVEN: &str = "not proven";

/// Store and Flink version.
type Key = (String, String);

/// What a test proved of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Proof {
    test: String,
    steps: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Line {
    store: String,
    flink: String,
    step: String,
    test: String,
}

/// Prints what this run proved, if anything; with `UPDATE_DOCS` set it also goes into the page.
///
/// # Errors
/// When a test wrote what cannot be read, or the page cannot be written.
pub(super) fn report(results: &Results, root: &Path) -> Result<()> {
    let proven = parse(&results.text())?;
    if proven.is_empty() {
        return Ok(());
    }
    print("Stores");
    for ((store, flink), proof) in &proven {
        let steps: Vec<_> = STEPS.into_iter().filter(|step| proof.steps.contains(*step)).collect();
        print(&format!("  {store}, Flink {flink}: {} proven", steps.join(", ")));
    }
    if env::var_os("UPDATE_DOCS").is_some() {
        let path = root.join(PAGE);
        let page = fs::read_to_string(&path).with_context(|| format!("read {PAGE}"))?;
        let page = updated(&page, &proven).with_context(|| format!("{PAGE} has no table"))?;
        fs::write(&path, page).with_context(|| format!("write {PAGE}"))?;
        say(&format!("    wrote {PAGE}"));
    }
    Ok(())
}

fn parse(text: &str) -> Result<BTreeMap<Key, Proof>> {
    let mut proven: BTreeMap<Key, Proof> = BTreeMap::new();
    for line in text.lines() {
        let Line { store, flink, step, test } = serde_json::from_str(line)?;
        let proof = proven.entry((store, flink)).or_default();
        proof.test = test;
        proof.steps.insert(step);
    }
    Ok(proven)
}

/// The page with a row for each line of the list. Rows of tests that did not run stay as they are.
fn updated(page: &str, proven: &BTreeMap<Key, Proof>) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    let mut all: BTreeMap<Key, Proof> = table.lines().filter_map(row).collect();
    all.extend(proven.clone());
    let rows: String = STORES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut cells = line.split('\t');
            let (store, flink, how) = (cells.next()?, cells.next()?, cells.next()?);
            let key = (store.to_owned(), flink.to_owned());
            let (cells, by) = match how {
                BY_RUN => cells_of(all.get(&key)),
                _ => ([how; 4], cells.next()?.to_owned()),
            };
            Some(format!("| {store} | {flink} | {} | {by} |\n", cells.join(" | ")))
        })
        .collect();
    Some(format!("{before}{BEGIN}{HEAD}{rows}{END}{after}"))
}

/// The cells of a store that tests prove, and the test.
fn cells_of(proof: Option<&Proof>) -> ([&'static str; 4], String) {
    let Some(proof) = proof else { return ([NOT_PROVEN; 4], String::new()) };
    let cell = |step: &str| if proof.steps.contains(step) { PROVEN } else { NOT_PROVEN };
    (STEPS.map(cell), format!("`{}`", proof.test))
}

/// Reads a row that a test proved back from the page.
fn row(line: &str) -> Option<(Key, Proof)> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [store, flink, steps @ .., by] = cells.as_slice() else { return None };
    let test = by.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let proven = STEPS.into_iter().zip(steps).filter(|(_, cell)| **cell == PROVEN);
    let steps = proven.map(|(step, _)| step.to_owned()).collect();
    Some((((*store).to_owned(), (*flink).to_owned()), Proof { test, steps }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_replaces_the_rows_of_its_tests_and_leaves_the_others() -> Result<()> {
        let line = |store, step, test| {
            format!(r#"{{"store": "{store}", "flink": "2.3", "step": "{step}", "test": "{test}"}}"#)
        };
        let page = format!("words\n{BEGIN}{END}more\n");
        let all = |store, test| STEPS.map(|step| line(store, step, test)).join("\n");
        let first = [all("claim", "a"), all("HDFS", "b")].join("\n");
        let page = updated(&page, &parse(&first)?).context("a page")?;
        // Another run, whose test of HDFS does not get to its end.
        let page = updated(&page, &parse(&line("HDFS", "deploy", "c"))?).context("a page")?;
        assert!(page.starts_with("words\n") && page.ends_with("more\n"), "{page}");
        for row in [
            "| claim | 2.3 | proven | proven | proven | proven | `a` |",
            "| HDFS | 2.3 | proven | not proven | not proven | not proven | `c` |",
            "| S3, presto | 2.3 | not proven | not proven | not proven | not proven |  |",
        ] {
            assert!(page.lines().any(|line| line == row), "{row} is not in\n{page}");
        }
        let other = page.lines().find(|line| line.starts_with("| Alibaba OSS ")).context("OSS")?;
        assert!(other.contains("| by configuration | by configuration |"), "{other}");
        Ok(())
    }
}
