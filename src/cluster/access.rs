//! Asking the API server what this user may do, before anything is written.

use futures::future::try_join_all;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use super::connect::Cluster;
use super::retry;
use crate::error::{Kind, Result};

/// One permission in the cluster's namespace, as RBAC rules name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// `get`, `list`, `watch`, `create`, `patch`, `delete`, …
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, in plural; `pods/exec` names a subresource.
    pub resource: &'static str,
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// Which of these permissions the user lacks. All are asked at once.
pub async fn denied(cluster: &Cluster, wanted: &[Permission]) -> Result<Vec<Permission>> {
    let answers =
        try_join_all(wanted.iter().map(|permission| allowed(cluster, permission))).await?;
    let lacking = wanted.iter().zip(answers).filter(|(_, allowed)| !allowed);
    Ok(lacking.map(|(permission, _)| *permission).collect())
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
