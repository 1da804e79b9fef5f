//! A claim that holds state: in one line, and in all detail.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde::Serialize;

use super::created;
use super::data_store::{self, DataStoreView};
use super::profile::{self, ProfileView};
use crate::cluster::condition;
use crate::model::labels;
use crate::ops::claims;
use crate::ui::{Table, Text, Tone, View, human};

/// A PersistentVolumeClaim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Kubernetes' phase: `Bound`, `Pending` or `Lost`; `Terminating` when it is on its way out.
    pub status: String,
    /// What was asked for, a Kubernetes quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// What the volume has, a Kubernetes quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// `ReadWriteOnce`, `ReadWriteMany`, …
    pub access_modes: Vec<String>,
    /// The StorageClass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The volume behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The application it was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The applications whose state it holds.
    pub used_by: Vec<String>,
    /// The pods that mount it.
    pub mounted_by: Vec<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

impl From<&PersistentVolumeClaim> for ClaimView {
    fn from(claim: &PersistentVolumeClaim) -> Self {
        let (spec, status) = (claim.spec.as_ref(), claim.status.as_ref());
        let storage = |amounts: Option<&std::collections::BTreeMap<String, _>>| {
            amounts.and_then(|all| all.get("storage")).map(
                |amount: &k8s_openapi::apimachinery::pkg::api::resource::Quantity| amount.0.clone(),
            )
        };
        let requests = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
        let label =
            |key: &str| claim.metadata.labels.as_ref().and_then(|all| all.get(key)).cloned();
        let phase = || status.and_then(|status| status.phase.clone());
        let terminating =
            claim.metadata.deletion_timestamp.as_ref().map(|_| "Terminating".to_owned());
        ClaimView {
            namespace: claim.metadata.namespace.clone().unwrap_or_default(),
            name: claim.metadata.name.clone().unwrap_or_default(),
            status: terminating.or_else(phase).unwrap_or_else(|| "Pending".to_owned()),
            requested: storage(requests),
            capacity: storage(status.and_then(|status| status.capacity.as_ref())),
            access_modes: spec.and_then(|spec| spec.access_modes.clone()).unwrap_or_default(),
            class: spec.and_then(|spec| spec.storage_class_name.clone()),
            volume: spec.and_then(|spec| spec.volume_name.clone()),
            application: label(labels::APPLICATION),
            used_by: Vec::new(),
            mounted_by: Vec::new(),
            created: created(&claim.metadata),
        }
    }
}

impl ClaimView {
    /// Notes which applications keep state on it, and which of `pods` mount it.
    #[must_use]
    pub fn used(mut self, applications: Vec<String>, pods: &[Pod]) -> Self {
        self.used_by = applications;
        let live = pods.iter().filter(|pod| !condition::pod_ended(pod));
        let mounting = live.filter(|pod| claims::mounts(pod, &self.name));
        self.mounted_by = mounting.filter_map(|pod| pod.metadata.name.clone()).collect();
        self
    }

    /// Capacity, or what was asked for as long as there is no volume.
    pub fn size(&self) -> String {
        self.capacity.clone().or_else(|| self.requested.clone()).unwrap_or_default()
    }

    /// Access modes in kubectl's short form: `RWO,RWX`.
    pub fn short_access(&self) -> String {
        let short = self.access_modes.iter().map(|mode| match mode.as_str() {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        });
        short.collect::<Vec<_>>().join(",")
    }

    /// How the status is to be taken.
    pub fn tone(&self) -> Tone {
        match self.status.as_str() {
            "Bound" => Tone::Good,
            "Lost" => Tone::Bad,
            _ => Tone::Attention,
        }
    }
}

/// Claims, storage profiles and data stores, as `storage list` shows them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageList {
    /// Claims, by namespace and name.
    pub items: Vec<ClaimView>,
    /// Profiles, by namespace and name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileView>,
    /// Data stores, by namespace and name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_stores: Vec<DataStoreView>,
    /// Whether the table names namespaces.
    #[serde(skip)]
    pub all_namespaces: bool,
}

