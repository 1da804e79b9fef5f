package node

import "kubectl-flink.dev/kt/internal/layout"

// The components in the order in which they start.
const (
	etcd              = "etcd"
	apiserver         = "apiserver"
	controllerManager = "controller-manager"
	containerd        = "containerd"
	scheduler         = "scheduler"
	kubelet           = "kubelet"
	proxy             = "proxy"
	coredns           = "coredns"
	csi               = "csi"
)

// first start at once; the rest need the API server and its built-in objects.
func first(controlPlane bool) []string {
	if controlPlane {
		return []string{etcd, apiserver}
	}
	return []string{etcd, apiserver, containerd}
}

func second(controlPlane bool) []string {
	if controlPlane {
		return []string{controllerManager}
	}
	return []string{kubelet, controllerManager, scheduler, proxy, csi, coredns}
}

// commands are the command lines of all components.
func commands(controlPlane bool) map[string][]string {
	kubenode, key := layout.Bin+"/kubenode", func(name string) string { return layout.PKI + "/" + name }
	kubeconfig := func(user string) string { return layout.Kubeconfig + "/" + user + ".yaml" }
	return map[string][]string{
		etcd: append([]string{kubenode}, etcdFlags...),
		// kubenode is what it is called; an API server of another version is nothing else anyway.
		apiserver:         append([]string{layout.Bin + "/apiserver"}, apiserverFlags(key)...),
		controllerManager: append([]string{kubenode}, controllerManagerFlags(key, kubeconfig(controllerManager), controlPlane)...),
		scheduler: append([]string{kubenode, scheduler, "--bind-address=127.0.0.1", "--leader-elect=false",
			"--kube-api-qps=500", "--kube-api-burst=1000"}, kubeconfigs(kubeconfig(scheduler))...),
		kubelet: {kubenode, kubelet, "--config=" + layout.Config + "/kubelet.yaml", "--kubeconfig=" + kubeconfig("node"),
			"--hostname-override=" + layout.NodeName, "--node-ip=" + layout.NodeIP, "--v=2"},
		proxy:      {kubenode, proxy, "--config=" + layout.Config + "/proxy.yaml"},
		csi:        {kubenode, csi, "--kubeconfig=" + kubeconfig(csi), "--root=" + layout.State + "/volumes", "--name=" + layout.Driver, "--node=" + layout.NodeName},
		containerd: {containerd, "--config", layout.Config + "/containerd.toml"},
		coredns:    {layout.Bin + "/coredns", "-conf", layout.Config + "/Corefile"},
	}
}

var etcdFlags = []string{etcd, "--name=" + layout.NodeName, "--data-dir=" + layout.State + "/etcd",
	"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
	"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
	"--initial-cluster=" + layout.NodeName + "=http://127.0.0.1:2380",
	// Survives killed processes; only a power cut could lose writes, and this cluster is not for keeping.
	"--unsafe-no-fsync", "--auto-compaction-retention=1", "--log-level=warn"}

func apiserverFlags(key func(string) string) []string {
	return []string{"--etcd-servers=http://127.0.0.1:2379", "--bind-address=0.0.0.0", "--secure-port=6443",
		"--advertise-address=" + layout.NodeIP, "--service-cluster-ip-range=" + layout.ServiceCIDR,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true", "--profiling=false",
		"--client-ca-file=" + key("ca.crt"), "--tls-cert-file=" + key("apiserver.crt"), "--tls-private-key-file=" + key("apiserver.key"),
		"--kubelet-client-certificate=" + key("apiserver-kubelet-client.crt"), "--kubelet-client-key=" + key("apiserver-kubelet-client.key"),
		"--kubelet-certificate-authority=" + key("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + key("sa.pub"), "--service-account-signing-key-file=" + key("sa.key"),
		"--requestheader-client-ca-file=" + key("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + key("front-proxy-client.crt"), "--proxy-client-key-file=" + key("front-proxy-client.key")}
}

func controllerManagerFlags(key func(string) string, kubeconfig string, controlPlane bool) []string {
	// With the default of 20 requests a second the first service account comes six seconds later.
	flags := append([]string{controllerManager, "--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false",
		"--use-service-account-credentials=true", "--allocate-node-cidrs=false", "--cluster-cidr=" + layout.PodCIDR,
		"--service-account-private-key-file=" + key("sa.key"), "--root-ca-file=" + key("ca.crt"),
		"--cluster-signing-cert-file=" + key("ca.crt"), "--cluster-signing-key-file=" + key("ca.key"),
		// The default is under /usr/libexec, which belongs to the host.
		"--flex-volume-plugin-dir=" + layout.Root + "/volume-plugins",
		"--kube-api-qps=500", "--kube-api-burst=1000"}, kubeconfigs(kubeconfig)...)
	if controlPlane {
		// Only what the API alone cannot do: default service accounts, root certificates, deletion of namespaces and
		// of owned objects, quota status, aggregated roles. Nothing here turns a Deployment into pods.
		flags = append(flags, "--controllers=serviceaccount-controller,root-ca-certificate-publisher-controller,namespace-controller,"+
			"garbage-collector-controller,resourcequota-controller,clusterrole-aggregation-controller")
	}
	return flags
}

func kubeconfigs(path string) []string {
	return []string{"--kubeconfig=" + path, "--authentication-kubeconfig=" + path, "--authorization-kubeconfig=" + path}
}
