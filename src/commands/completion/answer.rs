//! `__complete`: answers the question of a shell, or of kubectl, what the last word could be.
//!
//! The protocol is cobra's, which kubectl speaks: the words of the command line are the arguments, the unfinished one
//! last; each candidate is a line, with an optional description behind a tab; the last line is a colon and a
//! bit mask (2: no space behind it, 4: do not complete files instead).
//! <https://pkg.go.dev/github.com/spf13/cobra#ShellCompDirective>

use std::ffi::OsString;
use std::sync::PoisonError;
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches};

use super::live::{self, Candidate};
use super::wanted::{self, Note, Wanted};
use crate::cli::{self, ConnectArgs};
use crate::cluster::ConnectOptions;
use crate::context::Environment;
use crate::model::name::ApplicationName;
use crate::ui::{Text, Ui, sanitize};

/// The hidden first argument.
const ASKED: &str = "__complete";
/// How long names may take, unless the environment says more: whoever pressed Tab waits for them.
const LIMIT: Duration = Duration::from_millis(250);

const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// What has to be looked up for the word under the cursor.
pub(super) struct Question {
    pub(super) wanted: Wanted,
    pub(super) connect: ConnectOptions,
    pub(super) application: Option<ApplicationName>,
}

/// The words to complete when the command line (with the program's name) is such a question.
pub(crate) fn asked(arguments: &[OsString]) -> Option<&[OsString]> {
    match arguments {
        [_, first, words @ ..] if first == ASKED => Some(words),
        _ => None,
    }
}

/// Writes the answer. Nothing that goes wrong is told: there would be garbage in the user's command line.
pub(crate) async fn answer(ui: &Ui, words: &[OsString], environment: &Environment) {
    let note = Note::default();
    let mut found = from_tree(words, &note);
    let asked = note.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut directive = NO_FILES;
    if let Some((wanted, typed)) = asked {
        if wanted == Wanted::Path {
            directive = 0;
        } else {
            let limit = environment.completion_timeout.unwrap_or(LIMIT);
            let asking = look_up(question(wanted, words, environment), typed.clone());
            // Names that come too late are no names.
            let live = tokio::time::timeout(limit, asking).await.unwrap_or_default();
            found.extend(live.into_iter().filter(|live| live.value.starts_with(&typed)));
        }
    }
    if !found.is_empty() && found.iter().all(|one| one.value.ends_with(['=', '/', ':'])) {
        directive |= NO_SPACE;
    }
    let lines = found.iter().filter_map(line).collect::<String>();
    let _ = ui.answer_text(&Text::new().plain(&format!("{lines}:{directive}\n")));
}

/// Verbs, flags and fixed values; and in `note` what else is asked for.
fn from_tree(words: &[OsString], note: &Note) -> Vec<Candidate> {
    let mut tree = wanted::attach(cli::command("kubectl flink".to_owned()), note);
    let mut arguments = vec![OsString::from("kubectl-flink")];
    arguments.extend_from_slice(words);
    if words.is_empty() {
        arguments.push(OsString::new());
    }
    let last = arguments.len() - 1;
    let typed = arguments[last].to_string_lossy().into_owned();
    if typed == "-" {
        // Of a flag with two spellings the engine gives one; the long one says more.
        arguments[last] = OsString::from("--");
    }
    let found = clap_complete::engine::complete(&mut tree, arguments, last, None);
    let flag = flag_of(&typed);
    found
        .unwrap_or_default()
        .into_iter()
        .filter(|candidate| !candidate.is_hide_set())
        .map(|candidate| {
            let value = candidate.get_value().to_string_lossy().into_owned();
            let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
            let value = value.strip_prefix(flag).map(str::to_owned).unwrap_or(value);
            Candidate { value, help }
        })
        // As kubectl: flags are offered to whoever begins one.
        .filter(|candidate| typed.starts_with('-') || !candidate.value.starts_with('-'))
        .collect()
}

/// The `--flag=` in front of a value. Shells replace the value alone, so the answer has to leave it out.
fn flag_of(typed: &str) -> &str {
    match typed.find('=') {
        Some(end) if typed.starts_with('-') => &typed[..=end],
        _ => "",
    }
}

/// What the rest of the command line says about where to look.
fn question(wanted: Wanted, words: &[OsString], environment: &Environment) -> Option<Question> {
    let before = &words[..words.len().saturating_sub(1)];
    let program = [OsString::from("kubectl-flink")];
    let tree = cli::command("kubectl flink".to_owned()).ignore_errors(true);
    let matches = tree.try_get_matches_from(program.iter().chain(before)).ok()?;
    let connect = ConnectArgs::from_arg_matches(&matches).ok()?.into_options(environment);
    Some(Question { wanted, connect, application: application(&matches) })
}

/// The application that the command line names.
fn application(matches: &ArgMatches) -> Option<ApplicationName> {
    let mut deepest = matches;
    while let Some((_, below)) = deepest.subcommand() {
        deepest = below;
    }
    deepest.try_get_raw("name").ok()??.next()?.to_str()?.parse().ok()
}

