//! What `-o json` promises, read from the source of the views: `docs/json.md` is written from it, and the documents that
//! commands print are held to it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// What each command prints, by the name of its type in `src/view`.
pub(crate) const DOCUMENTS: &[(&str, &str)] = &[
    ("list", "ApplicationList"),
    ("status", "StatusView"),
    ("deploy, savepoint, checkpoint, restore, stop, start, delete", "OutcomeView"),
    ("the same with --dry-run", "PlanView"),
    ("operation list", "OperationList"),
    ("operation show", "OperationView"),
    ("operation resume, operation abort", "OutcomeView"),
    ("storage list", "StorageList"),
    ("storage describe", "StorageView"),
    ("storage describe, of a profile", "ProfileView"),
    ("storage describe, of a data store", "DataStoreView"),
    ("storage create, storage resize, storage snapshot, storage delete", "OutcomeView"),
    ("storage check", "CheckView"),
    ("storage check, of a data store", "DataCheckView"),
    ("storage advise", "RankingView"),
    ("version", "VersionView"),
];

/// Where views get figures from that they show as they are.
const FIGURES: [&str; 5] = [
    "src/model/advise.rs",
    "src/model/check/measured.rs",
    "src/model/check/verdict.rs",
    "src/model/data/check.rs",
    "src/model/store/encryption.rs",
];

/// An object of a document.
#[derive(Debug, Default)]
pub(crate) struct Object {
    /// What it is.
    pub(crate) about: String,
    /// Its fields, in the order in which they are printed.
    pub(crate) fields: Vec<Field>,
}

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name in the document.
    pub(crate) name: String,
    /// Its type in Rust, without what makes it optional.
    pub(crate) kind: String,
    /// Whether it may be absent.
    pub(crate) optional: bool,
    /// What it says.
    pub(crate) about: String,
}

/// All objects, by the name of their type.
pub(crate) fn read() -> BTreeMap<String, Object> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let views = std::fs::read_dir(root.join("src/view")).unwrap();
    let files = views.map(|entry| entry.unwrap().path());
    let mut objects = BTreeMap::new();
    for file in files.chain(FIGURES.iter().map(|file| root.join(file))) {
        parse(&std::fs::read_to_string(file).unwrap(), &mut objects);
    }
    objects
}

/// The structs of a file that are serialised field by field. rustfmt keeps the source regular enough for this.
fn parse(source: &str, objects: &mut BTreeMap<String, Object>) {
    let (mut about, mut attributes) = (String::new(), String::new());
    let mut current: Option<(String, Object, bool)> = None;
    for line in source.lines() {
        let text = line.trim();
        if let Some(words) = text.strip_prefix("///") {
            about = format!("{about} {}", words.trim()).trim().to_owned();
        } else if text.starts_with("#[") {
            attributes += text;
        } else if let Some((name, mut object, camel)) = current.take() {
            if line == "}" {
                objects.insert(name, object);
            } else {
                object.fields.extend(field(text, &about, &attributes, camel));
                current = Some((name, object, camel));
            }
            (about, attributes) = Default::default();
        } else {
            if let Some(rest) = line.strip_prefix("pub struct ")
                && attributes.contains("Serialize")
                && rest.ends_with('{')
            {
                let name = rest.split([' ', '<']).next().unwrap().to_owned();
                let object = Object { about: about.clone(), fields: Vec::new() };
                current = Some((name, object, attributes.contains("camelCase")));
            }
            (about, attributes) = Default::default();
        }
    }
}

fn field(text: &str, about: &str, attributes: &str, camel: bool) -> Option<Field> {
    let (name, kind) = text.trim_start_matches("pub ").trim_end_matches(',').split_once(": ")?;
    if attributes.contains("serde(skip)") {
        return None;
    }
    let inner = kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>'));
    assert_eq!(
        inner.is_some(),
        attributes.contains("Option::is_none"),
        "{name}: a value that is absent is left out, never null"
    );
    Some(Field {
        name: if camel { camel_case(name) } else { name.to_owned() },
        kind: inner.unwrap_or(kind).to_owned(),
        optional: attributes.contains("skip_serializing_if"),
        about: about.to_owned(),
    })
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (head, tail) = part.split_at(1);
        name + &head.to_uppercase() + tail
    })
}

