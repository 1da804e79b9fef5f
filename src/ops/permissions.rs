//! The permissions that a plan needs, asked for before its first step: a plan that is refused half-way
//! leaves half of its objects behind, and an upgrade a job that has been stopped.

use crate::cluster::{Cluster, access};
use crate::error::Result;
use crate::model::permission::{self, Permission, Work};
use crate::ops::plan::{Plan, Step, Stop, Verb};

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
        Step::Retire { .. } => &[Work::Retire],
        Step::Reinstate { .. } | Step::Rest { .. } => &[Work::Anchor],
        Step::RetireApplication => &[Work::RetireApplication],
        Step::DeleteClaim { .. } => &[Work::DeleteClaim],
    }
}

/// The permissions that the steps cannot do without, and the record of the operation, each once.
fn needed<'a>(verb: Verb, steps: impl Iterator<Item = &'a Step>) -> Vec<Permission> {
    let works = steps.flat_map(|step| work(verb, step)).copied();
    let mut needed: Vec<Permission> =
        std::iter::once(Work::Record).chain(works).flat_map(Work::permissions).collect();
    needed.sort();
    needed.dedup();
    needed
}

/// Makes sure that the user may do what the plan and its way back need.
///
/// # Errors
/// [`Kind::Denied`](crate::error::Kind::Denied) with everything that is missing.
pub async fn check(cluster: &Cluster, plan: &Plan) -> Result<()> {
    let all = [plan.steps.as_slice(), &plan.fallback].concat();
    steps(cluster, plan.verb, &all).await
}

/// Makes sure that the user may take these steps of an operation that `verb` began.
///
/// # Errors
/// As [`check`].
pub async fn steps(cluster: &Cluster, verb: Verb, steps: &[Step]) -> Result<()> {
    access::require(cluster, &verb.to_string(), &needed(verb, steps.iter())).await
}

/// Makes sure that the user may do all that the verb (as [`permission::VERBS`] names it) may come to do: for
/// what writes before there is a plan.
///
/// # Errors
/// As [`check`].
pub async fn verb(cluster: &Cluster, verb: &str) -> Result<()> {
    let works = permission::of(verb).into_iter().flat_map(|needs| needs.refused_without);
    let needed: Vec<Permission> = works.copied().flat_map(Work::permissions).collect();
    access::require(cluster, verb, &needed).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::storage::StorageSpec;
    use crate::ops::lifecycle;
    use crate::ops::observed::{Job, Run};
    use crate::ops::plan::From;
    use crate::ops::testing::{active, operation, revision, snapshot};

    fn steps() -> Result<Vec<Step>> {
        let request: StorageSpec = "pvc:1Gi".parse()?;
        let claim = || Step::Claim { name: "orders-state".to_owned(), request: request.clone() };
        Ok(vec![claim(), claim()])
    }

    #[test]
    fn each_permission_is_asked_for_once() -> Result<()> {
        let steps = steps()?;
        let needed = needed(Verb::Deploy, steps.iter());
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
        let running = active(4, Run::Running, Job::Running);
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
            let verb = plan.verb.to_string();
            let allowed: Vec<Permission> = permission::of(&verb)
                .into_iter()
                .flat_map(|needs| needs.refused_without)
                .flat_map(|work| work.permissions())
                .collect();
            for permission in needed(plan.verb, plan.steps.iter().chain(&plan.fallback)) {
                assert!(allowed.contains(&permission), "{verb}: {permission}");
            }
        }
    }
}
