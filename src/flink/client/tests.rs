use super::*;
use crate::flink::testing::{Answer, Fake, recorded, replay};
use crate::flink::types::CheckpointStatus;

fn job() -> JobId {
    JobId::derive(&["test"])
}

/// A client that answers every request with one recorded exchange.
fn answering(name: &'static str) -> FlinkClient {
    Fake::new(move |_, _, _| replay(name)).0
}

#[tokio::test]
async fn reads_recorded_answers() -> anyhow::Result<()> {
    let overview = answering("001-overview").overview().await.map_err(Error::from)?;
    assert_eq!((overview.taskmanagers, overview.slots_total), (1, 2));
    assert_eq!(overview.flink_version, "2.3.0");

    let jobs = answering("030-jobs").jobs().await.map_err(Error::from)?;
    let states: Vec<JobStatus> = jobs.iter().map(|job| job.status).collect();
    assert_eq!(states, [JobStatus::Failed, JobStatus::Running]);
    let status = answering("037-badsp-status").job_status(job()).await.map_err(Error::from)?;
    assert!(status.is_final());

    let config = answering("043-checkpoints-config").checkpoint_config(job()).await;
    let config = config.map_err(Error::from)?;
    assert!(config.is_periodic() && config.externalization.enabled);
    assert_eq!((config.interval, config.externalization.delete_on_cancellation), (10_000, false));
    Ok(())
}

#[tokio::test]
async fn a_job_runs_only_with_all_its_tasks() -> anyhow::Result<()> {
    let details = answering("040-job").job(job()).await.map_err(Error::from)?;
    assert_eq!((details.running_tasks(), details.all_running()), ((2, 2), true));
    let mut starting = recorded("040-job").1;
    starting["vertices"][1]["tasks"]["RUNNING"] = 0.into();
    starting["vertices"][1]["tasks"]["DEPLOYING"] = 1.into();
    let starting: JobDetails = serde_json::from_value(starting)?;
    assert_eq!((starting.running_tasks(), starting.all_running()), ((1, 2), false));
    let failed = answering("121-default-badsp-job").job(job()).await.map_err(Error::from)?;
    assert!(!failed.all_running(), "a job without vertices does not run");
    Ok(())
}

#[tokio::test]
async fn reads_checkpoints_in_every_state() -> anyhow::Result<()> {
    let running = answering("152-checkpoints-with-inprogress").checkpoints(job()).await;
    let running = running.map_err(Error::from)?;
    let savepoint = &running.history[0];
    assert_eq!((savepoint.status, savepoint.is_savepoint), (CheckpointStatus::InProgress, true));
    assert_eq!((savepoint.num_acknowledged_subtasks, savepoint.num_subtasks), (1, 2));

    let restored =
        answering("092-restore-checkpoints").checkpoints(job()).await.map_err(Error::from)?;
    let from = restored.latest.restored.and_then(|from| from.external_path);
    assert_eq!(
        from.as_deref(),
        Some("file:/flink-sample/state/savepoints/savepoint-28579a-61ee4d6cbd83")
    );

    let stopped =
        answering("083-checkpoints-after-stop").checkpoints(job()).await.map_err(Error::from)?;
    let savepoint = stopped.latest.savepoint.ok_or_else(|| anyhow::anyhow!("no savepoint"))?;
    assert_eq!(
        (savepoint.checkpoint_type.as_str(), savepoint.end_to_end_duration),
        ("SYNC_SAVEPOINT", 90)
    );
    let failed = stopped.latest.failed.and_then(|failed| failed.failure_message);
    assert!(failed.is_some_and(|message| message.contains("IO-problem")));
    assert_eq!(stopped.counts.restored, 1);
    Ok(())
}

#[tokio::test]
async fn a_completed_operation_with_a_failure_cause_has_failed() -> anyhow::Result<()> {
    let savepoint = Trigger::Savepoint { target_directory: None, format: SavepointFormat::Native };
    let id = TriggerId::derive(&["t"]);
    let poll = async |name| answering(name).poll(job(), &savepoint, id).await.map_err(Error::from);
    assert_eq!(poll("151-savepoint-big-inprogress").await?, OperationState::InProgress);
    let path = "file:/flink-sample/state/savepoints/savepoint-28579a-f9a009210b7f".parse()?;
    assert_eq!(poll("061-savepoint-status-final").await?, OperationState::Savepoint(path));
    assert_eq!(poll("052-checkpoint-status-final").await?, OperationState::Checkpoint(3));
    let OperationState::Failed(cause) = poll("066-savepoint-bad-dir-status-final").await? else {
        anyhow::bail!("a failed savepoint passes for a good one");
    };
    assert!(cause.contains("scheme 's3'"), "{cause}");
    let empty = Fake::new(|_, _, _| {
        Answer::Json(200, json!({"status": {"id": "COMPLETED"}, "operation": {}}))
    })
    .0;
    let state = empty.poll(job(), &savepoint, id).await.map_err(Error::from)?;
    assert!(matches!(state, OperationState::Failed(_)), "no path is no success");
    Ok(())
}

