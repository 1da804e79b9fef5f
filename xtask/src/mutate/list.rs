//! What is broken: `tests/mutations.yaml`.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::test::Layer;

/// The list, in the repository.
const LIST: &str = "tests/mutations.yaml";

/// One way to break a guarantee.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutation {
    /// Name of it, in words joined by hyphens.
    pub(crate) name: String,
    /// What the user is promised.
    pub(crate) guarantee: String,
    /// What is broken, in words.
    pub(crate) broken: String,
    /// The file below `src/`.
    pub(crate) file: String,
    /// An expression, or statements that end with a semicolon; there once in the file. Where it is there more often,
    /// it stands between « and » in a longer text.
    pub(crate) find: String,
    /// What takes its place, of the same type.
    pub(crate) replace: String,
    /// The layer of the test.
    #[serde(deserialize_with = "layer")]
    pub(crate) layer: Layer,
    /// A part of its path.
    pub(crate) test: String,
}

fn layer<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Layer, D::Error> {
    match String::deserialize(text)?.as_str() {
        "unit" => Ok(Layer::Unit),
        "cli" => Ok(Layer::Cli),
        "faults::api" => Ok(Layer::ApiFaults),
        other => Err(serde::de::Error::custom(format!("no mutation is seen in layer {other}"))),
    }
}

/// All mutations.
///
/// # Errors
/// When the list cannot be read.
pub(crate) fn read(root: &Path) -> Result<Vec<Mutation>> {
    let text = fs::read_to_string(root.join(LIST)).with_context(|| format!("read {LIST}"))?;
    serde_saphyr::from_str(&text).with_context(|| format!("read {LIST}"))
}

impl Mutation {
    /// Whether one of these selects it; all do when there are none.
    pub(crate) fn is_named(&self, names: &[String]) -> bool {
        names.is_empty() || names.iter().any(|name| self.name.contains(name.as_str()))
    }

    /// Where the expression is in the file's text.
    fn place(&self, text: &str) -> Result<Range<usize>> {
        let (before, find, after) = self.parts();
        let context = [before, find, after].concat();
        let there = text.matches(&context).count();
        ensure!(there == 1, "{}: {} holds {there} times {context:?}", self.name, self.file);
        let start = text.find(&context).unwrap_or_default() + before.len();
        Ok(start..start + find.len())
    }

    /// What is found, in the middle, and the text around it.
    fn parts(&self) -> (&str, &str, &str) {
        let whole = ("", self.find.as_str(), "");
        let Some((before, rest)) = self.find.split_once('«') else { return whole };
        rest.split_once('»').map_or(whole, |(find, after)| (before, find, after))
    }
}

/// The text of a file with all mutations of it: each expression as it is, and as it is when one is chosen.
///
/// # Errors
/// When an expression is not there once, or is a part of another one.
pub(crate) fn with_all(text: &str, mutations: &[&Mutation]) -> Result<String> {
    let places = mutations.iter().map(|mutation| Ok((mutation.place(text)?, *mutation)));
    let mut places = places.collect::<Result<Vec<_>>>()?;
    places.sort_by_key(|(place, _)| (place.start, place.end));
    let (mut all, mut done) = (String::new(), 0);
    for same in places.chunk_by(|(one, _), (other, _)| one == other) {
        let (place, first) = (&same[0].0, same[0].1);
        ensure!(place.start >= done, "{}: it overlaps with another mutation", first.name);
        let find = &text[place.clone()];
        let chosen = same.iter().map(|(_, Mutation { name, replace, .. })| {
            format!("if crate::mutated({name:?}) {{ {replace} }} else ")
        });
        let both = format!("{}{{ {find} }}", chosen.collect::<String>());
        all.push_str(&text[done..place.start]);
        // Statements need no parentheses, and could not have any.
        all.push_str(&if find.ends_with(';') { both } else { format!("({both})") });
        done = place.end;
    }
    Ok(all + &text[done..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutation(name: &str, find: &str, replace: &str) -> Mutation {
        let [name, guarantee, broken, file, test] = [name, "g", "b", "f", "t"].map(str::to_owned);
        let (find, replace, layer) = (find.to_owned(), replace.to_owned(), Layer::Unit);
        Mutation { name, guarantee, broken, file, find, replace, layer, test }
    }

    #[test]
    fn every_way_is_in_the_text() -> Result<()> {
        let statement = mutation("s", "a();", "");
        assert_eq!(
            with_all("a(); c();", &[&statement])?,
            r#"if crate::mutated("s") {  } else { a(); } c();"#
        );
        let second = mutation("n", "y = «a»;", "b");
        let also = mutation("m", "y = «a»;", "c");
        assert_eq!(
            with_all("x = a; y = a;", &[&second, &also])?,
            r#"x = a; y = (if crate::mutated("n") { b } else if crate::mutated("m") { c } else { a });"#
        );
        Ok(())
    }

    #[test]
    fn what_is_there_twice_or_never_or_in_another_one_is_told() {
        let (a, ab) = (mutation("a", "a", "b"), mutation("ab", "a + b", "c"));
        assert!(with_all("a + a", &[&a]).is_err());
        assert!(with_all("c", &[&a]).is_err());
        assert!(with_all("a + b", &[&a, &ab]).is_err());
    }
}
