//! `completion`: scripts for shells, the file that kubectl looks for, and the answers to both.

pub(crate) mod answer;
mod install;
mod live;
mod wanted;

use clap::{Args, Subcommand, ValueEnum};

use crate::context::Ctx;
use crate::error::Result;

const EXAMPLES: &str = "\
Examples:
  # Complete `kubectl flink …`: puts kubectl_complete-flink beside the plugin, where kubectl finds it
  kubectl flink completion install

  # Complete `kubectl-flink …` in this bash, and in every new one
  source <(kubectl flink completion bash)
  kubectl flink completion bash > ~/.local/share/bash-completion/completions/kubectl-flink";

/// Arguments of `completion`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct CompletionArgs {
    /// Script to print
    #[arg(value_enum, required = true)]
    script: Option<Script>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Put the file that completes `kubectl flink …` where kubectl finds it
    Install(install::InstallArgs),
}

/// A script of `completions/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Script {
    /// For `kubectl-flink` in bash
    Bash,
    /// For `kubectl-flink` in zsh
    Zsh,
    /// For `kubectl-flink` in fish
    Fish,
    /// For `kubectl-flink` in PowerShell
    #[value(alias = "pwsh")]
    Powershell,
    /// For `kubectl flink` in every shell that kubectl's own completion is loaded in
    Kubectl,
}

impl Script {
    fn text(self) -> &'static str {
        match self {
            Script::Bash => include_str!("../../../completions/kubectl-flink.bash"),
            Script::Zsh => include_str!("../../../completions/_kubectl-flink"),
            Script::Fish => include_str!("../../../completions/kubectl-flink.fish"),
            Script::Powershell => include_str!("../../../completions/kubectl-flink.ps1"),
            Script::Kubectl => install::SCRIPT,
        }
    }
}

/// Prints a script, or installs the one that kubectl wants.
///
/// # Errors
/// When standard output or the folder cannot be written.
pub async fn run(ctx: &mut Ctx, args: CompletionArgs) -> Result<()> {
    match (args.verb, args.script) {
        (Some(Verb::Install(args)), _) => install::run(ctx, &args),
        (None, Some(script)) => ctx.ui.answer(script.text().trim_end()),
        (None, None) => Ok(()), // clap requires one of them
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_committed_script_is_one_that_is_printed() -> anyhow::Result<()> {
        let mut printed: BTreeSet<String> =
            Script::value_variants().iter().map(|script| script.text().to_owned()).collect();
        // The one of the other system.
        printed.insert(include_str!("../../../completions/kubectl_complete-flink").to_owned());
        printed.insert(include_str!("../../../completions/kubectl_complete-flink.cmd").to_owned());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/completions");
        let committed = std::fs::read_dir(folder)?
            .map(|entry| Ok(std::fs::read_to_string(entry?.path())?))
            .collect::<anyhow::Result<BTreeSet<_>>>()?;
        assert_eq!(committed, printed);
        Ok(())
    }
}
