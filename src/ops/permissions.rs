//! The permissions that a plan needs, asked for before its first step: a plan that is refused half-way
//! leaves half of its objects behind, and an upgrade a job that has been stopped.

use crate::cluster::{Cluster, access};
use crate::error::Result;
use crate::model::permission::{self, Permission, Work};
use crate::ops::operation::record::Record;
use crate::ops::plan::{Step, Stop, Verb};

/// What a step of a verb's plan needs.
fn work(verb: Verb, step: &Step) -> &'static [Work] {
    match step {
        Step::Claim { .. } => &[Work::Claim],
        // A storage that is out of reach does not keep an application from being deleted.
        Step::Catalogue { .. } if verb == Verb::Delete => &[],
        Step::Upload { .. }
        | Step::CopyJar { .. }
        | Step::Verify { .. }
        | Step::Salvage { .. }
        | Step::Catalogue { .. } => &[Work::Storage],
        Step::Stop { how: Stop::Savepoint { .. }, .. } => {
            &[Work::AskFlink, Work::Snapshot, Work::Anchor]
        }
        Step::Stop { how: Stop::Cancel, .. } => &[Work::AskFlink, Work::Cancel, Work::Anchor],
        Step::Quiesce { .. } => &[Work::Quiesce],
        Step::Start { .. } => &[Work::Start],
        Step::Repair { .. } => &[Work::Start, Work::Compare],
        // The first checkpoint is asked for, not waited for.
        Step::Prove { .. } => &[Work::AskFlink, Work::Snapshot, Work::Observe],
        Step::Snapshot { .. } => &[Work::AskFlink, Work::Snapshot],
        Step::Retire { .. } => &[Work::Retire],
        Step::Reinstate { .. } | Step::Rest { .. } | Step::Acknowledge { .. } => &[Work::Anchor],
        Step::RetireApplication => &[Work::RetireApplication],
        Step::DeleteClaim { .. } => &[Work::DeleteClaim],
    }
}

/// What it needs on top of that where a spec has an Ingress.
fn ingress_work(record: &Record, step: &Step) -> &'static [Work] {
    match step {
        Step::Start { revision, .. } if revision.has_ingress() => &[Work::MakeIngress],
        Step::Reinstate { anchor } if record.has_ingress(anchor.generation) => &[Work::MakeIngress],
        Step::Repair { generation } if record.has_ingress(*generation) => {
            &[Work::MakeIngress, Work::CompareIngress]
        }
        Step::Retire { generation } if record.has_ingress(*generation) => &[Work::RetireIngress],
        Step::RetireApplication if record.has_any_ingress() => &[Work::RetireIngress],
        _ => &[],
    }
}

/// The permissions that the steps cannot do without, and the record of the operation, each once.
fn needed<'a>(record: &Record, steps: impl Iterator<Item = &'a Step>) -> Vec<Permission> {
    let of = |step| work(record.plan.verb, step).iter().chain(ingress_work(record, step));
    let works = steps.flat_map(of).copied();
    let mut needed: Vec<Permission> =
        std::iter::once(Work::Record).chain(works).flat_map(Work::permissions).collect();
    needed.sort();
    needed.dedup();
    needed
}

/// Makes sure that the user may do what the plan of the operation and its way back need.
///
/// # Errors
/// [`Kind::Denied`](crate::error::Kind::Denied) with everything that is missing.
pub async fn check(cluster: &Cluster, record: &Record) -> Result<()> {
    let all = [record.plan.steps.as_slice(), &record.plan.fallback].concat();
    steps(cluster, record, &all).await
}

/// What it means that permissions are asked for first.
const UNWRITTEN: &str = "nothing was written";

/// Makes sure that the user may take these steps of the operation.
///
/// # Errors
/// As [`check`].
pub async fn steps(cluster: &Cluster, record: &Record, steps: &[Step]) -> Result<()> {
    let needed = needed(record, steps.iter());
    access::require(cluster, &record.plan.verb.to_string(), UNWRITTEN, &needed).await
}

/// Makes sure that the user may do all that the verb (as [`permission::VERBS`] names it) may come to do: for
/// what writes before there is a plan.
///
/// # Errors
/// As [`check`].
pub async fn verb(cluster: &Cluster, verb: &str) -> Result<()> {
    let works = permission::of(verb).into_iter().flat_map(|needs| needs.refused_without);
    let needed: Vec<Permission> = works.copied().flat_map(Work::permissions).collect();
    access::require(cluster, verb, UNWRITTEN, &needed).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::storage::StorageSpec;
    use crate::ops::lifecycle;
    use crate::ops::observed::{Job, Run};
    use crate::ops::plan::From;
    use crate::ops::testing::{active, operation, recorded, recorded_upgrade, revision, snapshot};

    fn steps() -> Result<Vec<Step>> {
        let request: StorageSpec = "pvc:1Gi".parse()?;
        let claim = || Step::Claim { name: "orders-state".to_owned(), request: request.clone() };
        Ok(vec![claim(), claim()])
    }

    #[test]
    fn each_permission_is_asked_for_once() -> Result<()> {
        let steps = steps()?;
        let needed = needed(&recorded_upgrade(), steps.iter());
        let claims: Vec<String> = needed
            .iter()
            .map(ToString::to_string)
            .filter(|permission| permission.contains("claims"))
            .collect();
        assert_eq!(claims, ["create persistentvolumeclaims", "get persistentvolumeclaims"]);
        Ok(())
    }

    /// What `rbac` prints for a verb lets every plan of the verb pass.
    #[test]
    fn the_table_covers_the_plans() {
        let mut running = active(4, Run::Running, Job::Running);
        for ingress in [None, Some(Default::default())] {
            running.revision.spec.spec.ingress = ingress.clone();
            let highest = running.revision.generation;
            let plans = [
                lifecycle::restore(
                    &running,
                    highest,
                    From::Snapshot(snapshot("savepoint-1")),
                    false,
                    &operation(),
                ),
                lifecycle::delete(Some(&running), &revision(4), false, &operation()),
            ];
            for plan in plans {
                let record = recorded(plan, &running);
                let verb = record.plan.verb.to_string();
                let needs = permission::of(&verb).expect("a verb");
                let extra: &[Work] = if ingress.is_some() { needs.with_ingress } else { &[] };
                let allowed = needs.refused_without.iter().chain(extra);
                let allowed: Vec<Permission> =
                    allowed.flat_map(|work| work.permissions()).collect();
                let all = record.plan.steps.iter().chain(&record.plan.fallback);
                let needed = needed(&record, all);
                for permission in &needed {
                    assert!(allowed.contains(permission), "{verb}: {permission}");
                }
                let is_ingress = |p: &Permission| p.resource == "ingresses";
                assert_eq!(needed.iter().any(is_ingress), ingress.is_some(), "{verb}");
            }
        }
    }
}
