//! `storage`: a jar's way to a claim, against `kubectl cp` of the same file into a pod that mounts the same claim.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::bed::{Bed, NAMESPACE, quietly, run};
use super::interleave;
use super::report::Measured;

/// Bytes that do not compress, as those of a large job.
const SIZE: u64 = 128 << 20;
/// The plugin may take 1/0.7 of kubectl's time.
const GOAL: f64 = 1.43;
/// The line on stderr with which an upload begins; the next one ends it.
const BEGINS: &str = "uploading";

/// On the claim `claim`, which is there.
pub(super) fn measure(bed: &Bed, claim: &str, rounds: u32) -> Result<Measured> {
    let jar = std::env::temp_dir().join("kubectl-flink-bench.jar");
    let rounds = interleave(
        "upload",
        rounds,
        |round| ours(bed, claim, &jar, round),
        |_| baseline(bed, claim, &jar),
    );
    // It is not there when the first one could not be made, which is what to tell then.
    let _ = std::fs::remove_file(&jar);
    let rounds = rounds?;
    let metric = format!("jar of {} MiB uploaded", SIZE >> 20);
    Ok(Measured { name: "storage", metric, unit: "s", goal: GOAL, rounds })
}

/// Another jar for each upload: the plugin sends none twice.
fn make_jar(path: &Path) -> Result<()> {
    let mut jar = ZipWriter::new(File::create(path)?);
    jar.start_file(
        "data",
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
    )?;
    std::io::copy(&mut File::open("/dev/urandom")?.take(SIZE), &mut jar)?;
    jar.finish()?;
    Ok(())
}

fn ours(bed: &Bed, claim: &str, jar: &Path, round: u32) -> Result<f64> {
    make_jar(jar)?;
    bed.settle()?;
    let (name, storage) = (format!("upload-{round}"), format!("--storage=claim:{claim}"));
    let jar = jar.to_str().context("a path")?;
    let words = ["deploy", &name, "--jar", jar, "--class=no.Matter", &storage, "--no-wait"];
    let mut child = bed.ours(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
    let (mut began, mut took, mut said) = (None, None, String::new());
    for line in lines {
        let line = line?;
        if line.contains(BEGINS) {
            began.get_or_insert_with(Instant::now);
        } else if let Some(began) = began {
            took.get_or_insert_with(|| Instant::elapsed(&began));
        }
        said = line;
    }
    ensure!(child.wait()?.success(), "kubectl flink deploy failed: {said}");
    quietly("Removing ours", "bench-delete", &mut bed.ours(&["delete", &name, "--yes"]))?;
    took.map(|took| took.as_secs_f64()).context("it did not say when it uploads")
}

fn baseline(bed: &Bed, claim: &str, jar: &Path) -> Result<f64> {
    make_jar(jar)?;
    bed.settle()?;
    let pod = serde_json::json!({"spec": {
        "securityContext": {"runAsUser": 9999, "runAsGroup": 9999, "fsGroup": 9999},
        "containers": [{"name": "main", "image": bed.image(), "command": ["sleep", "600"],
            "volumeMounts": [{"name": "state", "mountPath": "/state"}]}],
        "volumes": [{"name": "state", "persistentVolumeClaim": {"claimName": claim}}]}});
    let overrides = format!("--overrides={pod}");
    let image = format!("--image={}", bed.image());
    run(&bed.site, &["run", "copy", "-n", NAMESPACE, "--restart=Never", &image, &overrides])?;
    run(
        &bed.site,
        &["wait", "pod/copy", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=2m"],
    )?;
    let (jar, to) =
        (jar.to_str().context("a path")?, format!("{NAMESPACE}/copy:/state/copied.jar"));
    let began = Instant::now();
    run(&bed.site, &["cp", jar, &to])?;
    let took = began.elapsed();
    run(&bed.site, &["delete", "pod", "copy", "-n", NAMESPACE, "--grace-period=1"])?;
    Ok(took.as_secs_f64())
}
