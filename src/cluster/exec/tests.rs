use super::*;
use serde_json::json;

fn code(status: serde_json::Value) -> Result<i32> {
    exit_code(&serde_json::from_value(status).unwrap_or_else(|e| panic!("{e}")))
}

#[test]
fn exit_codes_come_out_of_the_status() -> Result<()> {
    assert_eq!(code(json!({"status": "Success"}))?, 0);
    let failed = json!({"status": "Failure", "reason": "NonZeroExitCode",
        "message": "command terminated with non-zero exit code",
        "details": {"causes": [{"reason": "ExitCode", "message": "76"}]}});
    assert_eq!(code(failed)?, 76);
    let unstarted =
        json!({"status": "Failure", "message": "exec: \"sh\": executable file not found in $PATH"});
    let error = code(unstarted).expect_err("not started");
    assert!(error.to_string().contains("executable file not found") && !error.hints().is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_takes_nothing_ends_the_feeding() {
    // The reader is never read, as after a command that ended early.
    let (_reader, writer) = tokio::io::simplex(1024);
    let content = vec![0; 1024 * 1024];
    let mut source = content.as_slice();
    let begun = tokio::time::Instant::now();
    let error = feed(Some(&mut source), Some(writer)).await;
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(begun.elapsed(), STALL_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn feeding_never_ends_the_session_by_itself() {
    let (mut reader, writer) = tokio::io::simplex(1024);
    let mut source: &[u8] = b"hello";
    let fed = tokio::time::timeout(Duration::from_secs(5), feed(Some(&mut source), Some(writer)));
    assert!(fed.await.is_err());
    let mut got = [0; 5];
    assert!(reader.read_exact(&mut got).await.is_ok() && &got == b"hello");
}

#[tokio::test]
async fn output_without_end_is_refused() {
    let mut captured = Vec::new();
    let error = capture(Some(tokio::io::repeat(b'x')), &mut captured).await;
    assert!(error.is_err() && captured.len() as u64 <= CAPTURE_LIMIT + 1);
}
