//! The permissions that a plan needs, asked for before its first step: a plan that is refused half-way
//! leaves half of its objects behind, and an upgrade a job that has been stopped.

use crate::cluster::Cluster;
use crate::cluster::access::{self, Permission};
use crate::error::{Error, Kind, Result};
use crate::ops::plan::{Plan, Step, Stop};

/// What starting a generation creates.
const GENERATION: &[(&str, &str)] = &[
    ("apps", "controllerrevisions"),
    ("apps", "deployments"),
    ("", "configmaps"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

/// What the record of an operation needs; see [`crate::ops::operation`].
const RECORD: [(&str, &str, &str); 2] =
    [("create", "", "configmaps"), ("create", "coordination.k8s.io", "leases")];

/// The permissions that the steps cannot do without, each once, in order of the steps.
///
/// Creating only: a role may limit the other verbs to objects by name, which a question without a name
/// would call forbidden.
pub fn needed(steps: &[Step]) -> Vec<Permission> {
    let mut needed =
        RECORD.map(|(verb, group, resource)| Permission { verb, group, resource }).to_vec();
    for step in steps {
        let created: &[(&str, &str)] = match step {
            Step::Claim { .. } => &[("", "persistentvolumeclaims")],
            Step::Start { .. } | Step::Repair { .. } => GENERATION,
            // The trigger of a savepoint is a POST.
            Step::Stop { how: Stop::Savepoint { .. }, .. } => &[("", "services/proxy")],
            _ => &[],
        };
        for (group, resource) in created {
            let permission = Permission { verb: "create", group, resource };
            if !needed.contains(&permission) {
                needed.push(permission);
            }
        }
    }
    needed
}

/// Makes sure that the user may do what the plan and its way back need.
///
/// # Errors
/// [`Kind::Denied`] with everything that is missing.
pub async fn check(cluster: &Cluster, plan: &Plan) -> Result<()> {
    let steps = [plan.steps.as_slice(), &plan.fallback].concat();
    let denied = access::denied(cluster, &needed(&steps)).await?;
    if denied.is_empty() {
        return Ok(());
    }
    let denied = denied.iter().map(Permission::to_string).collect::<Vec<_>>().join(", ");
    let (verb, namespace) = (plan.verb, &plan.namespace);
    Err(Error::new(
        Kind::Denied,
        format!(
            "this user lacks permissions that {verb} needs in namespace {namespace:?}, so nothing was written: {denied}"
        ),
    )
    .hint("Ask an administrator for these permissions, or use another --context or --as."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::storage::StorageSpec;

    #[test]
    fn each_permission_is_asked_for_once() -> Result<()> {
        let claim = || -> Result<Step> {
            let request: StorageSpec = "pvc:1Gi".parse()?;
            Ok(Step::Claim { name: "orders-state".to_owned(), request })
        };
        let needed = needed(&[claim()?, claim()?, Step::RetireApplication]);
        let permissions: Vec<_> = needed.iter().map(ToString::to_string).collect();
        assert_eq!(
            permissions,
            [
                "create configmaps",
                "create leases.coordination.k8s.io",
                "create persistentvolumeclaims"
            ]
        );
        Ok(())
    }
}
