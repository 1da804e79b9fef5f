//! Whether the namespace's quotas and limits leave room for a plan at its most demanding moment: the objects of two
//! generations stand side by side for a while.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LimitRange, ResourceQuota};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::cluster::objects::{ObjectId, ObjectKind};
use crate::cluster::{Cluster, survey};
use crate::error::{Error, Kind, Result};
use crate::model::labels::GENERATION;
use crate::model::name::Generation;
use crate::model::quantity::Quantity;
use crate::ops::anchor::Anchor;
use crate::ops::effects::{self, World};
use crate::ops::observed::Run;
use crate::ops::operation::record::{Direction, Record};
use crate::ops::plan::{Plan, Step};

/// Amounts by the names that quotas use (`pods`, `requests.cpu`, `count/services`), in thousandths of a unit.
type Amounts = BTreeMap<String, i128>;

/// Makes sure that the operation fits. A user who may not read quotas is not held up.
///
/// # Errors
/// [`Kind::Preflight`] with every quota and limit in the way: what it allows, what is used and what is needed.
pub async fn check(cluster: &Cluster, record: &Record) -> Result<()> {
    let grows = |step: &Step| matches!(step, Step::Claim { .. } | Step::Start { .. });
    if !record.plan.steps.iter().any(grows) {
        return Ok(());
    }
    let (quotas, limits) = tokio::try_join!(survey::quotas(cluster), survey::limits(cluster))?;
    let (quotas, limits) = (quotas.unwrap_or_default(), limits.unwrap_or_default());
    let mut refusals = over_quota(&peak(record)?, &quotas);
    for (id, object) in effects::effects(record, &World::new())?.written {
        // What is scaled to zero needs no room.
        if object["spec"]["replicas"] != 0 {
            refusals.extend(over_limits(&id, &object, &limits));
        }
    }
    if refusals.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{} of {} would not fit, so nothing was written: {}",
        record.plan.verb,
        record.plan.application,
        refusals.join("; ")
    );
    Err(Error::new(Kind::Preflight, what)
        .hint("Ask for less (--taskmanager-memory, --taskmanager-cpu, --parallelism, --task-slots), delete what is not needed, or have the limit raised.")
        .hint("See what is used with `kubectl describe quota,limits`."))
}

/// The most that the operation ever needs beyond what is there when it begins.
///
/// # Errors
/// As the builders of the objects.
pub fn peak(record: &Record) -> Result<Amounts> {
    let mut held = World::new();
    if let (Some(old), Some(anchor)) = (&record.old, &record.before) {
        held = effects::generation(old, anchor)?;
        if anchor.run == Run::Stopped {
            scale_to_zero(&mut held, old.generation);
        }
    }
    let at_first = demand(&held);
    let mut peak = Amounts::new();
    let mut see = |held: &World| {
        for (resource, amount) in demand(held) {
            let more = amount - at_first.get(&resource).copied().unwrap_or(0);
            let most = peak.entry(resource).or_insert(0);
            *most = more.max(*most);
        }
    };
    let mut at_turn = held.clone();
    for step in &record.plan.steps {
        advance(record, step, &mut held)?;
        see(&held);
        // A new generation that does not come up is left by the fallback.
        if matches!(step, Step::Start { .. }) {
            at_turn.clone_from(&held);
        }
    }
    for step in &record.plan.fallback {
        advance(record, step, &mut at_turn)?;
        see(&at_turn);
    }
    Ok(peak)
}

/// What stands after the step.
fn advance(record: &Record, step: &Step, held: &mut World) -> Result<()> {
    match step {
        Step::Claim { .. } => {
            let plan = Plan { steps: vec![step.clone()], ..record.plan.clone() };
            let alone = Record { plan, step: 0, direction: Direction::Forward, ..record.clone() };
            held.extend(effects::effects(&alone, &World::new())?.written);
        }
        Step::Start { revision, .. } => {
            let anchor = Anchor::new(revision);
            held.extend(effects::generation(revision, &anchor)?);
            let name = revision.application.revision(revision.generation);
            let kind = ObjectKind::ControllerRevision;
            held.insert(ObjectId { kind, name }, json!({"kind": "ControllerRevision"}));
        }
        Step::Quiesce { generation } => scale_to_zero(held, *generation),
        Step::Retire { generation } => held.retain(|_, object| !is_of(object, *generation)),
        _ => {}
    }
    Ok(())
}

