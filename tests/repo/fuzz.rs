//! The fuzz targets, on their seeds and on mutations of them: what a stable compiler can do in seconds.
//! `cargo xtask fuzz` looks further.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::path;

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Pieces that the parsers treat in their own way.
const TOKENS: [&str; 20] = [
    "\n",
    "---\n",
    ": ",
    "- ",
    "{}",
    "[]",
    "[",
    "{",
    "\"",
    "null",
    "~",
    "0644",
    "1e999",
    "-1",
    "18446744073709551616",
    "../",
    "\u{202e}",
    "\u{1b}[2J",
    "Gi",
    "&a [*a]",
];

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = path("fuzz/seeds").join(name);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// One edit: where (in thousandths of the text), how much is cut there, and what is put in.
fn edit() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let token = prop::sample::select(&TOKENS[..]).prop_map(|token| token.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..4);
    (0..1000_usize, prop_oneof![4 => 0..4_usize, 1 => 0..200_usize], prop_oneof![token, noise])
}

fn edited(seed: &[u8], edits: &[(usize, usize, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (at, cut, put) in edits {
        let at = bytes.len() * at / 1000;
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put.iter().copied());
    }
    bytes
}

#[test]
fn no_mutation_of_a_seed_breaks_a_promise() {
    for (name, target) in targets::ALL {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "fuzz/seeds/{name} is empty");
        seeds.iter().for_each(|seed| target(seed));
        let strategy = (prop::sample::select(seeds), prop::collection::vec(edit(), 1..6));
        let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
        let run = TestRunner::new(config).run(&strategy, |(seed, edits)| {
            target(&edited(&seed, &edits));
            Ok(())
        });
        if let Err(failure) = run {
            panic!("{name}: {failure}");
        }
    }
}