/// Asks the cluster, on a thread of its own, because credential plugins block theirs.
async fn look_up(question: Option<Question>, typed: String) -> Vec<Candidate> {
    let Some(question) = question else { return Vec::new() };
    let runtime = tokio::runtime::Handle::current();
    let asking = tokio::task::spawn_blocking(move || {
        runtime.block_on(live::candidates(&question, &typed)).unwrap_or_default()
    });
    asking.await.unwrap_or_default()
}

/// One line of the answer; `None` for a name that no command line could hold without quotes.
fn line(candidate: &Candidate) -> Option<String> {
    let Candidate { value, help } = candidate;
    if value.is_empty() || value.chars().any(|c| c.is_whitespace() || sanitize::is_unsafe(c)) {
        return None;
    }
    let help = sanitize::line(help.lines().next().unwrap_or_default());
    Some(if help.is_empty() { format!("{value}\n") } else { format!("{value}\t{help}\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values for a command line, what else is asked for, and what is typed of it.
    fn tree(words: &[&str]) -> (Vec<String>, Option<(Wanted, String)>) {
        let note = Note::default();
        let words = words.iter().map(OsString::from).collect::<Vec<_>>();
        let values = from_tree(&words, &note).into_iter().map(|one| one.value).collect();
        let asked = note.lock().unwrap_or_else(PoisonError::into_inner).take();
        (values, asked)
    }

    #[test]
    fn verbs_and_fixed_values_come_from_the_command_line_itself() {
        assert_eq!(tree(&["sa"]).0, ["savepoint"]);
        assert_eq!(tree(&["storage", "d"]).0, ["describe", "delete"]);
        assert_eq!(tree(&["list", "--col"]).0, ["--color"]);
        assert!(tree(&["list", "-"]).0.contains(&"--all-namespaces".to_owned()));
        assert_eq!(tree(&["savepoint", "orders", "--format", "n"]).0, ["native"]);
        assert_eq!(tree(&["savepoint", "orders", "--format=n"]).0, ["native"]);
        assert!(!tree(&[""]).0.iter().any(|value| value.starts_with('-')));
    }

    #[test]
    fn each_argument_asks_for_the_names_it_takes() {
        let asked = |words: &[&str]| tree(words).1.map(|(wanted, _)| wanted);
        assert_eq!(asked(&["savepoint", ""]), Some(Wanted::Application));
        assert_eq!(asked(&["--context", ""]), Some(Wanted::Context));
        assert_eq!(asked(&["list", "-n", ""]), Some(Wanted::Namespace));
        assert_eq!(asked(&["list", "--user="]), Some(Wanted::User));
        assert_eq!(asked(&["storage", "delete", ""]), Some(Wanted::Stored));
        assert_eq!(asked(&["storage", "describe", ""]), Some(Wanted::Stored));
        assert_eq!(asked(&["storage", "resize", ""]), Some(Wanted::Claim));
        assert_eq!(asked(&["storage", "snapshot", ""]), Some(Wanted::Volume));
        assert_eq!(
            asked(&["storage", "snapshot", "--class", ""]),
            Some(Wanted::VolumeSnapshotClass)
        );
        let from = ["storage", "create", "again", "--from-snapshot", ""];
        assert_eq!(asked(&from), Some(Wanted::VolumeSnapshot));
        assert_eq!(asked(&["storage", "check", ""]), Some(Wanted::Measured));
        assert_eq!(asked(&["storage", "advise", ""]), Some(Wanted::Application));
        assert_eq!(asked(&["storage", "move", ""]), Some(Wanted::Application));
        assert_eq!(asked(&["storage", "move", "orders", "--to", ""]), Some(Wanted::Storage));
        assert_eq!(asked(&["storage", "create", ""]), None);
        assert_eq!(asked(&["storage", "create", "x", ""]), Some(Wanted::NewStorage));
        assert_eq!(asked(&["deploy", "--storage", ""]), Some(Wanted::Storage));
        assert_eq!(asked(&["deploy", "-f", ""]), Some(Wanted::Path));
        assert_eq!(asked(&["deploy", "--jar", ""]), Some(Wanted::Path));
        assert_eq!(asked(&["restore", "orders", "--from", ""]), Some(Wanted::Snapshot));
        assert_eq!(asked(&["savepoint", "orders", ""]), None);
        assert_eq!(tree(&["-n=sh"]).1, Some((Wanted::Namespace, "sh".to_owned())));
    }

    #[test]
    fn the_rest_of_the_command_line_says_where_to_look() {
        let words = ["--as=ann", "restore", "orders", "-n", "shop", "--bad", "--from", "x"];
        let words = words.map(OsString::from);
        let question = question(Wanted::Snapshot, &words, &Environment::default());
        let question = question.expect("a question");
        assert_eq!(question.application.map(|name| name.to_string()).as_deref(), Some("orders"));
        assert_eq!(question.connect.namespace.as_deref(), Some("shop"));
        assert_eq!(question.connect.impersonate.as_deref(), Some("ann"));
    }

    #[test]
    fn a_name_that_could_do_harm_is_left_out() {
        let of = |value: &str, help: &str| {
            line(&Candidate { value: value.to_owned(), help: help.to_owned() })
        };
        assert_eq!(of("orders", "runs\nwell").as_deref(), Some("orders\truns\n"));
        for bad in ["", "a b", "a\nb", "a\x1b[2J", "a\u{202e}b"] {
            assert_eq!(of(bad, ""), None, "{bad:?}");
        }
    }
}
