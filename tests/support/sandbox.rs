//! One test's own place: a namespace, a home directory, a kubeconfig.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::PostParams;
use kube::config::Kubeconfig;
use regex_lite::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Cluster, Outcome, Running};

/// The plugin, built by cargo for this test run.
const PLUGIN: &str = env!("CARGO_BIN_EXE_kubectl-flink");

/// Runs the plugin with nothing from this machine: an environment of its own, a home of its own,
/// a namespace of its own that goes with the test.
pub(crate) struct Sandbox {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
    dir: TempDir,
}

impl Sandbox {
    /// A namespace that enforces PodSecurity `restricted`, so that every test proves it enough.
    pub(crate) fn new() -> Sandbox {
        let cluster = Cluster::connect();
        let dir = tempfile::Builder::new().prefix("kubectl-flink-").tempdir().unwrap();
        let namespace = cluster
            .create(
                &cluster.api_all::<Namespace>(),
                json!({"metadata": {
                    "generateName": "test-",
                    "labels": {
                        "kubectl-flink.io/test": "true",
                        "pod-security.kubernetes.io/enforce": "restricted",
                    },
                }}),
            )
            .metadata
            .name
            .unwrap();
        let sandbox = Sandbox { cluster, namespace, dir };
        sandbox.write_kubeconfig();
        sandbox
    }

    /// The kubeconfig as a user would have it: the namespace is that of the current context.
    fn write_kubeconfig(&self) {
        let config = Kubeconfig::read_from(self.cluster.kubeconfig()).unwrap();
        self.write_config("kubeconfig", &config);
        self.edit_kubeconfig("kubeconfig", |config| {
            // One context, whose name does not tell which cluster the tests run on.
            let current = config.current_context.replace("test".to_owned()).unwrap();
            config.contexts.retain(|context| context.name == current);
            let context = &mut config.contexts[0];
            context.name = "test".to_owned();
            context.context.as_mut().unwrap().namespace = Some(self.namespace.clone());
        });
    }

    /// Writes a changed copy of the kubeconfig.
    pub(crate) fn edit_kubeconfig(&self, name: &str, edit: impl FnOnce(&mut Kubeconfig)) {
        let mut config = Kubeconfig::read_from(self.path("kubeconfig")).unwrap();
        edit(&mut config);
        self.write_config(name, &config);
    }

    fn write_config(&self, name: &str, config: &Kubeconfig) {
        // JSON is YAML. The type keeps secrets out of its own output, so this goes through its fields.
        self.write(name, serde_json::to_string_pretty(config).unwrap());
    }

    /// Writes the kubeconfig of a new service account that may do what `rules` (of a Role) say.
    pub(crate) fn write_user(&self, name: &str, rules: &Value) {
        let (cluster, namespace) = (&self.cluster, self.namespace.as_str());
        let accounts = cluster.api::<ServiceAccount>(namespace);
        cluster.create(&accounts, json!({"metadata": {"name": name}}));
        cluster.create::<Role>(
            &cluster.api(namespace),
            json!({"metadata": {"name": name}, "rules": rules}),
        );
        cluster.create::<RoleBinding>(
            &cluster.api(namespace),
            json!({
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            }),
        );
        let request = serde_json::from_value(json!({"spec": {"audiences": []}})).unwrap();
        let token = cluster
            .wait(accounts.create_token_request(name, &PostParams::default(), &request))
            .unwrap()
            .status
            .unwrap()
            .token;
        self.edit_kubeconfig(name, |config| {
            let user = config.auth_infos[0].auth_info.as_mut().unwrap();
            *user = serde_json::from_value(json!({"token": token})).unwrap();
        });
    }

    /// Creates a StorageClass of this provisioner, which goes with the test; returns its name.
    pub(crate) fn storage_class(&self, provisioner: &str) -> String {
        let class: StorageClass = self.cluster.create(
            &self.cluster.api_all(),
            json!({
                "metadata": {"name": self.namespace},
                "provisioner": provisioner,
                "volumeBindingMode": "WaitForFirstConsumer",
            }),
        );
        class.metadata.name.unwrap()
    }

    /// A path in the test's home directory, which is also the plugin's working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file there, and the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The plugin with these arguments, ready to start.
    pub(crate) fn command<S: AsRef<str>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(PLUGIN);
        command
            .args(args.iter().map(AsRef::as_ref))
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1");
        command
    }

    /// Runs the plugin; two minutes are plenty for what does not wait for pods.
    pub(crate) fn run<S: AsRef<str>>(&self, args: &[S]) -> Outcome {
        self.run_for(Duration::from_secs(120), args)
    }

    /// Runs the plugin for at most `limit`.
    pub(crate) fn run_for<S: AsRef<str>>(&self, limit: Duration, args: &[S]) -> Outcome {
        self.finish(Running::start(&mut self.command(args)), limit)
    }

    /// Runs a command that was made with [`Sandbox::command`].
    pub(crate) fn start(&self, command: &mut Command) -> Outcome {
        self.finish(Running::start(command), Duration::from_secs(120))
    }

    /// Waits for a plugin that was started by hand.
    pub(crate) fn finish(&self, running: Running, limit: Duration) -> Outcome {
        let (status, stdout, stderr) = running.finish(limit);
        let code = status.code().unwrap_or(-1);
        Outcome { code, stdout, stderr, redactions: self.redactions() }
    }

    /// What differs from run to run. Replacements are as long as what they replace where columns
    /// depend on it.
    fn redactions(&self) -> Vec<(Regex, String)> {
        let dir = regex_escape(&self.dir.path().to_string_lossy());
        let namespace = regex_escape(&self.namespace);
        [
            (dir.as_str(), "$$HOME"),
            (namespace.as_str(), "test-00000"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
            // Ages, which stand at the end of a row.
            (r"(?m)(\s)\d+[smh]$", "${1}AGE"),
            // In a wide table they stand in the middle.
            (r"(\s)(\d[smh] |\d\d[smh])( )", "${1}AGE${3}"),
            (r"[0-9a-f]{32}", "00000000000000000000000000job-id"),
            (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        ]
        .into_iter()
        .map(|(pattern, to)| (Regex::new(pattern).unwrap(), to.to_owned()))
        .collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", super::report::describe(&self.cluster, &self.namespace));
        }
        if std::env::var_os("KUBECTL_FLINK_TEST_KEEP").is_none() {
            self.cluster.delete(&self.cluster.api_all::<Namespace>(), &self.namespace);
            self.cluster.delete(&self.cluster.api_all::<StorageClass>(), &self.namespace);
        }
    }
}

fn regex_escape(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect()
}
