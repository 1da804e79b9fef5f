package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cniDirs are where distributions put the CNI plugins.
var cniDirs = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// findCommand looks in PATH and where administrators' commands are even when PATH does not say so.
func findCommand(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"} {
		if path := filepath.Join(dir, name); executable(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: not found", name)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func cniPlugins() (string, error) {
	for _, dir := range cniDirs {
		if executable(filepath.Join(dir, "bridge")) && executable(filepath.Join(dir, "host-local")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("CNI plugins: not found in %s", strings.Join(cniDirs, ", "))
}

// preflight says everything that is missing at once, before anything is made.
func preflight(controlPlane bool) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("the local cluster makes namespaces, mounts and cgroups and needs root: run it with sudo, or use a cluster you have with --context")
	}
	commands := []string{"ip", "nsenter"}
	if !controlPlane {
		commands = append(commands, "containerd", "ctr", "runc", "iptables", "mkfs.xfs", "xfs_growfs", "mount")
	}
	var missing []string
	for _, name := range commands {
		if _, err := findCommand(name); err != nil {
			missing = append(missing, name)
		}
	}
	if _, err := cniPlugins(); err != nil && !controlPlane {
		missing = append(missing, "the CNI plugins (bridge, host-local, portmap)")
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing on this machine: %s: install them (on Debian: apt-get install containerd runc containernetworking-plugins iptables xfsprogs iproute2 util-linux)", strings.Join(missing, ", "))
	}
	return nil
}

// loadModules asks for the kernel modules the node needs. Built-in or loaded already: nothing happens; not to be had:
// the step that needs one says so.
func loadModules() {
	if modprobe, err := findCommand("modprobe"); err == nil {
		_ = exec.Command(modprobe, "--quiet", "--all", "overlay", "br_netfilter", "bridge", "veth", "loop", "xfs", "ip_tables", "nf_conntrack").Run()
	}
}
