//! Permissions as objects: Role and RoleBinding, or ClusterRole and ClusterRoleBinding.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::documents::Documents;
use crate::error::{Error, Kind, Result};
use crate::model::labels;
use crate::model::permission::Permission;
use crate::ui::{Table, Text, View};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Where permissions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In one namespace.
    Namespace,
    /// In all of them.
    Cluster,
}

/// Who gets them.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// Namespace (that of the Role when absent) and name.
    pub service_accounts: Vec<(Option<String>, String)>,
    /// Users.
    pub users: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
}

/// Roles, with their bindings where somebody is named.
#[derive(Debug)]
pub struct Roles {
    name: String,
    namespace: String,
    scope: Scope,
    subjects: Vec<Subject>,
    permissions: Vec<Permission>,
    objects: Vec<(String, Value)>,
}

impl Roles {
    /// Roles of this name that allow nothing yet.
    pub fn new(name: &str, namespace: &str, scope: Scope, subjects: Subjects) -> Self {
        let subject = |kind: &str, name: String, namespace: Option<String>| Subject {
            api_group: namespace.is_none().then(|| GROUP.to_owned()),
            kind: kind.to_owned(),
            name,
            namespace,
        };
        let accounts = subjects.service_accounts.into_iter().map(|(of, name)| {
            subject("ServiceAccount", name, Some(of.unwrap_or_else(|| namespace.to_owned())))
        });
        let users = subjects.users.into_iter().map(|name| subject("User", name, None));
        let groups = subjects.groups.into_iter().map(|name| subject("Group", name, None));
        Roles {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            scope,
            subjects: accounts.chain(users).chain(groups).collect(),
            permissions: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// With these permissions: those that a namespace can give, and those that only the cluster can.
    ///
    /// # Errors
    /// When an object cannot be serialised.
    pub fn allowing(mut self, own: &[Permission], cluster: &[Permission]) -> Result<Self> {
        self.permissions = [own, cluster].concat();
        let (own, cluster) = match self.scope {
            Scope::Namespace => (own.to_vec(), cluster.to_vec()),
            Scope::Cluster => (Vec::new(), self.permissions.clone()),
        };
        if !own.is_empty() {
            self.namespaced(&own)?;
        }
        if !cluster.is_empty() {
            self.of_the_cluster(&cluster)?;
        }
        Ok(self)
    }

    fn namespaced(&mut self, permissions: &[Permission]) -> Result<()> {
        let metadata = self.metadata(Some(self.namespace.clone()));
        let rules = Some(rules(permissions));
        self.push("role", &Role { metadata: metadata.clone(), rules })?;
        let (role_ref, subjects) = (self.role_ref("Role"), self.subjects());
        match subjects {
            None => Ok(()),
            subjects => self.push("rolebinding", &RoleBinding { metadata, role_ref, subjects }),
        }
    }

    fn of_the_cluster(&mut self, permissions: &[Permission]) -> Result<()> {
        let metadata = self.metadata(None);
        let rules = Some(rules(permissions));
        let role = ClusterRole { metadata: metadata.clone(), rules, aggregation_rule: None };
        self.push("clusterrole", &role)?;
        let (role_ref, subjects) = (self.role_ref("ClusterRole"), self.subjects());
        match subjects {
            None => Ok(()),
            subjects => self
                .push("clusterrolebinding", &ClusterRoleBinding { metadata, role_ref, subjects }),
        }
    }

    fn push(&mut self, kind: &str, object: &impl Serialize) -> Result<()> {
        let object = serde_json::to_value(object)
            .map_err(|e| Error::new(Kind::Other, "cannot write the role").caused_by(e))?;
        self.objects.push((format!("{kind}/{}", self.name), object));
        Ok(())
    }

    fn metadata(&self, namespace: Option<String>) -> ObjectMeta {
        let label = (labels::MANAGED_BY.to_owned(), labels::FIELD_MANAGER.to_owned());
        ObjectMeta {
            name: Some(self.name.clone()),
            namespace,
            labels: Some([label].into()),
            ..ObjectMeta::default()
        }
    }

    fn role_ref(&self, kind: &str) -> RoleRef {
        RoleRef { api_group: GROUP.to_owned(), kind: kind.to_owned(), name: self.name.clone() }
    }

    fn subjects(&self) -> Option<Vec<Subject>> {
        (!self.subjects.is_empty()).then(|| self.subjects.clone())
    }
}

/// Verbs by API group and resource.
fn by_resource(permissions: &[Permission]) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut found = BTreeMap::new();
    for Permission { group, resource, verb } in permissions {
        found.entry((*group, *resource)).or_insert_with(BTreeSet::new).insert(*verb);
    }
    found
}

/// As few rules as can be: one for all resources of an API group that have the same verbs.
fn rules(permissions: &[Permission]) -> Vec<PolicyRule> {
    let mut alike: BTreeMap<(&str, BTreeSet<&str>), Vec<&str>> = BTreeMap::new();
    for ((group, resource), verbs) in by_resource(permissions) {
        alike.entry((group, verbs)).or_default().push(resource);
    }
    let owned = |all: &mut dyn Iterator<Item = &str>| all.map(str::to_owned).collect::<Vec<_>>();
    alike
        .into_iter()
        .map(|((group, verbs), resources)| PolicyRule {
            api_groups: Some(vec![group.to_owned()]),
            resources: Some(owned(&mut resources.into_iter())),
            verbs: owned(&mut verbs.into_iter()),
            ..PolicyRule::default()
        })
        .collect()
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Documents(&self.objects).serialize(serializer)
    }
}

