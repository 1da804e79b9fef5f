//! What the tasks need on the machine: packages, the Go toolchain, and the binaries built with it.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::cache;
use crate::step::Step;

/// The Go release that is fetched where the machine has none new enough.
const GO: &str = "1.26.8";
/// The oldest Go that compiles the node: major and minor.
const GO_AT_LEAST: (u32, u32) = (1, 26);

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Finds a command in `PATH` and in the directories of administrators' commands.
pub(crate) fn find(command: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin", "/usr/bin", "/bin"];
    env::split_paths(&path)
        .chain(usual.into_iter().map(PathBuf::from))
        .map(|dir| dir.join(command))
        .find(|path| {
            path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        })
}

/// Something that must be on the machine: the file that proves it and the Debian package that brings it.
pub(crate) struct Package {
    /// A command's name, or absolute paths of which one is enough.
    pub(crate) proof: &'static [&'static str],
    /// The package's name.
    pub(crate) name: &'static str,
}

impl Package {
    fn missing(&self) -> bool {
        !self.proof.iter().any(|proof| Path::new(proof).is_file() || find(proof).is_some())
    }
}

/// Installs the packages that are missing, with apt-get as root.
///
/// # Errors
/// Without root or apt-get: exactly what to install. When apt-get fails: its log.
pub(crate) fn ensure_packages(packages: &[Package]) -> Result<()> {
    let mut missing: Vec<_> = packages.iter().filter(|p| p.missing()).map(|p| p.name).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if find("apt-get").is_none() {
        bail!(
            "this machine lacks what these Debian packages contain: {names}\n\
             apt-get is not here either: install the same with the package manager of this system"
        );
    }
    if !is_root() {
        bail!("these packages are missing; install them with: sudo apt-get install {names}");
    }
    let install = || {
        let mut command = apt();
        command.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
        Step::new(format!("Installing {names}"), "apt-install").run(&mut command)
    };
    if install().is_ok() {
        return Ok(());
    }
    // The lists may be absent (containers) or older than the mirror.
    Step::new("Updating the package lists", "apt-update").run(apt().arg("update"))?;
    install()
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// A Go toolchain that is new enough.
pub(crate) struct Go {
    path: PathBuf,
    version: String,
}

impl Go {
    /// Finds Go, or gets it: the distribution's as a bootstrap, then the right release through the module proxy, where
    /// Go itself publishes its toolchains as the module `golang.org/toolchain`.
    pub(crate) fn ensure() -> Result<Go> {
        if let Some(go) = find("go").and_then(|path| Go::at(path).ok()).filter(Go::is_new_enough) {
            return Ok(go);
        }
        ensure_packages(&[Package { proof: &["go"], name: "golang-go" }]).with_context(|| {
            format!("Go {}.{} or newer is needed (https://go.dev/dl)", GO_AT_LEAST.0, GO_AT_LEAST.1)
        })?;
        let old = find("go").ok_or_else(|| anyhow!("go is not in PATH after its installation"))?;
        if let Some(go) = Go::at(old.clone()).ok().filter(Go::is_new_enough) {
            return Ok(go);
        }
        Go::fetch(&old)
    }

    /// The release [`GO`], downloaded by an older Go unless that was done before.
    fn fetch(old: &Path) -> Result<Go> {
        let module = format!("golang.org/toolchain@v0.0.1-go{GO}.linux-{}", architecture());
        let modules = Go::ask(old, "GOMODCACHE")?;
        let root = Path::new(&modules).join(&module);
        if let Ok(go) = Go::at(root.join("bin/go")) {
            return Ok(go);
        }
        let mut command = Command::new(old);
        command.args(["mod", "download", &module]).env("GOTOOLCHAIN", "local").current_dir("/");
        Step::new(format!("Fetching Go {GO}"), "go-toolchain").run(&mut command)?;
        // Modules are unpacked without execute bits; newer releases of Go set them just like this.
        for dir in ["bin", &format!("pkg/tool/linux_{}", architecture())] {
            for entry in fs::read_dir(root.join(dir))? {
                fs::set_permissions(entry?.path(), Permissions::from_mode(0o555))?;
            }
        }
        Go::at(root.join("bin/go"))
    }

    fn at(path: PathBuf) -> Result<Go> {
        let version = Go::ask(&path, "GOVERSION")?;
        Ok(Go { path, version })
    }

    fn ask(go: &Path, variable: &str) -> Result<String> {
        let output = Command::new(go)
            .args(["env", variable])
            .env("GOTOOLCHAIN", "local")
            .current_dir("/")
            .stderr(Stdio::null())
            .output()
            .with_context(|| format!("run {}", go.display()))?;
        let value = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if value.is_empty() {
            bail!("{} does not know {variable}", go.display());
        }
        Ok(value)
    }

    fn is_new_enough(&self) -> bool {
        release(&self.version).is_some_and(|release| release >= GO_AT_LEAST)
    }

    /// `go ARGS` in a module of the repository, as the builds run it: no C, no other module and no other toolchain.
    pub(crate) fn command(&self, module: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(module).envs([
            ("CGO_ENABLED", "0"),
            ("GOWORK", "off"),
            ("GOTOOLCHAIN", "local"),
        ]);
        command
    }

    /// The path of a binary, built when neither its sources nor the toolchain were built before.
    pub(crate) fn binary(&self, binary: &Binary) -> Result<PathBuf> {
        let module = repository().join(binary.module);
        let ldflags = (binary.ldflags)(&module)?;
        let key = cache::key(&module, &[&ldflags, &self.version, architecture()])?;
        let entry = cache::entry("bin", binary.name, &key, |dir| {
            self.build(binary, &module, &ldflags, dir)
        })?;
        Ok(entry.join(binary.name))
    }

    /// Where the files of the module `name` are, in the version that the module file in `folder` (from the repository's
    /// root) asks for; fetched when they are not here.
    pub(crate) fn module(&self, folder: &str, name: &str) -> Result<PathBuf> {
        #[derive(Deserialize)]
        struct Module {
            #[serde(rename = "Dir")]
            dir: PathBuf,
        }
        let mut command = self.command(&repository().join(folder));
        command.args(["mod", "download", "-json", name]);
        let output = Step::new(format!("Fetching {name}"), "go-module").output(&mut command)?;
        let module: Module = serde_json::from_str(&output).context("what go printed")?;
        Ok(module.dir)
    }

    fn build(&self, binary: &Binary, module: &Path, ldflags: &str, dir: &Path) -> Result<()> {
        let flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", ldflags];
        let stale = ["-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", binary.package];
        let list = Step::new(
            format!("Fetching the modules of {}", binary.name),
            &format!("modules-{}", binary.name),
        )
        .output(self.command(module).arg("list").args(flags).args(stale))?;
        // -v names each package as it is compiled.
        let mut command = self.command(module);
        command
            .args(["build", "-v"])
            .args(flags)
            .arg("-o")
            .arg(dir.join(binary.name))
            .arg(binary.package);
        Step::new(format!("Building {}", binary.name), &format!("build-{}", binary.name))
            .note(if list.lines().count() > 500 { binary.cold } else { "" })
            .count(list.lines().filter(|line| !line.is_empty()).count(), |line| {
                !line.starts_with("go: ")
            })
            .run(&mut command)?;
        for link in binary.links {
            std::os::unix::fs::symlink(binary.name, dir.join(link))?;
        }
        Ok(())
    }
}

/// "go1.26.8" as (1, 26).
fn release(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split(['.', ' ', '-', 'r']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// This machine's architecture as Go names it.
fn architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A Go program of this repository.
pub(crate) struct Binary {
    /// Name of the file.
    pub(crate) name: &'static str,
    /// Folder of its module, from the repository's root.
    module: &'static str,
    /// The package, as `go build` takes it.
    package: &'static str,
    ldflags: fn(&Path) -> Result<String>,
    /// How long a build without Go's own cache takes, for the user.
    cold: &'static str,
    /// Other names it is called by.
    links: &'static [&'static str],
}

/// Every process of the node, and `kubectl`.
pub(crate) const KUBENODE: Binary = Binary {
    name: "kubenode",
    module: "cluster/kubenode",
    package: ".",
    ldflags: kubernetes_version,
    cold: "the first time 6 to 9 minutes on two cores",
    links: &["kubectl"],
};

/// The API server of the newest Kubernetes whose modules can be had, alone: the command line is tested against it too.
pub(crate) const APISERVER: Binary = Binary {
    name: "kube-apiserver",
    module: "cluster/apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    ldflags: kubernetes_version,
    cold: "the first time 3 to 5 minutes on two cores",
    links: &[],
};

/// kubectl alone, as users have it: what `start` and `list` are measured against.
pub(crate) const KUBECTL: Binary = Binary {
    name: "kubectl",
    module: "cluster/kubenode",
    package: "k8s.io/kubernetes/cmd/kubectl",
    ldflags: kubernetes_version,
    cold: "",
    links: &[],
};

/// The cluster's name server.
pub(crate) const COREDNS: Binary = Binary {
    name: "coredns",
    module: "cluster/coredns",
    package: ".",
    ldflags: |_| Ok("-s -w".to_owned()),
    cold: "the first time 1 to 2 minutes on two cores",
    links: &[],
};

/// The S3 server for tests: upstream's own command, in the versions of our module file.
pub(crate) const VERSITYGW: Binary = Binary {
    name: "versitygw",
    module: "cluster/servers/s3",
    package: "github.com/versity/versitygw/cmd/versitygw",
    ldflags: |_| Ok("-s -w".to_owned()),
    cold: "the first time 2 to 4 minutes on two cores",
    links: &[],
};

/// The server of Google Cloud Storage for tests: upstream's own command, in the versions of our module file.
pub(crate) const FAKE_GCS: Binary = Binary {
    name: "fake-gcs-server",
    module: "cluster/servers/gcs",
    package: "github.com/fsouza/fake-gcs-server",
    ldflags: |_| Ok("-s -w".to_owned()),
    cold: "the first time 2 to 4 minutes on two cores",
    links: &[],
};

/// Kubernetes' controller of VolumeSnapshots: upstream's own command, in the versions of our module file.
pub(crate) const SNAPSHOT_CONTROLLER: Binary = Binary {
    name: "snapshot-controller",
    module: VOLUME_SNAPSHOTS,
    package: "github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller",
    ldflags: |_| Ok("-s -w".to_owned()),
    cold: "the first time 2 to 4 minutes on two cores",
    links: &[],
};

/// The sidecar that asks a CSI driver for snapshots: upstream's own command, in the versions of our module file.
pub(crate) const CSI_SNAPSHOTTER: Binary = Binary {
    name: "csi-snapshotter",
    module: VOLUME_SNAPSHOTS,
    package: "github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter",
    ldflags: |_| Ok("-s -w".to_owned()),
    cold: "the first time 2 to 4 minutes on two cores",
    links: &[],
};

/// The folder of the module with the two.
pub(crate) const VOLUME_SNAPSHOTS: &str = "cluster/servers/volumesnapshots";

/// Supervisor and image maker.
pub(crate) const KT: Binary = Binary {
    name: "kt",
    module: "cluster/kt",
    package: ".",
    ldflags: |_| Ok("-s -w".to_owned()),
    cold: "",
    links: &[],
};

/// The linker flags that tell Kubernetes its own version, as upstream's build does; else it calls itself v0.0.0.
fn kubernetes_version(module: &Path) -> Result<String> {
    let manifest = fs::read_to_string(module.join("go.mod"))?;
    let version = manifest
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v")?.split(' ').next())
        .ok_or_else(|| anyhow!("{}/go.mod does not require k8s.io/kubernetes", module.display()))?;
    let minor =
        version.split('.').nth(1).ok_or_else(|| anyhow!("Kubernetes version {version:?}"))?;
    let mut flags = "-s -w".to_owned();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        for (name, value) in [
            ("gitVersion", format!("v{version}").as_str()),
            ("gitMajor", "1"),
            ("gitMinor", minor),
            ("gitTreeState", "clean"),
            // Fixed, so that the same sources give the same bytes.
            ("buildDate", "1970-01-01T00:00:00Z"),
        ] {
            flags.push_str(&format!(" -X {package}.{name}={value}"));
        }
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_releases() {
        assert_eq!(release("go1.26.8"), Some((1, 26)));
        assert_eq!(release("go1.19"), Some((1, 19)));
        assert_eq!(release("go1.27rc1"), Some((1, 27)));
        assert_eq!(release("devel +abc"), None);
        assert!(release("go1.19") < Some(GO_AT_LEAST));
    }

    #[test]
    fn kubernetes_is_told_the_version_of_its_module() {
        let flags = kubernetes_version(&repository().join(KUBENODE.module)).unwrap();
        assert!(flags.contains("-X k8s.io/component-base/version.gitVersion=v1."), "{flags}");
        // Whatever `go mod` notes behind it is no part of it.
        let flags = kubernetes_version(&repository().join(APISERVER.module)).unwrap();
        assert!(!flags.contains("//"), "{flags}");
        assert!(flags.contains("-X k8s.io/client-go/pkg/version.gitMinor="), "{flags}");
    }
}
