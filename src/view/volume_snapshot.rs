//! The volume snapshots of a claim, as `storage describe` lists them.

use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;

use super::section::{heading, indented};
use super::{created, time};
use crate::model::volume_snapshot::VolumeSnapshot;
use crate::ui::{Table, Text, human};

/// A VolumeSnapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotView {
    /// Its name.
    pub name: String,
    /// The least size of a volume that is made from it, a Kubernetes quantity; absent where the driver does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Whether a claim can be made from it.
    pub ready: bool,
    /// What went wrong, in the words of the driver or the snapshot controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The instant that it shows; as long as that is unknown, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

impl From<&VolumeSnapshot> for VolumeSnapshotView {
    fn from(snapshot: &VolumeSnapshot) -> Self {
        let status = snapshot.status.as_ref();
        let size = status.and_then(|status| status.restore_size.clone()).map(|size| size.0);
        let taken = status.and_then(|status| status.creation_time.as_ref()).map(time);
        let ready = snapshot.is_ready();
        VolumeSnapshotView {
            name: snapshot.name_any(),
            size: size.filter(|size| size != "0"),
            ready,
            failure: snapshot.failure().filter(|_| !ready).map(str::to_owned),
            created: taken.or_else(|| created(&snapshot.metadata)),
        }
    }
}

/// Those that are of the claim, oldest first.
pub fn of_claim(claim: &str, snapshots: &[VolumeSnapshot]) -> Vec<VolumeSnapshotView> {
    let own = snapshots.iter().filter(|snapshot| snapshot.claim() == Some(claim));
    let mut views: Vec<_> = own.map(VolumeSnapshotView::from).collect();
    views.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    views
}

/// The section with them; nothing when there are none.
pub(super) fn section(snapshots: &[VolumeSnapshotView], now: Timestamp) -> Text {
    if snapshots.is_empty() {
        return Text::new();
    }
    let mut table = Table::new(["NAME", "READY", "SIZE", "AGE"]);
    for snapshot in snapshots {
        let ready = match (snapshot.ready, &snapshot.failure) {
            (true, _) => "yes".to_owned(),
            (false, None) => "not yet".to_owned(),
            (false, Some(why)) => format!("failed: {why}"),
        };
        let age = snapshot.created.map(|at| human::age(at, now)).unwrap_or_default();
        table.row([snapshot.name.clone(), ready, snapshot.size.clone().unwrap_or_default(), age]);
    }
    heading("Volume snapshots").text(&indented(&table))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn snapshot(name: &str, claim: &str, status: &Value) -> VolumeSnapshot {
        serde_json::from_value(json!({
            "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "status": status,
            "metadata": {"name": name, "creationTimestamp": "1970-01-01T00:00:30Z"},
            "spec": {"source": {"persistentVolumeClaimName": claim}},
        }))
        .expect("a volume snapshot")
    }

    #[test]
    fn those_of_the_claim_are_listed_oldest_first_with_what_became_of_them() {
        let old = json!({"readyToUse": true, "restoreSize": "400Mi", "creationTime": "1970-01-01T00:00:00Z"});
        let failed = json!({"readyToUse": false, "error": {"message": "no room\non the pool"}});
        let all = [
            snapshot("c", "orders-state", &failed),
            snapshot("b", "orders-state", &json!({"readyToUse": false, "restoreSize": "0"})),
            snapshot("a", "orders-state", &old),
            snapshot("x", "payments-state", &old),
        ];
        let views = of_claim("orders-state", &all);
        let text = section(&views, "1970-01-01T00:01:00Z".parse().expect("a time")).to_plain();
        insta::assert_snapshot!(text, @r"

        Volume snapshots
          NAME   READY                          SIZE     AGE
          a      yes                            400Mi    60s
          b      not yet                        <none>   30s
          c      failed: no room\non the pool   <none>   30s
        ");
        assert_eq!(section(&[], Timestamp::UNIX_EPOCH).to_plain(), "");
    }
}
