//! `docs/json.md` says what the views of `src/view` say.

use std::fmt::Write;

use super::{path, read};
use crate::support::schema::{self, DOCUMENTS, Shape, shape};

const HEAD: &str = "# Answers as data

`-o json` and `-o yaml` print one document on standard output and nothing else; `-o jsonpath=…`, `-o custom-columns=…` and `--sort-by` read it.
Generated from `src/view` by a test; to write it anew: `UPDATE_DOCS=1 cargo test --test main json`. What each command prints is held to it.

What is not known is left out, never null; *optional* below means that. Times are RFC 3339 in UTC. A new version may add fields; it does
not remove or rename one, or give it another type, without saying so in the changelog.

`deploy --dry-run=client` prints the FlinkDeployment itself ([decision](decisions/0009-what-a-dry-run-prints.md)), and `rbac` objects of Kubernetes.
Several documents of one `deploy -f` become `items` of one answer.

| command | what it prints |
|---|---|
";

#[test]
fn the_page_is_the_views() {
    let expected = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path("docs/json.md"), &expected).unwrap();
    }
    let written = read("docs/json.md");
    let difference = written.lines().zip(expected.lines()).find(|(old, new)| old != new);
    assert!(written == expected, "stale, first at {difference:?}: run with UPDATE_DOCS=1");
}

#[test]
fn a_document_that_breaks_its_promise_is_found() {
    let good = serde_json::json!({"clientVersion": {
        "version": "1.0.0", "platform": "linux/amd64", "flinkVersions": "1.17 to 2.3"}});
    schema::holds("VersionView", &good);
    let breaks: [fn(&mut serde_json::Value); 4] = [
        |v| v["more"] = 1.into(),
        |v| v["serverVersion"] = serde_json::Value::Null,
        |v| v["clientVersion"]["version"] = 1.into(),
        |v| drop(v["clientVersion"].as_object_mut().unwrap().remove("platform")),
    ];
    for change in breaks {
        let mut bad = good.clone();
        change(&mut bad);
        let held = std::panic::catch_unwind(|| schema::holds("VersionView", &bad));
        assert!(held.is_err(), "{bad} passed");
    }
}

/// A heading's name, and the anchor it gets.
fn link(name: &str) -> String {
    format!("[{}](#{})", title(name), title(name).to_lowercase())
}

fn title(name: &str) -> &str {
    name.trim_end_matches("View")
}

fn page() -> String {
    let objects = schema::read();
    let mut page = HEAD.to_owned();
    let mut order: Vec<&str> = Vec::new();
    for (command, name) in DOCUMENTS {
        let _ = writeln!(page, "| {command} | {} |", link(name));
        order.push(name);
    }
    let mut done: Vec<&str> = Vec::new();
    while !order.is_empty() {
        let name = order.remove(0);
        if done.contains(&name) {
            continue;
        }
        done.push(name);
        let object = objects.get(name).unwrap_or_else(|| panic!("there is no {name} in src/view"));
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n| field | type | |\n|---|---|---|\n",
            title(name),
            object.about
        );
        for field in &object.fields {
            let shape = shape(&field.kind);
            let optional = if field.optional { ", optional" } else { "" };
            let about = field.about.replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | {}{optional} | {about} |", field.name, words(&shape));
            order.extend(inner(&shape).map(|name| objects.get_key_value(name).unwrap().0.as_str()));
        }
    }
    page
}

fn inner<'a>(shape: &Shape<'a>) -> Option<&'a str> {
    match shape {
        Shape::List(item) => inner(item),
        Shape::Object(name) => Some(name),
        _ => None,
    }
}

fn words(shape: &Shape<'_>) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Time => "time".to_owned(),
        Shape::Labels => "texts by name".to_owned(),
        Shape::Counts => "numbers by name".to_owned(),
        Shape::Any => "object".to_owned(),
        Shape::List(item) => format!("list of {}", words(item)),
        Shape::Object(name) => link(name),
    }
}
