//! Flink as far as the verbs need it: one job in each JobManager that a Deployment asks for, with checkpoints and
//! savepoints that are real files. What it answers has the form of the recorded answers in `src/flink/testdata/`.
//! It is there to have faults injected around it, and it watches over what no fault may bring about; tests against
//! real Flink are in `e2e` and beside `faults::api`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Where pods see the disk.
pub(super) const MOUNT: &str = "/flink/state";
/// The head of every `_metadata` file, of version 6.
const METADATA: [u8; 8] = [0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 6];

/// The JobManagers of one namespace, and the volume that they write to.
#[derive(Debug, Default)]
pub(crate) struct Flink {
    /// What pods see as [`MOUNT`].
    disk: PathBuf,
    jobs: BTreeMap<String, Job>,
    /// What was triggered, by trigger id: a repeated id is the same operation.
    operations: BTreeMap<String, Value>,
    savepoints: Vec<String>,
    violations: Vec<String>,
    /// The job has come to the end of its input when it is told to stop.
    ends_first: bool,
    /// For so many more looks at a job, a task of it is starting.
    starting: u32,
}

#[derive(Debug)]
struct Job {
    /// The Deployment of its JobManager.
    jobmanager: String,
    /// Whether that has pods.
    up: bool,
    state: &'static str,
    from: Option<String>,
    /// The folder of its application's state.
    folder: String,
    /// How many snapshots it took.
    count: u64,
    checkpoint: Option<Value>,
    savepoint: Option<Value>,
}

impl Flink {
    /// Jobs that have come to the end of their input by the time they are told to stop. Others run until then.
    pub(crate) fn that_ends_first() -> Flink {
        Flink { ends_first: true, ..Flink::default() }
    }

    /// Jobs of which a task starts for so many looks at them, and that complete a checkpoint when they are cancelled
    /// until then.
    pub(crate) fn that_starts(looks: u32) -> Flink {
        Flink { starting: looks, ..Flink::default() }
    }

    /// The same, with its files below this folder.
    pub(super) fn on(self, disk: PathBuf) -> Flink {
        Flink { disk, ..self }
    }

    /// What pods see as [`MOUNT`].
    pub(super) fn disk(&self) -> &Path {
        &self.disk
    }

    /// How many savepoints were taken.
    pub(crate) fn savepoints(&self) -> usize {
        self.savepoints.len()
    }

    /// What must never happen, and did: two jobs at once, a job that began from nothing although there was state, a
    /// savepoint that is gone.
    pub(crate) fn violations(&self) -> Vec<String> {
        let gone = self.savepoints.iter().filter(|path| !self.exists(path));
        let gone = gone.map(|path| format!("{path} is gone"));
        self.violations.iter().cloned().chain(gone).collect()
    }

