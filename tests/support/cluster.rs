//! A blocking line to the API server, beside the plugin, to arrange and to check.

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{Api, AttachParams, DeleteParams, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;

/// Where `cargo xtask test` says which API server to use.
const KUBECONFIG: &str = "KUBECTL_FLINK_TEST_KUBECONFIG";

/// A typed object as the API server stores it.
pub(crate) trait Object:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + serde::Serialize
{
}
impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + serde::Serialize> Object
    for K
{
}

/// The cluster under test.
pub(crate) struct Cluster {
    runtime: Runtime,
    client: Client,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// Connects to the cluster that `cargo xtask test` prepared.
    ///
    /// # Panics
    /// When there is none: these tests are ignored unless the task runs them.
    pub(crate) fn connect() -> Cluster {
        let kubeconfig = PathBuf::from(setting(KUBECONFIG));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let parsed = Kubeconfig::read_from(&kubeconfig).unwrap();
            let options = KubeConfigOptions::default();
            let mut config = Config::from_custom_kubeconfig(parsed, &options).await.unwrap();
            config.default_retry = false;
            Client::try_from(config).unwrap()
        });
        Cluster { runtime, client, kubeconfig }
    }

    /// The kubeconfig it was reached with.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The objects of one kind in a namespace.
    pub(crate) fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Object + Resource<Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The cluster-wide objects of one kind.
    pub(crate) fn api_all<K: Object>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    /// Waits for a request to the API server.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Creates `object` (JSON of its kind) in `api`.
    pub(crate) fn create<K: Object>(&self, api: &Api<K>, object: Value) -> K {
        let object: K = serde_json::from_value(object).unwrap();
        self.wait(api.create(&PostParams::default(), &object)).unwrap()
    }

    /// Everything in `api` with this label selector.
    pub(crate) fn list<K: Object>(&self, api: &Api<K>, labels: &str) -> Vec<K> {
        self.wait(api.list(&ListParams::default().labels(labels))).unwrap().items
    }

    /// The object of this name, if there is one.
    pub(crate) fn get<K: Object>(&self, api: &Api<K>, name: &str) -> Option<K> {
        self.wait(api.get_opt(name)).unwrap()
    }

    /// The answer to `GET` of this path, if it is JSON and a success.
    pub(crate) fn raw(&self, path: &str) -> Option<Value> {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.wait(self.client.request(request)).ok()
    }

    /// Runs a command in a pod's first container; returns its exit code and stdout.
    pub(crate) fn exec(&self, namespace: &str, pod: &str, command: &[&str]) -> (i32, String) {
        let api = self.api::<Pod>(namespace);
        let params = AttachParams::default().stderr(false);
        self.wait(async {
            let mut process = api.exec(pod, command.iter().copied(), &params).await.unwrap();
            let mut output = Vec::new();
            process.stdout().unwrap().read_to_end(&mut output).await.unwrap();
            let status = process.take_status().unwrap().await.unwrap_or_default();
            process.join().await.unwrap();
            (exit_code(&status), String::from_utf8(output).unwrap())
        })
    }

    /// Asks for its deletion; that it is gone already is fine.
    pub(crate) fn delete<K: Object>(&self, api: &Api<K>, name: &str) {
        let _ = self.wait(api.delete(name, &DeleteParams::background()));
    }
}

/// The exit code in the last message of an exec: absent when it is 0.
fn exit_code(status: &Status) -> i32 {
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    match status.status.as_deref() {
        Some("Success") => 0,
        _ => causes.filter_map(|c| c.message.as_ref()?.parse().ok()).next().unwrap_or(-1),
    }
}

/// Asks again and again until `question` has an answer.
///
/// # Panics
/// When it has none within `limit`.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    limit: Duration,
    mut question: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A variable that `cargo xtask test` sets.
pub(crate) fn setting(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run this through `cargo xtask test`"))
}
