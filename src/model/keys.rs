//! Kubernetes' rules for DNS names, keys of labels and annotations, and values of labels
//! (`k8s.io/apimachinery/pkg/util/validation`): what breaks them is refused before anything is written, not
//! half-way through.

use std::collections::BTreeMap;

use crate::model::violation::Violation;

/// Longest DNS name, in characters (RFC 1123).
const MAX_NAME: usize = 253;
/// Longest label of a DNS name, name of a key and value of a label, in characters.
const MAX_PART: usize = 63;
/// Most bytes of all annotations of an object together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Whether `text` is a DNS subdomain in lower case.
pub fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=MAX_PART).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= MAX_NAME && text.split('.').all(is_label)
}

/// Letters, digits, `-`, `_` and `.`, of which the first and the last are letters or digits.
fn is_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ends = |c: char| c.is_ascii_alphanumeric();
    (1..=MAX_PART).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(ends)
        && text.ends_with(ends)
}

/// Whether `text` can be the key of a label or annotation: `name` or `example.com/name`.
pub fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_name(prefix) && is_word(name),
        None => is_word(text),
    }
}

/// Whether `text` can be the value of a label.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_word(text)
}

/// What is wrong with labels that stand at `path`.
pub fn labels(path: &str, labels: &BTreeMap<String, String>) -> Vec<Violation> {
    let values = labels.iter().filter(|(_, value)| !is_label_value(value)).map(|(key, value)| {
        Violation::new(
            format!("{path}[{key}]"),
            format!("{value:?} cannot be the value of a label"),
            "Use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends; longer text can be an annotation.",
        )
    });
    let keys = labels.keys().filter(|key| !is_key(key)).map(|key| wrong_key(path, key));
    keys.chain(values).collect()
}

/// What is wrong with annotations that stand at `path`.
pub fn annotations(path: &str, annotations: &BTreeMap<String, String>) -> Vec<Violation> {
    let size: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    let too_much = (size > MAX_ANNOTATIONS).then(|| {
        Violation::new(
            path,
            "they are more than 256 KiB, the most that Kubernetes keeps",
            "Shorten them.",
        )
    });
    // Kubernetes takes the keys of annotations without regard to case.
    let keys = annotations.keys().filter(|key| !is_key(&key.to_ascii_lowercase()));
    keys.map(|key| wrong_key(path, key)).chain(too_much).collect()
}

fn wrong_key(path: &str, key: &str) -> Violation {
    Violation::new(
        format!("{path}[{key}]"),
        format!("{key:?} cannot be a key"),
        "Write name or example.com/name: letters, digits, '-', '_' and '.', with a letter or digit at both ends, at most 63 of them after the slash.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_kubernetes_own() {
        for good in ["a", "A.b_c-d", "example.com/name", &"x".repeat(63)] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a b", "a/b/c", "/a", "a/", "Ex.com/a", &"x".repeat(64)] {
            assert!(!is_key(bad), "{bad}");
        }
        assert!(is_label_value("") && is_label_value("v1.2_3-x"));
        assert!(!is_label_value("a/b") && !is_label_value(&"x".repeat(64)));
        assert!(is_dns_name("a.b-c.d0") && !is_dns_name("a..b") && !is_dns_name("A"));
        assert!(!is_dns_name(&"a.".repeat(127)));
    }

    #[test]
    fn each_wrong_one_is_named() {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let found =
            labels("metadata.labels", &map(&[("team", "a b"), ("te am", "x"), ("ok", "1")]));
        let paths: Vec<_> = found.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["metadata.labels[te am]", "metadata.labels[team]"]);
        assert_eq!(annotations("a", &map(&[("EXAMPLE.com/x", "a b\n"), ("b", "")])), []);
        assert_eq!(annotations("a", &map(&[("x y", "")])).len(), 1);
        assert_eq!(annotations("a", &map(&[("x", &"y".repeat(300_000))]))[0].path, "a");
    }
}
