//! The table of faults: which were met by which verb, what was expected, what was seen.
//!
//! Tests append a line to a file for each (`tests/support/fault.rs`); the faults themselves are in
//! `tests/data/faults.tsv`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;

use super::results::Results;
use crate::step::{print, say};
use crate::tools;

/// The faults, one a line: number, name, what is expected.
const FAULTS: &str = include_str!("../../../tests/data/faults.tsv");
/// The page that holds the table, between these two lines.
const PAGE: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- the table of a run -->\n";
const END: &str = "<!-- end of the table -->\n";
const HEAD: &str = "| | fault | verb | expected | seen | test |\n|---:|---|---|---|---|---|\n";

/// Arguments of `cargo xtask faults`.
#[derive(Debug, Args)]
pub(crate) struct FaultsArgs {
    /// What a run of tests wrote, with KUBECTL_FLINK_TEST_FAULTS naming this file
    file: PathBuf,
}

/// Prints the table; with `UPDATE_DOCS` set it also goes into the page.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn run(args: &FaultsArgs) -> Result<()> {
    let text =
        fs::read_to_string(&args.file).with_context(|| format!("read {}", args.file.display()))?;
    report(&tools::repository(), &parse(&text)?)
}

/// As [`run`], of the tests of this run.
///
/// # Errors
/// When a test wrote what cannot be read.
pub(crate) fn report_of(results: &Results, root: &Path) -> Result<()> {
    report(root, &parse(&results.text())?)
}

/// Which fault, by which verb, in which test: what is one row.
type Key = (u8, String, String);
/// What was seen.
type Seen = BTreeMap<Key, String>;

#[derive(Deserialize)]
struct Line {
    fault: u8,
    verb: String,
    test: String,
    seen: String,
}

fn parse(text: &str) -> Result<Seen> {
    let row = |line| {
        let Line { fault, verb, test, seen } = serde_json::from_str(line)?;
        Ok(((fault, verb, test), seen))
    };
    text.lines().map(row).collect()
}

/// Number, name and expectation of each fault.
fn faults() -> impl Iterator<Item = (u8, &'static str, &'static str)> {
    FAULTS.lines().filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?.parse().ok()?, cells.next()?, cells.next()?))
    })
}

fn report(root: &Path, seen: &Seen) -> Result<()> {
    print("Faults");
    let mut missing = Vec::new();
    for (number, name, expected) in faults() {
        let mut rows = seen.iter().filter(|((fault, ..), _)| *fault == number).peekable();
        if rows.peek().is_none() {
            missing.push(format!("{number} ({name})"));
            continue;
        }
        print(&format!("{number:>3}  {name}\n     expected     {expected}"));
        for ((_, verb, _), seen) in rows {
            print(&format!("     {verb:<12} {seen}"));
        }
    }
    let total = faults().count();
    print(&format!("{} of {total} faults were met", total - missing.len()));
    if !missing.is_empty() {
        print(&format!("not met in this run: {}", missing.join(", ")));
    }
    if env::var_os("UPDATE_DOCS").is_some() {
        let path = root.join(PAGE);
        let page = fs::read_to_string(&path).with_context(|| format!("read {PAGE}"))?;
        let page = updated(&page, seen).with_context(|| format!("{PAGE} has no table"))?;
        fs::write(&path, page).with_context(|| format!("write {PAGE}"))?;
        say(&format!("    wrote {PAGE}"));
    }
    Ok(())
}

/// The page with these rows in the place of those of the same tests; rows of tests that did not run stay.
fn updated(page: &str, seen: &Seen) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    let ran = |key: &Key| seen.keys().any(|(fault, _, test)| (*fault, test) == (key.0, &key.2));
    let mut all: Seen = table.lines().filter_map(row).filter(|(key, _)| !ran(key)).collect();
    all.extend(seen.clone());
    let rows = all.iter().filter_map(|((number, verb, test), seen)| {
        let (_, name, expected) = faults().find(|fault| fault.0 == *number)?;
        Some(format!("| {number} | {name} | {verb} | {expected} | {seen} | `{test}` |\n"))
    });
    Some(format!("{before}{BEGIN}{HEAD}{}{END}{after}", rows.collect::<String>()))
}

/// Reads a row of the page.
fn row(line: &str) -> Option<(Key, String)> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [number, _, verb, _, seen, test] = cells[..] else { return None };
    let test = test.trim_matches('`').to_owned();
    Some(((number.parse().ok()?, verb.to_owned(), test), seen.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_replaces_the_rows_of_its_tests_and_leaves_the_others() -> Result<()> {
        let line = |verb, test, seen| {
            format!(r#"{{"fault": 4, "verb": "{verb}", "test": "{test}", "seen": "{seen}"}}"#)
        };
        let page = format!("words\n{BEGIN}{END}more\n");
        let first = [line("stop", "a", "exit 1"), line("deploy", "b", "exit 2")].join("\n");
        let page = updated(&page, &parse(&first)?).context("a page")?;
        let page = updated(&page, &parse(&line("delete", "a", "exit 4"))?).context("a page")?;
        assert!(page.starts_with("words\n") && page.ends_with("more\n"), "{page}");
        let rows: Vec<_> = page.lines().filter_map(row).collect();
        let key = |verb: &str, test: &str| (4, verb.to_owned(), test.to_owned());
        let expected = [(key("delete", "a"), "exit 4"), (key("deploy", "b"), "exit 2")];
        assert_eq!(rows, expected.map(|(key, seen)| (key, seen.to_owned())));
        Ok(())
    }

    #[test]
    fn there_are_29_faults() {
        assert!(faults().map(|(number, ..)| number).eq(1..=29));
    }
}