/// A type as the documentation names it, and as documents are held to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    Text,
    Number,
    Flag,
    Time,
    Labels,
    Counts,
    Any,
    List(Box<Shape<'a>>),
    Object(&'a str),
}

/// The shape of a type in Rust.
pub(crate) fn shape(kind: &str) -> Shape<'_> {
    if let Some(inner) = kind.strip_prefix("Vec<").and_then(|kind| kind.strip_suffix('>')) {
        return Shape::List(Box::new(shape(inner)));
    }
    match kind {
        "String" | "&'static str" | "State" | "JobId" | "SnapshotKind" | "Direction" | "Change" => {
            Shape::Text
        }
        "u64" | "i64" | "u32" | "i32" | "usize" | "Generation" => Shape::Number,
        "bool" => Shape::Flag,
        "Timestamp" => Shape::Time,
        "BTreeMap<String, String>" => Shape::Labels,
        "BTreeMap<String, u32>" => Shape::Counts,
        "Value" => Shape::Any,
        "Use" | "DataUse" | "Grade" | "Fit" | "Choice" | "Known" => Shape::Text,
        "Advice" | "CheckedFrom" | "Clock" | "Commit" | "Consistency" | "Failed" | "Files"
        | "Latency" | "Measurements" | "SecondPod" | "Seen" | "Space" | "Throughput"
        | "Verdict" | "DataMeasurements" | "DataVerdict" | "Facts" | "KeyedLatency"
        | "ReadAfterWrite" | "Encryption" | "Protection" => Shape::Object(kind),
        view if view.ends_with("View") => Shape::Object(view),
        other => panic!("say in tests/support/schema.rs what {other} is in a document"),
    }
}

/// Fails unless `document` is what a command promises that prints the object `name`.
#[track_caller]
pub(crate) fn holds(name: &str, document: &Value) {
    let objects = read();
    let mut wrong = Vec::new();
    object(&objects, name, document, name, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}\n{document:#}");
}

fn object(
    objects: &BTreeMap<String, Object>,
    name: &str,
    value: &Value,
    path: &str,
    wrong: &mut Vec<String>,
) {
    let Some(members) = value.as_object() else {
        wrong.push(format!("{path} is no object"));
        return;
    };
    let fields = &objects[name].fields;
    for key in members.keys().filter(|key| !fields.iter().any(|field| field.name == **key)) {
        wrong.push(format!("{path}.{key} is not documented"));
    }
    for field in fields {
        let path = format!("{path}.{}", field.name);
        match members.get(&field.name) {
            Some(value) => check(objects, &shape(&field.kind), value, &path, wrong),
            None if field.optional => {}
            None => wrong.push(format!("{path} is missing")),
        }
    }
}

fn check(
    objects: &BTreeMap<String, Object>,
    shape: &Shape<'_>,
    value: &Value,
    path: &str,
    wrong: &mut Vec<String>,
) {
    let fits = match shape {
        Shape::Text => value.is_string(),
        Shape::Number => value.is_i64() || value.is_u64(),
        Shape::Flag => value.is_boolean(),
        Shape::Time => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        Shape::Labels => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
        Shape::Counts => value.as_object().is_some_and(|map| map.values().all(Value::is_u64)),
        Shape::Any => true,
        Shape::List(inner) => {
            for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                check(objects, inner, item, &format!("{path}[{i}]"), wrong);
            }
            value.is_array()
        }
        Shape::Object(name) => return object(objects, name, value, path, wrong),
    };
    if !fits {
        wrong.push(format!("{path} is not {shape:?}: {value}"));
    }
}