fn scale_to_zero(held: &mut World, generation: Generation) {
    for (id, object) in held.iter_mut() {
        if id.kind == ObjectKind::Deployment && is_of(object, generation) {
            object["spec"]["replicas"] = Value::from(0);
        }
    }
}

fn is_of(object: &Value, generation: Generation) -> bool {
    object["metadata"]["labels"][GENERATION] == generation.to_string()
}

fn demand(world: &World) -> Amounts {
    let mut all = Amounts::new();
    let mut add = |resource: String, amount: i128| *all.entry(resource).or_insert(0) += amount;
    for (id, object) in world {
        let resource = id.kind.resource();
        match resource.group.as_str() {
            "" => {
                add(format!("count/{}", resource.plural), 1000);
                add(resource.plural, 1000);
            }
            group => add(format!("count/{}.{group}", resource.plural), 1000),
        }
        match id.kind {
            ObjectKind::Deployment => {
                let pods = i128::from(object["spec"]["replicas"].as_i64().unwrap_or(1));
                add("count/replicasets.apps".to_owned(), 1000);
                add("pods".to_owned(), pods * 1000);
                add("count/pods".to_owned(), pods * 1000);
                for (resource, amount) in of_ephemeral_claims(&object["spec"]["template"]["spec"]) {
                    add(resource, pods * amount);
                }
                for (resource, amount) in of_pod(&object["spec"]["template"]["spec"]) {
                    add(resource, pods * amount);
                }
            }
            ObjectKind::PersistentVolumeClaim => {
                of_claim(&object["spec"])
                    .into_iter()
                    .for_each(|(resource, amount)| add(resource, amount));
            }
            _ => {}
        }
    }
    all
}

/// The storage that a claim asks for, beside being one object.
fn of_claim(spec: &Value) -> Amounts {
    let size = amount(&spec["resources"]["requests"]["storage"]).unwrap_or(0);
    let mut all = Amounts::from([("requests.storage".to_owned(), size)]);
    if let Some(class) = spec["storageClassName"].as_str() {
        let of_class = format!("{class}.storageclass.storage.k8s.io");
        all.insert(format!("{of_class}/requests.storage"), size);
        all.insert(format!("{of_class}/persistentvolumeclaims"), 1000);
    }
    all
}

/// The claims that Kubernetes makes with a pod.
fn of_ephemeral_claims(pod: &Value) -> Amounts {
    let mut all = Amounts::new();
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        let spec = &volume["ephemeral"]["volumeClaimTemplate"]["spec"];
        if spec.is_null() {
            continue;
        }
        for resource in ["persistentvolumeclaims", "count/persistentvolumeclaims"] {
            *all.entry(resource.to_owned()).or_insert(0) += 1000;
        }
        for (resource, amount) in of_claim(spec) {
            *all.entry(resource).or_insert(0) += amount;
        }
    }
    all
}

/// What one pod asks for: all its containers, or the largest init container.
fn of_pod(spec: &Value) -> Amounts {
    let mut all = Amounts::new();
    for resource in ["cpu", "memory"] {
        for bound in ["requests", "limits"] {
            let of = |container: &Value| {
                let resources = &container["resources"];
                // Kubernetes takes a limit for the request where none is given.
                amount(&resources[bound][resource])
                    .or_else(|| amount(&resources["limits"][resource]))
                    .unwrap_or(0)
            };
            let list =
                |key: &str| spec[key].as_array().map(Vec::as_slice).unwrap_or_default().iter();
            let most: i128 = list("containers").map(of).sum();
            let most = most.max(list("initContainers").map(of).max().unwrap_or(0));
            all.insert(format!("{bound}.{resource}"), most);
            if bound == "requests" {
                all.insert(resource.to_owned(), most);
            }
        }
    }
    all
}

