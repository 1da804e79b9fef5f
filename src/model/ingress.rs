//! Where an Ingress takes requests from: the template of `spec.ingress`, read as the operator reads it
//! (`IngressUtils.getIngressUrl`).

use std::net::IpAddr;

use crate::error::{Error, Result};
use crate::model::keys;

/// Host and path of an Ingress; at least one of them is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// A DNS name, also `*.example.com`; every host when absent.
    pub host: Option<String>,
    /// Begins with a slash; may be a pattern, which only the Ingress controller understands.
    pub path: Option<String>,
}

/// Reads a template such as `{{name}}.{{namespace}}.example.com` or `example.com/{{name}}(/|$)(.*)`. A scheme, a
/// port, a query and a fragment mean nothing to an Ingress and are dropped, as in the operator.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) for a template that the API server would refuse.
pub fn route(template: &str, name: &str, namespace: &str) -> Result<Route> {
    let url = fill(template, name, namespace)?;
    let rest = without_scheme(&url);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let host = host(authority)?;
    if host.is_empty() && path.is_empty() {
        return Err(Error::usage(format!("{template:?} names neither a host nor a path")).hint(
            "Write {{name}}.example.com, or a path such as /{{namespace}}/{{name}}(/|$)(.*).",
        ));
    }
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(Route { host: some(host), path: some(path) })
}

/// Puts the names in. Upper and lower case are the same to the operator.
fn fill(template: &str, name: &str, namespace: &str) -> Result<String> {
    let (mut filled, mut rest) = (String::new(), template.trim());
    while let Some((before, after)) = rest.split_once("{{") {
        let unknown = || {
            Error::usage(format!("{template:?} has a placeholder that nobody fills"))
                .hint("There are {{name}} and {{namespace}}.")
        };
        let (placeholder, after) = after.split_once("}}").ok_or_else(unknown)?;
        let value = match placeholder.to_ascii_lowercase().as_str() {
            "name" => name,
            "namespace" => namespace,
            _ => return Err(unknown()),
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    Ok(filled + rest)
}

fn without_scheme(url: &str) -> &str {
    let scheme = ["http://", "https://"].into_iter().find(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    scheme.map_or(url, |scheme| &url[scheme.len()..])
}

/// The host of `user@host:port`, as Kubernetes takes one in a rule (`ValidateIngress`).
fn host(authority: &str) -> Result<&str> {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    if host.is_empty() || (keys::is_dns_name(name) && host.parse::<IpAddr>().is_err()) {
        return Ok(host);
    }
    Err(Error::usage(format!("{host:?} is not a host that an Ingress can have"))
        .hint("Write a DNS name in lower case, such as {{name}}.example.com; a path alone begins with a slash."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(template: &str) -> (Option<String>, Option<String>) {
        let route = route(template, "orders", "shop").expect(template);
        (route.host, route.path)
    }

    #[test]
    fn the_forms_of_the_operators_documentation() {
        for (template, host, path) in [
            ("{{name}}.{{namespace}}.flink.example.com", "orders.shop.flink.example.com", ""),
            ("/{{namespace}}/{{name}}(/|$)(.*)", "", "/shop/orders(/|$)(.*)"),
            ("example.com/{{NameSpace}}/{{NAME}}(/|$)(.*)", "example.com", "/shop/orders(/|$)(.*)"),
            ("https://ann@example.com:443/{{name}}?x=1#y", "example.com", "/orders"),
            ("HTTP://*.example.com", "*.example.com", ""),
            (" example.com?x ", "example.com", ""),
        ] {
            let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            assert_eq!(read(template), (some(host), some(path)), "{template}");
        }
    }

    #[test]
    fn what_the_api_server_would_refuse_is_refused_here() {
        for template in [
            "",
            "?x",
            "{{cluster}}.example.com",
            "{{name",
            "Orders.example.com",
            "under_score.example.com",
            "10.0.0.1/x",
            "a.*.example.com",
            "ftp://example.com",
            "example.com:http",
            "-a.example.com",
        ] {
            assert!(route(template, "orders", "shop").is_err(), "{template:?}");
        }
    }
}
