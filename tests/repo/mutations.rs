//! Every mutation of `tests/mutations.yaml` fits the code and names a test, and `docs/mutations.md` has a row for each
//! and for nothing else.

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde_json::Value;

use super::layout::rust_files;
use super::{path, read};

fn mutations() -> Vec<Value> {
    serde_saphyr::from_str(&read("tests/mutations.yaml")).unwrap()
}

fn text<'a>(mutation: &'a Value, key: &str) -> &'a str {
    mutation[key].as_str().unwrap_or_else(|| panic!("{key} of {mutation:#}"))
}

/// The names of tests and of their modules.
fn known() -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:fn|mod) ([a-z0-9_]+)").unwrap();
    let mut known = BTreeSet::new();
    for file in rust_files(&path("src")).into_iter().chain(rust_files(&path("tests"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        known.extend(name.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    known
}

#[test]
fn every_mutation_fits_the_code_and_names_a_test() {
    let (mutations, known) = (mutations(), known());
    let names: BTreeSet<&str> = mutations.iter().map(|mutation| text(mutation, "name")).collect();
    assert_eq!(names.len(), mutations.len(), "two have the same name");
    for mutation in &mutations {
        let (name, file) = (text(mutation, "name"), text(mutation, "file"));
        let wanted = text(mutation, "find").replace(['«', '»'], "");
        let there = read(file).matches(wanted.as_str()).count();
        assert_eq!(there, 1, "{name}: {file} does not hold this once: {wanted}");
        for part in text(mutation, "test").split("::").filter(|part| !part.is_empty()) {
            assert!(known.contains(part), "{name}: there is no test or module {part}");
        }
    }
}

#[test]
fn the_page_has_a_row_for_every_mutation() {
    let page = read("docs/mutations.md");
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let rows: BTreeSet<String> =
        rows.map(|row| row.rsplitn(3, '|').last().unwrap().trim().to_owned()).collect();
    let all = mutations();
    let expected = all.iter().map(|mutation| {
        let [guarantee, broken, file] =
            ["guarantee", "broken", "file"].map(|key| text(mutation, key));
        format!("| {guarantee} | {broken} | [{file}](../{file})")
    });
    let expected: BTreeSet<String> = expected.collect();
    let lacking: Vec<_> = expected.difference(&rows).collect();
    let stale: Vec<_> = rows.difference(&expected).collect();
    assert!(
        lacking.is_empty() && stale.is_empty(),
        "docs/mutations.md lacks {lacking:#?} and has {stale:#?}: UPDATE_DOCS=1 cargo xtask mutate"
    );
}