    /// The states of the jobs whose JobManagers have pods.
    pub(crate) fn states(&self) -> Vec<&'static str> {
        self.jobs.values().filter(|job| job.up).map(|job| job.state).collect()
    }

    /// Starts and ends JobManagers as these Deployments say.
    pub(super) fn sync(&mut self, deployments: &[Value]) {
        for job in self.jobs.values_mut() {
            job.up = false;
        }
        for deployment in deployments {
            let container = &deployment["spec"]["template"]["spec"]["containers"][0];
            let words = [&container["command"], &container["args"]];
            let words: Vec<_> = words.iter().filter_map(|w| w.as_array()).flatten().collect();
            let after = |flag: &str| {
                let at = words.iter().position(|word| *word == flag)?;
                words.get(at + 1)?.as_str().map(str::to_owned)
            };
            let Some(id) = after("--job-id") else { continue };
            let up = deployment["spec"]["replicas"].as_u64().unwrap_or(1) > 0;
            match self.jobs.get_mut(&id) {
                Some(job) => job.up = up,
                None if up => self.begin(id, after("--fromSavepoint"), &deployment["metadata"]),
                None => {}
            }
        }
        let running = |job: &&Job| job.up && job.state == "RUNNING";
        let running: Vec<_> = self.jobs.values().filter(running).map(|j| &j.jobmanager).collect();
        if running.len() > 1 {
            self.violations.push(format!("jobs run at once: {running:?}"));
        }
    }

    fn begin(&mut self, id: String, from: Option<String>, metadata: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let application = text(&metadata["labels"]["app.kubernetes.io/instance"]);
        let folder = format!("{MOUNT}/{}/{application}", text(&metadata["namespace"]));
        let state = match &from {
            Some(path) if self.exists(path) => "RUNNING",
            Some(_) => "FAILED",
            None => {
                if !self.snapshots(&folder).is_empty() {
                    self.violations.push(format!("{id} began from nothing, in spite of its state"));
                }
                "RUNNING"
            }
        };
        let job = Job {
            jobmanager: text(&metadata["name"]),
            up: true,
            state,
            from,
            folder,
            count: 0,
            checkpoint: None,
            savepoint: None,
        };
        self.jobs.insert(id, job);
    }

    /// The answer to one call to the Service of a JobManager: Flink's, or the API server's for want of one.
    pub(super) fn answer(
        &mut self,
        jobmanager: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        if !self.jobs.values().any(|job| job.up && job.jobmanager == jobmanager) {
            let message = format!("no endpoints available for service \"{jobmanager}:rest\"");
            return (
                503,
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": "ServiceUnavailable", "code": 503}),
            );
        }
        let parts: Vec<&str> = path.trim_start_matches('/').split(['/', '?']).collect();
        let ["jobs", id, rest @ ..] = &parts[..] else { return not_found() };
        let Some(job) = self.jobs.get(*id) else { return not_found() };
        let state = job.state;
        match (method, rest) {
            ("GET", []) if state == "RUNNING" && self.starting > 0 => {
                self.starting -= 1;
                (200, details(id, state, "INITIALIZING"))
            }
            ("GET", []) if state == "RUNNING" => (200, details(id, state, "RUNNING")),
            ("GET", []) => (200, details(id, state, "FINISHED")),
            ("GET", ["status"]) => (200, json!({"status": state})),
            ("GET", ["exceptions"]) => (200, json!({"exceptionHistory": {"entries": []}})),
            ("GET", ["checkpoints"]) => (200, job.checkpoints()),
            ("GET", ["checkpoints", "details", _]) => match &job.checkpoint {
                Some(checkpoint) => (200, checkpoint.clone()),
                None => not_found(),
            },
            ("GET", ["checkpoints" | "savepoints", trigger]) => {
                match self.operations.get(*trigger) {
                    Some(operation) => {
                        (200, json!({"status": {"id": "COMPLETED"}, "operation": operation}))
                    }
                    None => not_found(),
                }
            }
            ("PATCH", ["mode=cancel"]) => {
                if state == "RUNNING" {
                    if self.starting > 0 {
                        self.starting = 0;
                        self.take(id, "checkpoints", "");
                    }
                    self.jobs.get_mut(*id).unwrap().state = "CANCELED";
                }
                (202, json!({}))
            }
            ("POST", [what @ ("stop" | "savepoints" | "checkpoints")]) => {
                let trigger = body["triggerId"].as_str().unwrap().to_owned();
                if !self.operations.contains_key(&trigger) {
                    let directory = body["targetDirectory"].as_str();
                    let directory = directory.or(body["target-directory"].as_str());
                    let outcome = self.take(id, what, directory.unwrap_or_default());
                    self.operations.insert(trigger.clone(), outcome);
                }
                (202, json!({"request-id": trigger}))
            }
            _ => not_found(),
        }
    }

    /// Takes a snapshot, and ends the job if that is what it is for.
    fn take(&mut self, id: &str, what: &str, directory: &str) -> Value {
        let job = self.jobs.get_mut(id).unwrap();
        if self.ends_first && what == "stop" {
            job.state = "FINISHED";
            // The archived statistics do not tell that it is gone.
            let _ = fs::remove_dir_all(real(&self.disk, &format!("{}/checkpoints", job.folder)));
        }
        if job.state != "RUNNING" {
            return json!({"failure-cause": {"class": "java.util.concurrent.CompletionException",
                "stack-trace": format!("org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job ({id})")}});
        }
        job.count += 1;
        let checkpoints = format!("{}/checkpoints/{id}", job.folder);
        let (path, kind) = match what {
            "checkpoints" => (format!("file://{checkpoints}/chk-{}", job.count), "CHECKPOINT"),
            "stop" => (format!("{directory}/savepoint-{id:.6}-0123456789ab"), "SYNC_SAVEPOINT"),
            _ => (format!("{directory}/savepoint-{id:.6}-0123456789ab"), "SAVEPOINT"),
        };
        if kind != "SAVEPOINT" {
            // One checkpoint is retained, and none beyond a stop.
            let _ = fs::remove_dir_all(real(&self.disk, &checkpoints));
        }
        let folder = real(&self.disk, &path);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("_metadata"), METADATA).unwrap();
        let snapshot = json!({"id": job.count, "status": "COMPLETED", "checkpoint_type": kind,
            "is_savepoint": kind != "CHECKPOINT", "external_path": path});
        if kind == "CHECKPOINT" {
            job.checkpoint = Some(snapshot);
            return json!({"checkpointId": job.count});
        }
        if kind == "SYNC_SAVEPOINT" {
            job.state = "FINISHED";
            job.checkpoint.iter_mut().for_each(|checkpoint| checkpoint["discarded"] = true.into());
        }
        job.savepoint = Some(snapshot);
        self.savepoints.push(path.clone());
        json!({"location": path})
    }

    fn exists(&self, path: &str) -> bool {
        real(&self.disk, path).join("_metadata").is_file()
    }

    /// The complete snapshots below this folder.
    fn snapshots(&self, folder: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![real(&self.disk, folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.ends_with("_metadata") => found.push(path),
                    false => {}
                }
            }
        }
        found
    }
}

impl Job {
    fn checkpoints(&self) -> Value {
        let restored = self.from.as_ref().map(|path| json!({"id": 1, "external_path": path}));
        let latest = json!({"completed": self.checkpoint, "savepoint": self.savepoint,
            "failed": null, "restored": restored});
        let history: Vec<_> = self.savepoint.iter().chain(&self.checkpoint).collect();
        json!({"counts": {"total": self.count, "completed": self.count}, "latest": latest, "history": history})
    }
}

/// The place on this machine of a path or URI that pods see.
pub(super) fn real(disk: &Path, path: &str) -> PathBuf {
    let path = path.strip_prefix("file://").or(path.strip_prefix("file:")).unwrap_or(path);
    let inside = path.strip_prefix(MOUNT).unwrap_or_else(|| panic!("{path} is not mounted"));
    disk.join(inside.trim_start_matches('/'))
}

fn details(job: &str, state: &str, task: &str) -> Value {
    let vertex = json!({"id": job, "name": "Source", "parallelism": 1, "tasks": {task: 1}});
    json!({"jid": job, "name": "orders", "state": state, "vertices": [vertex]})
}

fn not_found() -> (u16, Value) {
    (404, json!({"errors": ["org.apache.flink.runtime.rest.NotFoundException: not found"]}))
}
