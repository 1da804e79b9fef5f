//! The table of stores in `docs/storage.md` is that of `tests/data/stores.tsv` and of what the tests proved.

use std::collections::BTreeMap;

use kubectl_flink::model::flink_version::FlinkVersion;
use kubectl_flink::model::store::StoreKind;
use regex_lite::Regex;

use super::layout::rust_files;
use super::{path, read};

/// Store and Flink version.
type Key = (String, String);

/// The tests that prove a store, by what they say.
fn in_tests() -> BTreeMap<Key, Vec<String>> {
    let mark =
        Regex::new(r#"fn ([a-z0-9_]+)\(|Proof::of\(\s*"([^"]+)",\s*"([^"]+)"\s*\)"#).unwrap();
    let mut tests: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for file in rust_files(&path("tests/e2e")) {
        let mut test = String::new();
        for found in mark.captures_iter(&std::fs::read_to_string(&file).unwrap()) {
            match (found.get(1), found.get(2), found.get(3)) {
                (Some(name), ..) => test = name.as_str().to_owned(),
                (_, Some(store), Some(flink)) => {
                    let key = (store.as_str().to_owned(), flink.as_str().to_owned());
                    tests.entry(key).or_default().push(test.clone());
                }
                _ => unreachable!("the pattern has two forms"),
            }
        }
    }
    tests
}

/// The lines of the list: store, Flink, how, why.
fn list() -> Vec<[String; 4]> {
    let text = read("tests/data/stores.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let cells = lines.map(|line| {
        let mut cells = line.split('\t').map(str::to_owned);
        std::array::from_fn(|_| cells.next().unwrap_or_default())
    });
    cells.collect()
}

/// The rows that the page must have, one for each line of the list.
fn rows() -> Vec<String> {
    let tests = in_tests();
    let row = |[store, flink, how, why]: &[String; 4]| {
        let of_run = how == "run";
        let key = (store.clone(), flink.clone());
        let by = match (of_run, tests.get(&key).map(Vec::as_slice)) {
            (true, Some([test])) => format!("`{test}`"),
            (true, found) => {
                panic!("{key:?} needs one test that says Proof::of, and has {found:?}")
            }
            (false, None) => why.clone(),
            (false, Some(tests)) => panic!("{key:?} is proven by {tests:?}: say run"),
        };
        let cell = if of_run { "proven" } else { how };
        format!("| {store} | {flink} | {cell} | {cell} | {cell} | {cell} | {by} |")
    };
    list().iter().map(row).collect()
}

#[test]
fn the_page_has_what_the_tests_proved_and_why_not_of_the_rest() {
    let page = read("docs/storage.md");
    let table = page.split_once("<!-- the table of a run -->\n").unwrap().1;
    let table = table.split_once("<!-- end of the table -->").unwrap().0;
    // What has not been run yet is told as such, and never as proven.
    let ran = |row: &str| !row.contains("not proven");
    let rows: Vec<String> = rows();
    assert_eq!(table.lines().skip(2).count(), rows.len(), "a row for each line of the list");
    let (shown, rows): (Vec<&str>, Vec<&str>) = table
        .lines()
        .skip(2)
        .zip(rows.iter().map(String::as_str))
        .filter(|(row, _)| ran(row))
        .unzip();
    let hint = "UPDATE_DOCS=1 cargo xtask test --layer e2e";
    assert_eq!(shown, rows, "docs/storage.md: {hint}");
    for (store, flink) in in_tests().keys() {
        let listed = list().iter().any(|line| line[0] == *store && line[1] == *flink);
        assert!(listed, "tests/data/stores.tsv has no {store} of Flink {flink}");
    }
}

#[test]
fn every_kind_of_store_is_listed_for_every_version() {
    let stores = list();
    let titles = StoreKind::ALL.map(StoreKind::title);
    for title in std::iter::once("claim").chain(titles) {
        for version in FlinkVersion::ALL {
            let found = stores.iter().any(|[store, flink, ..]| {
                store.starts_with(title) && covers(flink, &version.to_string())
            });
            assert!(found, "{title} of Flink {version}");
        }
    }
}

/// Whether `1.17–1.19, 2.0–2.2` covers this version.
fn covers(ranges: &str, version: &str) -> bool {
    let numbers = |text: &str| -> (u32, u32) {
        let (major, minor) = text.split_once('.').unwrap();
        (major.parse().unwrap(), minor.parse().unwrap())
    };
    ranges.split(", ").any(|range| {
        let (first, last) = range.split_once('–').unwrap_or((range, range));
        (numbers(first)..=numbers(last)).contains(&numbers(version))
    })
}
