package cluster

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
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
	if _, err := os.Stat(p.state()); errors.Is(err, fs.ErrNotExist) {
		return removeCgroups(p.name, 0)
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
	if r != nil && r.Process.alive() {
		if err := syscall.Kill(r.Process.PID, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return err
		}
		for deadline := time.Now().Add(30 * time.Second); r.Process.alive(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d of cluster %s does not end after SIGKILL: see /proc/%[1]d/stack", r.Process.PID, p.name)
			}
		}
	}
	return removeCgroups(p.name, 10*time.Second)
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