#[tokio::test]
async fn failures_come_from_the_job_else_from_its_application() -> anyhow::Result<()> {
    let of_job =
        answering("122-default-badsp-exceptions").failures(job()).await.map_err(Error::from)?;
    assert!(of_job[0].cause.starts_with("FileNotFoundException: Cannot find checkpoint"));
    assert_eq!(of_job[0].timestamp, 1_795_330_227_786);

    let (client, _) = Fake::new(|_, path, _| {
        let of_application = path.starts_with("/applications/");
        replay(if of_application {
            "036-badsp-application-exceptions"
        } else {
            "033-badsp-exceptions"
        })
    });
    let of_application = client.failures(job()).await.map_err(Error::from)?;
    assert!(of_application[0].cause.contains("file:///flink-sample/nope"));

    let old = json!({"root-exception": "java.lang.IllegalStateException: boom\n\tat a.B.c(B.java:1)",
                     "timestamp": 5, "all-exceptions": [], "exceptionHistory": {"entries": []}});
    let (client, _) = Fake::new(move |_, _, _| Answer::Json(200, old.clone()));
    let found = client.failures(job()).await.map_err(Error::from)?;
    assert_eq!((found[0].cause.as_str(), found[0].timestamp), ("IllegalStateException: boom", 5));
    Ok(())
}

#[tokio::test]
async fn each_trigger_spells_its_fields_as_its_endpoint_does() -> anyhow::Result<()> {
    let (client, fake) =
        Fake::new(|_, _, body| Answer::Json(202, json!({"request-id": body["triggerId"]})));
    let id = TriggerId::derive(&["t"]);
    let directory = Some("file:///flink/state/x".to_owned());
    let format = SavepointFormat::Canonical;
    let triggers = [
        Trigger::Savepoint { target_directory: directory.clone(), format },
        Trigger::Stop { target_directory: directory, format: SavepointFormat::Native, drain: true },
        Trigger::Savepoint { target_directory: None, format },
        Trigger::CHECKPOINT,
        Trigger::Checkpoint { full: true },
    ];
    for trigger in &triggers {
        client.trigger(job(), trigger, id).await.map_err(Error::from)?;
    }
    let id = id.to_string();
    let job = job();
    let expected = [
        ("savepoints", json!({"target-directory": "file:///flink/state/x", "cancel-job": false, "formatType": "CANONICAL", "triggerId": id})),
        ("stop", json!({"targetDirectory": "file:///flink/state/x", "drain": true, "formatType": "NATIVE", "triggerId": id})),
        ("savepoints", json!({"cancel-job": false, "formatType": "CANONICAL", "triggerId": id})),
        ("checkpoints", json!({"checkpointType": "CONFIGURED", "triggerId": id})),
        ("checkpoints", json!({"checkpointType": "FULL", "triggerId": id})),
    ]
    .map(|(path, body)| (format!("/jobs/{job}/{path}"), body));
    assert_eq!(fake.sent(&Method::POST), expected);
    Ok(())
}

#[tokio::test]
async fn a_flink_that_chooses_its_own_trigger_id_is_refused() {
    let error = answering("060-savepoint-trigger")
        .trigger(job(), &Trigger::CHECKPOINT, TriggerId::derive(&["t"]))
        .await
        .expect_err("another id");
    assert!(matches!(error, CallError::Failed(_)), "{error:?}");
}

#[tokio::test]
async fn errors_carry_the_cause_and_never_a_stack_trace() {
    let unknown = answering("011-unknown-job").job(job()).await.expect_err("unknown job");
    let CallError::NotFound(error) = unknown else { panic!("{unknown:?}") };
    assert_eq!(
        error.to_string(),
        "FlinkJobNotFoundException: Could not find Flink job (00000000000000000000000000000001)"
    );
    let refused = answering("120-default-bad-savepoint").job(job()).await.expect_err("refused");
    let CallError::Failed(error) = refused else { panic!("{refused:?}") };
    assert!(
        error.to_string().contains("Cannot find checkpoint or savepoint")
            && !error.to_string().contains("\tat ")
    );
    let odd = Fake::new(|_, _, _| Answer::Json(200, json!([1, 2]))).0;
    assert!(matches!(odd.job(job()).await, Err(CallError::Failed(_))));
}

#[tokio::test]
async fn what_a_jobmanager_ignores_while_it_starts_was_not_delivered() {
    for exception in
        ["FencingTokenException: Fencing token mismatch", "EndpointNotStartedException: Discard"]
    {
        let trace =
            format!("org.apache.flink.runtime.rpc.exceptions.{exception}\n\tat a.B.c(B.java:1)");
        let (flink, _) = Fake::new(move |_, _, _| {
            Answer::Json(500, json!({"errors": ["Internal server error.", trace]}))
        });
        let trigger = Trigger::CHECKPOINT;
        let polled = flink.poll(job(), &trigger, TriggerId::derive(&["t"])).await;
        assert!(matches!(polled, Err(CallError::NotDelivered(_))), "{polled:?}");
    }
}
