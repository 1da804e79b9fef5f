//! `docs/reference/` and the man pages say what `--help` says.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{path, read};

const HEAD: &str = "# Reference

Generated from the command line's own help by a test; to write it anew: `UPDATE_DOCS=1 cargo test --test main reference`.
Every command also takes the global options of this page, at any place. The same as man pages: [docs/man](../man).
";

#[test]
fn the_reference_is_the_help() {
    up_to_date("docs/reference", &markdown());
}

#[test]
fn the_man_pages_are_the_help() {
    up_to_date("docs/man", &man_pages());
}

/// Compares a folder with what it should hold, file by file; with `UPDATE_DOCS` it is written anew.
fn up_to_date(folder: &str, expected: &BTreeMap<String, String>) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let _ = std::fs::remove_dir_all(path(folder));
        std::fs::create_dir_all(path(folder)).unwrap();
        for (name, text) in expected {
            std::fs::write(path(folder).join(name), text).unwrap();
        }
    }
    let written = std::fs::read_dir(path(folder)).unwrap();
    let mut names: Vec<String> =
        written.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let wanted: Vec<&String> = expected.keys().collect();
    assert_eq!(names.iter().collect::<Vec<_>>(), wanted, "{folder}: run with UPDATE_DOCS=1");
    for (name, text) in expected {
        let written = read(&format!("{folder}/{name}"));
        let difference = written.lines().zip(text.lines()).find(|(old, new)| old != new);
        assert!(
            written == *text,
            "{folder}/{name} is stale, first at {difference:?}: run with UPDATE_DOCS=1"
        );
    }
}

/// The tree of commands, as kubectl's users call them.
fn tree() -> clap::Command {
    let mut root = kubectl_flink::cli::command("kubectl flink".to_owned()).term_width(100);
    root.build();
    root
}

/// A page per verb, with the help of the commands below it.
fn markdown() -> BTreeMap<String, String> {
    let root = tree();
    let mut front = format!("{HEAD}\n");
    let mut pages = BTreeMap::new();
    for verb in root.get_subcommands() {
        let (name, about) = (verb.get_name(), verb.get_about().map(ToString::to_string));
        let _ = writeln!(front, "- [{name}]({name}.md): {}", about.unwrap_or_default());
        let mut text = format!("# {}\n", verb.get_bin_name().unwrap_or_default());
        without_globals(verb, "", &mut text);
        pages.insert(format!("{name}.md"), text);
    }
    help("## ", &local(&root), &mut front);
    let _ = write!(
        front,
        "\n## Options of every command\n\n```\n{}\n```\n",
        kubectl_flink::cli::help::options(None)
    );
    pages.insert("README.md".to_owned(), front);
    pages
}

/// The help of a command and of those below it, without the options that all have in common.
fn without_globals(command: &clap::Command, heading: &str, text: &mut String) {
    help(heading, &local(command), text);
    for below in command.get_subcommands() {
        without_globals(below, "## ", text);
    }
}

/// The command with its own options only.
fn local(command: &clap::Command) -> clap::Command {
    let globals = command.get_arguments().filter(|argument| argument.is_global_set());
    let globals: Vec<_> = globals.map(|argument| argument.get_id().clone()).collect();
    globals.iter().fold(command.clone(), |command, id| command.mut_arg(id, |a| a.hide(true)))
}

/// One help text; a heading of its own when there is one to write.
fn help(heading: &str, command: &clap::Command, text: &mut String) {
    if !heading.is_empty() {
        let _ = write!(text, "\n{heading}{}\n", command.get_bin_name().unwrap_or_default());
    }
    let help = command.clone().render_help().to_string();
    let _ = write!(text, "\n```\n{}\n```\n", help.trim_end());
}

/// A man page per command: `kubectl-flink-deploy.1`.
fn man_pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    man(&tree(), "kubectl-flink", &mut pages);
    pages
}

fn man(command: &clap::Command, name: &str, pages: &mut BTreeMap<String, String>) {
    let shown = if name == "kubectl-flink" { command.clone() } else { local(command) };
    let mut page = Vec::new();
    let title = name.to_uppercase();
    // A version in the page would make every release change all of them.
    let page_of = clap_mangen::Man::new(shown.display_name(name.to_owned()))
        .title(title)
        .source("kubectl-flink")
        .manual("kubectl flink");
    page_of.render(&mut page).unwrap();
    if name != "kubectl-flink" {
        page.extend(
            b".SH \"SEE ALSO\"\nkubectl\\-flink(1), which has the options of every command\n",
        );
    }
    pages.insert(format!("{name}.1"), String::from_utf8(page).unwrap());
    for below in command.get_subcommands() {
        man(below, &format!("{name}-{}", below.get_name()), pages);
    }
}
