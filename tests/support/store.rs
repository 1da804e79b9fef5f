//! The local cluster's storage servers, and a place on one for each test.
//!
//! `cargo xtask test` starts the servers whose names are words of a test's path, as `s3` is of `e2e::s3::counts`.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;
use std::time::Duration;

use super::{Sandbox, eventually, setting};

/// Where the servers' data is inside the node (`xtask/src/cluster`).
const DATA: &str = "/run/kt/state/servers";

/// The API server's certificate is for the node's address (`cluster/kt/internal/pki`).
const TLS: [&str; 4] =
    ["--cert", "/run/kt/state/pki/apiserver.crt", "--key", "/run/kt/state/pki/apiserver.key"];

/// A server of the local cluster.
pub(crate) struct Server {
    name: &'static str,
    access: BTreeMap<String, String>,
}

impl Server {
    /// The server that commands call so: `s3`.
    ///
    /// # Panics
    /// When this run has none of that name.
    pub(crate) fn named(name: &'static str) -> Server {
        let servers: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(&setting("KUBECTL_FLINK_TEST_SERVERS")).unwrap();
        let access = servers.get(name).cloned();
        let access = access.unwrap_or_else(|| {
            panic!("{name} does not run: the test's path must have the word {name}")
        });
        Server { name, access }
    }

    /// One thing to know for reaching it, such as `endpoint`: `cargo xtask cluster up --with NAME` prints all.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.access.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    /// Whether something listens at its endpoint.
    pub(crate) fn answers(&self) -> bool {
        try_inside(&["/run/kt/bin/kt", "probe", "dial", self.address()]).is_ok()
    }

    /// Host and port of its endpoint.
    fn address(&self) -> &str {
        let (_, rest) = self.fact("endpoint").split_once("://").unwrap();
        rest.split('/').next().unwrap()
    }

    /// Runs a program that is in the jar of the job which writes rows there, in the node; returns what it prints.
    pub(crate) fn tool(&self, class: &str, args: &[&str]) -> String {
        self.try_tool(class, args).unwrap()
    }

    /// The same, of a server that may not be ready yet.
    pub(crate) fn try_tool(&self, class: &str, args: &[&str]) -> Result<String, String> {
        let class_path: Vec<&str> = ["job", "libraries"]
            .iter()
            .filter_map(|name| Some(self.access.get(*name)?.as_str()))
            .collect();
        let class_path = class_path.join(":");
        try_inside(&[&["java", "-cp", &class_path, class], args].concat())
    }

    /// Takes it down (`stop`, `kill`) until `start`. Other tests use it too: take one of the test's own for this.
    pub(crate) fn control(&self, action: &str) {
        for process in self.fact("processes").split(' ') {
            xtask(&["cluster", "ctl", "--name", &cluster(), action, process]).unwrap();
        }
    }
}

/// A bucket, container or folder of a test's own.
pub(crate) struct Store {
    /// The server that holds it.
    pub(crate) server: Server,
    /// Its name: the test's namespace.
    pub(crate) name: String,
    /// Where the server keeps it, inside the node.
    folder: String,
    /// Whether the server is this test's, and ends with it.
    own: bool,
    /// Whether it speaks TLS, with a certificate of the cluster's authority.
    tls: bool,
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.own {
            let _ = xtask(&[
                "cluster",
                "ctl",
                "--name",
                &cluster(),
                "kill",
                self.server.fact("processes"),
            ]);
        }
    }
}

impl Store {
    /// A new bucket of the S3 server.
    pub(crate) fn s3(sandbox: &Sandbox) -> Store {
        Store::bucket(Server::named("s3"), "s3", sandbox)
    }

    /// Makes the profile `name` of a folder in this S3 bucket, its Secret from the command line.
    pub(crate) fn profile(&self, sandbox: &Sandbox, name: &str, flags: &[&str]) {
        let fact = |name: &str| self.server.fact(name);
        let (uri, endpoint) = (format!("s3://{}/flink", self.name), fact("endpoint"));
        let access = format!("--from-literal=AWS_ACCESS_KEY_ID={}", fact("access-key"));
        let secret = format!("--from-literal=AWS_SECRET_ACCESS_KEY={}", fact("secret-key"));
        let command =
            ["storage", "create", name, &uri, "--endpoint", endpoint, "--region", fact("region")];
        let made = sandbox.run(&[&command[..], &[&access, &secret], flags].concat());
        let said = made.success();
        assert!(
            !format!("{made}{said}").contains(fact("secret-key")),
            "a secret came back\n{made}"
        );
    }

