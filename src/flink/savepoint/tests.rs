use super::*;
use crate::flink::testing::{Answer, Fake, replay};
use crate::model::snapshot::SavepointFormat;
use http::Method;
use serde_json::{Value, json};
use std::collections::HashSet;

const PATH: &str = "file:/flink-sample/state/savepoints/savepoint-28579a-f9a009210b7f";

fn savepoint() -> Trigger {
    Trigger::Savepoint { target_directory: None, format: SavepointFormat::Native }
}

fn stop() -> Trigger {
    Trigger::Stop { target_directory: None, format: SavepointFormat::Native, drain: false }
}

fn attempt(number: u32) -> TriggerId {
    TriggerId::derive(&["attempt", &number.to_string()])
}

fn accept(body: &Value) -> Answer {
    Answer::Json(202, json!({"request-id": body["triggerId"]}))
}

async fn run(
    client: &FlinkClient,
    trigger: &Trigger,
    limit: Duration,
) -> Result<(Outcome, Vec<SnapshotProgress>)> {
    let operation = SnapshotOperation {
        flink: client,
        job: JobId::derive(&["test"]),
        trigger,
        attempt_id: &attempt,
    };
    let mut seen = Vec::new();
    let outcome = operation.run(Deadline::after(limit), &mut |p| seen.push(p)).await?;
    Ok((outcome, seen))
}

