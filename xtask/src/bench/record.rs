//! `--record`: the table in `bench/RESULTS.md`, of which each run replaces the rows that it measured.

use std::fs;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::Name;
use super::report::{Entry, Measured};
use crate::tools::repository;

const HEAD: &str = "# Results

What `cargo xtask bench NAME… --record` measured last; a run replaces the rows of what it measured. Both figures are medians; the ratio is
the median of the rounds' ratios, with their range. How each is measured: [README.md](README.md).

| benchmark | what | ours | baseline | ratio | goal | |
|---|---|---:|---:|---:|---:|---|
";

/// Writes the results into the repository.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(measured: &[Measured]) -> Result<()> {
    let path = repository().join("bench/RESULTS.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let text = merged(&before, measured.iter().map(Measured::result));
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The page with new rows in place of the old ones of the same benchmarks, in the order of the benchmarks.
fn merged(before: &str, results: impl Iterator<Item = Entry>) -> String {
    let fresh: Vec<(String, String)> =
        results.map(|entry| (entry.name.to_owned(), entry.markdown())).collect();
    let old = before.lines().filter(|line| line.starts_with("| ")).skip(1);
    let old = old.map(|line| (line[2..].split(' ').next().unwrap_or_default().to_owned(), line));
    let kept = old.filter(|(name, _)| !fresh.iter().any(|(other, _)| other == name));
    let mut rows: Vec<(String, String)> =
        kept.map(|(name, line)| (name, format!("{line}\n"))).collect();
    rows.extend(fresh);
    let order = |name: &str| Name::value_variants().iter().position(|known| known.word() == name);
    rows.sort_by_key(|(name, _)| order(name));
    HEAD.to_owned() + &rows.into_iter().map(|(_, row)| row).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::super::report::Round;
    use super::*;

    fn entry(name: &'static str, metric: &str, ours: f64) -> Entry {
        let rounds = vec![Round { ours, baseline: 10.0 }];
        Measured { name, metric: metric.to_owned(), unit: "s", goal: 0.4, rounds }.result()
    }

    #[test]
    fn a_run_replaces_what_it_measured_and_keeps_the_rest() {
        let first =
            [entry("list", "time", 3.0), entry("list", "gone", 3.0), entry("deploy", "time", 5.0)];
        let page = merged("", first.into_iter());
        let deploy =
            "| deploy | time | 5.000 s | 10.000 s | 0.50 (0.50–0.50) | ≤ 0.40 | missed |\n";
        assert!(page.contains(deploy), "{page}");
        let page = merged(&page, [entry("list", "time", 2.0)].into_iter());
        assert!(page.starts_with(HEAD) && page.contains(deploy), "{page}");
        assert!(
            page.ends_with(
                "| list | time | 2.000 s | 10.000 s | 0.20 (0.20–0.20) | ≤ 0.40 | met |\n"
            )
        );
        assert_eq!(page.matches("| list |").count(), 1, "{page}");
    }
}
