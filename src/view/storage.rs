//! One claim in all detail: the model behind `storage describe`.

use jiff::Timestamp;
use serde::Serialize;

use super::claim::ClaimView;
use super::event::{self, EventView};
use super::section::{field, heading, problem, toned, warnings};
use super::status::ProblemView;
use super::volume_snapshot::{self, VolumeSnapshotView};
use crate::cluster::diagnose::Observed;
use crate::cluster::survey::StorageClassInfo;
use crate::ui::{Text, View, human};

/// So many warnings are shown, the newest ones.
const WARNINGS: usize = 5;

/// A claim, its class, and what Kubernetes says about them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageView {
    /// The claim.
    pub claim: ClaimView,
    /// Its StorageClass, unless it is gone or the user may not look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<ClassView>,
    /// The VolumeSnapshots of its volume, oldest first; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_snapshots: Vec<VolumeSnapshotView>,
    /// Why there is no volume.
    pub problems: Vec<ProblemView>,
    /// Kubernetes' last warnings, oldest first.
    pub warnings: Vec<EventView>,
}

/// A StorageClass.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassView {
    /// Its name.
    pub name: String,
    /// Who makes the volumes.
    pub provisioner: String,
    /// Whether a volume is made only once a pod wants it.
    pub waits_for_consumer: bool,
    /// Whether volumes can grow.
    pub expandable: bool,
}

impl From<StorageClassInfo> for ClassView {
    fn from(info: StorageClassInfo) -> Self {
        ClassView {
            name: info.name,
            provisioner: info.provisioner,
            waits_for_consumer: info.waits_for_consumer,
            expandable: info.expandable,
        }
    }
}

impl StorageView {
    /// Puts together what was found; `observed` holds the claim and the events about it.
    pub fn new(claim: ClaimView, class: Option<ClassView>, observed: &Observed) -> Self {
        StorageView {
            claim,
            class,
            volume_snapshots: Vec::new(),
            problems: observed.diagnoses().iter().map(ProblemView::from).collect(),
            warnings: event::newest(&observed.events, WARNINGS),
        }
    }

    /// Notes which volume snapshots are of it.
    #[must_use]
    pub fn with_snapshots(self, volume_snapshots: Vec<VolumeSnapshotView>) -> Self {
        StorageView { volume_snapshots, ..self }
    }

    /// A pending claim is normal until a pod wants it, in a class that waits for that.
    fn status(&self) -> String {
        let waits = self.class.as_ref().is_some_and(|class| class.waits_for_consumer);
        match self.claim.status.as_str() {
            "Pending" if waits && self.claim.mounted_by.is_empty() => {
                "Pending, until the first pod mounts it".to_owned()
            }
            status => status.to_owned(),
        }
    }
}

impl View for StorageView {
    fn text(&self, _wide: bool, now: Timestamp) -> Text {
        let claim = &self.claim;
        let or_none = |value: Option<&String>| value.map_or("<none>", String::as_str).to_owned();
        let list = |names: &[String]| {
            if names.is_empty() { "<none>".to_owned() } else { names.join(", ") }
        };
        let mut text = field("Claim", &claim.name)
            .text(&field("Namespace", &claim.namespace))
            .text(&toned("Status", claim.tone(), &self.status()))
            .text(&field("Capacity", &or_none(claim.capacity.as_ref())))
            .text(&field("Requested", &or_none(claim.requested.as_ref())))
            .text(&field("Access", &list(&claim.access_modes)))
            .text(&field("Volume", &or_none(claim.volume.as_ref())))
            .text(&field("Made for", &or_none(claim.application.as_ref())))
            .text(&field("Used by", &list(&claim.used_by)))
            .text(&field("Mounted by", &list(&claim.mounted_by)));
        if let Some(created) = claim.created {
            text = text.text(&field("Age", &human::age(created, now)));
        }
        for found in &self.problems {
            text = text.end().text(&problem(found));
        }
        text.text(&self.class_section())
            .text(&volume_snapshot::section(&self.volume_snapshots, now))
            .text(&warnings(&self.warnings, now))
    }

    fn names(&self) -> Vec<String> {
        vec![format!("persistentvolumeclaim/{}", self.claim.name)]
    }
}

impl StorageView {
    fn class_section(&self) -> Text {
        let Some(class) = &self.class else { return Text::new() };
        let binding =
            if class.waits_for_consumer { "when the first pod mounts it" } else { "at once" };
        heading("StorageClass")
            .text(&field("  Name", &class.name))
            .text(&field("  Provisioner", &class.provisioner))
            .text(&field("  Makes volumes", binding))
            .text(&field("  Can grow", if class.expandable { "yes" } else { "no" }))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim};
    use serde_json::json;

    use super::*;

    fn claim() -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {"name": "shared", "namespace": "shop"},
            "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "slow",
                "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"},
        }))
        .expect("a claim")
    }

    fn class() -> ClassView {
        ClassView {
            name: "slow".to_owned(),
            provisioner: "example.com/nfs".to_owned(),
            waits_for_consumer: true,
            expandable: false,
        }
    }

    fn view(events: Vec<Event>) -> StorageView {
        let observed = Observed { claims: vec![claim()], events, ..Observed::default() };
        StorageView::new(ClaimView::from(&claim()), Some(class()), &observed)
    }

    #[test]
    fn a_claim_that_waits_for_its_first_pod_is_no_problem() {
        let text = view(Vec::new()).text(false, Timestamp::UNIX_EPOCH).to_plain();
        insta::assert_snapshot!(text, @r"
        Claim:             shared
        Namespace:         shop
        Status:            Pending, until the first pod mounts it
        Capacity:          <none>
        Requested:         1Gi
        Access:            ReadWriteMany
        Volume:            <none>
        Made for:          <none>
        Used by:           <none>
        Mounted by:        <none>

        StorageClass
          Name:            slow
          Provisioner:     example.com/nfs
          Makes volumes:   when the first pod mounts it
          Can grow:        no
        ");
    }

    #[test]
    fn a_claim_that_nobody_can_serve_says_why() {
        let failed = serde_json::from_value(json!({
            "metadata": {"name": "shared.1"}, "type": "Warning", "reason": "ProvisioningFailed",
            "involvedObject": {"kind": "PersistentVolumeClaim", "name": "shared"},
            "message": "only ReadWriteOnce is supported",
        }))
        .expect("an event");
        let view = view(vec![failed]);
        assert!(view.problems[0].message.contains("only ReadWriteOnce is supported"));
        assert_eq!(view.warnings.len(), 1);
    }
}