impl View for Roles {
    fn is_table(&self) -> bool {
        true
    }

    fn text(&self, _wide: bool, _now: Timestamp) -> Text {
        let mut table = Table::new(["RESOURCE", "VERBS"]);
        for ((group, resource), verbs) in by_resource(&self.permissions) {
            let dot = if group.is_empty() { "" } else { "." };
            let verbs = verbs.into_iter().collect::<Vec<_>>().join(",");
            table.row([format!("{resource}{dot}{group}"), verbs]);
        }
        Text::new().plain(&table.to_lines())
    }

    fn names(&self) -> Vec<String> {
        Documents(&self.objects).names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET_PODS: Permission = Permission { group: "", resource: "pods", verb: "get" };
    const GET_EVENTS: Permission = Permission { group: "", resource: "events", verb: "get" };
    const LIST_PODS: Permission = Permission { group: "", resource: "pods", verb: "list" };
    const NODES: Permission = Permission { group: "", resource: "nodes", verb: "list" };

    fn kinds(scope: Scope, subjects: Subjects) -> Result<Vec<String>> {
        let roles = Roles::new("r", "shop", scope, subjects).allowing(&[GET_PODS], &[NODES])?;
        Ok(roles.names())
    }

    #[test]
    fn resources_with_the_same_verbs_share_a_rule() {
        let alike = rules(&[GET_PODS, GET_EVENTS]);
        assert_eq!(alike.len(), 1);
        assert_eq!(alike[0].resources, Some(vec!["events".to_owned(), "pods".to_owned()]));
        assert_eq!(rules(&[GET_PODS, GET_EVENTS, LIST_PODS]).len(), 2);
    }

    #[test]
    fn the_cluster_is_asked_only_for_what_no_namespace_can_give() -> Result<()> {
        let nobody = Subjects::default;
        assert_eq!(kinds(Scope::Namespace, nobody())?, ["role/r", "clusterrole/r"]);
        assert_eq!(kinds(Scope::Cluster, nobody())?, ["clusterrole/r"]);
        let ann = Subjects { users: vec!["ann".to_owned()], ..nobody() };
        assert_eq!(
            kinds(Scope::Namespace, ann)?,
            ["role/r", "rolebinding/r", "clusterrole/r", "clusterrolebinding/r"]
        );
        Ok(())
    }
}
