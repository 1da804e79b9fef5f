//! `kubectl flink`: runs Apache Flink on Kubernetes and keeps its state safe.
//!
//! Layers, each using only those below it (see `docs/architecture.md`):
//! `commands` → `ops` → `cluster`, `flink`, `storage`, `manifest` → `model`;
//! `ui` is used by `commands` only.

pub mod cli;
pub mod cluster;
pub mod commands;
pub mod context;
pub mod deadline;
pub mod download;
pub mod error;
pub mod exit_code;
pub mod flink;
pub mod manifest;
pub mod model;
pub mod ops;
pub mod storage;
pub mod ui;
pub mod view;
pub mod yaml;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::commands::completion::answer as completion;
use crate::context::{Ctx, Environment};
use crate::ui::{Streams, Ui};

/// Runs one command line and returns the process exit code (see [`exit_code`]).
///
/// `args` starts with the program's name, as in [`std::env::args_os`]. Nothing but `environment` and
/// `streams` is read from or written to the process, so a test can call this directly.
pub async fn run(
    args: impl IntoIterator<Item = OsString>,
    environment: Environment,
    streams: Streams,
) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(words) = completion::asked(&args) {
        let ui = Ui::new(streams, ui::Color::Never, true, &environment.terminal);
        completion::answer(&ui, words, &environment).await;
        return ExitCode::from(exit_code::OK);
    }
    let cli = match cli::parse(args, environment.terminal.columns) {
        Ok(cli) => cli,
        Err(usage) => {
            let ui = Ui::new(streams, ui::Color::Auto, false, &environment.terminal);
            return ExitCode::from(ui.usage(&usage));
        }
    };
    let ui = Ui::new(streams, cli.display.color, cli.display.quiet, &environment.terminal);
    ui::log::install(cli.display.verbosity, &ui);
    let connect = cli.connect.into_options(&environment);
    let mut ctx = Ctx::new(ui.clone(), environment, connect);
    // The interrupt comes first: it must see a command's claim before the command gives it up.
    let outcome = tokio::select! {
        biased;
        () = ui.unclaimed_interrupt() => None,
        outcome = cli::dispatch(&mut ctx, cli.command) => Some(outcome),
    };
    ctx.close().await;
    let code = match outcome {
        Some(Ok(())) => exit_code::OK,
        Some(Err(error)) if ui::is_broken_pipe(&error) => exit_code::OK,
        Some(Err(error)) => {
            ui.error(&error);
            error.kind().exit_code()
        }
        None => exit_code::INTERRUPTED,
    };
    ExitCode::from(code)
}
