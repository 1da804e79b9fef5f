//! Cargo, run by a task: built files are found by what it says of them.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::step::{interrupted, passing_interrupts_on};
use crate::tools;

/// The part of cargo's `--message-format=json` that is of use here.
#[derive(Debug, Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

/// A program that cargo has built.
#[derive(Debug)]
pub(crate) struct Executable {
    /// Name of its target.
    pub(crate) name: String,
    /// Kind of its target: `lib`, `bin`, `test`.
    pub(crate) kind: String,
    /// Whether it holds tests.
    pub(crate) test: bool,
    /// The file.
    pub(crate) path: PathBuf,
    /// The folder of its package.
    pub(crate) package: PathBuf,
}

/// Runs `cargo ARGS` in the checkout, with progress and messages on standard error as they come; gives the
/// programs that it built.
///
/// # Errors
/// [`interrupted`], or `failure` when cargo fails.
pub(crate) fn build(args: &[&str], env: &[(&str, &str)], failure: &str) -> Result<Vec<Executable>> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(args)
        .args(["--locked", "--message-format=json-render-diagnostics"])
        .current_dir(tools::repository())
        .envs(env.iter().copied());
    let mut child = as_from_a_shell(&mut command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take();
    let read = passing_interrupts_on(child.id(), || {
        let mut text = String::new();
        stdout.map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut text)).map(|_| text)
    });
    let status = child.wait()?;
    if interrupted() {
        bail!("interrupted");
    }
    ensure!(status.success(), "{failure}");
    let mut built = Vec::new();
    for line in read?.lines() {
        let message: Message = serde_json::from_str(line).context("cargo's JSON has changed")?;
        built.extend(message.executable());
    }
    Ok(built)
}

impl Message {
    fn executable(self) -> Option<Executable> {
        let (mut target, path) = (self.target?, self.executable?);
        let package = self.manifest_path?.parent()?.to_owned();
        let kind = (!target.kind.is_empty()).then(|| target.kind.swap_remove(0))?;
        Some(Executable { name: target.name, kind, test: self.profile?.test, path, package })
    }
}

/// Takes away what `cargo xtask` told this process about itself. Build scripts (ring's) depend on these
/// variables, so that a developer's own `cargo test` and this one would compile half of the dependencies in turns.
pub(crate) fn as_from_a_shell(cargo: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_PRIMARY_PACKAGE", "CARGO_BIN_NAME"];
        if name.to_str().is_some_and(|name| told.iter().any(|start| name.starts_with(start))) {
            cargo.env_remove(name);
        }
    }
    cargo
}