    /// A new bucket of an S3 server that no other test uses, so that this one may take it down.
    pub(crate) fn on_own_s3(sandbox: &Sandbox) -> Store {
        Store::own(sandbox, false)
    }

    /// The same over TLS, with a certificate that only the cluster's own authority vouches for: ConfigMap
    /// `kube-root-ca.crt` of each namespace.
    pub(crate) fn on_own_s3_over_tls(sandbox: &Sandbox) -> Store {
        Store::own(sandbox, true)
    }

    fn own(sandbox: &Sandbox, tls: bool) -> Store {
        let mut server = Server::named("s3");
        let process = format!("s3-{}", sandbox.namespace);
        let mut hash = DefaultHasher::new();
        process.hash(&mut hash);
        let address = format!("10.77.0.2:{}", 20_000 + hash.finish() % 10_000);
        let scheme = if tls { "https" } else { "http" };
        server.access.insert("endpoint".to_owned(), format!("{scheme}://{address}"));
        server.access.insert("processes".to_owned(), process.clone());
        let mut store = Store::bucket(server, &process, sandbox);
        (store.own, store.tls) = (true, tls);
        store.serve(store.server.fact("secret-key"));
        store
    }

    /// (Re)starts the test's own server with this secret key: clients with another one are refused.
    pub(crate) fn serve(&self, secret_key: &str) {
        let process = self.server.fact("processes");
        let (cluster, address) = (cluster(), self.server.address());
        let access_key = format!("ROOT_ACCESS_KEY={}", self.server.fact("access-key"));
        let secret_key = format!("ROOT_SECRET_KEY={secret_key}");
        let (program, region) = (self.server.fact("program"), self.server.fact("region"));
        let (buckets, metadata) =
            (format!("{DATA}/{process}/buckets"), format!("{DATA}/{process}/metadata"));
        inside(&["mkdir", "-p", &metadata]);
        // Nothing of this name runs at first.
        let _ = xtask(&["cluster", "ctl", "--name", &cluster, "kill", process]);
        let run =
            ["cluster", "run", "--name", &cluster, "--env", &access_key, "--env", &secret_key];
        let server = [process, "--", program, "--port", address, "--region", region];
        let tls: &[&str] = if self.tls { &TLS } else { &[] };
        let backend = ["posix", "--sidecar", &metadata, &buckets];
        xtask(&[&run[..], &server, tls, &backend].concat()).unwrap();
        eventually("the server answers", Duration::from_secs(30), || {
            self.server.answers().then_some(())
        });
    }

    /// Has the test's own server stand still, or go on.
    pub(crate) fn stall(&self, stall: bool) {
        let (process, signal) =
            (self.server.fact("processes"), if stall { "STOP" } else { "CONT" });
        // No other process has this in its command line.
        let script = format!(
            "for one in /proc/[0-9]*; do tr '\\0' ' ' < $one/cmdline 2>/dev/null | grep -q ' [p]osix .*/{process}/buckets' && kill -{signal} ${{one#/proc/}} && found=1; done; test -n \"$found\""
        );
        inside(&["sh", "-c", &script]);
    }

    fn bucket(server: Server, process: &str, sandbox: &Sandbox) -> Store {
        let name = sandbox.namespace.clone();
        let folder = format!("{DATA}/{process}/buckets/{name}");
        // The server takes each folder for a bucket.
        inside(&["mkdir", "-p", &folder]);
        Store { server, name, folder, own: false, tls: false }
    }

    /// The paths of its objects, from the server's own files.
    pub(crate) fn objects(&self) -> Vec<String> {
        let found = inside(&["find", &self.folder, "-type", "f", "-printf", "%P\n"]);
        let mut paths: Vec<_> = found.lines().map(str::to_owned).collect();
        paths.sort();
        paths
    }

    /// Removes it with all that it holds, behind its users' backs.
    pub(crate) fn destroy(&self) {
        inside(&["rm", "-r", &self.folder]);
    }
}

/// Runs a command inside the node's namespaces and returns what it printed.
pub(super) fn inside(command: &[&str]) -> String {
    try_inside(command).unwrap()
}

fn try_inside(command: &[&str]) -> Result<String, String> {
    let cluster = cluster();
    xtask(&[&["cluster", "exec", "--name", &cluster, "--"], command].concat())
}

fn cluster() -> String {
    setting("KUBECTL_FLINK_TEST_CLUSTER")
}

/// What `cargo xtask` prints, or says when it fails.
fn xtask(args: &[&str]) -> Result<String, String> {
    let output = Command::new(setting("KUBECTL_FLINK_TEST_XTASK")).args(args).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(format!("{args:?} failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}
