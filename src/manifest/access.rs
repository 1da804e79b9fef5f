//! What the application's pods may do: Flink's Kubernetes HA, and nothing else.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};

use super::meta;
use crate::model::labels::Component;
use crate::model::revision::Revision;
use crate::model::store::Wiring;

/// What Flink's leader election and checkpoint store do with ConfigMaps, as seen in an API server's audit
/// log; `patch` since 1.18. The names hold the job id and creation cannot be limited by name, so the rule
/// is for the namespace.
const HA_VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// The ServiceAccount of the pods: the one that the spec names, the one that the store's cloud trusts, else our own.
pub(super) fn service_account_name(revision: &Revision) -> String {
    given(revision).unwrap_or_else(|| revision.application.service_account())
}

fn given(revision: &Revision) -> Option<String> {
    let spec = revision.spec.spec.service_account.clone();
    spec.or_else(|| Wiring::of(revision.stores()).service_account)
}

/// Our own ServiceAccount; `None` when the spec names one, which is the user's to make.
pub(super) fn service_account(revision: &Revision) -> Option<ServiceAccount> {
    if given(revision).is_some() {
        return None;
    }
    let name = revision.application.service_account();
    Some(ServiceAccount {
        metadata: meta::of_application(revision, name, Component::Support),
        ..ServiceAccount::default()
    })
}

/// The Role with [`HA_VERBS`].
pub(super) fn role(revision: &Revision) -> Role {
    let name = revision.application.service_account();
    Role {
        metadata: meta::of_application(revision, name, Component::Support),
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(vec!["configmaps".to_owned()]),
            verbs: HA_VERBS.map(str::to_owned).to_vec(),
            ..PolicyRule::default()
        }]),
    }
}

/// Binds the Role to the pods' ServiceAccount.
pub(super) fn role_binding(revision: &Revision) -> RoleBinding {
    let name = revision.application.service_account();
    RoleBinding {
        metadata: meta::of_application(revision, name.clone(), Component::Support),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name,
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: service_account_name(revision),
            namespace: Some(revision.namespace.clone()),
            api_group: None,
        }]),
    }
}
