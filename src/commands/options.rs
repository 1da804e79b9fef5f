//! `options`: the options that every verb takes.

use clap::Args;

use crate::cli;
use crate::context::Ctx;
use crate::error::Result;
use crate::ui::Text;

const EXAMPLES: &str = "\
Examples:
  # The options that every command takes
  kubectl flink options";

/// Arguments of `options`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct OptionsArgs {}

/// Prints the options.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(ctx: &mut Ctx, _: OptionsArgs) -> Result<()> {
    let options = cli::help::options(ctx.columns());
    ctx.ui.answer_text(&Text::new().plain(&options.to_string()))
}
