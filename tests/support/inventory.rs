//! All that is in a namespace, in a form that two runs can be compared by.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Resource;
use regex_lite::Regex;
use serde_json::Value;

use super::Sandbox;
use super::cluster::Object;

/// Every object of the namespace, one text each, sorted; what differs from run to run is taken out.
pub(crate) fn inventory(sandbox: &Sandbox) -> Vec<String> {
    let mut all = [
        of::<ConfigMap>(sandbox),
        of::<ControllerRevision>(sandbox),
        of::<Deployment>(sandbox),
        of::<Ingress>(sandbox),
        of::<Lease>(sandbox),
        of::<NetworkPolicy>(sandbox),
        of::<PersistentVolumeClaim>(sandbox),
        of::<Pod>(sandbox),
        of::<PodDisruptionBudget>(sandbox),
        of::<Role>(sandbox),
        of::<RoleBinding>(sandbox),
        of::<Secret>(sandbox),
        of::<Service>(sandbox),
        of::<ServiceAccount>(sandbox),
    ]
    .concat();
    all.sort();
    all
}

fn of<K>(sandbox: &Sandbox) -> Vec<String>
where
    K: Object + Resource<Scope = NamespaceResourceScope>,
{
    let objects = sandbox.cluster.list(&sandbox.cluster.api::<K>(&sandbox.namespace), "");
    let ids = Regex::new("[0-9a-f]{32}|savepoint-[0-9a-f]{6}-").unwrap();
    let operations = Regex::new("savepoints/[0-9a-z]{10}").unwrap();
    let text = |object: &K| {
        let mut object = serde_json::to_value(object).unwrap();
        object["kind"] = Value::from(K::kind(&()).as_ref());
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"]
        {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        object.as_object_mut().unwrap().remove("status");
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        let text = object.to_string().replace(&sandbox.namespace, "NAMESPACE");
        let text = ids.replace_all(&text, "ID").into_owned();
        operations.replace_all(&text, "savepoints/OPERATION").into_owned()
    };
    // What Kubernetes puts into every namespace, sooner or later.
    let own = |object: &&K| {
        !matches!(object.meta().name.as_deref(), Some("kube-root-ca.crt" | "default"))
    };
    objects.iter().filter(own).map(text).collect()
}
