//! What a release is built for, by the names that krew and Kubernetes use.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// An operating system and an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Platform {
    /// `linux`, `darwin` or `windows`.
    pub(crate) os: &'static str,
    /// `amd64` or `arm64`.
    pub(crate) arch: &'static str,
}

impl Platform {
    /// All that a release contains.
    pub(crate) const ALL: [Platform; 6] = [
        Platform { os: "linux", arch: "amd64" },
        Platform { os: "linux", arch: "arm64" },
        Platform { os: "darwin", arch: "amd64" },
        Platform { os: "darwin", arch: "arm64" },
        Platform { os: "windows", arch: "amd64" },
        Platform { os: "windows", arch: "arm64" },
    ];

    /// The platform of this machine.
    ///
    /// # Errors
    /// When there is no release for it.
    pub(crate) fn of_this_machine() -> Result<Platform> {
        let os = std::env::consts::OS.replace("macos", "darwin");
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        format!("{os}/{arch}").parse()
    }

    /// The program's file name there.
    pub(crate) fn program(self) -> &'static str {
        if self.os == "windows" { "kubectl-flink.exe" } else { "kubectl-flink" }
    }

    /// The archive's file name.
    pub(crate) fn archive(self, version: &str) -> String {
        let ending = if self.os == "windows" { "zip" } else { "tar.gz" };
        format!("kubectl-flink_v{version}_{}_{}.{ending}", self.os, self.arch)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Platform::ALL.into_iter().find(|platform| platform.to_string() == text);
        found.with_context(|| {
            format!("there are releases for {}", Platform::ALL.map(|p| p.to_string()).join(", "))
        })
    }
}
