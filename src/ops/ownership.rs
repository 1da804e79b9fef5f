//! What a plan writes must not be somebody else's. Looked at before the first write.

use futures::future::try_join_all;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::objects::{self as live, ObjectId, ObjectKind};
use crate::error::{Error, Kind, Result};
use crate::model::drift::{Change, Scope};
use crate::model::labels::{APPLICATION, FIELD_MANAGER, MANAGED_BY};
use crate::model::managed_fields::managers;
use crate::model::name::ApplicationName;
use crate::ops::drift::{self, Drifted};
use crate::ops::effects::{World, effects};
use crate::ops::operation::record::Record;
use crate::ops::plan::{Plan, Step};

/// Makes sure that every object the operation writes is the application's own or does not exist, and that nobody
/// declares a field of it otherwise. Gives what others changed by hand and the operation sets back.
///
/// # Errors
/// [`Kind::Conflict`] that names object, field and owner.
pub async fn check(cluster: &Cluster, record: &Record) -> Result<Vec<Drifted>> {
    let mut wanted = effects(record, &World::new())?.written;
    // A claim may be the user's own; it has been looked at, and only a note is left on it.
    wanted.retain(|id, _| id.kind != ObjectKind::PersistentVolumeClaim);
    let ids: Vec<&ObjectId> = wanted.keys().collect();
    let found = try_join_all(ids.iter().map(|id| live::get(cluster, id))).await?;
    let there: World =
        ids.into_iter().zip(found).filter_map(|(id, found)| Some((id.clone(), found?))).collect();
    judge(&record.plan, &wanted, &there)
}

/// As [`check`], of what was read. Pure.
///
/// # Errors
/// As [`check`].
pub fn judge(plan: &Plan, wanted: &World, there: &World) -> Result<Vec<Drifted>> {
    let foreign: Vec<String> = there
        .iter()
        .filter_map(|(id, object)| owner(object, &plan.application).map(|owner| (id, owner)))
        .map(|(id, owner)| format!("{id} exists already and belongs to {owner}"))
        .collect();
    if !foreign.is_empty() {
        return Err(Error::new(
            Kind::Conflict,
            format!("{}, so nothing was written", foreign.join("; ")),
        )
        .hint("Choose another name for the application, or remove what is in its way."));
    }
    let repairs = plan.steps.iter().any(|step| matches!(step, Step::Repair { .. }));
    // The record of a generation can be made, but never changed.
    let applied = wanted
        .iter()
        .filter(|(id, _)| there.contains_key(id) && id.kind != ObjectKind::ControllerRevision);
    let applied: World = applied.map(|(id, document)| (id.clone(), document.clone())).collect();
    let mut changed = drift::compare(&applied, there, Scope::Others);
    changed.retain(|drifted| repairs || drifted.drift.change != Change::Added);
    let declared: Vec<String> =
        changed.iter().filter(|drifted| drifted.drift.is_declared()).map(claimed).collect();
    match declared.is_empty() || plan.force {
        true => Ok(changed),
        false => Err(Error::new(
            Kind::Conflict,
            format!(
                "somebody else manages what {} would change, so nothing was written: {}",
                plan.verb,
                declared.join(", ")
            ),
        )
        .hint("Let the other owner give the fields up, or take them over with --force-conflicts.")),
    }
}

fn claimed(drifted: &Drifted) -> String {
    let owner = drifted.drift.manager.as_ref().map_or("somebody", |manager| &manager.name);
    format!("{} {} (owned by {owner})", drifted.object, drifted.drift.field)
}

/// Whose `object` is, if not the application's. One of ours that lost its labels still names us as a manager.
fn owner(object: &Value, application: &ApplicationName) -> Option<String> {
    let labels = &object["metadata"]["labels"];
    match labels[APPLICATION].as_str() {
        Some(name) if name == application.as_str() => return None,
        Some(other) => return Some(format!("application {other}")),
        None => {}
    }
    let managers = managers(object);
    if managers.iter().any(|manager| manager.name == FIELD_MANAGER) {
        return None;
    }
    let controller = &object["metadata"]["ownerReferences"][0];
    let by_reference =
        || Some(format!("{} {}", controller["kind"].as_str()?, controller["name"].as_str()?));
    let by_label = || labels[MANAGED_BY].as_str().map(str::to_owned);
    let by_field = || managers.first().map(|manager| manager.name.clone());
    by_reference().or_else(by_label).or_else(by_field).or_else(|| Some("somebody else".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ops::testing::recorded_upgrade;

    fn service(manager: &str, operation: &str, labels: &Value) -> World {
        let service = json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "orders-rest", "labels": labels, "managedFields": [
                {"manager": "kubectl-flink", "operation": "Apply", "fieldsV1": {"f:spec": {"f:selector": {}}}},
                {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {"f:type": {}}}}]},
            "spec": {"type": "NodePort"}});
        World::from([(ObjectId::of(&service).expect("an id"), service)])
    }

    fn wanted() -> World {
        let ours = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "orders-rest"},
            "spec": {"type": "ClusterIP"}});
        World::from([(ObjectId::of(&ours).expect("an id"), ours)])
    }

    #[test]
    fn a_field_that_is_declared_is_refused_and_one_changed_by_hand_is_told() -> Result<()> {
        let mut plan = recorded_upgrade().plan;
        let ours = json!({APPLICATION: "orders"});
        let error =
            judge(&plan, &wanted(), &service("argocd", "Apply", &ours)).expect_err("declared");
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(
            error.to_string().ends_with("service/orders-rest .spec.type (owned by argocd)"),
            "{error}"
        );
        assert_eq!(judge(&plan, &wanted(), &service("kubectl-edit", "Update", &ours))?.len(), 1);
        plan.force = true;
        assert_eq!(judge(&plan, &wanted(), &service("argocd", "Apply", &ours))?.len(), 1);
        Ok(())
    }

    #[test]
    fn an_object_of_somebody_else_is_refused_with_the_owners_name() {
        let mut plan = recorded_upgrade().plan;
        plan.force = true;
        let mut helms = service("helm", "Update", &json!({MANAGED_BY: "Helm"}));
        for object in helms.values_mut() {
            object["metadata"]["managedFields"] = json!([]);
        }
        let error = judge(&plan, &wanted(), &helms).expect_err("foreign");
        assert!(
            error.to_string().contains("service/orders-rest exists already and belongs to Helm"),
            "{error}"
        );
        let other = service("helm", "Update", &json!({APPLICATION: "payments"}));
        let error = judge(&plan, &wanted(), &other).expect_err("foreign");
        assert!(error.to_string().contains("application payments"), "{error}");
        assert!(
            judge(&plan, &wanted(), &service("helm", "Update", &json!({}))).is_ok(),
            "it lost its labels"
        );
    }
}
