use super::*;
use crate::cluster::testing::status;

fn api(code: u16, reason: &str, message: &str) -> kube::Error {
    let status = serde_json::from_value(status(code, reason, message));
    kube::Error::Api(Box::new(status.unwrap_or_else(|e| panic!("{e}"))))
}

#[test]
fn each_status_has_its_kind_and_a_remedy_where_there_is_one() {
    for (code, reason, message, kind, hinted) in [
        (401, "Unauthorized", "Unauthorized", Kind::Denied, true),
        (403, "Forbidden", "pods is forbidden", Kind::Denied, true),
        (403, "Forbidden", "pods \"x\" is forbidden: exceeded quota: q", Kind::Preflight, true),
        (
            403,
            "Forbidden",
            "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\"",
            Kind::Preflight,
            true,
        ),
        (404, "NotFound", "namespaces \"x\" not found", Kind::NotFound, false),
        (409, "AlreadyExists", "exists", Kind::Conflict, false),
        (422, "Invalid", "spec.replicas: Invalid value", Kind::Usage, false),
        (429, "TooManyRequests", "", Kind::Unreachable, true),
        (503, "ServiceUnavailable", "", Kind::Unreachable, false),
        (500, "InternalError", "boom", Kind::Other, false),
    ] {
        let error = from_kube(api(code, reason, message), "do it");
        assert_eq!(
            (error.kind(), !error.hints().is_empty()),
            (kind, hinted),
            "{code} {message}: {error}"
        );
        assert!(error.to_string().starts_with("failed to do it: "), "{error}");
    }
}

#[test]
fn what_may_pass_and_what_may_have_happened() {
    for (code, transient, ambiguous) in [
        (400, false, false),
        (403, false, false),
        (409, false, false),
        (429, true, false),
        (500, true, true),
        (503, true, true),
        (504, true, true),
    ] {
        let error = api(code, "", "");
        assert_eq!((is_transient(&error), is_ambiguous(&error)), (transient, ambiguous), "{code}");
    }
    assert!(is_transient(&no_answer()) && is_ambiguous(&no_answer()));
}

#[test]
fn a_lost_connection_says_so_and_an_untrusted_certificate_is_not_retried() {
    let lost =
        kube::Error::Service(Box::new(std::io::Error::other("Connection refused (os error 111)")));
    let error = from_kube(lost, "list pods");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert_eq!(
        error.to_string(),
        "failed to list pods: cannot reach the API server: Connection refused (os error 111)"
    );
    let untrusted = || {
        kube::Error::Service(Box::new(std::io::Error::other(
            "invalid peer certificate: UnknownIssuer",
        )))
    };
    assert!(!is_transient(&untrusted()));
    assert!(from_kube(untrusted(), "x").hints()[0].contains("--certificate-authority"));
}

/// A plugin's arguments and output may hold a token.
#[test]
#[cfg(unix)]
fn a_failed_credential_plugin_never_shows_its_output() {
    use std::os::unix::process::ExitStatusExt;
    let output = std::process::Output {
        status: std::process::ExitStatus::from_raw(256),
        stdout: b"{\"token\": \"s3cret\"}".to_vec(),
        stderr: b"s3cret".to_vec(),
    };
    let error =
        AuthError::AuthExecRun { cmd: "login --password s3cret".into(), out: Box::new(output) };
    let error = from_kube(kube::Error::Auth(error), "connect");
    assert_eq!(error.kind(), Kind::Denied);
    assert_eq!(
        error.to_string(),
        "failed to connect: the credential plugin failed with exit status: 1"
    );
}
