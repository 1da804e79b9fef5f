//! VolumeSnapshots: the API, Kubernetes' own controller of it, and its sidecar beside the node's CSI driver. In a cloud the
//! three come with the cluster or with the driver; here they are an optional part, as they are there.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Access;
use crate::cluster::Cluster;
use crate::step::Step;
use crate::tools::{CSI_SNAPSHOTTER, Go, SNAPSHOT_CONTROLLER, VOLUME_SNAPSHOTS, repository};

const CONTROLLER: &str = "snapshot-controller";
const SIDECAR: &str = "csi-snapshotter";
/// The module that holds the CustomResourceDefinitions, as files.
const CLIENT: &str = "github.com/kubernetes-csi/external-snapshotter/client/v8";
/// Paths inside the node (`cluster/kt/internal/layout`): the kubeconfig of the administrator, and the driver's socket.
const KUBECONFIG: &str = "--kubeconfig=/run/kt/state/kubeconfigs/admin.yaml";
const DRIVER: &str = "--csi-address=unix:///var/lib/kubelet/plugins/csi.kubectl-flink.dev/csi.sock";
/// A node of two cores has few snapshots to look after.
const FEW: [&str; 4] = ["--worker-threads=2", "--kube-api-qps=10", "--kube-api-burst=20", "--v=2"];

pub(super) fn start(cluster: &Cluster) -> Result<Access> {
    let go = Go::ensure()?;
    let controller = cluster.shared(&go.binary(&SNAPSHOT_CONTROLLER)?)?;
    let sidecar = cluster.shared(&go.binary(&CSI_SNAPSHOTTER)?)?;
    let definitions = definitions(&go)?;
    let mut apply = cluster.kubectl_command();
    // The controller wants all of them, also those of groups of snapshots; client-side apply would note each in an annotation.
    apply.args(["apply", "--server-side"]);
    apply.args(definitions.iter().flat_map(|file| ["-f".as_ref(), file.as_os_str()]));
    Step::new("Defining VolumeSnapshots", "snapshot-crds").run(&mut apply)?;
    let mut wait = cluster.kubectl_command();
    wait.args(["wait", "--for=condition=Established", "--timeout=60s"]);
    wait.args(definitions.iter().flat_map(|file| ["-f".as_ref(), file.as_os_str()]));
    Step::new("Waiting for VolumeSnapshots", "snapshot-crds-wait").run(&mut wait)?;
    let mut classes = cluster.kubectl_command();
    classes.args(["apply", "--server-side", "-f"]);
    classes.arg(repository().join(VOLUME_SNAPSHOTS).join("classes.yaml"));
    Step::new("Making VolumeSnapshotClasses", "snapshot-classes").run(&mut classes)?;
    cluster.run(CONTROLLER, &[], &[&[controller.as_str(), KUBECONFIG], &FEW[..]].concat())?;
    cluster.run(SIDECAR, &[], &[&[sidecar.as_str(), KUBECONFIG, DRIVER], &FEW[..]].concat())?;
    let processes = format!("{CONTROLLER} {SIDECAR}");
    Ok(Access::from([("class", "standard".to_owned()), ("processes", processes)]))
}

/// The files with the CustomResourceDefinitions of VolumeSnapshots.
///
/// # Errors
/// When the module cannot be fetched.
pub(crate) fn definitions(go: &Go) -> Result<Vec<PathBuf>> {
    let folder = go.module(VOLUME_SNAPSHOTS, CLIENT)?.join("config/crd");
    let files = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut files = files.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.to_string_lossy().contains("snapshot.storage.k8s.io_"));
    files.sort();
    Ok(files)
}
