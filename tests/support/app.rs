//! An application under test: the counter job, small enough for a small node.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use serde_json::json;

use super::records::{self, Record};
use super::{Outcome, Sandbox, eventually, killer, setting};

/// A deploy pulls nothing here, but several JVMs start on two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Small JVMs, frequent checkpoints, and TaskManagers that look for their JobManager often.
const SMALL: &[&str] = &[
    "--jobmanager-memory=512m",
    "--taskmanager-memory=576m",
    "--set=jobmanager.memory.jvm-metaspace.size=96m",
    "--set=jobmanager.memory.off-heap.size=64m",
    "--set=jobmanager.memory.jvm-overhead.min=64m",
    "--set=jobmanager.memory.jvm-overhead.max=64m",
    "--set=taskmanager.memory.jvm-metaspace.size=96m",
    "--set=taskmanager.memory.jvm-overhead.min=64m",
    "--set=taskmanager.memory.jvm-overhead.max=64m",
    "--set=taskmanager.memory.framework.heap.size=64m",
    "--set=taskmanager.memory.framework.off-heap.size=64m",
    "--set=taskmanager.memory.network.min=16m",
    "--set=taskmanager.memory.network.max=16m",
    "--set=taskmanager.memory.managed.size=32m",
    "--jobmanager-cpu=0.1",
    "--taskmanager-cpu=0.1",
    "--set=kubernetes.jobmanager.cpu.limit-factor=20",
    "--set=kubernetes.taskmanager.cpu.limit-factor=20",
    "--set=execution.checkpointing.interval=2s",
];

/// Where the application's storage is mounted in its pods.
pub(crate) const MOUNT: &str = "/flink/state";

/// An application of one sandbox.
pub(crate) struct App<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) name: &'a str,
    /// The Flink version: `2.3` or `1.20`.
    version: &'a str,
    /// Where its pods have the volume with the job's output.
    output: &'static str,
}

/// Where the volume with the job's output is mounted that has nothing else on it.
const OUTPUT: &str = "/flink/out";

impl<'a> App<'a> {
    /// On the newest Flink.
    pub(crate) fn new(sandbox: &'a Sandbox, name: &'a str) -> Self {
        App { sandbox, name, version: "2.3", output: MOUNT }
    }

    /// On this Flink.
    pub(crate) fn on_flink(sandbox: &'a Sandbox, name: &'a str, version: &'a str) -> Self {
        App { sandbox, name, version, output: MOUNT }
    }

