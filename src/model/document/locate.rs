//! From the path of a violation to its place in the text.

use crate::yaml::{Content, Node, Position};

/// The position of what `path` names, or of the innermost part of it that the text has.
///
/// A path is as violations write it: keys with dots in them (of Flink's configuration) may stand flat or
/// nested, `[x]` is a key, the position of an item, or an item's `name` or `mountPath`. What a process's
/// pod template does not have comes from the common one.
pub(super) fn locate(root: &Node, path: &str) -> Position {
    let own = walk(root, path, root.at);
    let common = path
        .split_once(".podTemplate")
        .filter(|(owner, _)| *owner != "spec")
        .map(|(_, rest)| walk(root, &format!("spec.podTemplate{rest}"), root.at));
    match common {
        Some(common) if common.rest < own.rest => common.at,
        _ => own.at,
    }
}

/// How far a walk came.
#[derive(Clone, Copy)]
struct Found {
    at: Position,
    /// Length of what is left of the path.
    rest: usize,
}

fn walk(node: &Node, path: &str, at: Position) -> Found {
    let here = Found { at, rest: path.len() };
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() {
        return Found { at, rest: 0 };
    }
    let deeper: Vec<Found> = match &node.content {
        Content::Scalar { .. } => Vec::new(),
        Content::Map(entries) => entries
            .iter()
            .filter_map(|entry| Some(walk(&entry.value, after_key(path, &entry.key)?, entry.at)))
            .collect(),
        Content::List(items) => match path.strip_prefix('[').and_then(|p| p.split_once(']')) {
            Some((name, rest)) => items
                .iter()
                .enumerate()
                .filter(|(position, item)| is_named(item, *position, name))
                .map(|(_, item)| walk(item, rest, item.at))
                .collect(),
            None => Vec::new(),
        },
    };
    deeper.into_iter().chain([here]).min_by_key(|found| found.rest).unwrap_or(here)
}

/// What follows `key` at the start of `path`; `None` when something else stands there.
fn after_key<'a>(path: &'a str, key: &str) -> Option<&'a str> {
    if let Some(rest) = path.strip_prefix('[')
        && let Some(rest) = rest.strip_prefix(key)
    {
        return rest.strip_prefix(']');
    }
    let rest = path.strip_prefix(key)?;
    (rest.is_empty() || rest.starts_with(['.', '[', ' '])).then_some(rest)
}

fn is_named(item: &Node, position: usize, name: &str) -> bool {
    name.parse() == Ok(position)
        || ["name", "mountPath"].iter().any(|key| item.get(key).and_then(Node::text) == Some(name))
}
