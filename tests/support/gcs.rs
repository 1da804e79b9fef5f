//! A bucket of the local cluster's Google Cloud Storage server.

use super::Sandbox;
use super::store::{Server, inside};

/// A bucket of a test's own.
pub(crate) struct GcsBucket {
    /// The server that holds it.
    pub(crate) server: Server,
    /// Its name: the test's namespace.
    pub(crate) name: String,
}

impl GcsBucket {
    /// A new one.
    pub(crate) fn new(sandbox: &Sandbox) -> GcsBucket {
        let bucket = GcsBucket { server: Server::named("gcs"), name: sandbox.namespace.clone() };
        let body = format!("echo '{{\"name\": \"{}\"}}'", bucket.name);
        bucket.post(&body, "storage/v1/b?project=any", "application/json");
        bucket
    }

    /// Puts a copy of this file of the node into it. Gives the URL by which anybody reads it, and its SHA-256.
    pub(crate) fn publish(&self, path: &str, name: &str) -> (String, String) {
        let object = format!("upload/storage/v1/b/{}/o?uploadType=media&name={name}", self.name);
        self.post(&format!("cat {path}"), &object, "application/octet-stream");
        let sum = inside(&["sh", "-c", &format!("sha256sum {path}")]);
        let endpoint = self.server.fact("endpoint");
        let url = format!("{endpoint}/storage/v1/b/{}/o/{name}?alt=media", self.name);
        (url, sum.split_whitespace().next().unwrap().to_owned())
    }

    /// Sends what `body`, a piece of shell, prints.
    fn post(&self, body: &str, path: &str, media_type: &str) {
        let url = format!("{}/{path}", self.server.fact("endpoint"));
        let post = format!("{body} | /run/kt/bin/kt probe post '{url}' {media_type}");
        inside(&["sh", "-c", &post]);
    }
}
