//! The plugin, built from this checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::site::Site;
use crate::{cargo, tools};

/// The built binary.
pub(crate) struct Plugin {
    binary: PathBuf,
}

impl Plugin {
    /// Builds it with a cargo profile; cargo shows its own progress.
    ///
    /// # Errors
    /// When it does not compile.
    pub(crate) fn build(profile: &str) -> Result<Plugin> {
        Plugin::cargo_build(profile, &[])
    }

    /// Builds it in a folder of its own, so that the bytes do not depend on where this checkout and cargo's home are.
    ///
    /// # Errors
    /// When it does not compile.
    pub(crate) fn build_reproducibly(profile: &str, target: &Path) -> Result<Plugin> {
        let home = std::env::home_dir().context("there is no home directory")?;
        let cargo = std::env::var_os("CARGO_HOME").map_or(home.join(".cargo"), PathBuf::from);
        let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let flags = [
            remap(&tools::repository(), "kubectl-flink"),
            remap(&cargo, "cargo"),
            remap(target, "target"),
        ];
        // The separator that cannot stand in a path.
        let flags = flags.join("\u{1f}");
        let target = target.display().to_string();
        Plugin::cargo_build(
            profile,
            &[("CARGO_ENCODED_RUSTFLAGS", &flags), ("CARGO_TARGET_DIR", &target)],
        )
    }

    fn cargo_build(profile: &str, env: &[(&str, &str)]) -> Result<Plugin> {
        let args =
            ["build", "--package", "kubectl-flink", "--bin", "kubectl-flink", "--profile", profile];
        let built = cargo::build(&args, env, "the plugin does not compile (see above)")?;
        let binary = built.into_iter().find(|built| built.kind == "bin");
        let binary = binary.context("cargo named no executable")?.path;
        Ok(Plugin { binary })
    }

    /// The file.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// The folder it is in.
    pub(crate) fn folder(&self) -> &Path {
        self.binary.parent().unwrap_or(&self.binary)
    }

    /// The plugin on this cluster and in this namespace.
    pub(crate) fn command(&self, site: &Site, namespace: &str, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("KUBECONFIG", site.kubeconfig()).args(["--namespace", namespace]).args(args);
        command
    }
}
