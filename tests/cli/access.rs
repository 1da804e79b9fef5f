//! API servers that cannot be found, reached or that refuse.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Outcome, Sandbox};

/// `list` reads several kinds side by side; which of them fails first is chance.
fn list(sandbox: &Sandbox, flags: &[&str]) -> Outcome {
    sandbox
        .run(&[&["list"], flags].concat())
        .redact("failed to list [a-z]+", "failed to list SOMETHING")
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_unknown_context_is_named() {
    let sandbox = Sandbox::new();
    assert_snapshot!(list(&sandbox, &["--context", "nowhere"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: there is no context "nowhere" in the kubeconfig
    hint: Contexts in the kubeconfig: test.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_malformed_kubeconfig_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("broken", "apiVersion: v1\nkind: Config\nclusters: [\n");
    assert_snapshot!(list(&sandbox, &["--kubeconfig", "broken"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: broken is not a valid kubeconfig at line 3, column 11
    hint: Compare it with `kubectl config view`, or name another file with --kubeconfig.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_missing_kubeconfig_is_named() {
    let sandbox = Sandbox::new();
    assert_snapshot!(list(&sandbox, &["--kubeconfig", "missing"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: cannot read missing: No such file or directory (os error 2)
    hint: Check --kubeconfig and the KUBECONFIG variable.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn no_kubeconfig_at_all() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["list"]);
    command.env_remove("KUBECONFIG");
    assert_snapshot!(sandbox.start(&mut command), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: there is no kubeconfig and this is not a pod with a service account
    hint: Name a kubeconfig with --kubeconfig or the KUBECONFIG variable.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_api_server_that_does_not_answer_is_named() {
    let sandbox = Sandbox::new();
    // Port 1 of the loopback interface: nobody listens there.
    assert_snapshot!(list(&sandbox, &["--server", "https://127.0.0.1:1"]), @"
    exit code: 5
    ---- stdout
    ---- stderr
    error: failed to list SOMETHING: cannot reach the API server: Connection refused (os error 111)
    hint: Check --context, the network, and that the cluster is up.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_wrong_certificate_authority_is_told_from_silence() {
    let sandbox = Sandbox::new();
    // A kubeconfig whose cluster has no certificate authority: the server's own is unknown then.
    sandbox.edit_kubeconfig("strange", |config| {
        let cluster = config.clusters[0].cluster.as_mut().unwrap();
        cluster.certificate_authority_data = None;
        cluster.certificate_authority = None;
    });
    assert_snapshot!(list(&sandbox, &["--kubeconfig", "strange"]), @"
    exit code: 5
    ---- stdout
    ---- stderr
    error: failed to list SOMETHING: the API server's certificate is not trusted: invalid peer certificate: UnknownIssuer
    hint: Check --server and --certificate-authority, or the cluster's entry in the kubeconfig.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_token_that_is_not_accepted() {
    let sandbox = Sandbox::new();
    sandbox.edit_kubeconfig("expired", |config| {
        let user = config.auth_infos[0].auth_info.as_mut().unwrap();
        *user = serde_json::from_value(json!({"token": "expired"})).unwrap();
    });
    assert_snapshot!(list(&sandbox, &["--kubeconfig", "expired"]), @"
    exit code: 6
    ---- stdout
    ---- stderr
    error: failed to list SOMETHING: the API server does not accept the credentials
    hint: Log in again: the token or certificate of this context may have expired.
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_user_without_rights_is_told_which_right_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.write_user("powerless", &json!([]));
    for command in [&["list"][..], &["storage", "list"], &["status", "orders"]] {
        let outcome = sandbox.run(&[command, &["--kubeconfig", "powerless"]].concat());
        let user = format!("system:serviceaccount:{}:powerless", sandbox.namespace);
        outcome.fails(6, &[&user, "cannot ", "hint: Ask an administrator for the permission"]);
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn impersonation_is_honoured() {
    let sandbox = Sandbox::new();
    sandbox.run(&["list", "--as", "ann"]).fails(6, &["User \"ann\" cannot list"]);
}