const MINUTES: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn a_savepoint_completes_with_the_path_that_the_poll_returns() -> Result<()> {
    let (client, fake) = Fake::new(|method, _, body| match *method {
        Method::POST => accept(body),
        _ => replay("061-savepoint-status-final"),
    });
    let begun = Instant::now();
    let (outcome, _) = run(&client, &savepoint(), MINUTES).await?;
    assert_eq!(outcome, Outcome::Completed(PATH.parse()?));
    assert!(begun.elapsed() < Duration::from_millis(60), "overhead {:?}", begun.elapsed());
    let posts = fake.sent(&Method::POST);
    assert_eq!((posts.len(), posts[0].1["triggerId"].clone()), (1, json!(attempt(0).to_string())));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failed_savepoint_is_not_success() -> Result<()> {
    let (client, _) = Fake::new(|method, _, body| match *method {
        Method::POST => accept(body),
        _ => replay("066-savepoint-bad-dir-status-final"),
    });
    let (outcome, _) = run(&client, &savepoint(), MINUTES).await?;
    assert!(matches!(outcome, Outcome::Failed(why) if why.contains("'s3'")));
    Ok(())
}

/// A JobManager that knows exactly the trigger ids it has taken, whose first answer to a trigger is lost,
/// with or without the trigger having arrived.
fn lossy(arrives: bool) -> (FlinkClient, Fake) {
    let mut known = HashSet::new();
    let mut first = true;
    Fake::new(move |method, path, body| {
        if *method != Method::POST {
            let id = path.rsplit('/').next().unwrap_or_default();
            let known = known.contains(id);
            return replay(if known {
                "061-savepoint-status-final"
            } else {
                "068-savepoint-unknown-trigger"
            });
        }
        if !std::mem::take(&mut first) || arrives {
            known.insert(body["triggerId"].as_str().unwrap_or_default().to_owned());
        }
        if known.len() + usize::from(!arrives) == 1 { Answer::Cut } else { accept(body) }
    })
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_arrived_without_an_answer_is_not_sent_again() -> Result<()> {
    for trigger in [savepoint(), stop()] {
        let (client, fake) = lossy(true);
        let (outcome, _) = run(&client, &trigger, MINUTES).await?;
        assert_eq!(outcome, Outcome::Completed(PATH.parse()?));
        assert_eq!(fake.sent(&Method::POST).len(), 1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_got_lost_is_sent_again_under_the_same_id() -> Result<()> {
    let (client, fake) = lossy(false);
    let (outcome, _) = run(&client, &savepoint(), MINUTES).await?;
    assert_eq!(outcome, Outcome::Completed(PATH.parse()?));
    let posts = fake.sent(&Method::POST);
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0], posts[1]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_may_have_happened_is_not_sent_again() -> Result<()> {
    let (client, fake) = lossy(false);
    let (outcome, _) = run(&client, &stop(), MINUTES).await?;
    assert!(matches!(outcome, Outcome::Lost(_)), "{outcome:?}");
    assert_eq!(fake.sent(&Method::POST).len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_certainly_did_not_arrive_is_sent_again() -> Result<()> {
    let mut down = 3;
    let (client, _) = Fake::new(move |method, _, body| match *method {
        Method::POST if down > 0 => {
            down -= 1;
            Answer::Down
        }
        Method::POST => accept(body),
        _ => replay("061-savepoint-status-final"),
    });
    let (outcome, _) = run(&client, &stop(), MINUTES).await?;
    assert_eq!(outcome, Outcome::Completed(PATH.parse()?));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn tasks_that_still_start_get_another_attempt_under_another_id() -> Result<()> {
    let mut posts = 0;
    let (client, fake) = Fake::new(move |method, _, body| match *method {
        Method::POST => {
            posts += 1;
            accept(body)
        }
        _ if posts < 3 => replay("132-savepoint-while-starting-status"),
        _ => replay("061-savepoint-status-final"),
    });
    let (outcome, _) = run(&client, &savepoint(), MINUTES).await?;
    assert_eq!(outcome, Outcome::Completed(PATH.parse()?));
    let ids: Vec<Value> =
        fake.sent(&Method::POST).iter().map(|p| p.1["triggerId"].clone()).collect();
    assert_eq!(ids, [0, 1, 2].map(|n| json!(attempt(n).to_string())));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_while_the_adaptive_scheduler_changes_the_parallelism() -> Result<()> {
    let trace = "java.util.concurrent.CompletionException: \
        org.apache.flink.runtime.checkpoint.CheckpointException: \
        The Flink job is currently not executing. \
        Failure reason: Failure to trigger checkpoint.";
    let mut posts = 0;
    let (client, fake) = Fake::new(move |method, _, body| match *method {
        Method::POST => {
            posts += 1;
            accept(body)
        }
        _ if posts == 1 => {
            let cause =
                json!({"class": "java.util.concurrent.CompletionException", "stack-trace": trace});
            Answer::Json(
                200,
                json!({"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}}),
            )
        }
        _ => replay("061-savepoint-status-final"),
    });
    let (outcome, _) = run(&client, &stop(), MINUTES).await?;
    assert_eq!(outcome, Outcome::Completed(PATH.parse()?));
    assert_eq!(fake.sent(&Method::POST).len(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_jobmanager_that_restarted_cannot_tell() -> Result<()> {
    let mut polls = 0;
    let (client, _) = Fake::new(move |method, path, body| {
        if *method == Method::POST {
            return accept(body);
        }
        if path.ends_with("/checkpoints") {
            return replay("152-checkpoints-with-inprogress");
        }
        polls += 1;
        match polls {
            1..=2 => replay("151-savepoint-big-inprogress"),
            3..=5 => Answer::Down,
            _ => replay("068-savepoint-unknown-trigger"),
        }
    });
    let (outcome, _) = run(&client, &savepoint(), MINUTES).await?;
    assert!(matches!(outcome, Outcome::Lost(why) if why.contains("restarted")));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn silence_has_a_limit_and_a_stop_a_shorter_one() -> Result<()> {
    for (trigger, seconds) in [(savepoint(), 60..75), (stop(), 15..25)] {
        let (client, _) = Fake::new(|method, _, body| match *method {
            Method::POST => accept(body),
            _ => Answer::Down,
        });
        let begun = Instant::now();
        let (outcome, _) = run(&client, &trigger, MINUTES).await?;
        assert!(matches!(outcome, Outcome::Lost(_)));
        assert!(seconds.contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn progress_comes_once_a_second_and_the_deadline_ends_the_waiting() -> Result<()> {
    let (client, _) = Fake::new(|method, path, body| match *method {
        Method::POST => accept(body),
        _ if path.ends_with("/checkpoints") => replay("152-checkpoints-with-inprogress"),
        _ => replay("151-savepoint-big-inprogress"),
    });
    let (outcome, seen) = run(&client, &savepoint(), Duration::from_millis(3500)).await?;
    assert_eq!(outcome, Outcome::StillRunning);
    let progress = SnapshotProgress { number: 2, acknowledged: 1, total: 2, bytes: 265 };
    assert_eq!(seen, [progress; 3]);
    let (_, seen) = run(&client, &stop(), Duration::from_millis(3500)).await?;
    assert!(seen.is_empty(), "somebody else's savepoint is not our stop");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn attaching_triggers_nothing() -> Result<()> {
    let (client, fake) = Fake::new(|_, _, _| replay("061-savepoint-status-final"));
    let trigger = savepoint();
    let operation = SnapshotOperation {
        flink: &client,
        job: JobId::derive(&["test"]),
        trigger: &trigger,
        attempt_id: &attempt,
    };
    let outcome = operation.attach(Deadline::after(MINUTES), &mut |_| ()).await?;
    assert_eq!(outcome, Outcome::Completed(PATH.parse()?));
    assert!(fake.sent(&Method::POST).is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_gets_its_path_from_its_details() -> Result<()> {
    let mut asked = 0;
    let (client, _) = Fake::new(move |method, path, body| match *method {
        Method::POST => accept(body),
        _ if path.contains("/details/") => {
            asked += 1;
            // Flink's cache lags behind.
            replay(if asked < 4 { "010-unknown-path" } else { "070-checkpoint-detail" })
        }
        _ => replay("052-checkpoint-status-final"),
    });
    let (outcome, _) = run(&client, &Trigger::CHECKPOINT, MINUTES).await?;
    let path = "file:/flink-sample/state/checkpoints/28579a1377caadc8a6e55db36c67164d/chk-5";
    assert_eq!(outcome, Outcome::Completed(path.parse()?));
    Ok(())
}

#[test]
fn polls_are_frequent_at_first_and_rare_later() {
    assert_eq!(poll_pause(Duration::ZERO), Duration::from_millis(25));
    assert_eq!(poll_pause(Duration::from_secs(1)), Duration::from_millis(100));
    assert_eq!(poll_pause(Duration::from_secs(600)), Duration::from_millis(500));
}
