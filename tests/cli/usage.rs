//! Mistakes on the command line.

use insta::assert_snapshot;

use crate::support::Sandbox;

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn unknown_verbs_and_flags_are_usage_errors() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["lst"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: unrecognized subcommand 'lst'

      tip: some similar subcommands exist: 'stop', 'ls', 'list'

    Usage: kubectl flink <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(sandbox.run(&["list", "--output", "csv"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: invalid value 'csv' for '--output <FORMAT>': this format is not supported (supported: table, wide, json, yaml, name, jsonpath=TEMPLATE, custom-columns=HEADER:PATH,…)

    For more information, try '--help'.
    ");
    assert_snapshot!(sandbox.run(&["list", "--no-such-flag"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: unexpected argument '--no-such-flag' found

    Usage: kubectl flink list [OPTIONS]

    For more information, try '--help'.
    ");
    assert_snapshot!(sandbox.run(&["status"]), @"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the following required arguments were not provided:
      <NAME>

    Usage: kubectl flink status <NAME>

    For more information, try '--help'.
    ");
}