fn amount(value: &Value) -> Option<i128> {
    let text =
        value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|n| n.to_string()))?;
    text.parse::<Quantity>().ok().map(|quantity| i128::from(quantity.millis()))
}

fn over_quota(needed: &Amounts, quotas: &[ResourceQuota]) -> Vec<String> {
    let mut refusals = Vec::new();
    for quota in quotas.iter().filter(|quota| counts_our_pods(quota)) {
        let status = quota.status.clone().unwrap_or_default();
        // A quota that was just made is not counted yet.
        let made = || quota.spec.as_ref().and_then(|spec| spec.hard.clone());
        let hard = status.hard.or_else(made).unwrap_or_default();
        let used = status.used.unwrap_or_default();
        for (resource, allowed) in &hard {
            let parse = |text: &str| text.parse::<Quantity>().map_or(0, |q| i128::from(q.millis()));
            let (limit, taken) =
                (parse(&allowed.0), used.get(resource).map_or(0, |used| parse(&used.0)));
            let need = needed.get(resource).copied().unwrap_or(0);
            if need > 0 && taken + need > limit {
                let taken = used.get(resource).map_or("0", |used| &used.0);
                let need = print(resource, need);
                refusals.push(format!("quota {:?} allows {} of {resource}, of which {taken} are used, and {need} more are needed",
                    quota.name_any(), allowed.0));
            }
        }
    }
    refusals
}

/// Our pods have requests and no deadline of their own.
fn counts_our_pods(quota: &ResourceQuota) -> bool {
    let spec = quota.spec.clone().unwrap_or_default();
    let ours = |scope: &String| scope == "NotTerminating" || scope == "NotBestEffort";
    spec.scope_selector.is_none() && spec.scopes.unwrap_or_default().iter().all(ours)
}

fn print(resource: &str, milli: i128) -> String {
    let milli = u64::try_from(milli).unwrap_or(u64::MAX);
    match resource.contains("memory") || resource.contains("storage") {
        true => Quantity::from_bytes(milli.div_ceil(1000)).to_string(),
        false => Quantity::from_millicores(milli).to_string(),
    }
}

