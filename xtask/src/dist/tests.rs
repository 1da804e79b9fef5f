//! Does with an archive what krew does, and holds the committed template to krew's rules.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::archive::{self, Source, checksum};
use super::{krew, manifest};
use crate::dist::platform::Platform;
use crate::plugin::Plugin;
use crate::tools;

const HOME: &str = "https://example.com/kubectl-flink";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Folder> {
        let path =
            std::env::temp_dir().join(format!("kubectl-flink-{}-{name}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn source() -> Source {
    let license = tools::repository().join("LICENSE");
    Source { version: "1.2.3".to_owned(), seconds: 1_700_000_000, license }
}

fn template() -> Result<String> {
    Ok(fs::read_to_string(tools::repository().join("krew/flink.yaml"))?)
}

/// The template filled in for every platform.
fn filled() -> Result<String> {
    let archives = Platform::ALL.map(|p| (p, PathBuf::from(p.archive("1.2.3")), "0".repeat(64)));
    manifest::fill(&template()?, "1.2.3", HOME, &archives)
}

#[test]
fn the_template_keeps_every_rule_for_every_platform() -> Result<()> {
    let filled = filled()?;
    assert_eq!(krew::violations("flink.yaml", &filled)?, Vec::<String>::new());
    let manifest = krew::parse(&filled)?;
    let targets = manifest.spec.platforms.iter();
    let selected: Vec<_> = targets.clone().flat_map(krew::Target::selects).collect();
    assert_eq!(selected, Platform::ALL);
    for (target, platform) in targets.zip(Platform::ALL) {
        assert!(target.uri.ends_with(&format!("/v1.2.3/{}", platform.archive("1.2.3"))));
        assert_eq!(target.bin, platform.program());
    }
    Ok(())
}

#[test]
fn each_broken_rule_is_found() -> Result<()> {
    let good = filled()?;
    let broken = |from: &str, to: &str| -> Result<String> {
        ensure!(good.contains(from), "the manifest has no {from:?}");
        Ok(krew::violations("flink.yaml", &good.replacen(from, to, 1))?.join("\n"))
    };
    for (from, to, complaint) in [
        ("/v1alpha2", "/v1", "apiVersion"),
        ("kind: Plugin", "kind: Plug", "kind"),
        ("name: flink", "name: fl.ink", "no name"),
        ("name: flink", "name: link", "holds the plugin link"),
        ("v1.2.3", "1.2.3", "not vX.Y.Z"),
        ("Run Apache Flink", "Run Apache Flink and a great deal more", "shortDescription"),
        ("Deploys Apache", "kubectl flink deploy Apache", "usage examples"),
        ("tar.gz", "tar.xz", "neither .tar.gz nor .zip"),
        ("sha256: \"0", "sha256: \"G", "64 lower-case"),
        ("arch: arm64", "arch: amd64", "two archives are for linux/amd64"),
        ("os: linux", "region: eu", "os and arch only"),
        ("kubectl-flink.exe", "kubectl-flink", ".exe"),
        ("from: LICENSE", "from: README", "license"),
        ("from: LICENSE", "from: ../LICENSE", "lead out"),
    ] {
        let found = broken(from, to)?;
        assert!(found.contains(complaint), "{from:?} → {to:?}: {found:?}");
    }
    assert!(broken("  homepage:", "  homePage:").is_err(), "an unknown field");
    Ok(())
}

#[test]
fn a_platform_without_an_archive_is_left_out() -> Result<()> {
    let linux = Platform::ALL[1];
    let archives = [(linux, PathBuf::from("x"), "a".repeat(64))];
    let filled = manifest::fill(&template()?, "1.2.3", HOME, &archives)?;
    let targets = krew::parse(&filled)?.spec.platforms;
    assert_eq!(targets.iter().flat_map(krew::Target::selects).collect::<Vec<_>>(), [linux]);
    assert!(manifest::fill(&template()?, "1.2.3", HOME, &[]).is_err());
    Ok(())
}

#[test]
fn the_same_content_gives_the_same_bytes() -> Result<()> {
    let (one, two) = (Folder::new("one")?, Folder::new("two")?);
    for platform in [Platform::ALL[0], Platform::ALL[5]] {
        let mut sums = Vec::new();
        for folder in [&one.0, &two.0] {
            // Another file with the same content, made at another time.
            let binary = folder.join("binary");
            fs::write(&binary, "#!/bin/sh\n")?;
            sums.push(checksum(&archive::pack(&source(), &binary, platform, folder)?)?);
            std::thread::sleep(std::time::Duration::from_millis(2100));
        }
        assert_eq!(sums[0], sums[1], "{platform}");
    }
    Ok(())
}

/// Download excepted: checksum, extraction, the files that the manifest names, the link, the first run.
#[test]
fn what_krew_installs_runs() -> Result<()> {
    let folder = Folder::new("krew")?;
    let (dist, store, bin) =
        (folder.0.join("dist"), folder.0.join("store/flink/v1.2.3"), folder.0.join("bin"));
    for folder in [&dist, &store, &bin] {
        fs::create_dir_all(folder)?;
    }
    let platform = Platform::of_this_machine()?;
    let plugin = Plugin::build("dev")?;
    // As the release profile does; what is for debuggers takes a minute to compress.
    let stripped = folder.0.join("stripped");
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(plugin.binary()).status()?;
    ensure!(status.success(), "strip (package binutils, which Rust links with) failed");
    archive::pack(&source(), &stripped, platform, &dist)?;
    let archives = archive::find(&dist, "1.2.3")?;
    let text = manifest::fill(&template()?, "1.2.3", HOME, &archives)?;
    let targets = krew::parse(&text)?.spec.platforms;
    let target = targets.first().context("a platform")?;
    let packed = dist.join(target.uri.rsplit('/').next().context("a file name")?);
    assert_eq!(checksum(&packed)?, target.sha256);
    let extracted = folder.0.join("extracted");
    tar::Archive::new(flate2::read::GzDecoder::new(File::open(&packed)?)).unpack(&extracted)?;
    for file in target.files.iter().flatten() {
        let to = store.join(&file.to).join(Path::new(&file.from).file_name().context("a name")?);
        fs::rename(extracted.join(&file.from), to)?;
    }
    assert!(store.join("LICENSE").is_file());
    let link = bin.join("kubectl-flink");
    symlink(store.join(&target.bin), &link)?;
    let output = Command::new(&link).args(["version", "--client"]).env_clear().output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout)?.starts_with("Client Version: v"));
    Ok(())
}
