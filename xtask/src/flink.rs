//! `cargo xtask flink …`: the Flink artefacts that tests and the demo use, for use by hand.

use anyhow::Result;
use clap::Subcommand;

use crate::images::Contents;
use crate::{flink_home, images, jobs, step};

/// `cargo xtask flink …`
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the container image of a Flink version and print its archive's path
    Image {
        /// Flink version
        #[arg(value_parser = images::VERSIONS)]
        version: String,
        /// What it has beside Flink itself
        #[arg(long, value_enum, default_value = "plain")]
        contents: Contents,
    },
    /// Make the Flink distribution of a version and print its folder's path
    Home {
        /// Flink version
        #[arg(value_parser = images::VERSIONS)]
        version: String,
    },
    /// Compile the jobs of tests and demo and print the path of the folder with their jars
    Jobs,
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// What is missing or failed, and what to do.
    pub(crate) fn run(self) -> Result<()> {
        let path = match self {
            Command::Image { version, contents } => images::ensure(&version, contents)?,
            Command::Home { version } => flink_home::ensure(&version)?,
            Command::Jobs => jobs::ensure()?,
        };
        step::print(&path.display().to_string());
        Ok(())
    }
}
