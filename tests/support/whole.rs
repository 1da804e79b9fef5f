//! What has to hold after every disturbance: one job or none, and no object, snapshot or record too many or
//! too few.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Resource;
use regex_lite::Regex;

use super::cluster::Object;
use super::records::exactly_once;
use super::{App, MOUNT, PATIENCE, Sandbox, eventually};

/// What an application of generation `N` consists of while its job runs: kind and name.
const RUNNING: &[&str] = &[
    "ConfigMap app-gN-JOB-config-map",
    "ConfigMap app-gN-cluster-config-map",
    "ConfigMap app-gN-config",
    "Deployment app-gN-jobmanager",
    "Deployment app-gN-taskmanager",
    "NetworkPolicy app-gN",
    "PersistentVolumeClaim app-state",
    "Pod app-gN-jobmanager",
    "Pod app-gN-taskmanager",
    "PodDisruptionBudget app-gN",
    "Role app",
    "RoleBinding app",
    "Service app-gN-jobmanager",
    "Service app-rest",
    "ServiceAccount app",
];

impl App<'_> {
    /// Fails unless exactly the application's one active generation is there, its one job runs, nothing
    /// unfinished is left, and every record up to now was committed once and goes on being so. Returns how
    /// many records that are.
    #[track_caller]
    pub(crate) fn is_whole(&self) -> u64 {
        let (number, objects) = (self.generation(), self.objects());
        let expected: Vec<_> = RUNNING.iter().map(|name| self.named(name, number)).collect();
        assert_eq!(objects, expected, "other objects than those of generation {number}");
        assert_eq!(self.revisions().last(), Some(&number), "the active one is the newest");
        self.wait_for_job("RUNNING");
        let before = exactly_once(&self.committed());
        self.wait_for_commits(before + 100)
    }

    /// Fails unless the application rests: no pod, nothing unfinished, its objects and its claim.
    #[track_caller]
    pub(crate) fn is_at_rest(&self) {
        let number = self.generation();
        // Flink keeps the job's ConfigMap as long as the job, and the cluster's as long as the JobManager.
        let at_rest = |name: &&&str| !name.starts_with("Pod ") && !name.contains("-JOB-");
        let expected = RUNNING.iter().filter(at_rest).map(|name| self.named(name, number));
        assert_eq!(self.objects(), expected.collect::<Vec<_>>());
    }

    /// Fails unless the claim is all that is left.
    #[track_caller]
    pub(crate) fn is_gone(&self) {
        assert_eq!(self.objects(), [format!("PersistentVolumeClaim {}-state", self.name)]);
        assert_eq!(self.revisions(), [0; 0]);
    }

    /// The URIs of the complete savepoints on the storage.
    pub(crate) fn savepoints(&self) -> Vec<String> {
        let root = format!("{MOUNT}/{}/{}/savepoints", self.sandbox.namespace, self.name);
        let found = self.shell(&format!("find {root} -name _metadata 2>/dev/null | sort || true"));
        found
            .lines()
            .map(|line| format!("file://{}", line.trim_end_matches("/_metadata")))
            .collect()
    }

    fn named(&self, name: &str, generation: u64) -> String {
        name.replace(" app", &format!(" {}", self.name)).replace("-gN", &format!("-g{generation}"))
    }

    /// Kind and name of each object in the namespace but the revisions; once pods have stopped going.
    fn objects(&self) -> Vec<String> {
        let ids = Regex::new("[0-9a-f]{32}").unwrap();
        let pods = Regex::new(r"^(Pod .*?manager)-.*$").unwrap();
        eventually("the pods that go are gone", PATIENCE, || {
            let pods = self.sandbox.cluster.api::<Pod>(&self.sandbox.namespace);
            let pods = self.sandbox.cluster.list(&pods, "");
            pods.iter().all(|pod| pod.metadata.deletion_timestamp.is_none()).then_some(())
        });
        let sandbox = self.sandbox;
        let mut names = [
            names::<ConfigMap>(sandbox),
            names::<Deployment>(sandbox),
            names::<Ingress>(sandbox),
            names::<Lease>(sandbox),
            names::<NetworkPolicy>(sandbox),
            names::<PersistentVolumeClaim>(sandbox),
            names::<Pod>(sandbox),
            names::<PodDisruptionBudget>(sandbox),
            names::<Role>(sandbox),
            names::<RoleBinding>(sandbox),
            names::<Service>(sandbox),
            names::<ServiceAccount>(sandbox),
        ]
        .concat();
        // What Kubernetes puts into every namespace.
        names.retain(|name| {
            name != "ConfigMap kube-root-ca.crt" && name != "ServiceAccount default"
        });
        let plain =
            |name: &String| pods.replace(&ids.replace_all(name, "JOB"), "${1}").into_owned();
        let mut names: Vec<_> = names.iter().map(plain).collect();
        names.sort();
        names
    }

    /// The generations on record.
    fn revisions(&self) -> Vec<u64> {
        let records = self.sandbox.cluster.api::<ControllerRevision>(&self.sandbox.namespace);
        let records = self.sandbox.cluster.list(&records, "");
        let number = |name: &str| name.rsplit('-').next()?.parse().ok();
        let mut numbers: Vec<u64> =
            records.iter().filter_map(|record| number(record.metadata.name.as_deref()?)).collect();
        numbers.sort_unstable();
        numbers
    }
}

fn names<K>(sandbox: &Sandbox) -> Vec<String>
where
    K: Object + Resource<Scope = NamespaceResourceScope>,
{
    let objects = sandbox.cluster.list(&sandbox.cluster.api::<K>(&sandbox.namespace), "");
    let name = |object: &K| format!("{} {}", K::kind(&()), object.meta().name.clone().unwrap());
    objects.iter().map(name).collect()
}
