//! Proofs against a JobManager that is played.

use serde_json::{Value, json};

use super::*;
use crate::flink::testing::{Answer, Fake};
use crate::ops::testing::{operation, revision, snapshot};

/// A job that was restored from this, whose checkpoints complete as long as it is `state`.
fn jobmanager(restored: Option<&str>, state: &'static str) -> FlinkClient {
    let restored = restored.map(|name| json!({"id": 1, "external_path": snapshot(name).as_str()}));
    let completes = state == "RUNNING";
    let vertex = json!({"id": "v", "name": "Source", "parallelism": 1, "tasks": {"RUNNING": 1}});
    let script = move |method: &http::Method, path: &str, body: &Value| {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        Answer::Json(
            200,
            match (method.as_str(), &parts[2..]) {
                ("GET", []) => {
                    json!({"jid": parts[1], "name": "orders", "state": state, "vertices": [vertex.clone()]})
                }
                ("GET", ["status"]) => json!({"status": state}),
                ("GET", ["exceptions"]) => json!({"exceptionHistory": {"entries": []}}),
                ("POST", ["checkpoints"]) => json!({"request-id": body["triggerId"]}),
                ("GET", ["checkpoints"]) => json!({"counts": {}, "latest": {"restored": restored}}),
                ("GET", ["checkpoints", "details", _]) => {
                    json!({"id": 1, "status": "COMPLETED", "checkpoint_type": "CHECKPOINT", "is_savepoint": false,
                    "external_path": "file:///flink/state/shop/orders/checkpoints/ab/chk-1"})
                }
                ("GET", ["checkpoints", _]) if completes => {
                    json!({"status": {"id": "COMPLETED"}, "operation": {"checkpointId": 1}})
                }
                ("GET", ["checkpoints", _]) => {
                    let cause =
                        json!({"class": "x", "stack-trace": "java.lang.IllegalStateException: no"});
                    json!({"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}})
                }
                other => panic!("{other:?}"),
            },
        )
    };
    Fake::new(script).0
}

async fn proven(flink: &FlinkClient, from: Option<&str>) -> Result<Proof> {
    let revision = Revision { restored_from: from.map(snapshot), ..revision(4) };
    let deadline = Deadline::after(Duration::from_secs(60));
    prove(flink, &revision, &operation(), deadline, &mut Vec::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_from_the_right_snapshot_and_completes_a_checkpoint_is_proven() {
    let proof = proven(&jobmanager(Some("savepoint-1"), "RUNNING"), Some("savepoint-1")).await;
    let proof = proof.expect("a proof");
    assert_eq!(proof.restored_from, Some(snapshot("savepoint-1")));
    assert!(proof.checkpoint.is_some_and(|path| path.name() == "chk-1") && !proof.finished);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_started_from_something_else_is_not_proven() {
    for (restored, words) in [(Some("savepoint-2"), "savepoint-2"), (None, "empty state")] {
        let error = proven(&jobmanager(restored, "RUNNING"), Some("savepoint-1")).await;
        let error = error.expect_err("another snapshot");
        assert_eq!(error.kind(), Kind::Flink);
        assert!(error.to_string().contains("savepoint-1") && error.to_string().contains(words));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_before_its_first_checkpoint_is_not_proven() {
    let error = proven(&jobmanager(None, "FAILED"), None).await.expect_err("it failed");
    assert_eq!(error.kind(), Kind::Flink);
    let finished = proven(&jobmanager(None, "FINISHED"), None).await.expect("it is done");
    assert!(finished.finished && finished.checkpoint.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_again_and_again_is_given_up() {
    let entry = json!({"exceptionName": "x", "stacktrace": "java.lang.IllegalStateException: no disk", "timestamp": 1});
    let failures = |count: usize| {
        let entries = vec![entry.clone(); count];
        let (flink, _) = Fake::new(move |_, _, _| {
            Answer::Json(200, json!({"exceptionHistory": {"entries": entries}}))
        });
        flink
    };
    let job = revision(4).job_id;
    assert!(keeps_failing(&failures(FAILURES_UNTIL_GIVEN_UP - 1), job).await.is_none());
    let error = keeps_failing(&failures(FAILURES_UNTIL_GIVEN_UP), job).await.expect("enough");
    assert!(error.to_string().contains("no disk"), "{error}");
}
