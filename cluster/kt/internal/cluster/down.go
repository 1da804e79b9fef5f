package cluster

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kubectl-flink.dev/kt/internal/node"
)

// Down is `kt down`: takes the cluster down, in whatever state it is. Twice is harmless.
func Down(args []string) error {
	flags := flag.NewFlagSet("down", flag.ContinueOnError)
	p := placeFlags(flags)
	keep := flags.Bool("keep-state", false, "keep objects, volumes and images for the next up")
	if err := parse(flags, p, args); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("only root can take a local cluster down: run it with sudo")
	}
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	progress := newProgress()
	r, err := p.load()
	if err != nil && *keep {
		return err
	}
	if *keep && r != nil && r.Process.alive() {
		// etcd in order, so that nothing is half-written. Not the API server: it waits for watches to end, up to 20 s.
		for _, request := range []node.Request{{Op: "kill", Name: "apiserver"}, {Op: "stop", Name: "etcd"}} {
			if _, err := r.ask(request); err != nil {
				progress.say("%s %s: %v", request.Op, request.Name, err)
			}
		}
	}
	if err := p.halt(r); err != nil {
		return err
	}
	progress.say("cluster %s: every process has ended, cgroups removed", p.name)
	if *keep {
		return nil
	}
	if err := p.removeState(); err != nil {
		return err
	}
	progress.say("state removed")
	return nil
}

// halt ends the node, if it runs, and removes its cgroups. Killing process 1 of the pid namespace makes the kernel
// kill all others, and with the last one the mounts, the network and the loop devices go.
func (p place) halt(r *record) error {
	var processes []identity
	if r != nil {
		processes = append(processes, r.Process)
	}
	strays, err := p.strays()
	if err != nil {
		return err
	}
	for _, process := range append(processes, strays...) {
		if err := kill(process); err != nil {
			return fmt.Errorf("cluster %s: %w", p.name, err)
		}
	}
	return errors.Join(p.waitLoops(10*time.Second), removeCgroups(p.name, 10*time.Second))
}

// waitLoops waits until no loop device holds a volume of the cluster. The kernel frees them a moment after the last
// process has ended.
func (p place) waitLoops(timeout time.Duration) error {
	volumes, err := filepath.Glob(p.path("volumes", "*.xfs"))
	if err != nil || len(volumes) == 0 {
		return err
	}
	for deadline := time.Now().Add(timeout); ; time.Sleep(20 * time.Millisecond) {
		devices, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
		if err != nil {
			return err
		}
		used := ""
		for _, device := range devices {
			// Only the last part of the path is sure: the file was opened in the node's mount namespace.
			file, err := os.ReadFile(device)
			if err == nil && slices.ContainsFunc(volumes, func(volume string) bool { return strings.Contains(string(file), filepath.Base(volume)) }) {
				used = device
			}
		}
		if used == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("a volume of the cluster is still in use: see %s", used)
		}
	}
}

func kill(process identity) error {
	if !process.alive() {
		return nil
	}
	if err := syscall.Kill(process.PID, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); process.alive(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d does not end after SIGKILL: see /proc/%[1]d/stack", process.PID)
		}
	}
	return nil
}

// strays are nodes of this state directory that are on no record, because somebody deleted it.
func (p place) strays() ([]identity, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var strays []identity
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || !isNode(content, p.state()) {
			continue // ended meanwhile, or something else
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		if process, err := identify(pid); err == nil {
			strays = append(strays, process)
		}
	}
	return strays, nil
}

// isNode tells whether a command line, as in /proc/PID/cmdline, is that of process 1 of the node with this state.
func isNode(cmdline []byte, state string) bool {
	argv := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
	options := node.Options{}
	return len(argv) == 3 && filepath.Base(argv[0]) == "kt" && argv[1] == "node" &&
		json.Unmarshal([]byte(argv[2]), &options) == nil && options.State == state
}

// checkUnmounted refuses to delete below a mount: it might be something else than the cluster's own state.
func checkUnmounted(dir string) error {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			return fmt.Errorf("%s is mounted inside the cluster's state: unmount it, then run down again", fields[4])
		}
	}
	return nil
}
