//! The real agent, started by its real script on this machine, over a real Flink.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, duplex};

use crate::cluster::exec::Ended;
use crate::error::{Error, Kind};
use crate::model::agent::{JAR, MAIN_CLASS};
use crate::model::check::{Grade, Measurements, Percentiles, Purpose, Use, verdicts};
use crate::model::storage::StateLayout;
use crate::storage::StateStore;
use crate::storage::agent::AgentStore;
use crate::storage::agent::launch::{Launcher, Process, command, started};
use crate::storage::jar::LocalJar;
use crate::storage::probe::{Load, Other, measure};
use crate::storage::testing::local_store;
use crate::storage::upload::{UploadProgress, upload_jar};

mod plugins;

/// Flink homes, the newest and the oldest, separated by a colon.
const HOMES: &str = "KUBECTL_FLINK_TEST_FLINK_HOMES";

/// A folder of Flink plugins with the fault injector of `agent/faulty`.
const FAULTY: &str = "KUBECTL_FLINK_TEST_FAULTY";

fn homes() -> Vec<PathBuf> {
    let homes = std::env::var(HOMES).expect("cargo xtask test says where Flink is");
    homes.split(':').map(PathBuf::from).collect()
}

/// What goes wrong with the agents that are started, one after the other; then nothing.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The connection is cut after so many bytes of requests.
    Cut(u64),
    /// SIGKILL after so many bytes of requests.
    Kill(u64),
}

/// Agents on this machine.
#[derive(Clone)]
struct Here {
    home: PathBuf,
    temporary: PathBuf,
    /// What runs once the agent's jar is there.
    prelude: &'static str,
    env: Vec<(String, String)>,
    faults: Arc<Mutex<Vec<Fault>>>,
    started: Arc<Mutex<Vec<u32>>>,
}

impl Here {
    fn new(home: &Path, temporary: &Path) -> Here {
        let (home, temporary) = (home.to_owned(), temporary.to_owned());
        let (faults, started) = (Arc::default(), Arc::default());
        Here { home, temporary, prelude: "", env: Vec::new(), faults, started }
    }

    fn run(&self) -> Result<Process, std::io::Error> {
        let words = command(self.prelude, &[]);
        let mut child = tokio::process::Command::new(&words[0])
            .args(&words[1..])
            .env("FLINK_HOME", &self.home)
            .env("TMPDIR", &self.temporary)
            .envs(std::env::var_os(FAULTY).map(|faulty| ("FLINK_PLUGINS_DIR", faulty)))
            .env_remove("FLINK_CONF_DIR")
            .envs(self.env.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        self.started.lock().expect("no panic").push(pid);
        let missing = || std::io::Error::other("no pipe");
        let mut sink = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let mut errors = child.stderr.take().ok_or_else(missing)?;
        let (mut source, input) = duplex(64 * 1024);
        let fault = self.faults.lock().expect("no panic").pop();
        let fed = async move {
            let limit = match fault {
                Some(Fault::Cut(limit) | Fault::Kill(limit)) => limit + JAR.len() as u64,
                None => u64::MAX,
            };
            let _ = tokio::io::copy(&mut (&mut source).take(limit), &mut sink).await;
            if let Some(Fault::Kill(_)) = fault {
                let mut kill = tokio::process::Command::new("kill");
                let _ = kill.args(["-9", &pid.to_string()]).status().await;
            }
        };
        let ended = tokio::spawn(async move {
            let mut stderr = String::new();
            let (_, read, ended) =
                tokio::join!(fed, errors.read_to_string(&mut stderr), child.wait());
            let local = |e| Error::new(Kind::Unreachable, "local agent").caused_by(e);
            read.map_err(local)?;
            let exit_code = ended.map_err(local)?.code().unwrap_or(137);
            Ok(Ended { exit_code, stdout: Vec::new(), stderr })
        });
        Ok(Process { input: Box::new(input), output: Box::new(output), ended })
    }
}

impl Launcher for Here {
    fn start(&self) -> BoxFuture<'_, crate::error::Result<Process>> {
        Box::pin(async move {
            let local = |e| Error::new(Kind::Other, "local agent").caused_by(e);
            let Process { input, output, ended } = self.run().map_err(local)?;
            started(input, output, ended).await
        })
    }
}

/// A folder, an agent, and the folder's URI.
struct Bench {
    dir: tempfile::TempDir,
    here: Here,
    store: AgentStore,
    base: String,
}

impl Bench {
    fn at(home: &Path) -> Result<Bench> {
        let dir = tempfile::tempdir()?;
        let temporary = dir.path().join("tmp");
        std::fs::create_dir(&temporary)?;
        let here = Here::new(home, &temporary);
        let base = format!("file://{}/state", dir.path().display());
        Ok(Bench { store: AgentStore::new(here.clone()), dir, here, base })
    }

