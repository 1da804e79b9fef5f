//! `completion install`: the file by which kubectl completes a plugin.
//!
//! krew links one executable per plugin, the plugin itself, so this file has to be made by hand
//! (<https://github.com/kubernetes-sigs/krew/issues/812>).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::context::Ctx;
use crate::error::{Error, Kind, Result};

/// What kubectl looks for on the `PATH`: an executable of this name.
const NAME: &str =
    if cfg!(windows) { "kubectl_complete-flink.cmd" } else { "kubectl_complete-flink" };

/// The text of the file for this system.
pub(super) const SCRIPT: &str = if cfg!(windows) {
    include_str!("../../../completions/kubectl_complete-flink.cmd")
} else {
    include_str!("../../../completions/kubectl_complete-flink")
};

/// Stands in every version of the file, and in no file of anybody else.
const OURS: &str = "kubectl-flink";

const EXAMPLES: &str = "\
Examples:
  # Beside the plugin
  kubectl flink completion install

  # Into another folder of the PATH
  kubectl flink completion install --dir ~/bin";

/// Arguments of `completion install`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InstallArgs {
    /// Folder of the PATH to put it into; the one that kubectl-flink is in when absent
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes the file, unless it is there already.
pub(super) fn run(ctx: &mut Ctx, args: &InstallArgs) -> Result<()> {
    let folders = ctx.path_folders();
    let folder = match &args.dir {
        Some(folder) => folder.clone(),
        None => beside_the_plugin(&folders)?,
    };
    let target = folder.join(NAME);
    let verdict = match fs::read_to_string(&target) {
        Ok(text) if text == SCRIPT => "unchanged",
        Ok(text) if text.contains(OURS) => write(&target).map(|()| "updated")?,
        Ok(_) => {
            return Err(Error::new(
                Kind::Conflict,
                format!("{} exists and is not ours", target.display()),
            )
            .hint("Remove it, or choose another folder of your PATH with --dir."));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write(&target).map(|()| "created")?
        }
        Err(error) => return Err(cannot(&target, "read", error)),
    };
    ctx.ui.answer(&format!("{} {verdict}", target.display()))?;
    if !folders.contains(&folder) {
        ctx.ui.warn(&format!(
            "{} is not on your PATH, so kubectl will not find it there",
            folder.display()
        ));
    }
    ctx.ui.hint("kubectl asks it where its own completion is loaded, such as by `source <(kubectl completion bash)`.");
    Ok(())
}

/// The folder of the `PATH` in which the shell, and so kubectl, finds the plugin. Under krew that is the folder of links,
/// not the one of the program itself.
fn beside_the_plugin(folders: &[PathBuf]) -> Result<PathBuf> {
    let plugin = format!("kubectl-flink{}", std::env::consts::EXE_SUFFIX);
    let found = folders.iter().find(|folder| folder.join(&plugin).is_file());
    found.cloned().ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "kubectl-flink is in no folder of the PATH, so kubectl cannot call it",
        )
        .hint("Put it into one first, or name the folder with --dir.")
    })
}

fn write(target: &Path) -> Result<()> {
    fs::write(target, SCRIPT).map_err(|error| cannot(target, "write", error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(target, mode)
            .map_err(|error| cannot(target, "make executable", error))?;
    }
    Ok(())
}

fn cannot(target: &Path, verb: &str, error: io::Error) -> Error {
    Error::new(Kind::Other, format!("cannot {verb} {}", target.display()))
        .caused_by(error)
        .hint("Choose a folder of your PATH that you may write to with --dir.")
}
