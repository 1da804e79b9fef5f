//! Warnings that Kubernetes raised about an application's objects.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use serde::Serialize;

use super::{created, time};

/// One warning, repeated ones counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// `Kind/name` of the object, the kind in lower case.
    pub object: String,
    /// The reason in one word.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// How often.
    pub count: i32,
    /// When it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        let about = &event.involved_object;
        let kind = about.kind.as_deref().unwrap_or("object").to_lowercase();
        // Newer components write eventTime and series instead of the old fields.
        let series = event.series.as_ref();
        let last_seen = event.last_timestamp.as_ref().map(time);
        let micro = series.and_then(|series| series.last_observed_time.as_ref());
        let micro = micro.or(event.event_time.as_ref()).map(|micro| micro.0);
        EventView {
            object: format!("{kind}/{}", about.name.as_deref().unwrap_or_default()),
            reason: event.reason.clone().unwrap_or_default(),
            message: event.message.clone().unwrap_or_default().trim().to_owned(),
            count: event.count.or(series.and_then(|series| series.count)).unwrap_or(1),
            last_seen: last_seen.or(micro).or_else(|| created(&event.metadata)),
        }
    }
}

/// The newest `limit` warnings, oldest first.
pub fn newest(events: &[Event], limit: usize) -> Vec<EventView> {
    let warns = |event: &&Event| event.type_.as_deref() == Some("Warning");
    let mut found: Vec<_> = events.iter().filter(warns).map(EventView::from).collect();
    found.sort_by_key(|event| event.last_seen);
    found.split_off(found.len().saturating_sub(limit))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, kind: &str, minute: u8) -> Event {
        serde_json::from_value(json!({
            "metadata": {"name": format!("{name}.{minute}")},
            "involvedObject": {"kind": "Pod", "name": name},
            "type": kind, "reason": "FailedMount", "message": "no volume\n", "count": 4,
            "lastTimestamp": format!("2026-01-01T00:{minute:02}:00Z"),
        }))
        .expect("an event")
    }

    #[test]
    fn keeps_the_newest_warnings() {
        let events = [
            event("orders-g1-jobmanager-a", "Warning", 3),
            event("orders-g1-jobmanager-a", "Normal", 4),
            event("orders-g1-jobmanager-a", "Warning", 1),
            event("orders-g1-jobmanager-a", "Warning", 2),
        ];
        let found = newest(&events, 2);
        let minutes: Vec<_> = found.iter().filter_map(|event| event.last_seen).collect();
        assert_eq!(
            minutes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z"]
        );
        assert_eq!(found[0].object, "pod/orders-g1-jobmanager-a");
        assert_eq!((found[0].count, found[0].message.as_str()), (4, "no volume"));
    }
}
