//! What a document may hold, by the table of fields: every mistake at once, and the rest of it.

use serde_json::{Map, Value};

use crate::model::fields::{self, Type};
use crate::model::flink_version::FlinkVersion;
use crate::model::violation::Violation;
use crate::yaml::{Content, Entry, Node};

/// What the check found.
#[derive(Default)]
pub(super) struct Found {
    /// What is wrong.
    pub(super) violations: Vec<Violation>,
    /// The document without it.
    pub(super) sound: Value,
    /// Paths that are spoken for.
    pub(super) settled: Vec<String>,
}

pub(super) fn check(root: &Node) -> Found {
    let mut found = Found::default();
    let mut sound = found.object(root, "");
    // Text from the start: the type does without defaults for them.
    for key in ["apiVersion", "kind"] {
        sound.entry(key).or_insert_with(|| Value::String(String::new()));
    }
    for key in ["metadata", "spec"] {
        sound.entry(key).or_insert_with(|| Value::Object(Map::new()));
    }
    found.sound = Value::Object(sound);
    found
}

impl Found {
    fn refuse(&mut self, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.violations.push(Violation::new(path, message, remedy));
        self.settled.push(path.to_owned());
    }

    /// A mapping whose fields the table lists.
    fn object(&mut self, node: &Node, path: &str) -> Map<String, Value> {
        let mut sound = Map::new();
        let known = fields::below(path);
        for (entry, path) in self.entries(node, path) {
            if !known.contains(&entry.key.as_str()) {
                self.unknown(&path, &entry.key, &known);
            } else if !entry.value.is_null()
                && let Some(value) = self.value(&entry.value, &path)
            {
                sound.insert(entry.key.clone(), value);
            }
        }
        sound
    }

    fn value(&mut self, node: &Node, path: &str) -> Option<Value> {
        if let Some(field) = fields::find(path) {
            return self.leaf(node, path, field.holds);
        }
        match &node.content {
            Content::List(items) if fields::is_list(path) => {
                let paths = (0..).map(|position| format!("{path}[{position}]"));
                let items = items.iter().zip(paths);
                Some(items.filter_map(|(item, path)| self.value(item, &path)).collect())
            }
            _ if fields::is_list(path) => {
                self.refuse(path, "it is no list", "Write each item after `- `.");
                None
            }
            Content::Map(_) => Some(Value::Object(self.object(node, path))),
            _ => {
                let names = fields::below(path).join(", ");
                self.refuse(path, "it is no mapping", format!("Write one with {names}."));
                None
            }
        }
    }

