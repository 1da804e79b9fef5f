//! `cargo xtask dist`: what a release consists of. Archives are reproducible: the same source gives the same bytes.

mod archive;
mod krew;
mod manifest;
mod platform;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};

use crate::plugin::Plugin;
use crate::step::{print, say};
use crate::tools;
use archive::{Source, checksum};
use platform::Platform;

/// Arguments of `cargo xtask dist`.
#[derive(Debug, Args)]
pub(crate) struct DistArgs {
    #[command(subcommand)]
    part: Option<Part>,
    /// Folder to write to
    #[arg(long, global = true, value_name = "DIR", default_value = "dist")]
    out: PathBuf,
    /// Home of the releases, such as https://github.com/ME/kubectl-flink; the remote `origin` when absent
    #[arg(long, global = true, value_name = "URL")]
    repository: Option<String>,
    /// Cargo profile to build with
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// Build again in another folder, and fail unless the archive has the same bytes
    #[arg(long)]
    twice: bool,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Pack a binary that was built elsewhere
    Archive {
        /// The binary
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        /// What it runs on, such as linux/amd64
        #[arg(long, value_name = "OS/ARCH")]
        platform: Platform,
    },
    /// Write checksums and the krew manifest for the archives that are there
    Manifest {
        /// Fail unless there is an archive for every platform
        #[arg(long)]
        complete: bool,
    },
}

/// Builds and packs for this machine, or does one part of it.
///
/// # Errors
/// When something cannot be built or written, and when the manifest would break a rule of krew's.
pub(crate) fn run(args: &DistArgs) -> Result<()> {
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create {}", args.out.display()))?;
    let out = args.out.canonicalize()?;
    match &args.part {
        Some(Part::Archive { binary, platform }) => {
            told(&archive::pack(&source()?, binary, *platform, &out)?)
        }
        Some(Part::Manifest { complete }) => write_manifest(args, &out, *complete),
        None => {
            let built = build(args, &out)?;
            told(&built)?;
            write_manifest(args, &out, false)
        }
    }
}

fn build(args: &DistArgs, out: &Path) -> Result<PathBuf> {
    let (source, platform) = (source()?, Platform::of_this_machine()?);
    let build = |target: &Path| Plugin::build_reproducibly(&args.profile, target);
    let first = build(&out.join("target"))?;
    let packed = archive::pack(&source, first.binary(), platform, out)?;
    if args.twice {
        let (again, elsewhere) = (out.join("again"), out.join("target-again"));
        fs::create_dir_all(&again)?;
        let second = build(&elsewhere)?;
        let repacked = archive::pack(&source, second.binary(), platform, &again)?;
        ensure!(
            fs::read(&packed)? == fs::read(&repacked)?,
            "two builds differ: compare {} and {}",
            packed.display(),
            repacked.display()
        );
        say("    two builds in two folders gave the same bytes");
    }
    Ok(packed)
}

fn write_manifest(args: &DistArgs, out: &Path, complete: bool) -> Result<()> {
    let archives = archive::find(out, &source()?.version)?;
    if complete && archives.len() != Platform::ALL.len() {
        bail!("{} of {} archives are in {}", archives.len(), Platform::ALL.len(), out.display());
    }
    manifest::checksums(&archives, &out.join("SHA256SUMS"))?;
    let Some(repository) = args.repository.clone().or_else(origin) else {
        say(
            "    no krew manifest: there is no remote `origin`, so name the home of the releases with --repository",
        );
        return Ok(());
    };
    let template = fs::read_to_string(tools::repository().join("krew/flink.yaml"))?;
    let filled = manifest::fill(&template, &source()?.version, &repository, &archives)?;
    let violations = krew::violations("flink.yaml", &filled)?;
    ensure!(violations.is_empty(), "krew would refuse the manifest:\n{}", violations.join("\n"));
    let path = out.join("index/plugins/flink.yaml");
    fs::create_dir_all(path.parent().unwrap_or(out))?;
    fs::write(&path, filled)?;
    print(&path.display().to_string());
    Ok(())
}

/// Prints an archive's path with its checksum and size.
fn told(archive: &Path) -> Result<()> {
    let mebibytes = fs::metadata(archive)?.len() as f64 / 1024.0 / 1024.0;
    print(&format!("{}  {} ({mebibytes:.1} MiB)", checksum(archive)?, archive.display()));
    Ok(())
}

/// The version that is released, and when its source was committed: the time of every file in an archive.
fn source() -> Result<Source> {
    let root = tools::repository();
    let cargo = fs::read_to_string(root.join("Cargo.toml"))?;
    let version = cargo
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .context("Cargo.toml has no version")?;
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds.parse().context("SOURCE_DATE_EPOCH is not a number of seconds")?,
        Err(_) => git(&["log", "-1", "--format=%ct"])
            .and_then(|seconds| seconds.parse().ok())
            .context("not a git checkout: say with SOURCE_DATE_EPOCH when the source is from")?,
    };
    Ok(Source { version: version.to_owned(), seconds, license: root.join("LICENSE") })
}

/// The remote `origin` as a web address.
fn origin() -> Option<String> {
    let url = git(&["remote", "get-url", "origin"])?;
    let url = url.trim_end_matches(".git");
    match url.strip_prefix("git@") {
        Some(rest) => Some(format!("https://{}", rest.replacen(':', "/", 1))),
        None => url.starts_with("https://").then(|| url.to_owned()),
    }
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).current_dir(tools::repository()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
