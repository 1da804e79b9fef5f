// Package node is what runs inside the namespaces of a local cluster: process 1, which prepares mounts and network,
// starts and supervises the components, and forwards the API's port from the host.
package node

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"kubectl-flink.dev/kt/internal/api"
	"kubectl-flink.dev/kt/internal/layout"
)

// Options are what the starter passes as JSON in the one argument of `kt node`. All paths are the host's.
type Options struct {
	State        string `json:"state"`
	Self         string `json:"self"` // the kt binary
	Kubenode     string `json:"kubenode"`
	APIServer    string `json:"apiServer"` // kubenode, or the API server of another version
	CoreDNS      string `json:"coredns"`   // "" for a control plane alone
	Share        string `json:"share"`     // folder that appears read-only at layout.Share; "" for none
	ControlPlane bool   `json:"controlPlane"`
}

// File descriptors the starter passes.
const (
	ListenerFD = 3 // listening TCP socket of the host's network namespace
	GateFD     = 4 // the starter writes one byte when the cluster is on record; without it the node ends at once
)

//go:embed addons.yaml
var addons string

type node struct {
	supervisor
	controlPlane bool
	started      atomic.Bool
}

// Main is `kt node`: it must be process 1 of new pid, mount and network namespaces, and never returns while all is well.
func Main(args []string) error {
	if os.Getpid() != 1 || len(args) != 1 {
		return errors.New("node is started by up, as process 1 of its own namespaces")
	}
	var o Options
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return err
	}
	if _, err := io.ReadFull(os.NewFile(GateFD, "gate"), make([]byte, 1)); err != nil {
		return errors.New("the command that started this node has ended")
	}
	listener, err := net.FileListener(os.NewFile(ListenerFD, "listener"))
	if err != nil {
		return err
	}
	if err := isolate(o); err != nil {
		return err
	}
	n := &node{supervisor: supervisor{processes: map[string]*process{}}, controlPlane: o.ControlPlane}
	lines := commands(o.ControlPlane)
	for _, name := range first(o.ControlPlane) {
		if err := n.start(name, lines[name], nil); err != nil {
			return err
		}
	}
	go forward(listener)
	if err := n.serveControl(); err != nil {
		return err
	}
	go n.bootstrap(lines)
	n.reap()
	return nil
}

// bootstrap starts the rest as soon as the API server answers, and applies the add-ons.
func (n *node) bootstrap(lines map[string][]string) {
	client, err := api.New(layout.APIServer, layout.PKI)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bootstrap:", err)
		return
	}
	ctx := context.Background()
	persist("API server", func() error { return client.Get(ctx, "/readyz", nil) })
	for _, name := range second(n.controlPlane) {
		if err := n.start(name, lines[name], nil); err != nil {
			fmt.Fprintln(os.Stderr, "bootstrap:", err)
			return
		}
	}
	for _, object := range strings.Split(addons, "\n---\n")[1:] {
		head, _, _ := strings.Cut(object, "\n")
		path := strings.TrimPrefix(head, "# ")
		if n.controlPlane && !strings.Contains(path, "/storage.k8s.io/") {
			continue // no DNS and no driver, but the classes are there to be looked up
		}
		persist(path, func() error { return client.Apply(ctx, path, []byte(object)) })
	}
	n.started.Store(true)
}

// persist repeats a step of the start for ever; the starter has the time-out. It logs a failure when it changes.
func persist(what string, step func() error) {
	last := ""
	for {
		err := step()
		if err == nil {
			return
		}
		if err.Error() != last {
			last = err.Error()
			fmt.Fprintf(os.Stderr, "waiting for %s: %s\n", what, strings.ReplaceAll(last, "\n", "; "))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (n *node) ready() bool {
	if !n.started.Load() || n.controlPlane {
		return n.started.Load()
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(layout.DNSReady)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return err == nil && response.StatusCode == http.StatusOK && !bytes.Contains(content, []byte("not"))
}