    /// With a volume for the job's output alone, for a test to read: the state goes elsewhere.
    pub(crate) fn with_output(self) -> Self {
        let claims = self.sandbox.cluster.api::<PersistentVolumeClaim>(&self.sandbox.namespace);
        self.sandbox.cluster.create(
            &claims,
            json!({"metadata": {"name": "out"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        );
        App { output: OUTPUT, ..self }
    }

    /// The command line that deploys the counter job with these further flags and job arguments. The
    /// job appends each record to a file, and commits it exactly once to a folder.
    pub(crate) fn deploy_args(&self, flags: &[&str], job: &[&str]) -> Vec<String> {
        let jar = format!("--jar={}", setting("KUBECTL_FLINK_TEST_JAR"));
        let version = format!("--flink-version={}", self.version);
        let output = self.output;
        let (lines, commit) =
            (format!("{output}/out/lines"), format!("file://{output}/out/commit"));
        let mut args = vec!["deploy", self.name, &jar, &version, "--class=jobs.CounterJob"];
        args.extend(SMALL);
        if !flags.iter().any(|flag| flag.starts_with("--storage")) {
            args.push("--storage=pvc:1Gi");
        }
        if output == OUTPUT {
            args.push("--mount=claim/out:/flink/out");
            // A store's plugin brings thousands of classes.
            args.push("--set=jobmanager.memory.jvm-metaspace.size=160m");
            args.push("--set=taskmanager.memory.jvm-metaspace.size=160m");
        }
        args.extend(flags);
        args.extend(["--", "--lines", &lines, "--commit", &commit]);
        args.extend(job);
        args.into_iter().map(String::from).collect()
    }

    /// Deploys and waits for the outcome.
    pub(crate) fn deploy(&self, flags: &[&str], job: &[&str]) -> Outcome {
        self.sandbox.run_for(PATIENCE, &self.deploy_args(flags, job))
    }

    /// Deploys another job than the counter, and waits for the outcome.
    pub(crate) fn deploy_job(&self, jar: &str, class: &str, flags: &[&str]) -> Outcome {
        let (jar, class) = (format!("--jar={jar}"), format!("--class={class}"));
        let version = format!("--flink-version={}", self.version);
        let args = ["deploy", self.name, &jar, &class, &version, "--storage=pvc:1Gi"];
        // Few enough records to be read as a whole, again and again.
        let job = ["--", "--rate", "20"];
        self.sandbox.run_for(PATIENCE, &[&args[..], SMALL, flags, &job].concat())
    }

    /// Runs `kubectl flink VERB NAME ARGS…`.
    pub(crate) fn run(&self, verb: &str, args: &[&str]) -> Outcome {
        self.sandbox.run_for(PATIENCE, &[&[verb, self.name], args].concat())
    }

    /// The pods of this application that have this role and are not on their way out.
    pub(crate) fn pods(&self, component: &str) -> Vec<Pod> {
        let labels = format!(
            "app.kubernetes.io/instance={},app.kubernetes.io/component={component}",
            self.name
        );
        let pods = self.sandbox.cluster.api::<Pod>(&self.sandbox.namespace);
        let mut pods = self.sandbox.cluster.list(&pods, &labels);
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        pods
    }

    /// Whether the first container of this role's pod runs.
    pub(crate) fn is_running(&self, component: &str) -> bool {
        let pods = self.pods(component).into_iter();
        let statuses = pods.filter_map(|pod| pod.status?.container_statuses);
        statuses.flatten().any(|status| status.state.is_some_and(|state| state.running.is_some()))
    }

    /// Deletes the ConfigMaps in which Flink keeps its leaders and the pointers to its checkpoints.
    pub(crate) fn forget_leaders(&self) {
        let maps = self.sandbox.cluster.api::<ConfigMap>(&self.sandbox.namespace);
        let found = self.sandbox.cluster.list(&maps, "type=flink-native-kubernetes");
        assert!(!found.is_empty(), "no high availability");
        for map in found {
            self.sandbox.cluster.delete(&maps, &map.metadata.name.unwrap());
        }
    }

    /// Runs a shell command in a TaskManager, which has the storage mounted.
    pub(crate) fn shell(&self, command: &str) -> String {
        let pods = self.pods("taskmanager");
        let pod = pods.first().and_then(|pod| pod.metadata.name.as_deref()).expect("a TaskManager");
        let command = ["sh", "-c", command];
        let (code, output) = self.sandbox.cluster.exec(&self.sandbox.namespace, pod, &command);
        assert!(code == 0, "{command:?} ended with {code}: {output}");
        output
    }

    /// Ends the JVM of the pod of this role at once, as `kill -9` does.
    pub(crate) fn kill_jvm(&self, component: &str) {
        self.kill_jvm_of(&self.pods(component)[0]);
    }

    /// Ends the JVM of this pod at once.
    pub(crate) fn kill_jvm_of(&self, pod: &Pod) {
        killer::kill(&self.sandbox.cluster, pod);
    }

    /// How often the containers of this role's pods were started again.
    pub(crate) fn restarts(&self, component: &str) -> i32 {
        let pods = self.pods(component).into_iter();
        let statuses = pods.filter_map(|pod| pod.status?.container_statuses);
        statuses.flatten().map(|status| status.restart_count).sum()
    }

    /// The number of records that the state in the snapshot at `path` (a `file:` URI) had counted, by
    /// the job's own word: the counter it printed while it took that snapshot.
    pub(crate) fn counted_in(&self, path: &str) -> u64 {
        let logs = self.run("logs", &["--component", "taskmanager"]).success();
        self.counted_by(&logs, path)
    }

    /// The same, by what the job had printed so far (`logs`): its pods may be gone.
    pub(crate) fn counted_by(&self, logs: &str, path: &str) -> u64 {
        let file = path.strip_prefix("file:").expect("a file: URI");
        // `_metadata` begins with a magic number, its version (4 bytes each) and the checkpoint's id.
        let id = self.shell(&format!("od -An -t u8 --endian=big -j8 -N8 '{file}/_metadata'"));
        let told = format!(" snapshot={}", id.trim());
        let line = logs.lines().find(|line| line.ends_with(&told));
        let line = line.unwrap_or_else(|| panic!("no line ends with {told:?}\n{logs}"));
        let (_, counter) = line[..line.len() - told.len()].rsplit_once("counter=").unwrap();
        counter.parse().unwrap()
    }

    /// Every record that passed the job, in order of time; records after a checkpoint come again
    /// after a failure.
    pub(crate) fn lines(&self) -> Vec<Record> {
        records::parse(&self.shell(&format!("cat {}/out/lines", self.output)))
    }

    /// The records that a completed checkpoint has committed.
    pub(crate) fn committed(&self) -> Vec<Record> {
        let part = format!("{}/out/commit/part-*", self.output);
        records::parse(&self.shell(&format!("cat {part} 2>/dev/null || true")))
    }

    /// Waits until at least `n` records are committed; checks that they are the first ones.
    pub(crate) fn wait_for_commits(&self, n: u64) -> u64 {
        eventually(&format!("{n} committed records"), PATIENCE, || {
            Some(records::exactly_once(&self.committed())).filter(|count| *count >= n)
        })
    }
}