impl View for StorageList {
    fn is_table(&self) -> bool {
        true
    }

    fn text(&self, wide: bool, now: Timestamp) -> Text {
        let mut header = Vec::new();
        if self.all_namespaces {
            header.push("NAMESPACE");
        }
        header.extend(["NAME", "STATUS", "CAPACITY", "ACCESS", "CLASS", "USED-BY", "AGE"]);
        if wide {
            header.extend(["VOLUME", "MOUNTED-BY"]);
        }
        let mut table = Table::new(header);
        for claim in &self.items {
            let mut row = Vec::new();
            if self.all_namespaces {
                row.push(claim.namespace.clone());
            }
            row.extend([
                claim.name.clone(),
                claim.status.clone(),
                claim.size(),
                claim.short_access(),
                claim.class.clone().unwrap_or_default(),
                claim.used_by.join(","),
                claim.created.map(|created| human::age(created, now)).unwrap_or_default(),
            ]);
            if wide {
                row.extend([claim.volume.clone().unwrap_or_default(), claim.mounted_by.join(",")]);
            }
            table.row(row);
        }
        let profiles = profile::table(&self.profiles, self.all_namespaces, now);
        let data_stores = data_store::table(&self.data_stores, self.all_namespaces, now);
        let tables = [table, profiles, data_stores];
        let texts: Vec<String> =
            tables.iter().filter(|table| !table.is_empty()).map(Table::to_lines).collect();
        Text::new().plain(&texts.join("\n"))
    }

    fn names(&self) -> Vec<String> {
        let claims = self.items.iter().map(|claim| format!("persistentvolumeclaim/{}", claim.name));
        let profiles = self.profiles.iter().flat_map(View::names);
        claims.chain(profiles).chain(self.data_stores.iter().flat_map(View::names)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim() -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {"name": "orders-state", "namespace": "shop",
                "labels": {"kubectl-flink.io/application": "orders"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
                "volumeName": "pvc-1", "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}},
        }))
        .expect("a claim")
    }

    fn pod(name: &str, claim: &str, phase: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"containers": [], "volumes": [
                {"name": "state", "persistentVolumeClaim": {"claimName": claim}},
            ]},
            "status": {"phase": phase},
        }))
        .expect("a pod")
    }

    #[test]
    fn a_line_tells_size_access_and_users() {
        let pods = [
            pod("orders-g1-jobmanager-x", "orders-state", "Running"),
            pod("helper", "orders-state", "Succeeded"),
            pod("payments-g1-jobmanager-y", "payments-state", "Running"),
        ];
        let view = ClaimView::from(&claim()).used(vec!["orders".to_owned()], &pods);
        assert_eq!(view.mounted_by, ["orders-g1-jobmanager-x"]);
        let list = StorageList {
            items: vec![view],
            profiles: Vec::new(),
            data_stores: Vec::new(),
            all_namespaces: false,
        };
        let text = list.text(true, Timestamp::UNIX_EPOCH).to_plain();
        assert_eq!(
            text,
            "NAME           STATUS   CAPACITY   ACCESS   CLASS   USED-BY   AGE      VOLUME   MOUNTED-BY\n\
             orders-state   Bound    2Gi        RWO      fast    orders    <none>   pvc-1    orders-g1-jobmanager-x\n"
        );
        assert_eq!(list.names(), ["persistentvolumeclaim/orders-state"]);
    }

    #[test]
    fn a_claim_without_a_volume_shows_what_was_asked_for() {
        let mut claim = claim();
        claim.status = None;
        let view = ClaimView::from(&claim);
        assert_eq!((view.status.as_str(), view.size().as_str()), ("Pending", "1Gi"));
        assert_eq!(view.tone(), Tone::Attention);
    }
}
