//! Which proxy the API server is reached through, as kubectl decides it: the cluster's `proxy-url`, else the environment's.
//!
//! kube reads the same variables, but asks `NO_PROXY` about the proxy instead of about the server.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::error::{Error, Result};

/// What the environment says about proxies. Upper-case names win over lower-case ones.
#[derive(Debug, Clone, Default)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY`, for servers that are reached with https.
    pub https: Option<String>,
    /// `HTTP_PROXY`, for the others.
    pub http: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks that are reached without one.
    pub none: Option<String>,
}

impl ProxyVariables {
    /// The proxy between here and `server`. There is none on the way to this machine itself, as for all programs in Go.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] when a variable holds no URL.
    pub(super) fn towards(&self, server: &Uri) -> Result<Option<Uri>> {
        let (name, value) = match server.scheme_str() {
            Some("https") => ("HTTPS_PROXY", &self.https),
            _ => ("HTTP_PROXY", &self.http),
        };
        let Some(value) = value.as_deref().filter(|_| !is_this_machine(server)) else {
            return Ok(None);
        };
        let excepted = Matcher::builder()
            .all("http://proxy")
            .no(self.none.clone().unwrap_or_default())
            .build()
            .intercept(server)
            .is_none();
        if excepted { Ok(None) } else { parse(name, value).map(Some) }
    }
}

/// A proxy is often named without its scheme. It can hold a password, so it is not repeated.
fn parse(name: &str, value: &str) -> Result<Uri> {
    let full = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    full.parse().ok().filter(|uri: &Uri| uri.host().is_some()).ok_or_else(|| {
        Error::usage(format!("{name} is not the URL of a proxy")).hint(format!(
            "Write it as {name}=http://HOST:PORT, or except the API server with NO_PROXY."
        ))
    })
}

fn is_this_machine(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn towards(server: &str, none: &str) -> Option<String> {
        let variables = ProxyVariables {
            https: Some("proxy.corp:3128".to_owned()),
            http: Some("http://plain.corp".to_owned()),
            none: Some(none.to_owned()),
        };
        let server = server.parse().expect("a URL");
        variables.towards(&server).expect("a proxy").map(|uri| uri.to_string())
    }

    #[test]
    fn no_proxy_is_about_the_server() {
        let proxy = Some("http://proxy.corp:3128/".to_owned());
        assert_eq!(towards("https://api.example:6443", ""), proxy);
        assert_eq!(towards("http://api.example", ""), Some("http://plain.corp/".to_owned()));
        // kube would leave the proxy out here, and use it in the cases below.
        assert_eq!(towards("https://api.example:6443", "proxy.corp"), proxy);
        for none in ["api.example", "example", ".example", "*"] {
            assert_eq!(towards("https://api.example:6443", none), None, "{none}");
        }
        assert_eq!(towards("https://10.1.2.3:6443", "10.0.0.0/8"), None);
        assert_eq!(towards("https://11.1.2.3:6443", "10.0.0.0/8"), proxy);
    }

    #[test]
    fn this_machine_needs_none() {
        for server in ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"] {
            assert_eq!(towards(server, ""), None, "{server}");
        }
    }

    #[test]
    fn a_variable_that_is_no_url_is_named_and_not_repeated() {
        let https = Some("http://user:s3cret@".to_owned());
        let variables = ProxyVariables { https, ..ProxyVariables::default() };
        let refused = variables.towards(&Uri::from_static("https://api.example"));
        let error = refused.expect_err("no proxy").to_string();
        assert_eq!(error, "HTTPS_PROXY is not the URL of a proxy");
    }
}
