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
