//! kubectl's JSONPath templates: `{.items[*].name}`, text around it, and `range … end`.
//!
//! Syntax: <https://kubernetes.io/docs/reference/kubectl/jsonpath/>. An expression is rewritten into the JSONPath of
//! RFC 9535, which `jsonpath-rust` evaluates. As in kubectl, what is not there is printed as nothing.

use std::fmt;
use std::str::FromStr;

use jsonpath_rust::JsonPath;
use serde_json::Value;

use crate::error::{Error, Result};

/// A path to values in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    text: String,
    /// The same in RFC 9535.
    standard: String,
}

impl Path {
    /// The values it leads to; none when there is nothing.
    pub fn values<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        // The path was tried when it was read, so it cannot be the reason of a failure.
        document.query(&self.standard).unwrap_or_default()
    }

    /// The values in one line, joined by `separator`; `None` when there is nothing.
    pub fn text(&self, document: &Value, separator: &str) -> Option<String> {
        let values = self.values(document);
        let texts = values.iter().map(|value| plain(value)).collect::<Vec<_>>();
        (!texts.is_empty()).then(|| texts.join(separator))
    }
}

/// A string without its quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Braces, the `$` and the first dot may be left out: `{.a}`, `$.a`, `.a` and `a` are the same.
impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.unwrap_or(text).trim();
        let standard = standard(inner);
        if inner.is_empty() || Value::Null.query(&standard).is_err() {
            return Err(Error::usage(format!("{text:?} is not a JSONPath"))
                .hint("Write paths as kubectl does, such as .items[*].name or .items[?(@.state==\"RUNNING\")].name."));
        }
        Ok(Path { text: text.to_owned(), standard })
    }
}

/// Rewrites a path of kubectl's. Names may hold what RFC 9535 wants in brackets, and `\.` stands for a dot in a name.
fn standard(path: &str) -> String {
    let path = path.strip_prefix(['$', '@']).unwrap_or(path);
    let mut out = String::from("$");
    let mut rest = path.chars().peekable();
    let mut dots = 0;
    while let Some(c) = rest.next() {
        match c {
            '.' => dots += 1,
            '[' => {
                out.push_str(if dots > 1 { "..[" } else { "[" });
                dots = 0;
                bracket(&mut rest, &mut out);
            }
            c => {
                let mut name = String::new();
                let mut next = Some(c);
                while let Some(c) = next {
                    let literal = if c == '\\' { rest.next() } else { None };
                    name.push(literal.unwrap_or(c));
                    next = rest.next_if(|c| !matches!(c, '.' | '['));
                }
                out.push_str(if dots > 1 { ".." } else { "" });
                dots = 0;
                match name.as_str() {
                    "*" => out.push_str("[*]"),
                    name => out.push_str(&format!("['{}']", name.replace('\'', "\\'"))),
                }
            }
        }
    }
    out
}

/// Copies up to the bracket that closes, past those inside of it and in quotes.
fn bracket(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let (mut depth, mut quote) = (1, None);
    for c in rest.by_ref() {
        out.push(c);
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// A template: text, paths, and parts repeated for each value of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Path(Path),
    Range(Path, Vec<Part>),
}

impl Template {
    /// What it makes of a document.
    pub fn render(&self, document: &Value) -> String {
        let mut out = String::new();
        render(&self.parts, document, &mut out);
        out
    }
}

fn render(parts: &[Part], document: &Value, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(path) => out.push_str(&path.text(document, " ").unwrap_or_default()),
            Part::Range(path, body) => {
                path.values(document).into_iter().for_each(|value| render(body, value, out));
            }
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Template {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::usage("jsonpath= has no template")
                .hint("Write one such as jsonpath='{.items[*].name}'."));
        }
        // As in kubectl, a template without braces is a path.
        let braced = if text.contains('{') { text.to_owned() } else { format!("{{{text}}}") };
        let mut rest = braced.as_str();
        let parts = parts(&mut rest, false)?;
        Ok(Template { text: text.to_owned(), parts })
    }
}

/// Reads parts up to `{end}` inside of a range, to the end of the text otherwise.
fn parts(rest: &mut &str, in_range: bool) -> Result<Vec<Part>> {
    let mut found = Vec::new();
    while let Some(open) = rest.find('{') {
        if open > 0 {
            found.push(Part::Text(rest[..open].to_owned()));
        }
        let Some(length) = closing(&rest[open..]) else {
            return Err(malformed("a brace is not closed"));
        };
        let action = rest[open + 1..open + length].trim();
        *rest = &rest[open + length + 1..];
        if action == "end" {
            return if in_range { Ok(found) } else { Err(malformed("{end} without {range …}")) };
        }
        found.push(match action.strip_prefix("range ") {
            Some(path) => Part::Range(path.parse()?, parts(rest, true)?),
            None => match quoted(action) {
                Some(text) => Part::Text(text),
                None => Part::Path(action.parse()?),
            },
        });
    }
    if in_range {
        return Err(malformed("{range …} without {end}"));
    }
    if !rest.is_empty() {
        found.push(Part::Text((*rest).to_owned()));
        *rest = "";
    }
    Ok(found)
}

/// Where the brace that `text` begins with is closed; braces in quotes do not count.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(at, c)| {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '}') => return Some(at),
            _ => {}
        }
        None
    })
}

/// Text in quotes, with `\n` and `\t` as in kubectl's examples.
fn quoted(action: &str) -> Option<String> {
    let quote = action.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = action.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"").replace("\\'", "'"))
}

fn malformed(why: &str) -> Error {
    Error::usage(format!("not a JSONPath template: {why}"))
        .hint("Write it as for kubectl: jsonpath='{range .items[*]}{.name}{\"\\n\"}{end}'.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(template: &str) -> Result<String> {
        let document = json!({
            "kind": "List",
            "items": [
                {"name": "orders", "state": "RUNNING", "labels": {"app.kubernetes.io/name": "o"}, "n": 2},
                {"name": "rides", "state": "FAILED", "labels": {}, "n": 10},
            ],
        });
        Ok(template.parse::<Template>()?.render(&document))
    }

    #[test]
    fn renders_what_kubectl_renders() -> Result<()> {
        for (template, expected) in [
            (".kind", "List"),
            ("{.kind}", "List"),
            ("{$.kind}", "List"),
            ("{kind}", "List"),
            ("kind is {.kind}!", "kind is List!"),
            ("{.items[*].name}", "orders rides"),
            ("{.items[0].name}", "orders"),
            ("{.items[-1].name}", "rides"),
            ("{.items[0:1].name}", "orders"),
            ("{..name}", "orders rides"),
            ("{.items[?(@.state==\"FAILED\")].name}", "rides"),
            ("{.items[?(@.n>5)].name}", "rides"),
            ("{.items[*]['name','n']}", "orders rides 2 10"),
            ("{.items[0].labels.app\\.kubernetes\\.io/name}", "o"),
            ("{.items[0].labels}", "{\"app.kubernetes.io/name\":\"o\"}"),
            ("{range .items[*]}{.name}{'\\t'}{.n}{\"\\n\"}{end}", "orders\t2\nrides\t10\n"),
            ("{.missing}", ""),
            ("{\"}\"}{.kind}", "}List"),
        ] {
            assert_eq!(rendered(template)?, expected, "{template}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for bad in ["", "{.a", "{range .items[*]}{.name}", "{.a}{end}", "{.items[}", "{}"] {
            assert!(bad.parse::<Template>().is_err(), "{bad:?}");
        }
    }
}
