package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kubectl-flink.dev/kt/internal/layout"
)

const cgroupRoot = "/sys/fs/cgroup"

// v1Controllers are the hierarchies the kubelet and runc use where the machine mounts cgroup v1.
var v1Controllers = []string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd", "unified"}

// v2Controllers must reach the children of the root where the machine mounts cgroup v2.
var v2Controllers = []string{"cpuset", "cpu", "io", "memory", "pids", "hugetlb"}

func unified() bool {
	_, err := os.Stat(cgroupRoot + "/cgroup.controllers")
	return err == nil
}

// cgroups are the directories of the cluster's cgroup, one per hierarchy.
func cgroups(cluster string) []string {
	if unified() {
		return []string{cgroupRoot + layout.Cgroup(cluster)}
	}
	var dirs []string
	for _, controller := range v1Controllers {
		hierarchy, err := filepath.EvalSymlinks(filepath.Join(cgroupRoot, controller))
		if err != nil { // not every kernel has every controller
			continue
		}
		if dir := hierarchy + layout.Cgroup(cluster); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func makeCgroups(cluster string) error {
	if unified() {
		if err := delegate(); err != nil {
			return err
		}
	}
	dirs := cgroups(cluster)
	if len(dirs) == 0 {
		return fmt.Errorf("no cgroups at %s: the kubelet needs them; mount cgroup2 there", cgroupRoot)
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		// In v1 a new cpuset is empty and takes no process.
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
			if unified() {
				break
			}
			if value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name)); err == nil {
				if err := os.WriteFile(filepath.Join(dir, name), value, 0o644); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func delegate() error {
	available, err := os.ReadFile(cgroupRoot + "/cgroup.controllers")
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(available)) {
		if !slices.Contains(v2Controllers, name) {
			continue
		}
		if err := os.WriteFile(cgroupRoot+"/cgroup.subtree_control", []byte("+"+name), 0o644); err != nil {
			return fmt.Errorf("cgroup controller %s: %w: the cluster needs a cgroup tree it may manage", name, err)
		}
	}
	return nil
}

// removeCgroups removes the cluster's cgroups. Their processes are dead, but the kernel needs a moment to see it.
func removeCgroups(cluster string, timeout time.Duration) error {
	var last error
	for deadline := time.Now().Add(timeout); ; time.Sleep(50 * time.Millisecond) {
		last = nil
		for _, dir := range cgroups(cluster) {
			last = errors.Join(last, removeTree(dir))
		}
		if last == nil || time.Now().After(deadline) {
			return last
		}
	}
}

// removeTree removes a directory of directories, children first: the files in a cgroup cannot be removed.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	slices.Reverse(dirs)
	for _, path := range dirs {
		if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