    fn new() -> Result<Bench> {
        Bench::at(&homes()[0])
    }

    fn uri(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("state").join(path)
    }

    /// A file of bytes that do not compress, as a jar.
    fn jar(&self, bytes: usize) -> Result<LocalJar> {
        let content: Vec<u8> = (0..bytes as u64)
            .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
            .collect();
        let path = self.dir.path().join("job.jar");
        std::fs::write(&path, &content)?;
        let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(LocalJar { path, name: "job.jar".into(), size: bytes as u64, sha256, main_class: None })
    }

    fn layout(&self) -> Result<StateLayout> {
        Ok(StateLayout::at(&self.base))
    }

    /// Uploads a jar of 6 MB over a connection with these faults; gives the offsets it began at.
    async fn upload(&self, faults: &[Fault]) -> Result<Vec<u64>> {
        self.here.faults.lock().expect("no panic").extend(faults.iter().rev());
        let jar = self.jar(6_000_000)?;
        let (mut begun, mut last) = (Vec::new(), u64::MAX);
        let mut progress = |now: UploadProgress| {
            if last == u64::MAX || now.sent <= last {
                begun.push(now.sent);
            }
            last = now.sent;
        };
        let uri = upload_jar(&self.store, &self.layout()?, &jar, &mut progress).await?;
        let there = std::fs::read(uri.strip_prefix("file://").context("a file")?)?;
        assert_eq!(there, std::fs::read(&jar.path)?);
        let folder = self.path("jars");
        assert_eq!(std::fs::read_dir(folder)?.count(), 1, "no part is left");
        Ok(begun)
    }
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn writes_reads_lists_copies_and_deletes_with_the_newest_and_the_oldest_flink() -> Result<()>
{
    for home in homes() {
        let bench = Bench::at(&home)?;
        let store = &bench.store;
        let content: Vec<u8> = (0..=255).collect();
        store.write(&bench.uri("a/b/c.bin"), &content).await?;
        store.write(&bench.uri("a/b/c.bin"), b"second").await?;
        assert_eq!(std::fs::read(bench.path("a/b/c.bin"))?, b"second");
        assert_eq!(std::fs::read_dir(bench.path("a/b"))?.count(), 1, "no partial file is left");
        assert_eq!(store.read(&bench.uri("a/b/c.bin"), 3).await?, b"sec");
        let odd = bench.uri("a/$(id) `x` 'é\n#?%41");
        store.write(&odd, b"odd").await?;
        assert_eq!(store.read(&odd, 99).await?, b"odd");
        assert_eq!(store.stat(&bench.uri("a/b")).await?.map(|e| e.is_folder), Some(true));
        assert_eq!(store.stat(&bench.uri("nothing")).await?, None);
        store.copy(&odd, &bench.uri("copied")).await?;
        assert_eq!(std::fs::read(bench.path("copied"))?, b"odd");
        assert_eq!(store.delete(&[&odd, &bench.uri("nothing"), &bench.uri("a/b")]).await?, 2);
        assert!(!bench.path("a/b").exists());
        let missing = store.read(&bench.uri("nothing"), 1).await.expect_err("missing");
        assert_eq!(missing.kind(), Kind::NotFound, "{missing}");
        let space = store.space(&bench.uri("not/yet")).await?.context("a volume has a size")?;
        assert!(space.free > 0 && space.free <= space.total);
        let scheme = store.list("s3://bucket/x", 1, &[]).await.expect_err("no plugin");
        assert!(scheme.hints().concat().contains("plugin"), "{scheme}");
        assert_eq!(bench.here.started.lock().expect("no panic").len(), 1, "one start for all");
        store.close().await;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn sees_what_the_shell_sees() -> Result<()> {
    let bench = Bench::new()?;
    for file in ["x/one", "x/shared/many", "x/deep/er/two", "x/a b\nc", "x/deep/taskowned/z"] {
        let path = bench.path(file);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        std::fs::write(path, "12345")?;
    }
    let shell = local_store(&bench.dir.path().join("state"));
    for (depth, skip) in [(1, &[][..]), (2, &["shared", "taskowned"]), (9, &[])] {
        let mut theirs = shell.list("file:///flink/state/x", depth, skip).await?;
        theirs.sort_by(|a, b| a.uri.cmp(&b.uri));
        let ours = bench.store.list(&bench.uri("x"), depth, skip).await?;
        let shape = |entries: &[crate::storage::Entry]| -> Vec<_> {
            let inside = |uri: &str| uri.split_once("/state/").map(|p| p.1.to_owned());
            entries
                .iter()
                .map(|e| (inside(&e.uri), e.is_folder, e.modified.as_millisecond()))
                .collect()
        };
        assert_eq!(shape(&ours), shape(&theirs), "depth {depth}");
        let sizes = ours.iter().filter(|e| !e.is_folder).all(|e| e.size == 5);
        assert!(sizes && !ours.is_empty());
    }
    assert!(bench.store.list(&bench.uri("absent"), 3, &[]).await?.is_empty());
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn an_upload_goes_on_where_the_connection_was_cut_or_the_agent_was_killed() -> Result<()> {
    let begun = Bench::new()?.upload(&[]).await?;
    assert_eq!(begun.len(), 1);
    let faults = [Fault::Cut(2_000_000), Fault::Kill(1_500_000), Fault::Cut(700)];
    let begun = Bench::new()?.upload(&faults).await?;
    assert!(begun.len() > 2 && begun[1] > 1_000_000, "{begun:?}");
    assert!(begun.windows(2).all(|pair| pair[0] <= pair[1]), "{begun:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn an_upload_that_is_there_is_not_sent_again_and_a_wrong_one_is_never_seen() -> Result<()> {
    let bench = Bench::new()?;
    bench.upload(&[]).await?;
    let mut jar = bench.jar(6_000_000)?;
    let mut sent = Vec::new();
    upload_jar(&bench.store, &bench.layout()?, &jar, &mut |p| sent.push(p.sent)).await?;
    assert_eq!(sent, [jar.size]);
    jar.sha256 = "0".repeat(64);
    let uri = bench.layout()?.jar(&jar.sha256);
    let wrong = upload_jar(&bench.store, &bench.layout()?, &jar, &mut |_| ()).await;
    assert_eq!(wrong.expect_err("another checksum").kind(), Kind::Conflict);
    assert_eq!(bench.store.stat(&uri).await?, None);
    assert_eq!(std::fs::read_dir(bench.path("jars"))?.count(), 1, "no part is left");
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn a_write_that_is_cut_leaves_the_old_file() -> Result<()> {
    let bench = Bench::new()?;
    bench.store.write(&bench.uri("record"), b"old").await?;
    bench.store.close().await;
    bench.here.faults.lock().expect("no panic").push(Fault::Cut(400_000));
    let cut = bench.store.write(&bench.uri("record"), &vec![7; 1_000_000]).await;
    assert_eq!(cut.expect_err("cut").kind(), Kind::Unreachable);
    // The agent of that connection may still be on its way out.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bench.store.read(&bench.uri("record"), 10).await?, b"old");
    assert_eq!(std::fs::read_dir(bench.path(""))?.count(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn ten_thousand_files_are_listed_and_deleted() -> Result<()> {
    let bench = Bench::new()?;
    std::fs::create_dir_all(bench.path("many"))?;
    for i in 0..10_000 {
        std::fs::write(bench.path(&format!("many/{i:05}-{}", "x".repeat(100))), "")?;
    }
    let listed = bench.store.list(&bench.uri("many"), 1, &[]).await?;
    assert_eq!(listed.len(), 10_000);
    assert_eq!(bench.store.delete(&[&bench.uri("many")]).await?, 1);
    assert!(!bench.path("many").exists());
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn an_agent_leaves_neither_itself_nor_its_probes_behind() -> Result<()> {
    let bench = Bench::new()?;
    let probes = bench.uri("kubectl-flink-check-x");
    let seen = bench.store.probe(&probes, "consistency 2 5000").await?;
    assert!(seen.contains("\"rounds\":2"), "{seen}");
    assert!(bench.path("kubectl-flink-check-x").exists());
    assert!(bench.store.probe(&bench.uri("other"), "clock").await.is_err(), "not its folder");
    let left = std::fs::read_dir(&bench.here.temporary)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.starts_with("kubectl-flink-"));
    assert_eq!(left.count(), 0, "its jar goes when it has started");
    // Dropped without a word, as when the client dies.
    drop(bench.store.clone());
    let pid = bench.here.started.lock().expect("no panic")[0];
    let (dir, gone) = (bench.dir, bench.store);
    drop(gone);
    for _ in 0..100 {
        if !Path::new(&format!("/proc/{pid}/stat")).exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!Path::new(&format!("/proc/{pid}/stat")).exists(), "the agent still runs");
    drop(dir);
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn an_image_without_flink_says_so() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let store = AgentStore::new(Here::new(dir.path(), dir.path()));
    let error = store.list("file:///x", 1, &[]).await.expect_err("no Flink");
    assert_eq!(error.kind(), Kind::Preflight, "{error}");
    assert!(error.hints().concat().contains("Flink"), "{error}");
    Ok(())
}

#[test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
fn fetches_files_for_an_init_container() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let jar = dir.path().join("agent.jar");
    std::fs::write(&jar, JAR)?;
    std::fs::write(dir.path().join("source"), b"content")?;
    let fetch = |words: &[&str]| {
        std::process::Command::new("java")
            .arg("-cp")
            .arg(format!("{}:{}/lib/*", jar.display(), homes()[0].display()))
            .args([MAIN_CLASS, "fetch"])
            .args(words)
            .output()
    };
    let (source, target) = (dir.path().join("source"), dir.path().join("new/target"));
    let uri = format!("file://{}", source.display());
    let done = fetch(&[&uri, &target.to_string_lossy()])?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(std::fs::read(&target)?, b"content");
    let failed = fetch(&[&format!("{uri}-not"), "/dev/null/x"])?;
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&failed.stderr).trim().lines().count(), 1);
    assert_eq!(fetch(&[&uri])?.status.code(), Some(64));
    Ok(())
}

/// What a check finds in a folder of this scheme, and whether it left anything there.
async fn check(scheme: &str) -> Result<(Measurements, bool)> {
    let bench = Bench::new()?;
    let other = AgentStore::new(bench.here.clone());
    std::fs::create_dir(bench.path(""))?;
    let folder = bench.uri("kubectl-flink-check-x").replace("file://", &format!("{scheme}://"));
    let load = Load { seconds: 5, bytes: 8 << 20, streams: vec![1, 2], files: 50 };
    let other = Other { store: &other, on_another_node: false };
    let measured = measure(&bench.store, Some(other), &folder, &load, &mut |_| ()).await?;
    Ok((measured, std::fs::read_dir(bench.path(""))?.count() > 0))
}

/// The grade of one use.
fn grade(measured: &Measurements, wanted: Use) -> (Grade, String) {
    let interval = Some(Duration::from_secs(60));
    let purpose = Purpose { state: 1 << 20, interval, remote: false };
    let all = verdicts(measured, &purpose);
    let verdict = all.iter().find(|verdict| verdict.purpose == wanted).expect("every use");
    (verdict.grade, verdict.reasons.join(" "))
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn a_sound_store_is_measured_whole_and_left_as_it_was() -> Result<()> {
    let (measured, left) = check("file").await?;
    assert!(!left, "the check left files behind");
    assert_eq!(measured.failures, []);
    let consistency = measured.consistency.context("consistency")?;
    assert!(consistency.rounds > 0 && consistency.all().late == 0, "{consistency:?}");
    let other = measured.second_pod.as_ref().context("a second pod")?;
    assert_eq!(other.consistency.all().late, 0);
    let commit = measured.commit.context("commit")?;
    assert!(commit.supported && commit.resumes && commit.right && !commit.seen_before);
    assert_eq!(measured.throughput.iter().filter(|run| run.bytes > 0).count(), 4);
    assert!(measured.files.is_some_and(|files| files.made > 0 && files.listed == files.made));
    assert!(measured.space.is_some() && measured.file_system.is_some());
    assert_eq!(measured.clock.map(|clock| clock.skew()), Some(0));
    assert_ne!(grade(&measured, Use::Checkpoints).0, Grade::Bad);
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn a_store_that_denies_is_named_and_nothing_else_is_claimed() -> Result<()> {
    let (measured, _) = check("faulty-denying").await?;
    assert_eq!(measured.failures.len(), 1, "{measured:?}");
    assert_eq!((measured.latency.as_ref(), measured.throughput.len()), (None, 0));
    for wanted in [Use::Checkpoints, Use::HighAvailability, Use::Savepoints, Use::Jars] {
        let (grade, why) = grade(&measured, wanted);
        assert!(grade == Grade::Bad && why.contains("Permission denied"), "{wanted:?}: {why}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn a_store_that_forgets_or_lags_behind_is_found_out() -> Result<()> {
    let (measured, _) = check("faulty-forgetful").await?;
    assert!(measured.consistency.is_some_and(|seen| seen.all().never > 0), "{measured:?}");
    assert_eq!(grade(&measured, Use::Checkpoints).0, Grade::Bad);
    let (measured, left) = check("faulty-late").await?;
    let seen = measured.consistency.context("consistency")?;
    assert!(!left && seen.list.late > 0 && seen.list.longest_micros > 200_000, "{seen:?}");
    assert_eq!(seen.read.late, 0, "only listings lag behind");
    let (worst, why) = grade(&measured, Use::HighAvailability);
    assert!(worst == Grade::Bad && why.contains("eventually consistent"), "{why}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn a_slow_store_is_measured_as_slow_as_it_is() -> Result<()> {
    let (measured, _) = check("faulty-slow").await?;
    let latency = measured.latency.as_ref().context("latency")?;
    let write = Percentiles::of(&latency.write).context("samples")?;
    assert!(write.p50 >= 30_000, "{write:?}");
    assert_eq!(grade(&measured, Use::RocksdbLocal).0, Grade::Bad);
    Ok(())
}
