package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"kubectl-flink.dev/kt/internal/node"
)

// start prepares the state and starts process 1 of the node. The returned record is set as soon as there is
// something to take down again.
func (o upOptions) start(ctx context.Context, before *record, progress progress) (*record, error) {
	listener, port, err := o.listen(before)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	if err := o.prepare(port); err != nil {
		return nil, err
	}
	if err := makeCgroups(o.name); err != nil {
		return nil, err
	}
	loadModules()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &record{Name: o.name, Port: port, ControlPlane: o.controlPlane, Kt: self, Kubenode: o.kubenode, APIServer: o.apiserver, CoreDNS: o.coredns, Started: time.Now()}
	if err := o.spawn(r, listener); err != nil {
		return r, err
	}
	progress.say("node started, process %d", r.Process.PID)
	return r, nil
}

// listen opens the port of the API in the host's network namespace.
func (o upOptions) listen(before *record) (*os.File, int, error) {
	candidates := []int{defaultPort, 0}
	if before != nil {
		candidates = append([]int{before.Port}, candidates...)
	}
	if o.port != 0 {
		candidates = []int{o.port}
	}
	var last error
	for _, port := range candidates {
		listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		defer listener.Close()
		tcp, ok := listener.(*net.TCPListener)
		if !ok {
			return nil, 0, errors.New("not a TCP listener")
		}
		file, err := tcp.File()
		return file, listener.Addr().(*net.TCPAddr).Port, err
	}
	return nil, 0, fmt.Errorf("port of the API: %w", last)
}

// spawn starts process 1. It waits at a gate until the cluster is on record, so no crash in between leaves a node
// that nobody knows of.
func (o upOptions) spawn(r *record, listener *os.File) error {
	options, err := json.Marshal(node.Options{State: o.state(), Self: r.Kt, Kubenode: o.kubenode, APIServer: o.apiserver, CoreDNS: o.coredns, Share: o.share, ControlPlane: o.controlPlane})
	if err != nil {
		return err
	}
	gate, open, err := os.Pipe()
	if err != nil {
		return err
	}
	defer open.Close()
	log, err := os.OpenFile(o.component("node"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(r.Kt, "node", string(options))
	command.Stdout, command.Stderr, command.Dir = log, log, "/"
	command.ExtraFiles = []*os.File{listener, gate}
	// Nothing else of the user's environment: with a proxy in it the API server would not find the kubelet.
	command.Env = []string{"HOME=/run", "PATH=" + os.Getenv("PATH") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET |
		syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
	err = command.Start()
	gate.Close()
	if err != nil {
		return fmt.Errorf("new namespaces: %w", err)
	}
	go func() { _ = command.Wait() }() // so that a node that ends is no zombie while up waits for it
	if r.Process, err = identify(command.Process.Pid); err != nil {
		return err
	}
	if err := o.save(r); err != nil {
		return err
	}
	_, err = open.Write([]byte{1})
	return err
}

// explain adds the end of the node's own log to an error of the start.
func (p place) explain(err error) error {
	content, readErr := os.ReadFile(p.component("node"))
	if readErr != nil || len(content) == 0 {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return fmt.Errorf("%w\nend of %s:\n%s", err, p.component("node"), strings.Join(lines[max(0, len(lines)-8):], "\n"))
}
