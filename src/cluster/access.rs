//! Asking the API server what this user may do, before anything is written.

use futures::future::try_join_all;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, ResourceRule, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
    SelfSubjectRulesReview, SelfSubjectRulesReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use super::connect::Cluster;
use super::retry;
use crate::error::{Error, Kind, Result};
use crate::model::permission::Permission;

/// Which of these permissions the user lacks in the cluster's namespace.
///
/// One question gets all rules of the user; only what they do not allow is asked for one by one, because
/// some authorizers cannot list their rules (the answer says `incomplete`). A rule for objects of certain
/// names counts: whether the names fit is for the request itself to find out.
///
/// # Errors
/// When the API server cannot be reached.
pub async fn denied(cluster: &Cluster, wanted: &[Permission]) -> Result<Vec<Permission>> {
    let rules = rules(cluster).await?;
    let unclear: Vec<Permission> = wanted
        .iter()
        .filter(|permission| !rules.iter().any(|rule| allows(rule, permission)))
        .copied()
        .collect();
    let answers =
        try_join_all(unclear.iter().map(|permission| allowed(cluster, permission))).await?;
    let lacking = unclear.iter().zip(answers).filter(|(_, allowed)| !allowed);
    Ok(lacking.map(|(permission, _)| *permission).collect())
}

/// Makes sure that the user has all of these permissions, before `what` is begun; `so` says what it means that it is not.
///
/// # Errors
/// [`Kind::Denied`] with everything that is missing.
pub async fn require(cluster: &Cluster, what: &str, so: &str, wanted: &[Permission]) -> Result<()> {
    let denied = denied(cluster, wanted).await?;
    if denied.is_empty() {
        return Ok(());
    }
    let denied = denied.iter().map(Permission::to_string).collect::<Vec<_>>().join(", ");
    let namespace = cluster.namespace();
    Err(Error::new(
        Kind::Denied,
        format!(
            "this user lacks permissions that {what} needs in namespace {namespace:?}, so {so}: {denied}"
        ),
    )
    .hint("Ask an administrator for these permissions, or use another --context or --as.")
    .hint("`kubectl flink rbac VERB` prints a Role that has all that a verb needs."))
}

/// The rules of the user in the cluster's namespace; none where nobody tells.
async fn rules(cluster: &Cluster) -> Result<Vec<ResourceRule>> {
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec { namespace: Some(cluster.namespace().to_owned()) },
        ..SelfSubjectRulesReview::default()
    };
    let api: Api<SelfSubjectRulesReview> = cluster.api_all();
    let params = PostParams::default();
    // A question in the form of a POST; nothing is stored.
    let doing = "ask for the permissions of the user";
    match retry::idempotent(cluster, doing, || api.create(&params, &review)).await {
        Ok(answer) => Ok(answer.status.map(|status| status.resource_rules).unwrap_or_default()),
        Err(error) if matches!(error.kind(), Kind::Denied | Kind::NotFound) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether the rule allows it, with the wildcards of RBAC: `*` is everything, `*/exec` this subresource of
/// every resource.
fn allows(rule: &ResourceRule, permission: &Permission) -> bool {
    let has = |list: Option<&Vec<String>>, wanted: &str| {
        list.is_some_and(|list| list.iter().any(|item| item == "*" || item == wanted))
    };
    let of_any = permission.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    let resources = rule.resources.as_ref();
    rule.verbs.iter().any(|verb| verb == "*" || verb == permission.verb)
        && has(rule.api_groups.as_ref(), permission.group)
        && (has(resources, permission.resource)
            || of_any.is_some_and(|of_any| has(resources, &of_any)))
}

/// The name of the user, as the API server sees it: authenticated, or impersonated.
///
/// Kubernetes answers this to everybody (`system:basic-user`); where an administrator took that away, the
/// name is `"unknown user"`.
///
/// # Errors
/// When the API server cannot be reached.
pub async fn whoami(cluster: &Cluster) -> Result<String> {
    let api: Api<SelfSubjectReview> = cluster.api_all();
    let (params, review) = (PostParams::default(), SelfSubjectReview::default());
    // A question in the form of a POST; nothing is stored.
    let answer =
        retry::idempotent(cluster, "ask who the user is", || api.create(&params, &review)).await;
    let unknown = "unknown user".to_owned();
    match answer {
        Ok(review) => {
            let user = review.status.and_then(|status| status.user_info?.username);
            Ok(user.unwrap_or(unknown))
        }
        Err(error) if matches!(error.kind(), Kind::Denied | Kind::NotFound) => Ok(unknown),
        Err(error) => Err(error),
    }
}

async fn allowed(cluster: &Cluster, permission: &Permission) -> Result<bool> {
    let (resource, subresource) = match permission.resource.split_once('/') {
        Some((resource, sub)) => (resource, Some(sub.to_owned())),
        None => (permission.resource, None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(cluster.namespace().to_owned()),
                verb: Some(permission.verb.to_owned()),
                group: Some(permission.group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource,
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = cluster.api_all();
    let params = PostParams::default();
    // A review is a question in the form of a POST; nothing is stored.
    let doing = format!("ask for the permission to {permission}");
    let answer = retry::idempotent(cluster, &doing, || api.create(&params, &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> ResourceRule {
        let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
        ResourceRule {
            api_groups: Some(owned(groups)),
            resources: Some(owned(resources)),
            verbs: owned(verbs),
            resource_names: None,
        }
    }

    #[test]
    fn rules_allow_what_rbac_says_they_allow() {
        let exec = Permission { group: "", resource: "pods/exec", verb: "create" };
        for (rule, allowed) in [
            (rule(&["*"], &["*"], &["*"]), true),
            (rule(&[""], &["pods/exec"], &["get", "create"]), true),
            (rule(&[""], &["*/exec"], &["create"]), true),
            (rule(&[""], &["pods"], &["create"]), false),
            (rule(&[""], &["*/log"], &["create"]), false),
            (rule(&["apps"], &["pods/exec"], &["create"]), false),
            (rule(&[""], &["pods/exec"], &["get"]), false),
        ] {
            assert_eq!(allows(&rule, &exec), allowed, "{rule:?}");
        }
    }
}
