//! A JobManager that plays one running job, as far as a stop and a cancellation need it. What it answers
//! has the form of the recorded answers in `src/flink/testdata/`. Tests against real Flink are in `e2e`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The jobs: each runs until it is stopped or cancelled.
#[derive(Debug, Default)]
pub(crate) struct Flink {
    ended: BTreeMap<String, &'static str>,
    /// Savepoints by trigger id; a repeated id is the same savepoint.
    savepoints: BTreeMap<String, String>,
    /// Numbers of checkpoints by trigger id. What is asked about them before there is one is not known.
    checkpoints: BTreeMap<String, usize>,
}

impl Flink {
    /// How many savepoints were taken.
    pub(crate) fn savepoints(&self) -> usize {
        self.savepoints.len()
    }

    /// The answer to one call.
    pub(crate) fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_start_matches('/').split(['/', '?']).collect();
        let job = parts.get(1).copied().unwrap_or_default().to_owned();
        let state = self.ended.get(&job).copied().unwrap_or("RUNNING");
        match (method, &parts[..]) {
            ("GET", ["jobs", job]) => (200, details(job, state)),
            ("GET", ["jobs", _, "status"]) => (200, json!({"status": state})),
            ("PATCH", ["jobs", _, "mode=cancel"]) => {
                self.ended.entry(job).or_insert("CANCELED");
                (202, json!({}))
            }
            ("POST", ["jobs", _, "stop"]) => {
                let trigger = body["triggerId"].as_str().unwrap().to_owned();
                let directory = body["targetDirectory"].as_str().unwrap();
                let path = format!("{directory}/savepoint-{job:.6}-0123456789ab");
                self.savepoints.entry(trigger.clone()).or_insert(path);
                self.ended.entry(job).or_insert("FINISHED");
                (202, json!({"request-id": trigger}))
            }
            ("POST", ["jobs", job, "savepoints"]) => {
                let trigger = body["triggerId"].as_str().unwrap().to_owned();
                let directory = body["target-directory"].as_str().unwrap();
                let path = format!("{directory}/savepoint-{job:.6}-0123456789ab");
                self.savepoints.entry(trigger.clone()).or_insert(path);
                (202, json!({"request-id": trigger}))
            }
            ("POST", ["jobs", _, "checkpoints"]) => {
                let trigger = body["triggerId"].as_str().unwrap().to_owned();
                let number = self.checkpoints.len() + 1;
                self.checkpoints.entry(trigger.clone()).or_insert(number);
                (202, json!({"request-id": trigger}))
            }
            ("GET", ["jobs", job, "checkpoints"]) if !self.checkpoints.is_empty() => {
                let newest = checkpoint(job, self.checkpoints.len());
                let answer =
                    json!({"counts": {}, "latest": {"completed": newest}, "history": [newest]});
                (200, answer)
            }
            ("GET", ["jobs", job, "checkpoints", "details", number]) => {
                (200, checkpoint(job, number.parse().unwrap()))
            }
            ("GET", ["jobs", _, "checkpoints", trigger]) => match self.checkpoints.get(*trigger) {
                Some(number) => {
                    let operation = json!({"checkpointId": number});
                    (200, json!({"status": {"id": "COMPLETED"}, "operation": operation}))
                }
                None => not_found(),
            },
            ("GET", ["jobs", _, "savepoints", trigger]) => match self.savepoints.get(*trigger) {
                Some(path) => {
                    (200, json!({"status": {"id": "COMPLETED"}, "operation": {"location": path}}))
                }
                None => not_found(),
            },
            _ => not_found(),
        }
    }
}

fn details(job: &str, state: &str) -> Value {
    let tasks = if state == "RUNNING" { json!({"RUNNING": 1}) } else { json!({"FINISHED": 1}) };
    let vertex = json!({"id": job, "name": "Source", "parallelism": 1, "tasks": tasks});
    json!({"jid": job, "name": "orders", "state": state, "vertices": [vertex]})
}

fn checkpoint(job: &str, number: usize) -> Value {
    json!({"id": number, "status": "COMPLETED", "is_savepoint": false, "checkpoint_type": "CHECKPOINT",
        "trigger_timestamp": 1_767_225_600_000_u64, "end_to_end_duration": 40, "state_size": 2048,
        "checkpointed_size": 1024, "num_subtasks": 1, "num_acknowledged_subtasks": 1,
        "external_path": format!("file:///flink/state/checkpoints/{job}/chk-{number}")})
}

fn not_found() -> (u16, Value) {
    (404, json!({"errors": ["org.apache.flink.runtime.rest.NotFoundException: not found"]}))
}
