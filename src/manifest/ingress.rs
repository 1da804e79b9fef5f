//! The Ingress of an application.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};

use super::meta;
use crate::error::Result;
use crate::model::effective::REST_PORT;
use crate::model::ingress::route;
use crate::model::labels::{self, Component};
use crate::model::revision::Revision;
use crate::model::spec;

/// The Ingress that the spec asks for, leading to the Service that points at the active generation.
///
/// Its name is the application's, so each generation that has one takes it over from the one before, label
/// included; one that has none leaves it, and it goes with the generation that it belongs to.
pub(super) fn build(revision: &Revision) -> Result<Option<Ingress>> {
    let Some(asked) = &revision.spec.spec.ingress else { return Ok(None) };
    let application = &revision.application;
    let template = asked.template.as_deref().unwrap_or_default();
    let route = route(template, application.as_str(), &revision.namespace)?;
    let mut metadata = meta::of_generation(revision, application.ingress(), Component::Support);
    let all = metadata.labels.get_or_insert_default();
    all.extend(asked.labels.clone());
    all.extend(labels::labels(application, Some(revision.generation), Component::Support));
    metadata.annotations = Some(asked.annotations.clone()).filter(|all| !all.is_empty());
    let service = IngressServiceBackend {
        name: application.rest_service(),
        port: Some(ServiceBackendPort { number: Some(i32::from(REST_PORT)), name: None }),
    };
    let path = HTTPIngressPath {
        backend: IngressBackend { service: Some(service), resource: None },
        path: route.path,
        path_type: "ImplementationSpecific".to_owned(),
    };
    let rule =
        IngressRule { host: route.host, http: Some(HTTPIngressRuleValue { paths: vec![path] }) };
    let tls = |tls: &spec::IngressTls| IngressTLS {
        hosts: Some(tls.hosts.clone()).filter(|hosts| !hosts.is_empty()),
        secret_name: tls.secret_name.clone(),
    };
    let tls: Vec<IngressTLS> = asked.tls.iter().map(tls).collect();
    Ok(Some(Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: asked.class_name.clone(),
            rules: Some(vec![rule]),
            tls: Some(tls).filter(|tls| !tls.is_empty()),
            default_backend: None,
        }),
        status: None,
    }))
}
