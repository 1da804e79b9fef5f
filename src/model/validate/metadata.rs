//! Labels, annotations and the Ingress: what the API server would refuse half-way through a deployment.

use crate::model::ingress::route;
use crate::model::keys;
use crate::model::spec::{FlinkDeployment, IngressSpec};
use crate::model::violation::Violation;

pub(super) fn check(deployment: &FlinkDeployment) -> Vec<Violation> {
    let metadata = &deployment.metadata;
    let mut found = keys::labels("metadata.labels", &metadata.labels);
    found.extend(keys::annotations("metadata.annotations", &metadata.annotations));
    if let Some(ingress) = &deployment.spec.ingress {
        found.extend(check_ingress(deployment, ingress));
    }
    found
}

fn check_ingress(deployment: &FlinkDeployment, ingress: &IngressSpec) -> Vec<Violation> {
    let namespace = deployment.metadata.namespace.as_deref().unwrap_or("namespace");
    // A name that is none is told of by itself.
    let name = Some(deployment.metadata.name.as_str()).filter(|name| keys::is_dns_name(name));
    let path = "spec.ingress.template";
    let mut found = Vec::new();
    match &ingress.template {
        None => found.push(Violation::new(
            path,
            "it is missing, and nothing else says where requests come in",
            "Write a host, such as {{name}}.example.com, or a path, such as /{{namespace}}/{{name}}(/|$)(.*).",
        )),
        Some(template) => {
            let wrong = route(template, name.unwrap_or("name"), namespace).err();
            found.extend(wrong.map(|e| Violation::from_error(path, &e)));
        }
    }
    found.extend(keys::labels("spec.ingress.labels", &ingress.labels));
    found.extend(keys::annotations("spec.ingress.annotations", &ingress.annotations));
    let names = ingress.tls.iter().enumerate().flat_map(|(position, tls)| {
        let hosts = tls.hosts.iter().enumerate().map(move |(host, name)| {
            (format!("spec.ingress.tls[{position}].hosts[{host}]"), name.trim_start_matches("*."))
        });
        let secret = tls.secret_name.as_deref();
        let secret = secret.map(|name| (format!("spec.ingress.tls[{position}].secretName"), name));
        hosts.chain(secret)
    });
    let class = ingress.class_name.as_deref();
    let class = class.map(|name| ("spec.ingress.className".to_owned(), name));
    let wrong = names.chain(class).filter(|(_, name)| !keys::is_dns_name(name));
    found.extend(wrong.map(|(path, name)| {
        Violation::new(
            path,
            format!("{name:?} is not a name"),
            "Use lowercase letters, digits, '-' and '.'.",
        )
    }));
    found
}
