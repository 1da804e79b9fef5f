//! `docs/reliability.md` has a row for every fault that a test notes, and for no other.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::layout::rust_files;
use super::{path, read};

/// Fault, verb and test.
type Row = (u8, String, String);

/// The calls of `fault::seen` in the tests.
fn in_tests() -> BTreeSet<Row> {
    let mark = Regex::new(r#"fn ([a-z0-9_]+)\(|fault::seen\(\s*(\d+),\s*"([a-z -]+)""#).unwrap();
    let mut rows = BTreeSet::new();
    for file in rust_files(&path("tests/cli")).into_iter().chain(rust_files(&path("tests/faults")))
    {
        let mut test = String::new();
        for found in mark.captures_iter(&std::fs::read_to_string(&file).unwrap()) {
            match (found.get(1), found.get(2), found.get(3)) {
                (Some(name), ..) => test = name.as_str().to_owned(),
                (_, Some(number), Some(verb)) => {
                    let verb = verb.as_str().to_owned();
                    rows.insert((number.as_str().parse().unwrap(), verb, test.clone()));
                }
                _ => unreachable!("the pattern has two forms"),
            }
        }
    }
    rows
}

/// The table's rows, each with its cells of name and expectation.
fn on_the_page() -> Vec<(Row, String, String)> {
    let page = read("docs/reliability.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, name, verb, expected, _, test] = cells[..] else { return None };
        let row = (number.parse().ok()?, verb.to_owned(), test.trim_matches('`').to_owned());
        Some((row, name.to_owned(), expected.to_owned()))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn the_page_and_the_tests_have_the_same_faults() {
    let (tests, page) = (in_tests(), on_the_page());
    assert!(!tests.is_empty(), "no test notes a fault");
    let page: BTreeSet<Row> = page.into_iter().map(|(row, ..)| row).collect();
    let lacking: Vec<_> = tests.difference(&page).collect();
    let stale: Vec<_> = page.difference(&tests).collect();
    assert!(
        lacking.is_empty() && stale.is_empty(),
        "docs/reliability.md lacks {lacking:#?} and has {stale:#?}: UPDATE_DOCS=1 cargo xtask test --layer faults"
    );
}

#[test]
fn the_page_says_what_is_expected_as_the_list_of_faults_does() {
    let list = read("tests/data/faults.tsv");
    for ((number, ..), name, expected) in on_the_page() {
        let line = format!("{number}\t{name}\t{expected}");
        assert!(list.lines().any(|known| known == line), "tests/data/faults.tsv has no {line:?}");
    }
}
