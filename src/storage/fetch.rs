//! Jars by `https://`: fetched here, then uploaded like any local one, so that the pods need no way out
//! of the cluster and the job's record names the very content.

use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use super::jar::{self, LocalJar};
use crate::download::{Download, Scheme};
use crate::error::{Error, Kind, Result};

/// A jar that was downloaded; the file goes when this is dropped.
#[derive(Debug)]
pub struct FetchedJar {
    /// The jar.
    pub jar: LocalJar,
    _file: TempPath,
}

/// Downloads and checks the jar at `uri`.
///
/// # Errors
/// [`Kind::Unreachable`] when it cannot be had, [`Kind::Usage`] when it is no jar.
pub async fn jar(uri: &str) -> Result<FetchedJar> {
    let mut download = Download::open(uri, Scheme::Https).await?;
    let (file, path) = tempfile::Builder::new()
        .prefix("kubectl-flink-")
        .suffix(".jar")
        .tempfile()
        .map_err(cannot_write)?
        .into_parts();
    let mut file = tokio::fs::File::from_std(file);
    while let Some(chunk) = download.chunk().await? {
        file.write_all(chunk.as_ref()).await.map_err(cannot_write)?;
    }
    file.flush().await.map_err(cannot_write)?;
    let mut jar =
        jar::inspect(&path).await.map_err(|e| e.context(format!("{uri} is not a jar")))?;
    jar.name = uri
        .split(['?', '#'])
        .next()
        .and_then(|uri| uri.rsplit('/').next())
        .unwrap_or(uri)
        .to_owned();
    Ok(FetchedJar { jar, _file: path })
}

fn cannot_write(e: std::io::Error) -> Error {
    Error::new(Kind::Other, "cannot keep the downloaded jar in the temporary folder")
        .caused_by(e)
        .hint("Make room there, or point TMPDIR somewhere else.")
}
