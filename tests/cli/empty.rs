//! Commands on nothing.

use insta::assert_snapshot;

use crate::support::Sandbox;

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_empty_namespace_is_no_failure() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["list"]), @r#"
    exit code: 0
    ---- stdout
    ---- stderr
    No applications found in namespace "test-00000".
    hint: Deploy one with `kubectl flink deploy NAME --jar PATH`.
    "#);
    assert_snapshot!(sandbox.run(&["list", "-o", "json"]), @r#"
    exit code: 0
    ---- stdout
    {
      "items": []
    }
    ---- stderr
    No applications found in namespace "test-00000".
    hint: Deploy one with `kubectl flink deploy NAME --jar PATH`.
    "#);
    assert_snapshot!(sandbox.run(&["list", "-o", "name"]), @r#"
    exit code: 0
    ---- stdout
    ---- stderr
    No applications found in namespace "test-00000".
    hint: Deploy one with `kubectl flink deploy NAME --jar PATH`.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_unknown_namespace_is_named() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["list", "-n", "no-such-namespace"]), @r#"
    exit code: 0
    ---- stdout
    ---- stderr
    No applications found in namespace "no-such-namespace".
    hint: Deploy one with `kubectl flink deploy NAME --jar PATH`.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn an_unknown_application_is_named() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["status", "orders"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: application "orders" not found in namespace "test-00000"
    hint: List the applications with `kubectl flink list`, those of all namespaces with -A.
    hint: If it was deleted and its storage was kept, bring it back with `kubectl flink restore orders`.
    "#);
    assert_snapshot!(sandbox.run(&["logs", "orders"]), @r#"
    exit code: 3
    ---- stdout
    ---- stderr
    error: application "orders" not found in namespace "test-00000"
    hint: List the applications with `kubectl flink list`, those of all namespaces with -A.
    hint: If it was deleted and its storage was kept, bring it back with `kubectl flink restore orders`.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_name_that_cannot_be_one_is_refused_at_once() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["status", "Orders"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value 'Orders' for '<NAME>': "Orders" is not a valid application name

    For more information, try '--help'.
    hint: Use at most 45 lowercase letters, digits and '-', starting with a letter and not ending with '-'.
    "#);
    assert_snapshot!(sandbox.run(&["status", ""]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value '' for '<NAME>': "" is not a valid application name

    For more information, try '--help'.
    hint: Use at most 45 lowercase letters, digits and '-', starting with a letter and not ending with '-'.
    "#);
    assert_snapshot!(sandbox.run(&["logs", "../orders"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value '../orders' for '<NAME>': "../orders" is not a valid application name

    For more information, try '--help'.
    hint: Use at most 45 lowercase letters, digits and '-', starting with a letter and not ending with '-'.
    "#);
}
