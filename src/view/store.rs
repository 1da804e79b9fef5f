//! The store that an application's state is on, beyond volumes: what `status` tells of it.

use serde::Serialize;

use super::section::{field, heading, toned};
use crate::model::storage::RemoteStorage;
use crate::model::store::{Credentials, Profile, StoreKind};
use crate::ui::{Text, Tone};

/// The store that an application's state is on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreView {
    /// `s3`, `azure`, `gcs`, `oss` or `hdfs`.
    pub kind: String,
    /// The folder that state goes under.
    pub uri: String,
    /// The storage profile that it is reached by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the profile is another one than the generation was made with: `changed` or `gone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_now: Option<&'static str>,
    /// Flink's plugin for it, by the name of its jar without the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// URL of the server, for a store that is not the cloud's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// `secret NAME`, `serviceaccount NAME`, or nothing for what pods bring along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

impl StoreView {
    /// What the record says; `now` is the profile as it is today, where that could be learnt.
    pub fn new(storage: &RemoteStorage, now: Option<&Option<Profile>>) -> StoreView {
        let RemoteStorage { profile, store } = storage;
        let s3 = store.kind() == StoreKind::S3;
        StoreView {
            kind: store.kind().to_string(),
            uri: store.uri.to_string(),
            profile: profile.clone(),
            profile_now: now.filter(|_| profile.is_some()).and_then(|now| difference(store, now)),
            plugin: s3.then(|| store.s3_plugin().jar().to_owned()),
            endpoint: store.access.endpoint.clone(),
            credentials: credentials(&store.credentials),
        }
    }

    pub(super) fn section(&self) -> Text {
        let mut text = heading("Storage");
        if let Some(profile) = &self.profile {
            text = match self.profile_now {
                Some("gone") => text.text(&toned(
                    "  Profile",
                    Tone::Attention,
                    &format!(
                        "{profile} (gone; pods keep what they have, the next deploy needs it)"
                    ),
                )),
                Some(_) => text.text(&toned(
                    "  Profile",
                    Tone::Attention,
                    &format!("{profile} (changed since; the next deploy takes it up)"),
                )),
                None => text.text(&field("  Profile", profile)),
            };
        }
        text = text.text(&field("  URI", &self.uri));
        let more = [
            ("  Plugin", &self.plugin),
            ("  Endpoint", &self.endpoint),
            ("  Credentials", &self.credentials),
        ];
        more.into_iter().fold(text, |text, (name, value)| match value {
            Some(value) => text.text(&field(name, value)),
            None => text,
        })
    }
}

/// Where the right to use a store comes from, in words.
pub(super) fn credentials(credentials: &Credentials) -> Option<String> {
    match credentials {
        Credentials::Ambient => None,
        Credentials::Secret(name) => Some(format!("secret {name}")),
        Credentials::ServiceAccount(name) => Some(format!("serviceaccount {name}")),
    }
}

/// How the profile differs from what a generation was made with, whose folder may be one within it.
fn difference(then: &Profile, now: &Option<Profile>) -> Option<&'static str> {
    let Some(now) = now else { return Some("gone") };
    let same = now.access == then.access && now.credentials == then.credentials;
    (!same || !now.uri.holds(then.uri.as_str())).then_some("changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> RemoteStorage {
        let mut store = Profile::ambient("s3://bucket/flink".parse().expect("a URI"));
        store.access.endpoint = Some("http://minio:9000".to_owned());
        store.credentials = Credentials::Secret("keys".to_owned());
        RemoteStorage { profile: Some("minio".to_owned()), store }
    }

    #[test]
    fn a_store_says_how_it_is_reached() {
        let store = store();
        let view = StoreView::new(&store, Some(&Some(store.store.clone())));
        insta::assert_snapshot!(view.section().to_plain(), @r"

        Storage
          Profile:         minio
          URI:             s3://bucket/flink
          Plugin:          flink-s3-fs-presto
          Endpoint:        http://minio:9000
          Credentials:     secret keys
        ");
    }

    #[test]
    fn a_profile_that_is_another_one_now_is_told() {
        let then = store();
        let now = |change: fn(&mut Profile)| {
            let mut now = then.store.clone();
            change(&mut now);
            StoreView::new(&then, Some(&Some(now))).profile_now
        };
        assert_eq!(now(|_| ()), None);
        assert_eq!(now(|now| now.uri = "s3://bucket".parse().expect("a URI")), None);
        assert_eq!(now(|now| now.uri = "s3://other".parse().expect("a URI")), Some("changed"));
        assert_eq!(now(|now| now.access.endpoint = None), Some("changed"));
        assert_eq!(now(|now| now.credentials = Credentials::Ambient), Some("changed"));
        assert_eq!(StoreView::new(&then, Some(&None)).profile_now, Some("gone"));
        assert_eq!(StoreView::new(&then, None).profile_now, None, "nobody could look");
        let ambient = RemoteStorage { profile: None, ..then };
        assert_eq!(StoreView::new(&ambient, Some(&None)).profile_now, None);
    }
}
