//! `docs/reference.md` says what `--help` says.

use std::fmt::Write;

use super::{path, read};

const HEAD: &str = "# Reference

Generated from the command line's own help by a test; to write it anew: `UPDATE_DOCS=1 cargo test --test main reference`.
Every command also takes the global options of the first page, at any place.
";

#[test]
fn the_reference_is_the_help() {
    let expected = pages();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path("docs/reference.md"), &expected).unwrap();
    }
    let written = read("docs/reference.md");
    let difference = written.lines().zip(expected.lines()).find(|(old, new)| old != new);
    assert!(
        written == expected,
        "docs/reference.md is stale, first at {difference:?}: run with UPDATE_DOCS=1"
    );
}

/// The help of every command, in the order in which `--help` lists them.
fn pages() -> String {
    let mut root = kubectl_flink::cli::command("kubectl flink".to_owned()).term_width(100);
    root.build();
    let mut text = HEAD.to_owned();
    page(&root, &mut text);
    for command in root.get_subcommands() {
        without_globals(command, &mut text);
    }
    text
}

/// The page of a command and those below it. The options that all have in common stand on the first page only.
fn without_globals(command: &clap::Command, text: &mut String) {
    let globals: Vec<_> = command
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .map(|argument| argument.get_id().clone())
        .collect();
    let own =
        globals.iter().fold(command.clone(), |command, id| command.mut_arg(id, |a| a.hide(true)));
    page(&own, text);
    for below in command.get_subcommands() {
        without_globals(below, text);
    }
}

fn page(command: &clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or_default();
    let help = command.clone().render_help().to_string();
    let _ = write!(text, "\n## {name}\n\n```\n{}\n```\n", help.trim_end());
}
