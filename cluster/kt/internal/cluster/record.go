package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// record is what is remembered of a cluster that has been started, in cluster.json of its state directory.
type record struct {
	Name         string    `json:"name"`
	Port         int       `json:"port"` // of the API on 127.0.0.1
	ControlPlane bool      `json:"controlPlane"`
	Kt           string    `json:"kt"`
	Kubenode     string    `json:"kubenode"`
	APIServer    string    `json:"apiServer"`
	CoreDNS      string    `json:"coredns,omitempty"`
	Process      identity  `json:"process"` // process 1 of the node, as the host sees it
	Started      time.Time `json:"started"`
}

// identity tells a process from a later one with the same number, even after a reboot.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot: field 22 of /proc/PID/stat, see proc(5)
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
}

func identify(pid int) (identity, error) {
	start, state, err := stat(pid)
	if err != nil {
		return identity{}, err
	}
	if state == "Z" {
		return identity{}, fmt.Errorf("process %d has ended", pid)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return identity{pid, start, strings.TrimSpace(string(boot))}, err
}

func (i identity) alive() bool {
	now, err := identify(i.PID)
	return err == nil && i.PID != 0 && now == i
}

func stat(pid int) (start uint64, state string, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, "", err
	}
	return parseStat(string(content))
}

// parseStat reads /proc/PID/stat. The command's name, in parentheses, may hold spaces and parentheses itself.
func parseStat(line string) (start uint64, state string, err error) {
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 20 {
		return 0, "", fmt.Errorf("/proc/PID/stat: %q is too short", line)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return start, fields[0], err
}

// load returns nil when the cluster has no record: never started, or killed before it was on record.
func (p place) load() (*record, error) {
	content, err := os.ReadFile(p.path("cluster.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(content, r); err != nil {
		return nil, fmt.Errorf("%s: %w: run `down` to remove the cluster", p.path("cluster.json"), err)
	}
	return r, nil
}

// running returns the record of a cluster that runs now, or an error that says how to start it.
func (p place) running() (*record, error) {
	r, err := p.load()
	if err != nil {
		return nil, err
	}
	if r == nil || !r.Process.alive() {
		return nil, fmt.Errorf("cluster %s does not run: start it with `up`", p.name)
	}
	return r, nil
}

func (p place) save(r *record) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(p.path("cluster.json"), content, 0o600)
}

// writeFile replaces a file in one step.
func writeFile(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, content, mode); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
