//! Bringing a job's jar to state storage: skipped when it is there, resumed when a part of it is.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncSeekExt, BufReader, ReadBuf};

use super::jar::LocalJar;
use super::store::{StateStore, Upload, Uploaded};
use crate::error::{Error, Kind, Result};
use crate::model::storage::StateLayout;

/// How often an upload whose connection breaks is taken up again.
const ATTEMPTS: u32 = 6;

/// Bytes of the jar that are read at once.
const READ: usize = 1024 * 1024;

/// How much of an upload is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadProgress {
    /// Bytes that are there or on their way.
    pub sent: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Puts the jar at its content-addressed place (`jars/<sha256>.jar`) and returns its URI. A jar that is
/// there, checksum verified, is not sent again.
///
/// # Errors
/// After six broken connections, when the volume is full or not writable, and when the local file
/// changes meanwhile.
pub async fn upload_jar(
    store: &dyn StateStore,
    layout: &StateLayout,
    jar: &LocalJar,
    progress: &mut (dyn FnMut(UploadProgress) + Send),
) -> Result<String> {
    let uri = layout.jar(&jar.sha256);
    let upload = Upload { uri: uri.clone(), size: jar.size, sha256: jar.sha256.clone() };
    let mut attempt = 1;
    loop {
        match upload_once(store, &upload, jar, progress).await {
            Ok(()) => return Ok(uri),
            Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                tracing::debug!(%error, attempt, "the upload broke off; taking it up again");
                tokio::time::sleep(Duration::from_millis(200) * attempt).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// A broken connection leaves a part to go on from; a wrong checksum (two uploads into one part) starts
/// anew.
fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unreachable | Kind::Conflict)
}

async fn upload_once(
    store: &dyn StateStore,
    upload: &Upload,
    jar: &LocalJar,
    progress: &mut (dyn FnMut(UploadProgress) + Send),
) -> Result<()> {
    let total = upload.size;
    let offset = match store.begin_upload(upload).await? {
        Uploaded::Whole => {
            progress(UploadProgress { sent: total, total });
            return Ok(());
        }
        Uploaded::Part(offset) => offset,
    };
    let unreadable = |e: std::io::Error| {
        Error::usage(format!("cannot read {}", jar.path.display())).caused_by(e)
    };
    let mut file = tokio::fs::File::open(&jar.path).await.map_err(unreadable)?;
    if file.metadata().await.map_err(unreadable)?.len() != total {
        return Err(Error::usage(format!("{} has changed meanwhile", jar.path.display()))
            .hint("Run the command again once the build has ended."));
    }
    file.seek(std::io::SeekFrom::Start(offset)).await.map_err(unreadable)?;
    progress(UploadProgress { sent: offset, total });
    // Each read of the file itself is a hop to another thread.
    let inner = BufReader::with_capacity(READ, file);
    let mut source = Counted { inner, sent: offset, total, progress };
    store.upload(upload, offset, &mut source).await
}

/// Reports what is read from it.
struct Counted<'a, R> {
    inner: R,
    sent: u64,
    total: u64,
    progress: &'a mut (dyn FnMut(UploadProgress) + Send),
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<'_, R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.inner).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        if read > 0 {
            this.sent += read as u64;
            (this.progress)(UploadProgress { sent: this.sent, total: this.total });
        }
        polled
    }
}

#[cfg(test)]
mod tests;
