//! What is fuzzed: everything that reads what others wrote, with what must hold for any input.
//!
//! Each takes bytes and panics when a promise is broken. The fuzzers (`cargo xtask fuzz`) run them guided by
//! coverage; the unit tests run them on the seeds beside this file and on mutations of those.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kubectl_flink::flink::failure;
use kubectl_flink::flink::types::{Checkpoints, JobDetails, Overview};
use kubectl_flink::model::document::Document;
use kubectl_flink::model::ingress;
use kubectl_flink::model::keys;
use kubectl_flink::model::memory_size::MemorySize;
use kubectl_flink::model::name::ApplicationName;
use kubectl_flink::model::quantity::Quantity;
use kubectl_flink::model::snapshot::SnapshotPath;
use kubectl_flink::model::storage::StorageSpec;
use kubectl_flink::model::validate;
use kubectl_flink::ops::observe;
use kubectl_flink::ops::observed::Job;
use kubectl_flink::ops::operation::record::Record;
use kubectl_flink::storage::agent::frame::{Decoder, LIMIT, Reply};
use kubectl_flink::ui::jsonpath::Template;
use kubectl_flink::ui::sanitize;
use kubectl_flink::yaml;

/// A fuzz target.
pub(crate) type Target = fn(&[u8]);

/// All of them, by the name of their folder of seeds.
pub(crate) const ALL: [(&str, Target); 7] = [
    ("spec", spec),
    ("sizes", sizes),
    ("names", names),
    ("flink", flink),
    ("record", record),
    ("terminal", terminal),
    ("agent", agent),
];

/// A document is read or refused; one without a mistake is written again as the same document.
pub(crate) fn spec(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(documents) = Document::all(text, "input") else { return };
    for document in documents.into_iter().flat_map(Document::into_items) {
        let reading = document.read();
        let violations = reading.with(validate::violations(&reading.deployment));
        for violation in &violations {
            let _ = document.place(&violation.path);
        }
        if !violations.is_empty() {
            continue;
        }
        let written =
            yaml::to_string(&reading.deployment).expect("a sound document can be written");
        let again = Document::all(&written, "written").expect("what was written is YAML");
        let again = again.first().expect("one document").read();
        assert_eq!(again.deployment, reading.deployment, "{written}");
        assert_eq!(again.violations, [], "{written}");
    }
}

/// A size that is understood is understood again, as the same, in the way it is printed.
pub(crate) fn sizes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(quantity) = text.parse::<Quantity>() {
        assert_eq!(quantity.to_string().parse::<Quantity>().ok(), Some(quantity), "{text}");
    }
    if let Ok(size) = text.parse::<MemorySize>() {
        assert_eq!(size.to_string().parse::<MemorySize>().ok(), Some(size), "{text}");
        assert!(!size.human().is_empty());
    }
    let _ = MemorySize::parse_lenient(text);
    let _ = text.parse::<StorageSpec>();
}

/// A name or path that is taken holds nothing that could leave its place.
pub(crate) fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = text.parse::<ApplicationName>() {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(name.as_str().bytes().all(allowed) && name.as_str().len() <= 63, "{text}");
    }
    if let Ok(path) = text.parse::<SnapshotPath>() {
        assert_eq!(path.as_str().parse::<SnapshotPath>().ok(), Some(path.clone()), "{text}");
        assert!(!path.as_str().contains(char::is_control), "{text}");
        assert!(path.as_str().split('/').all(|part| part != ".."), "{text}");
    }
    if let Ok(route) = ingress::route(text, "orders", "shop") {
        let (host, path) = (route.host.unwrap_or_default(), route.path.unwrap_or_default());
        assert!(host.is_empty() || keys::is_dns_name(host.trim_start_matches("*.")), "{text}");
        assert!(path.is_empty() || path.starts_with('/'), "{text}");
        assert!(!(host.is_empty() && path.is_empty()), "{text}");
    }
    let _ = (keys::is_key(text), keys::is_label_value(text));
    let Some((template, document)) = text.split_once('\n') else { return };
    let document = serde_json::from_str(document).unwrap_or_default();
    if let Ok(template) = template.parse::<Template>() {
        let _ = template.render(&document);
    }
}

/// Flink's answers, and its stack traces.
pub(crate) fn flink(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Overview>(bytes);
    if let Ok(job) = serde_json::from_slice::<JobDetails>(bytes) {
        let _ = (job.all_running(), job.state.is_final());
    }
    if let Ok(checkpoints) = serde_json::from_slice::<Checkpoints>(bytes) {
        let _ = observe::newest_of(&Job::finished(), checkpoints.clone());
        let _ = observe::newest(checkpoints);
    }
    let cause = failure::root_cause(&String::from_utf8_lossy(bytes));
    assert!(!cause.is_empty() && !cause.contains(char::is_control), "{cause:?}");
}

/// The record of an operation, which anybody who may edit ConfigMaps can spoil.
pub(crate) fn record(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let data = BTreeMap::from([("operation.json".to_owned(), text.to_owned())]);
    let object = ConfigMap { data: Some(data), ..ConfigMap::default() };
    let Ok(record) = Record::from_object(&object) else { return };
    let _ = (record.steps(), record.current(), record.any_revision());
    let written = record.to_object().expect("a record can be written");
    assert_eq!(Record::from_object(&written).ok(), Some(record));
}

/// Nothing that reaches the terminal can steer it.
pub(crate) fn terminal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(!sanitize::line(&text).contains(sanitize::is_unsafe), "{text:?}");
    let shown = sanitize::text(&text);
    assert!(!shown.contains(|c| c != '\n' && c != '\t' && sanitize::is_unsafe(c)), "{text:?}");
}

/// What comes from a pod, which may hold any program: frames that are read or refused, never too long.
pub(crate) fn agent(bytes: &[u8]) {
    let mut decoder = Decoder::default();
    for piece in bytes.chunks(7) {
        decoder.push(piece);
        while let Ok(Some(frame)) = decoder.next_frame() {
            assert!(frame.body.len() <= LIMIT);
            let _ = Reply::parse(frame);
        }
    }
}
