use super::*;
use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};
use crate::storage::testing::local_store;
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::store::{Entry, ShellStore};

struct Bench {
    dir: tempfile::TempDir,
    store: ShellStore,
    layout: StateLayout,
    jar: LocalJar,
    content: Vec<u8>,
}

fn bench() -> anyhow::Result<Bench> {
    let dir = tempfile::tempdir()?;
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let path = dir.path().join("job.jar");
    std::fs::write(&path, &content)?;
    let claim = ClaimStorage { claim: "c".into(), path: String::new(), access: AccessMode::Rwo };
    let layout = StateStorage::Claim(claim).layout("shop", &"orders".parse()?);
    let sha256 = sha256(&content);
    let jar = LocalJar {
        path,
        name: "job.jar".into(),
        size: content.len() as u64,
        sha256,
        main_class: None,
    };
    let store = local_store(&dir.path().join("volume"));
    Ok(Bench { dir, store, layout, jar, content })
}

fn sha256(content: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Bench {
    fn destination(&self, suffix: &str) -> std::path::PathBuf {
        let name = format!("volume/shop/orders/jars/{}.jar{suffix}", self.jar.sha256);
        self.dir.path().join(name)
    }

    fn put_part(&self, part: &[u8]) -> anyhow::Result<()> {
        let path = self.destination(".part");
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        Ok(std::fs::write(path, part)?)
    }

    /// Uploads and returns the first and the last progress.
    async fn upload(&self, store: &dyn StateStore) -> Result<(u64, u64)> {
        let mut seen = Vec::new();
        upload_jar(store, &self.layout, &self.jar, &mut |p| seen.push(p.sent)).await?;
        Ok((seen.first().copied().unwrap_or(0), seen.last().copied().unwrap_or(0)))
    }
}

#[tokio::test]
async fn a_jar_arrives_whole_and_is_not_sent_twice() -> anyhow::Result<()> {
    let bench = bench()?;
    let (first, last) = bench.upload(&bench.store).await?;
    assert!(first < last && last == bench.jar.size);
    assert_eq!(std::fs::read(bench.destination(""))?, bench.content);
    assert!(!bench.destination(".part").exists());
    let written = std::fs::metadata(bench.destination(""))?.modified()?;
    assert_eq!(bench.upload(&bench.store).await?, (bench.jar.size, bench.jar.size));
    assert_eq!(std::fs::metadata(bench.destination(""))?.modified()?, written);
    Ok(())
}

#[tokio::test]
async fn a_partial_file_is_continued() -> anyhow::Result<()> {
    let bench = bench()?;
    bench.put_part(&bench.content[..1_000_000])?;
    let (first, last) = bench.upload(&bench.store).await?;
    assert_eq!(first, 1_000_000, "sent again");
    assert_eq!(last, bench.jar.size);
    assert_eq!(std::fs::read(bench.destination(""))?, bench.content);
    Ok(())
}

#[tokio::test]
async fn a_wrong_partial_file_or_jar_is_replaced() -> anyhow::Result<()> {
    let bench = bench()?;
    bench.put_part(&vec![0; 1_000_000])?;
    std::fs::write(bench.destination(""), vec![1; bench.content.len()])?;
    bench.upload(&bench.store).await?;
    assert_eq!(std::fs::read(bench.destination(""))?, bench.content);
    Ok(())
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_refused() -> anyhow::Result<()> {
    let bench = bench()?;
    std::fs::write(&bench.jar.path, b"shorter")?;
    let error = bench.upload(&bench.store).await.expect_err("changed");
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert!(!bench.destination("").exists());
    Ok(())
}

#[tokio::test]
async fn content_that_is_not_what_was_promised_never_gets_the_name() -> anyhow::Result<()> {
    let mut bench = bench()?;
    let mut other = bench.content.clone();
    other[7] ^= 1;
    std::fs::write(&bench.jar.path, &other)?;
    bench.jar.path = bench.dir.path().join("job.jar");
    let error = bench.upload(&bench.store).await.expect_err("another content");
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    assert!(!bench.destination("").exists() && !bench.destination(".part").exists());
    Ok(())
}

/// Cuts the connection of the first `cuts` uploads after 400,000 bytes.
struct Flaky {
    inner: ShellStore,
    cuts: AtomicU32,
}

impl StateStore for Flaky {
    fn list<'a>(
        &'a self,
        folder: &'a str,
        depth: u32,
        skip: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<Entry>>> {
        self.inner.list(folder, depth, skip)
    }
    fn stat<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<Entry>>> {
        self.inner.stat(uri)
    }
    fn read<'a>(&'a self, uri: &'a str, limit: u64) -> BoxFuture<'a, Result<Vec<u8>>> {
        self.inner.read(uri, limit)
    }
    fn write<'a>(&'a self, uri: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<()>> {
        self.inner.write(uri, content)
    }
    fn free<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<u64>>> {
        self.inner.free(uri)
    }
    fn begin_upload<'a>(&'a self, upload: &'a Upload) -> BoxFuture<'a, Result<Uploaded>> {
        self.inner.begin_upload(upload)
    }
    fn upload<'a>(
        &'a self,
        upload: &'a Upload,
        offset: u64,
        source: &'a mut (dyn AsyncRead + Send + Unpin),
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let cut =
                self.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            if cut.is_err() {
                return self.inner.upload(upload, offset, source).await;
            }
            let mut some = tokio::io::AsyncReadExt::take(source, 400_000);
            self.inner.upload(upload, offset, &mut some).await
        })
    }
}

#[tokio::test]
async fn a_broken_connection_is_taken_up_where_it_broke() -> anyhow::Result<()> {
    let bench = bench()?;
    let flaky = Flaky { inner: bench.store.clone(), cuts: AtomicU32::new(2) };
    bench.upload(&flaky).await?;
    assert_eq!(std::fs::read(bench.destination(""))?, bench.content);
    assert_eq!(flaky.cuts.load(Ordering::SeqCst), 0);
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_fills_up_midway_is_told_and_gets_its_room_back() -> anyhow::Result<()> {
    let bench = bench()?;
    bench.put_part(b"")?;
    let part = bench.destination(".part");
    std::fs::remove_file(&part)?;
    std::os::unix::fs::symlink("/dev/full", &part)?;
    let error = bench.upload(&bench.store).await.expect_err("full");
    assert_eq!(error.kind(), Kind::Preflight, "{error}");
    assert!(error.to_string().contains("No space left"), "{error}");
    assert!(!part.is_symlink() && !bench.destination("").exists());
    Ok(())
}
