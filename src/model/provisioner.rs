//! What is known of the drivers that make volumes.

/// Drivers whose volumes with a file system are on one node only, by the "Supported Access Modes" of
/// the Kubernetes CSI drivers list (kubernetes-csi/docs, `drivers.md`: "Read/Write Single Pod"), by
/// Kubernetes' documentation for the drivers in its own tree, and for rancher.io/local-path its README.
const ONE_NODE_ONLY: [&str; 12] = [
    "csi.hetzner.cloud",
    "disk.csi.azure.com",
    "diskplugin.csi.alibabacloud.com",
    "dobs.csi.digitalocean.com",
    "ebs.csi.aws.com",
    "kubernetes.io/aws-ebs",
    "kubernetes.io/azure-disk",
    "kubernetes.io/gce-pd",
    "pd.csi.storage.gke.io",
    "rancher.io/local-path",
    "rbd.csi.ceph.com",
    "vpc.block.csi.ibm.io",
];

/// Drivers whose volumes are folders or disks of one node, and go with it, by their documentation.
const LOCAL: [&str; 8] = [
    "docker.io/hostpath",
    "hostpath.csi.k8s.io",
    "k8s.io/minikube-hostpath",
    "kubernetes.io/no-provisioner",
    "local.csi.openebs.io",
    "openebs.io/local",
    "rancher.io/local-path",
    "topolvm.io",
];

/// Parts of the names of drivers that serve shared file systems over the network (drivers list: "Read/Write Multiple
/// Pods").
const SHARED: [&str; 11] = [
    "cephfs",
    "efs.csi.aws.com",
    "file.csi.azure.com",
    "filestore.csi.storage.gke.io",
    "fsx.csi.aws.com",
    "glusterfs",
    "juicefs",
    "lustre",
    "nas",
    "nfs",
    "smb.csi.k8s.io",
];

/// Where a driver's volumes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// A disk of one node.
    Local,
    /// A disk in the network, at one node at a time.
    Block,
    /// A file system in the network, on any number of nodes.
    Shared,
    /// Nobody knows.
    Unknown,
}

impl Medium {
    /// That of a provisioner, by its name.
    pub fn of(provisioner: &str) -> Medium {
        // Operators put their own name before the driver's: rook-ceph.rbd.csi.ceph.com.
        let is = |name: &str| provisioner == name || provisioner.ends_with(&format!(".{name}"));
        if LOCAL.iter().any(|name| is(name)) {
            Medium::Local
        } else if ONE_NODE_ONLY.iter().any(|name| is(name)) {
            Medium::Block
        } else if SHARED.iter().any(|part| provisioner.contains(part)) {
            Medium::Shared
        } else {
            Medium::Unknown
        }
    }
}

/// Whether the driver is known to serve one node only.
pub fn is_for_one_node(provisioner: &str) -> bool {
    ONE_NODE_ONLY.contains(&provisioner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_told_by_their_names() {
        for (name, medium) in [
            ("rancher.io/local-path", Medium::Local),
            ("ebs.csi.aws.com", Medium::Block),
            ("rook-ceph.rbd.csi.ceph.com", Medium::Block),
            ("rook-ceph.cephfs.csi.ceph.com", Medium::Shared),
            ("nfs.csi.k8s.io", Medium::Shared),
            ("example.com/whatever", Medium::Unknown),
        ] {
            assert_eq!(Medium::of(name), medium, "{name}");
        }
    }
}
