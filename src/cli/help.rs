//! The help as kubectl's users know it: verbs in groups, and the options that all of them take on a page of their own.

use std::ffi::OsString;
use std::fmt::Write;

use clap::builder::{StyledStr, Styles};
use clap::{Args, Command};

use super::{ConnectArgs, DisplayArgs};

/// Verbs by what they are for. Each verb is in exactly one group: a test says so.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Applications", &["deploy", "list", "status", "logs", "delete"]),
    ("State", &["savepoint", "checkpoint", "stop", "start", "restore", "storage"]),
    ("Operations and access", &["operation", "rbac"]),
    ("The plugin", &["completion", "options", "version"]),
];

/// The tree with its front page. `narrow`: what a verb or flag means stands below it instead of beside it.
pub(super) fn arrange(root: Command, narrow: bool) -> Command {
    let page = front(&root, narrow);
    root.help_template(page).next_line_help(narrow)
}

/// The same without the options that every verb takes: twenty of them would hide the few that matter.
pub(super) fn own_options(root: Command) -> Command {
    root.mut_args(|arg| {
        let everywhere = arg.is_global_set();
        arg.hide(everywhere)
    })
}

/// A template of clap's help, with the verbs written out.
fn front(root: &Command, narrow: bool) -> StyledStr {
    let styles = Styles::styled();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let verbs = || GROUPS.iter().flat_map(|(_, verbs)| verbs.iter());
    let width = verbs().map(|verb| verb.len()).max().unwrap_or_default();
    let mut page = StyledStr::from("{about-with-newline}\n{usage-heading} {usage}\n");
    for (group, verbs) in GROUPS {
        let _ = writeln!(page, "\n{header}{group}:{header:#}");
        for verb in verbs.iter().filter_map(|verb| root.find_subcommand(verb)) {
            let name = verb.get_name();
            let gap = match narrow {
                true => format!("\n{:10}", ""),
                false => " ".repeat(width - name.len() + 2),
            };
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = write!(page, "  {literal}{name}{literal:#}{gap}{about}");
            let aliases: Vec<&str> = verb.get_visible_aliases().collect();
            let alias = (!aliases.is_empty()).then(|| format!(" [alias: {}]", aliases.join(", ")));
            let _ = writeln!(page, "{}", alias.unwrap_or_default());
        }
    }
    let _ = write!(
        page,
        "\n`kubectl flink COMMAND --help` tells more of a command and shows examples,\n\
         `kubectl flink options` lists the options that every command takes."
    );
    page
}

/// The options that every verb takes, for a terminal of that many columns.
pub fn options(columns: Option<u16>) -> StyledStr {
    let page = Command::new("options").disable_help_flag(true).max_term_width(super::WIDEST);
    let page = DisplayArgs::augment_args(ConnectArgs::augment_args(page));
    let page = page.help_template("Every command takes these options, at any place:\n\n{all-args}");
    let page = page.next_line_help(super::is_narrow(columns));
    page.term_width(columns.map_or(super::WIDEST, usize::from).min(super::WIDEST)).render_help()
}

/// `help VERB…` is `VERB… --help`, as kubectl takes it.
pub(super) fn as_flag(args: &mut Vec<OsString>) {
    if args.get(1).is_some_and(|word| word == "help") {
        args.remove(1);
        args.push("--help".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Command {
        own_options(super::super::command("kubectl flink".to_owned()))
    }

    #[test]
    fn every_verb_is_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| verbs.to_vec()).collect();
        grouped.sort_unstable();
        let root = root();
        let mut verbs: Vec<&str> = root.get_subcommands().map(Command::get_name).collect();
        verbs.sort_unstable();
        assert_eq!(grouped, verbs);
    }

    #[test]
    fn the_front_page_fits_a_terminal() {
        let page = root().render_long_help().to_string();
        let wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }

    #[test]
    fn verbs_keep_to_their_own_options() -> Result<(), clap::Error> {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let help = |args: &[&str]| match super::super::parse(words(args), None) {
            Ok(_) => String::new(),
            Err(help) => help.to_string(),
        };
        let asked = help(&["kubectl-flink", "help", "storage", "list"]);
        assert_eq!(asked, help(&["kubectl-flink", "storage", "list", "--help"]));
        assert!(asked.contains("Usage: kubectl flink storage list") && !asked.contains("--token"));
        assert!(help(&["kubectl-flink", "help"]).contains("State:"));
        let options = options(Some(80)).to_string();
        assert!(options.contains("--token <TOKEN>") && options.contains("--color <WHEN>"));
        Ok(())
    }
}