    /// The entries of a mapping with their paths, without those that are there a second time.
    fn entries<'a>(&mut self, node: &'a Node, path: &str) -> Vec<(&'a Entry, String)> {
        let mut first: Vec<(&Entry, String)> = Vec::new();
        for entry in node.entries() {
            let path = match path {
                "" => entry.key.clone(),
                path => format!("{path}.{}", entry.key),
            };
            match first.iter().find(|(other, _)| other.key == entry.key) {
                Some((other, _)) => {
                    let message = format!(
                        "it is given twice, in line {} and line {}",
                        other.at.line, entry.at.line
                    );
                    self.violations.push(Violation::new(path, message, "Keep one of them."));
                }
                None => first.push((entry, path)),
            }
        }
        first
    }

    fn unknown(&mut self, path: &str, key: &str, known: &[&str]) {
        let parent = &path[..path.len() - key.len()];
        let remedy = match similar(key, known) {
            Some(name) => {
                self.settled.push(format!("{parent}{name}"));
                format!("Did you mean {name}?")
            }
            None => match elsewhere(key) {
                fields if fields.is_empty() => format!("There are {}.", known.join(", ")),
                fields => {
                    self.settled.extend(fields.iter().map(|field| (*field).to_owned()));
                    format!("Did you mean {}?", fields.join(" or "))
                }
            },
        };
        self.refuse(path, "there is no such field", remedy);
    }

    fn leaf(&mut self, node: &Node, path: &str, holds: Type) -> Option<Value> {
        match holds {
            Type::Any => Some(node.to_value()),
            Type::Text => self.text(node, path).map(Value::String),
            Type::Word(words) => {
                let text = self.text(node, path)?;
                if words.contains(&text.as_str()) || words.len() == 1 {
                    // A wrong kind is refused where a document is chosen.
                    return Some(Value::String(text));
                }
                let remedy = match similar(&text, words) {
                    Some(word) => format!("Did you mean {word}?"),
                    None => format!("Write one of {}.", words.join(", ")),
                };
                self.refuse(path, format!("{text:?} is none of its values"), remedy);
                None
            }
            Type::Version => {
                let text = self.text(node, path)?;
                match text.parse::<FlinkVersion>() {
                    Ok(_) => Some(Value::String(text)),
                    Err(e) => {
                        self.refuse(path, e.to_string(), e.hints().join(" "));
                        None
                    }
                }
            }
            Type::Integer => self.integer(node, path, i64::from(i32::MAX)),
            Type::Nonce => self.integer(node, path, i64::MAX),
            Type::Boolean => match &node.content {
                Content::Scalar { value: Value::Bool(flag), .. } => Some(Value::Bool(*flag)),
                _ => {
                    self.refuse(
                        path,
                        "it is neither true nor false",
                        "Write true or false, without quotes.",
                    );
                    None
                }
            },
            Type::Amount => self.amount(node, path),
            Type::Texts => self.texts(node, path),
            Type::TextMap => {
                self.map(node, path, |found, node, path| found.text(node, path).map(Value::String))
            }
            Type::AmountMap => self.map(node, path, Found::amount),
            Type::Configuration => Some(self.configuration(node, path)),
            Type::PodTemplate => self.template(node, path),
        }
    }

    /// Text, which YAML may take for something else: `no` is false, `0644` is 420, `1.20` is 1.2.
    fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.content {
            Content::Scalar { value: Value::String(text), .. } => Some(text.clone()),
            Content::Scalar { value, written } => {
                let written = if written.is_empty() { value.to_string() } else { written.clone() };
                let what = match value {
                    Value::Bool(flag) => format!("the boolean {flag}"),
                    other => format!("the number {other}"),
                };
                let what = match value.is_null() {
                    true => "nothing".to_owned(),
                    false => what,
                };
                self.refuse(
                    path,
                    format!("it has to be text, and YAML reads {written} as {what}"),
                    format!("Put it into quotes: \"{written}\"."),
                );
                None
            }
            Content::List(_) | Content::Map(_) => {
                self.refuse(path, "it has to be text", "Write one word or a quoted text.");
                None
            }
        }
    }

    fn integer(&mut self, node: &Node, path: &str, most: i64) -> Option<Value> {
        let number = match &node.content {
            Content::Scalar { value: Value::Number(number), written } if !is_odd(written) => {
                number.as_i64().filter(|number| (-most..=most).contains(number))
            }
            _ => None,
        };
        if number.is_none() {
            self.refuse(
                path,
                "it is no whole number",
                format!("Write a number of at most {most}, without quotes."),
            );
        }
        number.map(Value::from)
    }

    fn amount(&mut self, node: &Node, path: &str) -> Option<Value> {
        match &node.content {
            Content::Scalar { value: value @ (Value::String(_) | Value::Number(_)), written }
                if !value.is_number() || !is_odd(written) =>
            {
                Some(value.clone())
            }
            _ => {
                self.refuse(
                    path,
                    "it is no amount",
                    "Write a number or a quantity, such as 0.5, 500m or 2Gi.",
                );
                None
            }
        }
    }

    fn texts(&mut self, node: &Node, path: &str) -> Option<Value> {
        let Content::List(items) = &node.content else {
            self.refuse(path, "it is no list", "Write each text on a line of its own, after `- `.");
            return None;
        };
        let texts = items
            .iter()
            .enumerate()
            .filter_map(|(position, item)| self.text(item, &format!("{path}[{position}]")));
        Some(texts.collect::<Vec<String>>().into())
    }

    fn map(
        &mut self,
        node: &Node,
        path: &str,
        value: impl Fn(&mut Found, &Node, &str) -> Option<Value>,
    ) -> Option<Value> {
        if !matches!(node.content, Content::Map(_)) {
            self.refuse(path, "it is no mapping", "Write names and values, such as `name: value`.");
            return None;
        }
        let mut sound = Map::new();
        for (entry, path) in self.entries(node, path) {
            if let Some(value) = value(self, &entry.value, &path) {
                sound.insert(entry.key.clone(), value);
            }
        }
        Some(Value::Object(sound))
    }

    /// Flink's configuration, flat. Numbers and booleans are as good as text, but for those that YAML reads as
    /// something else than what is written.
    fn configuration(&mut self, node: &Node, path: &str) -> Value {
        let mut flat = Map::new();
        match &node.content {
            Content::Map(_) => self.flatten(node, path, "", &mut flat),
            _ => self.refuse(
                path,
                "it is no mapping",
                "Write options of Flink, such as `state.backend.type: rocksdb`.",
            ),
        }
        Value::Object(flat)
    }

    fn flatten(&mut self, node: &Node, root: &str, prefix: &str, flat: &mut Map<String, Value>) {
        for entry in node.entries() {
            let key = match prefix {
                "" => entry.key.clone(),
                prefix => format!("{prefix}.{}", entry.key),
            };
            let path = format!("{root}.{key}");
            if let Content::Map(_) = entry.value.content {
                self.flatten(&entry.value, root, &key, flat);
            } else if flat.contains_key(&key) {
                let message =
                    format!("it is given twice, the second time in line {}", entry.at.line);
                self.violations.push(Violation::new(path, message, "Keep one of them."));
            } else if let Some(text) = self.option(&entry.value, &path) {
                flat.insert(key, Value::String(text));
            }
        }
    }

    fn option(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.content {
            Content::List(items) => {
                let items = items.iter().map(|item| self.option(item, path));
                items.collect::<Option<Vec<String>>>().map(|items| items.join(";"))
            }
            Content::Scalar { value: Value::Null, .. } => {
                self.refuse(
                    path,
                    "it has no value",
                    "Give it one, or remove it; empty text is \"\".",
                );
                None
            }
            Content::Scalar { value: Value::Bool(_) | Value::Number(_), written }
                if is_odd(written) =>
            {
                self.text(node, path)
            }
            Content::Scalar { value: Value::String(text), .. } => Some(text.clone()),
            Content::Scalar { value, .. } => Some(value.to_string()),
            Content::Map(_) => {
                self.refuse(
                    path,
                    "Flink's configuration has no mappings in lists",
                    "Write the list as text.",
                );
                None
            }
        }
    }

    /// A pod template is typed by Kubernetes; here only what YAML reads otherwise than it is written.
    fn template(&mut self, node: &Node, path: &str) -> Option<Value> {
        if !matches!(node.content, Content::Map(_)) {
            self.refuse(path, "it is no mapping", "Write it as the template of a Kubernetes Pod.");
            return None;
        }
        Some(self.template_part(node, path))
    }

    fn template_part(&mut self, node: &Node, path: &str) -> Value {
        match &node.content {
            Content::Map(_) => {
                let mut sound = Map::new();
                for (entry, at) in self.entries(node, path) {
                    sound.insert(entry.key.clone(), self.template_field(entry, &at));
                }
                Value::Object(sound)
            }
            Content::List(items) => {
                let part =
                    |(position, item)| self.template_part(item, &format!("{path}[{position}]"));
                items.iter().enumerate().map(part).collect()
            }
            Content::Scalar { value, .. } => value.clone(),
        }
    }

    fn template_field(&mut self, entry: &Entry, path: &str) -> Value {
        const TEXTS: [&str; 2] = ["command", "args"];
        const MAPS: [&str; 4] = ["labels", "annotations", "nodeSelector", "matchLabels"];
        let (key, node) = (entry.key.as_str(), &entry.value);
        match &node.content {
            Content::List(_) if TEXTS.contains(&key) => self.texts(node, path).unwrap_or_default(),
            Content::Map(_) if MAPS.contains(&key) => {
                self.leaf(node, path, Type::TextMap).unwrap_or_default()
            }
            // The value of an environment variable.
            Content::Scalar { .. }
                if key == "value" && path.contains(".env[") && !node.is_null() =>
            {
                self.text(node, path).unwrap_or_default().into()
            }
            _ => self.template_part(node, path),
        }
    }
}

