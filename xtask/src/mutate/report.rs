//! The table of mutations in `docs/mutations.md`.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result};

use super::list::{self, Mutation};
use super::trial::Verdict;
use crate::step::say;

/// The page that holds the table, between these two lines.
const PAGE: &str = "docs/mutations.md";
const BEGIN: &str = "<!-- the table of a run -->\n";
const END: &str = "<!-- end of the table -->\n";
const HEAD: &str = "| guarantee | what was broken | in | test that went red |\n|---|---|---|---|\n";

/// With `UPDATE_DOCS`, writes the rows of these mutations; those of others stay.
pub(crate) fn report(root: &Path, chosen: &[&Mutation], verdicts: &[Verdict]) -> Result<()> {
    if env::var_os("UPDATE_DOCS").is_none() {
        return Ok(());
    }
    let seen = chosen.iter().zip(verdicts).filter(|(_, verdict)| verdict.is_red());
    let seen = seen.map(|(mutation, verdict)| (mutation.name.as_str(), cell(verdict))).collect();
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| format!("read {PAGE}"))?;
    let page = updated(&page, &list::read(root)?, &seen);
    let page = page.with_context(|| format!("{PAGE} has no table"))?;
    fs::write(root.join(PAGE), page).with_context(|| format!("write {PAGE}"))?;
    say(&format!("    wrote {PAGE}"));
    Ok(())
}

/// The tests that were red, at most three of them.
fn cell(verdict: &Verdict) -> String {
    let name = |test: &String| format!("`{}`", test.rsplit("::").next().unwrap_or(test));
    let mut names: Vec<_> = verdict.red.iter().take(3).map(name).collect();
    match verdict.red.len() {
        0 => names.push("the test comes to no end".to_owned()),
        all @ 4.. => names.push(format!("and {} more", all - 3)),
        _ => {}
    }
    names.join(", ")
}

/// The page with a row for each of `all` that was seen now or in an earlier run, in their order.
fn updated(page: &str, all: &[Mutation], seen: &BTreeMap<&str, String>) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    let row = |mutation: &Mutation| {
        let Mutation { guarantee, broken, file, .. } = mutation;
        let start = format!("| {guarantee} | {broken} | [{file}](../{file}) | ");
        match seen.get(mutation.name.as_str()) {
            Some(red) => Some(format!("{start}{red} |\n")),
            None => {
                table.lines().find(|line| line.starts_with(&start)).map(|row| format!("{row}\n"))
            }
        }
    };
    let rows: String = all.iter().filter_map(row).collect();
    Some(format!("{before}{BEGIN}{HEAD}{rows}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::Layer;

    fn mutation(name: &str) -> Mutation {
        let [guarantee, broken, file] = ["g", "b", "f"].map(|word| format!("{name}-{word}"));
        let (find, replace, test) = (String::new(), String::new(), String::new());
        let name = name.to_owned();
        Mutation { name, guarantee, broken, file, find, replace, layer: Layer::Unit, test }
    }

    #[test]
    fn a_run_replaces_its_rows_and_drops_those_of_what_is_gone() -> Result<()> {
        let page = format!("words\n{BEGIN}{END}more\n");
        let all = ["a", "b", "c"].map(mutation);
        let first = BTreeMap::from([("a", "1".to_owned()), ("b", "2".to_owned())]);
        let page = updated(&page, &all, &first).context("a page")?;
        let page = updated(&page, &all[1..], &BTreeMap::from([("c", "3".to_owned())]));
        let page = page.context("a page")?;
        let rows: Vec<_> = page.lines().skip(4).collect();
        let expected = ["| b-g | b-b | [b-f](../b-f) | 2 |", "| c-g | c-b | [c-f](../c-f) | 3 |"];
        assert_eq!(rows[..2], expected);
        assert!(page.starts_with("words\n") && page.ends_with("more\n"), "{page}");
        Ok(())
    }
}