fn over_limits(id: &ObjectId, object: &Value, limits: &[LimitRange]) -> Vec<String> {
    let items = limits.iter().flat_map(|range| {
        let items = range.spec.as_ref().map(|spec| spec.limits.as_slice()).unwrap_or_default();
        items.iter().map(|item| (range.name_any(), item))
    });
    let mut refusals = Vec::new();
    for (range, item) in items {
        let mut see = |asked: Option<i128>, resource: &str, bound: &str| {
            let of = |set: &Option<BTreeMap<String, _>>| -> Option<(String, i128)> {
                let quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity =
                    set.as_ref()?.get(resource)?;
                Some((quantity.0.clone(), amount(&Value::from(quantity.0.as_str()))?))
            };
            let Some(asked) = asked.filter(|asked| *asked > 0) else { return };
            let text = print(resource, asked);
            let kind = &item.type_;
            match (of(&item.max), of(&item.min)) {
                (Some((max, most)), _) if asked > most => refusals.push(format!(
                    "limit range {range:?} allows a {kind} at most {max} of {resource}, and {id} has {bound} {text}")),
                (_, Some((min, least))) if asked < least => refusals.push(format!(
                    "limit range {range:?} wants a {kind} to have at least {min} of {resource}, and {id} has {bound} {text}")),
                _ => {}
            }
        };
        let pod = &object["spec"]["template"]["spec"];
        match (item.type_.as_str(), id.kind) {
            ("Container", ObjectKind::Deployment) => {
                for container in pod["containers"].as_array().into_iter().flatten() {
                    for resource in ["cpu", "memory"] {
                        see(
                            amount(&container["resources"]["limits"][resource]),
                            resource,
                            "a limit of",
                        );
                    }
                }
            }
            ("Pod", ObjectKind::Deployment) => {
                let all = of_pod(pod);
                for resource in ["cpu", "memory"] {
                    see(all.get(&format!("limits.{resource}")).copied(), resource, "limits of");
                }
            }
            ("PersistentVolumeClaim", ObjectKind::PersistentVolumeClaim) => {
                see(
                    amount(&object["spec"]["resources"]["requests"]["storage"]),
                    "storage",
                    "a size of",
                );
            }
            _ => {}
        }
    }
    refusals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::recorded_upgrade;

    fn quota(hard: &Value, used: &Value) -> Vec<ResourceQuota> {
        let quota = json!({"metadata": {"name": "team"}, "status": {"hard": hard, "used": used}});
        vec![serde_json::from_value(quota).expect("a quota")]
    }

    #[test]
    fn an_upgrade_needs_room_for_two_generations_of_objects_but_not_of_pods() -> Result<()> {
        let needed = peak(&recorded_upgrade())?;
        assert_eq!(needed["pods"], 0, "the old pods are gone before the new ones come: {needed:?}");
        // The fallback makes a third generation while the objects of two still stand.
        assert_eq!(needed["count/deployments.apps"], 4000);
        assert_eq!(needed["services"], 2000);
        let full =
            quota(&json!({"services": "3", "pods": "2"}), &json!({"services": "2", "pods": "2"}));
        assert_eq!(
            over_quota(&needed, &full),
            ["quota \"team\" allows 3 of services, of which 2 are used, and 2 more are needed"]
        );
        Ok(())
    }

    #[test]
    fn a_new_application_needs_its_pods_and_their_memory() -> Result<()> {
        let mut record = recorded_upgrade();
        (record.before, record.old) = (None, None);
        let needed = peak(&record)?;
        assert_eq!(needed["pods"], 2000, "one JobManager, one TaskManager");
        assert!(needed["requests.memory"] > 0 && needed["requests.memory"] == needed["memory"]);
        let full = quota(&json!({"requests.memory": "1Gi"}), &json!({"requests.memory": "0"}));
        let refused = over_quota(&needed, &full).remove(0);
        assert!(
            refused
                .starts_with("quota \"team\" allows 1Gi of requests.memory, of which 0 are used"),
            "{refused}"
        );
        Ok(())
    }

    #[test]
    fn volumes_of_the_pods_count_once_a_pod() {
        let volume = |class: &str| {
            json!({"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {
                "storageClassName": class, "resources": {"requests": {"storage": "2Gi"}}}}}})
        };
        let object = json!({"spec": {"replicas": 3, "template": {"spec":
            {"volumes": [volume("fast"), {"name": "other", "emptyDir": {}}]}}}});
        let id = ObjectId { kind: ObjectKind::Deployment, name: "x".to_owned() };
        let all = demand(&World::from([(id, object)]));
        assert_eq!(all["persistentvolumeclaims"], 3000);
        assert_eq!(all["requests.storage"], 3 * 2 * (1 << 30) * 1000);
        let of_class = "fast.storageclass.storage.k8s.io/persistentvolumeclaims";
        assert_eq!(all[of_class], 3000);
    }

    #[test]
    fn a_container_stays_within_its_limits() {
        let range = json!({"metadata": {"name": "small"}, "spec": {"limits": [
            {"type": "Container", "max": {"memory": "1Gi"}, "min": {"cpu": "100m"}}]}});
        let range: LimitRange = serde_json::from_value(range).expect("a limit range");
        let container = json!({"resources": {"limits": {"memory": "2Gi", "cpu": "50m"}}});
        let object = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        let id = ObjectId { kind: ObjectKind::Deployment, name: "orders".to_owned() };
        let refused = over_limits(&id, &object, &[range]);
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(
            refused[1].contains("at most 1Gi of memory, and deployment/orders has a limit of 2Gi"),
            "{refused:?}"
        );
    }
}
