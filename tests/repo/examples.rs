//! The examples that `--help` shows are command lines that the program understands.

use std::ffi::OsString;

/// Every command line below "Examples:" in the help of a command and of those below it.
fn examples(command: &clap::Command, found: &mut Vec<String>) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("kubectl flink"));
    found.extend(lines.map(str::to_owned));
    command.get_subcommands().for_each(|below| examples(below, found));
}

#[test]
fn every_command_has_examples() {
    let mut root = kubectl_flink::cli::command("kubectl flink".to_owned());
    root.build();
    for verb in root.get_subcommands() {
        let mut found = Vec::new();
        examples(verb, &mut found);
        assert!(!found.is_empty(), "{} has no example", verb.get_name());
    }
}

#[test]
fn every_example_is_understood() {
    let mut root = kubectl_flink::cli::command("kubectl flink".to_owned());
    root.build();
    let mut found = Vec::new();
    examples(&root, &mut found);
    assert!(found.len() > 30, "only {} examples were found", found.len());
    for example in found {
        let words = shlex::split(&example).unwrap_or_else(|| panic!("{example}: quotes"));
        // What stands behind a pipe, or in a file that is written, is the shell's.
        let own = words.into_iter().take_while(|word| !["|", ">"].contains(&word.as_str()));
        let program = std::iter::once(OsString::from("kubectl-flink"));
        let args = program.chain(own.skip(2).map(OsString::from));
        if let Err(error) = kubectl_flink::cli::parse(args, None) {
            panic!("{example}: {error}");
        }
    }
}
