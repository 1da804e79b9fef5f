//! What a terminal shows and a pipe gets: widths, colours, progress.

use std::process::Command;

use insta::assert_snapshot;

use crate::support::{Flink, Outcome, Proxy, Sandbox};

/// A word of a command that is sent to the real API server, which knows of no job.
const NO_PODS: &str = "--disable-compression";
const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

/// One application whose job runs, as Flink would say it.
struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    fn new() -> Place {
        let sandbox = Sandbox::new();
        sandbox.storage_class("example.com/volumes");
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
        let place = Place { sandbox, proxy };
        place.piped(&["deploy", "orders", JAR, &place.storage(), "--no-wait"]).success();
        place
    }

    fn storage(&self) -> String {
        format!("--storage=pvc:1Gi,class={}", self.sandbox.namespace)
    }

    /// The plugin, to be started with these words.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.sandbox.command(words);
        if !words.contains(&NO_PODS) {
            command.arg(format!("--server=http://{}", self.proxy.address));
        }
        command.env_remove("COLUMNS").env_remove("NO_COLOR").env("TERM", "xterm-256color");
        command
    }

    fn piped(&self, words: &[&str]) -> Outcome {
        self.sandbox.start(&mut self.command(words))
    }

    /// What it writes to a terminal that has so many columns: both streams, as one.
    fn shown(&self, columns: usize, words: &[&str], variables: &[(&str, &str)]) -> String {
        self.shown_of(columns, words, variables, "")
    }

    /// The same without standard error.
    fn answered(&self, columns: usize, words: &[&str], variables: &[(&str, &str)]) -> String {
        self.shown_of(columns, words, variables, "2>/dev/null")
    }

    fn shown_of(
        &self,
        columns: usize,
        words: &[&str],
        variables: &[(&str, &str)],
        redirection: &str,
    ) -> String {
        let plugin = self.command(words);
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
        let line: Vec<String> =
            std::iter::once(plugin.get_program()).chain(plugin.get_args()).map(quoted).collect();
        let line = format!("stty cols {columns} rows 24; {} {redirection}", line.join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        script.env_clear().current_dir(self.sandbox.path(""));
        script.envs(plugin.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
        script.envs(variables.iter().copied());
        self.sandbox.start(&mut script).stdout.replace("\r\n", "\n")
    }
}

/// Whether there is a control sequence in it.
fn commands_the_terminal(text: &str) -> bool {
    text.contains('\u{1b}')
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn tables_are_the_same_at_every_width_and_in_a_pipe() {
    let place = Place::new();
    for words in [
        &["list"][..],
        &["list", "-o", "wide"],
        &["list", "--show-labels"],
        &["status", "orders"],
        &["storage", "list"],
        &["storage", "list", "-o", "wide"],
        &["storage", "describe", "orders-state"],
    ] {
        // kubectl does not wrap or cut either: `cut` and `awk` read tables, and a terminal wraps by itself.
        let piped = place.piped(words).redact(r"\b\d+s\b", "AGE");
        let plain = piped.to_string();
        for columns in [40, 80, 200] {
            let mut seen = piped.clone();
            seen.stdout = place.answered(columns, words, &[("NO_COLOR", "1")]);
            assert_eq!(seen.to_string(), plain, "{words:?} at {columns} columns");
        }
    }
    assert_snapshot!(place.piped(&["list", "-o", "wide"]), @r"
    exit code: 0
    ---- stdout
    NAME     STATE     FLINK   PARALLELISM   LAST-CHECKPOINT   STORAGE        GENERATION   AGE   STATE-SIZE   JOB-ID                             IMAGE
    orders   RUNNING   2.3     1             <none>            orders-state   1            AGE   <none>       00000000000000000000000000job-id   flink:2.3.0
    ---- stderr
    ");
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn help_fits_the_terminal() {
    let place = Place::new();
    let mut heights = Vec::new();
    for columns in [40, 80, 200] {
        let help = place.shown(columns, &["list", "-h"], &[]);
        // More than a hundred columns nobody likes to read.
        let limit = columns.min(100);
        let text = strip(&help);
        let prose = text.lines().take_while(|line| *line != "Examples:");
        // What cannot be broken is as wide as it is.
        let prose = prose.filter(|line| line.trim().contains(' '));
        let wide: Vec<&str> =
            prose.filter(|line| line.trim_end().chars().count() > limit).collect();
        assert!(wide.is_empty(), "{columns} columns: {wide:#?}");
        heights.push(text.lines().count());
    }
    assert!(heights[0] > heights[1] && heights[1] > heights[2], "{heights:?}");
}

/// Without the control sequences of colours.
fn strip(text: &str) -> String {
    regex_lite::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(text, "").into_owned()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn colours_are_for_terminals_that_want_them() {
    let place = Place::new();
    let on_terminal = |flags: &[&str], variables: &[(&str, &str)]| {
        commands_the_terminal(&place.answered(
            80,
            &[&["status", "orders"], flags].concat(),
            variables,
        ))
    };
    assert!(on_terminal(&[], &[]));
    assert!(!on_terminal(&[], &[("NO_COLOR", "1")]));
    assert!(on_terminal(&[], &[("NO_COLOR", "")]), "https://no-color.org: when it is not empty");
    assert!(!on_terminal(&[], &[("TERM", "dumb")]));
    assert!(!on_terminal(&["--color=never"], &[]));
    assert!(on_terminal(&["--color=always"], &[("NO_COLOR", "1")]), "a flag wins");
    assert!(!on_terminal(&["-o", "json"], &[]), "data has no colours");
    let in_pipe = |flags: &[&str]| {
        let outcome = place.piped(&[&["status", "orders"], flags].concat());
        commands_the_terminal(&outcome.success())
    };
    assert!(!in_pipe(&[]));
    assert!(in_pipe(&["--color=always"]));
    assert!(!in_pipe(&["--color=always", "-o", "json"]));
    assert!(!in_pipe(&["--color=always", "-o", "yaml"]));
    // Errors and help follow the same rules.
    for words in [&["status", "nobody"][..], &["lst"], &["-h"]] {
        assert!(commands_the_terminal(&place.shown(80, words, &[])), "{words:?}");
        assert!(!commands_the_terminal(&place.shown(80, words, &[("NO_COLOR", "1")])), "{words:?}");
        let outcome = place.piped(words);
        assert!(!commands_the_terminal(&format!("{outcome}")), "{outcome}");
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn progress_is_redrawn_on_a_terminal_alone_and_only_when_it_takes_long() {
    const ERASE: &str = "\u{1b}[2K";
    let place = Place::new();
    // Nothing of it comes up here, so that it waits until it may no longer.
    let storage = place.storage();
    let waits = |name| ["deploy", name, JAR, &storage, "--timeout=3s", NO_PODS];
    let drawn = place.shown(80, &waits("a"), &[]);
    assert!(drawn.contains(ERASE) && drawn.contains("waiting for"), "{drawn:?}");
    let text = strip(&drawn);
    assert!(text.trim_end().ends_with("run the same command again to wait on."), "{text:?}");
    for (how, variables) in [("dumb", [("TERM", "dumb")]), ("narrow", [("X", "")])] {
        let columns = if how == "narrow" { 40 } else { 80 };
        let shown = place.shown(columns, &waits(how), &variables);
        assert_eq!(shown.contains(ERASE), how == "narrow", "{how}: {shown:?}");
        let lines = strip(&shown);
        // A frame that is wider than the terminal would leave lines behind when it is redrawn.
        let frames = lines.split(['\r', '\n']).filter(|line| line.contains("waiting for pods"));
        assert!(
            how == "dumb" || frames.clone().all(|line| line.chars().count() <= 60),
            "{shown:?}"
        );
        assert!(frames.count() > 0, "{how}: {shown:?}");
    }
    let lines = place.piped(&waits("b")).stderr;
    let changes: Vec<&str> = lines
        .lines()
        .filter(|line| *line == "Deploying b: waiting for pods to be created")
        .collect();
    assert_eq!(changes.len(), 1, "one line for the change: {lines}");
    assert!(!place.shown(80, &["version", "--client"], &[]).contains(ERASE));
    assert!(!place.shown(80, &[&waits("c")[..], &["-q"]].concat(), &[]).contains(ERASE), "--quiet");
}
