// Package layout holds the names and addresses every part of the local cluster agrees on.
//
// Inside the node's namespaces all paths are fixed, whatever the host's directories are called: sockets stay short,
// configuration needs no host path, and clusters live side by side because each has its own mounts and network.
package layout

// Paths inside the node's mount namespace.
const (
	Root       = "/run/kt"                         // tmpfs: gone with the node
	State      = Root + "/state"                   // the cluster's state directory on the host
	Bin        = Root + "/bin"                     // kubenode, apiserver, coredns, kt
	Share      = Root + "/share"                   // a folder of the host, read-only, with programs for `kt run`
	Control    = Root + "/control.sock"            // the supervisor's socket
	PKI        = State + "/pki"                    // keys and certificates
	Kubeconfig = State + "/kubeconfigs"            // one file per component
	Config     = State + "/config"                 // configuration of the components
	Logs       = State + "/log"                    // one file per component; pods/ and containers/ below
	Containerd = "/run/containerd/containerd.sock" // containerd's API
)

// Addresses inside the node's network namespace.
const (
	NodeName    = "node1"
	NodeIP      = "10.77.0.2"
	ServiceCIDR = "10.96.0.0/16"
	APIService  = "10.96.0.1"  // ClusterIP of the service kubernetes
	DNSService  = "10.96.0.10" // ClusterIP of the service kube-dns
	PodCIDR     = "10.244.0.0/24"
	APIServer   = "127.0.0.1:6443" // as seen from the node itself
	DNSReady    = "http://127.0.0.1:8182/ready"
)

// Driver is the name of the node's CSI driver, as StorageClasses give it.
const Driver = "csi.kubectl-flink.dev"

// PauseImage is the image of every pod's sandbox. Its name has a host part: without one the runtime would look for
// it in a public registry.
const PauseImage = "kt.local/pause:1"

// Cgroup is the parent of all pods' cgroups of the cluster.
func Cgroup(cluster string) string { return "/kt-" + cluster }
