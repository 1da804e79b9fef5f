package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"kubectl-flink.dev/kt/internal/layout"
)

// isolate builds the node's view of the machine inside fresh mount and network namespaces. All that the components
// write goes to the state directory or to memory; the host's file system gets nothing, not even mount points.
func isolate(o Options) error {
	if err := mounts(o); err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	if err := network(); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	return syscall.Sethostname([]byte(layout.NodeName))
}

func mounts(o Options) error {
	// Opened before anything is hidden: the state or the binaries may be below /run or /var/lib.
	sources := map[string]string{layout.State: o.State, layout.Bin + "/kubenode": o.Kubenode,
		layout.Bin + "/apiserver": o.APIServer, layout.Bin + "/kt": o.Self}
	if o.CoreDNS != "" {
		sources[layout.Bin+"/coredns"] = o.CoreDNS
	}
	if o.Share != "" {
		sources[layout.Share] = o.Share
	}
	handles := map[string]*os.File{}
	for target, source := range sources {
		file, err := os.Open(source)
		if err != nil {
			return err
		}
		defer file.Close()
		handles[target] = file
	}
	// Private first, else every mount would appear on the host too.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	for _, dir := range []string{"/run", "/var/lib", "/var/log"} {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	for target, file := range handles {
		if err := bind(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), target, target == layout.State || target == layout.Share); err != nil {
			return err
		}
	}
	if o.Share != "" {
		if err := syscall.Mount("", layout.Share, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("%s: %w", layout.Share, err)
		}
	}
	if err := hosts(); err != nil {
		return fmt.Errorf("/etc/hosts: %w", err)
	}
	return stateMounts()
}

// hosts gives the node's name an address, in a file over the host's: Java servers look their own name up.
func hosts() error {
	file := filepath.Join(layout.Root, "hosts")
	content := "127.0.0.1 localhost\n" + layout.NodeIP + " " + layout.NodeName + "\n"
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		return err
	}
	return syscall.Mount(file, "/etc/hosts", "", syscall.MS_BIND, "")
}

// stateMounts puts parts of the state where the components expect them by default.
func stateMounts() error {
	if err := os.MkdirAll("/run/lock", 0o755); err != nil {
		return err
	}
	for dir, target := range map[string]string{
		"kubelet": "/var/lib/kubelet", "containerd": "/var/lib/containerd",
		"log/pods": "/var/log/pods", "log/containers": "/var/log/containers",
	} {
		if err := bind(filepath.Join(layout.State, dir), target, true); err != nil {
			return err
		}
	}
	// Mounts made by the CSI driver must reach containers that ask for them.
	return syscall.Mount("", "/var/lib/kubelet", "", syscall.MS_SHARED, "")
}

func bind(source, target string, dir bool) error {
	if dir {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
	} else {
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, nil, 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

// network gives the node an address on a bridge without ports: nothing leads out of the namespace.
func network() error {
	for _, line := range []string{
		"link set lo up",
		"link add node0 type bridge", // the dummy driver is missing in many kernels
		"addr add " + layout.NodeIP + "/24 dev node0",
		"link set node0 up",
		"route add " + layout.ServiceCIDR + " dev node0", // service addresses need a route before kube-proxy rewrites them
		// Made here because several pods at once may race for it ("could not set bridge's mac").
		"link add cni0 type bridge",
		"link set cni0 up",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	for name, value := range map[string]string{"ipv4/ip_forward": "1", "bridge/bridge-nf-call-iptables": "1"} {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644); err != nil {
			return fmt.Errorf("%w (is the kernel module br_netfilter there?)", err)
		}
	}
	return nil
}
