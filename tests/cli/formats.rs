//! `-o`, `--no-headers` and `--sort-by`, as kubectl has them.

use insta::assert_snapshot;

use crate::support::Sandbox;

/// Two applications whose pods never start; the second one has more parallelism.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    let jar = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    for (name, parallelism) in [("orders", "--parallelism=10"), ("rides", "--parallelism=9")] {
        sandbox.run(&["deploy", name, jar, &storage, parallelism, "--no-wait"]).success();
    }
    sandbox
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_list_in_the_users_own_format() {
    let sandbox = sandbox();
    let list = |flags: &[&str]| sandbox.run(&[&["list"], flags].concat()).success();
    assert_eq!(list(&["-o", "jsonpath={.items[*].name}"]), "orders rides");
    assert_eq!(
        list(&["-o", r#"jsonpath={range .items[?(@.parallelism>9)]}{.name}{"\n"}{end}"#]),
        "orders\n"
    );
    assert_eq!(
        list(&["-o", "custom-columns=NAME:.name,P:.parallelism,NONE:.x"]),
        "NAME     P    NONE\norders   10   <none>\nrides    9    <none>\n"
    );
    assert_eq!(list(&["-o", "custom-columns=NAME:.name", "--no-headers"]), "orders\nrides\n");
    assert_eq!(
        list(&["--sort-by=.parallelism", "-o", "name"]),
        "application/rides\napplication/orders\n"
    );
    assert_eq!(
        list(&["--sort-by={.name}", "-o", "name"]),
        "application/orders\napplication/rides\n"
    );
    let bare = list(&["--no-headers"]);
    assert!(bare.starts_with("orders ") && bare.lines().count() == 2, "{bare}");
    let claims = sandbox.run(&["storage", "list", "--no-headers", "--sort-by=.application"]);
    assert!(claims.success().starts_with("orders-state "));
    let status = sandbox.run(&[
        "status",
        "orders",
        "-o",
        "jsonpath={.application.name} {.application.parallelism}",
    ]);
    assert_eq!(status.stdout, "orders 10");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_format_that_cannot_be_is_refused_before_the_cluster_is_asked() {
    let sandbox = Sandbox::new();
    let list = |flags: &[&str]| {
        sandbox.run(&[&["list", "--server", "https://127.0.0.1:1"], flags].concat())
    };
    assert_snapshot!(list(&["-o", "jsonpath={.items[*].name"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value 'jsonpath={.items[*].name' for '--output <FORMAT>': not a JSONPath template: a brace is not closed

    For more information, try '--help'.
    hint: Write it as for kubectl: jsonpath='{range .items[*]}{.name}{"\n"}{end}'.
    "#);
    assert_snapshot!(list(&["-o", "custom-columns=NAME"]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value 'custom-columns=NAME' for '--output <FORMAT>': "NAME" is not a column

    For more information, try '--help'.
    hint: Write HEADER:PATH, such as custom-columns=NAME:.name,STATE:.state.
    "#);
    assert_snapshot!(list(&["--sort-by", "["]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value '[' for '--sort-by <PATH>': "[" is not a JSONPath

    For more information, try '--help'.
    hint: Write paths as kubectl does, such as .items[*].name or .items[?(@.state=="RUNNING")].name.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_field_that_no_item_has_is_misspelt() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.run(&["list", "--sort-by", ".statee"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: no item has a field .statee
    hint: See the fields with -o json; the path begins below an item.
    ");
}
