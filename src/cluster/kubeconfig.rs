//! Finding and reading the kubeconfig the way kubectl does.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use crate::error::{Error, Kind, Result};

/// Reads `--kubeconfig` if given, else the files of `$KUBECONFIG` (`variable`), else `~/.kube/config`.
///
/// Files named by `$KUBECONFIG` that do not exist are skipped, as kubectl skips them; the first file
/// that sets a value wins. `None` means that there is no kubeconfig at all.
///
/// # Errors
/// [`Kind::Usage`] when a file cannot be read or is not a kubeconfig.
pub fn read(
    explicit: Option<&Path>,
    variable: Option<&OsStr>,
    home: Option<&Path>,
) -> Result<Option<Kubeconfig>> {
    if let Some(path) = explicit {
        return read_file(path).map(Some);
    }
    let listed: Vec<PathBuf> = variable
        .map(|list| std::env::split_paths(list).filter(|p| !p.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    let candidates = if listed.is_empty() {
        home.map(|home| home.join(".kube").join("config")).into_iter().collect()
    } else {
        listed
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in candidates.iter().filter(|path| path.exists()) {
        let next = read_file(path)?;
        merged = Some(match merged {
            Some(first) => first.merge(next).map_err(|e| malformed(path, e))?,
            None => next,
        });
    }
    Ok(merged)
}

fn read_file(path: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(path).map_err(|e| malformed(path, e))
}

fn malformed(path: &Path, error: KubeconfigError) -> Error {
    let shown = path.display();
    match error {
        KubeconfigError::ReadConfig(io, _) => Error::usage(format!("cannot read {shown}"))
            .caused_by(io)
            .hint("Check --kubeconfig and the KUBECONFIG variable."),
        // The parser quotes lines of the file, which may hold credentials: name the place only.
        KubeconfigError::Parse(parse) => {
            let place = parse
                .location()
                .map(|at| format!(" at line {}, column {}", at.line(), at.column()))
                .unwrap_or_default();
            Error::usage(format!("{shown} is not a valid kubeconfig{place}")).hint(
                "Compare it with `kubectl config view`, or name another file with --kubeconfig.",
            )
        }
        other => Error::usage(format!("{shown} is not a valid kubeconfig")).caused_by(other),
    }
}

/// What is wrong with the choice of context, cluster or user, with the names that exist.
pub fn explain_choice(error: KubeconfigError, config: &Kubeconfig) -> Error {
    let contexts: Vec<&str> = config.contexts.iter().map(|c| c.name.as_str()).collect();
    let known = match contexts.as_slice() {
        [] => "The kubeconfig has no contexts.".to_owned(),
        names => format!("Contexts in the kubeconfig: {}.", names.join(", ")),
    };
    match error {
        KubeconfigError::LoadContext(name) => {
            Error::usage(format!("there is no context {name:?} in the kubeconfig")).hint(known)
        }
        KubeconfigError::CurrentContextNotSet => {
            Error::usage("the kubeconfig has no current context")
                .hint(format!("Choose one with --context. {known}"))
        }
        KubeconfigError::LoadClusterOfContext(name) => {
            Error::usage(format!("there is no cluster {name:?} in the kubeconfig"))
                .hint("Check --cluster, or the context's entry in the kubeconfig.")
        }
        // kube reads the proxies of the environment itself, and does not say so.
        KubeconfigError::ParseProxyUrl(_) => Error::usage(
            "the URL of the proxy to the API server is not a URL",
        )
        .hint(
            "Check the cluster's proxy-url in the kubeconfig, and HTTPS_PROXY: http://HOST:PORT.",
        ),
        other => Error::new(Kind::Usage, "the kubeconfig cannot be used")
            .caused_by(other)
            .hint("Run the same context with kubectl: it reads the same file."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    const TWO: &str = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n\
        - {name: a, context: {cluster: c, user: u}}\n- {name: b, context: {cluster: c, user: u}}\n\
        clusters:\n- {name: c, cluster: {server: 'https://127.0.0.1:1'}}\nusers: []\n";

    fn write(dir: &tempfile::TempDir, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = dir.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    #[test]
    fn files_of_the_variable_merge_and_missing_ones_are_skipped() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let one = write(&dir, "one", TWO)?;
        let two = write(
            &dir,
            "two",
            "current-context: z\ncontexts: [{name: z, context: {cluster: c, user: u}}]\n",
        )?;
        let list = std::env::join_paths([dir.path().join("absent"), one, two])?;
        let config = read(None, Some(&list), None)?.ok_or_else(|| anyhow::anyhow!("no config"))?;
        assert_eq!(config.current_context.as_deref(), Some("a"));
        assert_eq!(config.contexts.len(), 3);
        let absent = OsString::from(dir.path().join("absent"));
        assert!(read(None, Some(&absent), None)?.is_none());
        Ok(())
    }

    #[test]
    fn a_malformed_file_is_named_without_quoting_it() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = write(&dir, "bad", "users:\n- name: u\n  user: {token: s3cret\n")?;
        let error =
            read(Some(&path), None, None).err().ok_or_else(|| anyhow::anyhow!("accepted"))?;
        assert_eq!(error.kind(), Kind::Usage);
        let text = error.to_string();
        assert!(text.contains("is not a valid kubeconfig at line"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
        Ok(())
    }

    #[test]
    fn an_unknown_context_lists_the_known_ones() -> anyhow::Result<()> {
        let config = Kubeconfig::from_yaml(TWO)?;
        let error = explain_choice(KubeconfigError::LoadContext("x".into()), &config);
        assert_eq!(error.to_string(), "there is no context \"x\" in the kubeconfig");
        assert_eq!(error.hints(), ["Contexts in the kubeconfig: a, b."]);
        Ok(())
    }
}
