package selftest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"kubectl-flink.dev/kt/internal/layout"
)

func upCommand(c, main *cluster) *exec.Cmd {
	return exec.Command(c.kt, "up", "--name", c.name, "--home", c.home, "--kubenode", main.kubenode, "--control-plane")
}

// traces lists what of a cluster is on this machine outside its state directory: cgroups, processes, mounts.
func traces(name string) ([]string, error) {
	var found []string
	cgroup := strings.TrimPrefix(layout.Cgroup(name), "/")
	for _, pattern := range []string{"/sys/fs/cgroup/" + cgroup, "/sys/fs/cgroup/*/" + cgroup} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			found = append(found, "cgroup "+path)
		}
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, process := range processes {
		// Every process of a node sees the state directory as a mount of its own namespace.
		mounts, err := os.ReadFile(process + "/mountinfo")
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(mounts)) {
			if fields := strings.Fields(line); len(fields) > 4 && strings.HasSuffix(fields[3], "/"+name) && fields[4] == layout.State {
				command, _ := os.ReadFile(process + "/cmdline")
				found = append(found, fmt.Sprintf("process %s: %.80q", filepath.Base(process), command))
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err == nil && strings.Contains(string(mounts), "/clusters/"+name+"/") {
		found = append(found, "mount below the state directory")
	}
	return found, err
}

// loopDevices are the loop devices whose file has text in its name.
func loopDevices(text string) ([]string, error) {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	var found []string
	for _, file := range files {
		if name, err := os.ReadFile(file); err == nil && strings.Contains(string(name), text) {
			found = append(found, file)
		}
	}
	return found, err
}