/// Whether a plain scalar is written in a way that YAML 1.1 readers take for a number or a boolean that looks
/// different: `no`, `0644`, `1_000`, `0x1F`.
fn is_odd(written: &str) -> bool {
    let digits = written.trim_start_matches(['+', '-']);
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && !(digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."));
    let is_exponent = digits.contains(['e', 'E']) && written.parse::<f64>().is_ok();
    let is_boolean = ["true", "false"].contains(&written.to_ascii_lowercase().as_str());
    !(is_plain || is_exponent || is_boolean)
}

/// The word that was probably meant: one that differs in case alone, else the nearest one that shares two
/// thirds of its letters.
fn similar<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &str| {
        strsim::damerau_levenshtein(&word.to_ascii_lowercase(), &name.to_ascii_lowercase())
    };
    let nearest = known.iter().min_by_key(|name| distance(name))?;
    (distance(nearest) * 3 <= word.len().max(nearest.len())).then_some(*nearest)
}

/// The fields of this name, or nearly so, in other places.
fn elsewhere(key: &str) -> Vec<&'static str> {
    let is_named =
        |path: &&str| path.rsplit('.').next().is_some_and(|name| similar(key, &[name]).is_some());
    let named: Vec<&str> = fields::FIELDS.iter().map(|field| field.path).filter(is_named).collect();
    // More than two are no help.
    if named.len() <= 2 { named } else { Vec::new() }
}
