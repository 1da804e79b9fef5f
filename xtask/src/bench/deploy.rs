//! `deploy`: from the start of the command to the job RUNNING, the image being on the node.

use std::process::Stdio;
use std::time::Instant;

use anyhow::Result;

use super::bed::{Bed, CLASS, JAR, NAMESPACE, flink_sizes, our_sizes, quietly};
use super::interleave;
use super::report::Measured;

pub(super) fn measure(bed: &Bed, rounds: u32) -> Result<Measured> {
    let rounds = interleave("deploy", rounds, |i| ours(bed, i), |i| baseline(bed, i))?;
    Ok(Measured {
        name: "deploy",
        metric: "command start to job RUNNING".to_owned(),
        unit: "s",
        goal: 0.4,
        rounds,
    })
}

fn ours(bed: &Bed, round: u32) -> Result<f64> {
    bed.settle()?;
    let name = format!("ours-{round}");
    let sizes = our_sizes();
    let mut args = vec!["deploy", &name, "--jar", JAR, "--class", CLASS, "--storage=pvc:1Gi"];
    args.extend(sizes.iter().map(String::as_str));
    let started = Instant::now();
    let mut child = bed.ours(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let running = bed.proxy.wait_until_running(NAMESPACE, &name);
    let took = started.elapsed();
    let finished = child.wait()?;
    running?;
    anyhow::ensure!(finished.success(), "kubectl flink deploy failed ({finished})");
    let delete = ["delete", &name, "--delete-storage", "--yes"];
    quietly("Removing ours", "bench-delete", &mut bed.ours(&delete))?;
    Ok(took.as_secs_f64())
}

fn baseline(bed: &Bed, round: u32) -> Result<f64> {
    bed.settle()?;
    let name = format!("theirs-{round}");
    let sizes = flink_sizes(&name);
    let mut args = vec!["run", "-t", "kubernetes-application"];
    args.extend(sizes.iter().map(String::as_str));
    args.extend(["-c", CLASS, JAR]);
    let started = Instant::now();
    let mut child = bed.flink(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let running = bed.proxy.wait_until_running(NAMESPACE, &name);
    let took = started.elapsed();
    child.wait()?;
    running?;
    let delete = ["delete", "deployment", &name, "-n", NAMESPACE];
    quietly("Removing the baseline", "bench-delete", &mut bed.site.kubectl(&delete))?;
    Ok(took.as_secs_f64())
}
