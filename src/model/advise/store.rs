//! What speaks for and against a storage profile.

use std::time::Duration;

use super::{Advice, Choice, Fit, Wish};
use crate::model::store::{Profile, StoreKind, wiring};

/// S3 services whose makers promise that a read sees the last write:
/// <https://aws.amazon.com/s3/consistency/>, <https://developers.cloudflare.com/r2/reference/consistency/>,
/// <https://cloud.google.com/storage/docs/consistency>.
const CONSISTENT: [&str; 3] =
    ["amazonaws.com", "r2.cloudflarestorage.com", "storage.googleapis.com"];

/// An object store takes tens of milliseconds a file, and a checkpoint is several of them, one after the other.
const SHORT: Duration = Duration::from_secs(5);

pub(super) fn advise(name: &str, profile: &Profile, wish: &Wish) -> Advice {
    let mut advice = Advice::new(Choice::Profile, name, profile.uri.to_string());
    if let Some(lacking) = wiring::check(profile, wish.version) {
        advice.say(Fit::Unfit, 0, format!("{}.", lacking.message));
        return advice;
    }
    place(profile.kind(), &mut advice);
    consistency(profile, &mut advice);
    let short = wish.interval.filter(|interval| *interval < SHORT);
    if let (Some(_), true) = (short, profile.kind() != StoreKind::Hdfs) {
        advice.say(
            Fit::Fair,
            15,
            "Each file takes it tens of milliseconds, and a checkpoint is several, one after the other: the interval is short for that.",
        );
    }
    if wish.rocksdb {
        advice.say(Fit::Good, 0, "RocksDB's working directory stays on the nodes' disks.");
    }
    advice.storage = Some(name.to_owned());
    advice
}

/// Where it is reached from, and how far it grows.
fn place(kind: StoreKind, advice: &mut Advice) {
    advice.say(
        Fit::Good,
        0,
        "Pods on any node reach it, it outlives the cluster, and no volume is needed.",
    );
    match kind {
        StoreKind::Hdfs => advice.say(
            Fit::Good,
            2,
            "It grows with its DataNodes; its NameNode keeps every file in memory.",
        ),
        _ => {
            advice.say(
                Fit::Good,
                0,
                "It grows by itself, and takes more streams than Flink opens.",
            );
        }
    }
}

/// High availability reads what another JobManager wrote last.
fn consistency(profile: &Profile, advice: &mut Advice) {
    let Some(endpoint) = profile.access.endpoint.as_deref() else { return };
    if profile.kind() != StoreKind::S3 || CONSISTENT.contains(&domain(endpoint)) {
        return;
    }
    advice.say(
        Fit::Fair,
        5,
        "Not every S3 server shows at once what was written last, and high availability needs one that does: ask its maker, and measure with `kubectl flink storage check`.",
    );
}

/// The known domain that the host of a URL is in, else the whole host.
fn domain(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or(rest);
    let within = |domain: &&&str| {
        host.strip_suffix(**domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    CONSISTENT.iter().find(within).copied().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_in_a_domain_or_is_not() {
        for (url, known) in [
            ("https://s3.eu-west-1.amazonaws.com", true),
            ("https://storage.googleapis.com/", true),
            ("http://minio:9000", false),
            ("https://notamazonaws.com", false),
            ("https://amazonaws.com.example.com", false),
        ] {
            assert_eq!(CONSISTENT.contains(&domain(url)), known, "{url}");
        }
    }
}
