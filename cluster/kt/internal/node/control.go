package node

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"kubectl-flink.dev/kt/internal/layout"
)

// Request is one call on the supervisor's socket: a JSON object, answered by one Response.
type Request struct {
	Op   string   `json:"op"` // status, start, stop, kill, restart, run
	Name string   `json:"name,omitempty"`
	Args []string `json:"args,omitempty"` // run: the command line
	Env  []string `json:"env,omitempty"`  // run: NAME=value, added to the node's environment
}

// Response is the supervisor's answer.
type Response struct {
	Error     string    `json:"error,omitempty"`
	Ready     bool      `json:"ready"` // everything has been started and CoreDNS, where it runs, answers
	Processes []Process `json:"processes,omitempty"`
}

// stopTimeout is how long a process may take to end after SIGTERM.
const stopTimeout = 20 * time.Second

func (n *node) serveControl() error {
	listener, err := net.Listen("unix", layout.Control)
	if err != nil {
		return err
	}
	if err := os.Chmod(layout.Control, 0o600); err != nil {
		return err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				fmt.Fprintln(os.Stderr, "control socket:", err)
				return
			}
			go n.answer(connection)
		}
	}()
	return nil
}

func (n *node) answer(connection net.Conn) {
	defer connection.Close()
	var request Request
	if err := json.NewDecoder(connection).Decode(&request); err != nil {
		return
	}
	response := Response{}
	if err := n.handle(request); err != nil {
		response.Error = err.Error()
	}
	response.Ready, response.Processes = n.ready(), n.list()
	if err := json.NewEncoder(connection).Encode(response); err != nil {
		fmt.Fprintln(os.Stderr, "control socket:", err)
	}
}

func (n *node) handle(r Request) error {
	switch r.Op {
	case "status":
		return nil
	case "start":
		return n.start(r.Name, nil, nil)
	case "stop":
		return n.signal(r.Name, syscall.SIGTERM, false, stopTimeout)
	case "kill":
		return n.signal(r.Name, syscall.SIGKILL, false, stopTimeout)
	case "restart":
		if err := n.signal(r.Name, syscall.SIGTERM, false, stopTimeout); err != nil {
			return err
		}
		return n.start(r.Name, nil, nil)
	case "run":
		return n.run(r)
	}
	return fmt.Errorf("unknown operation %q", r.Op)
}

func (n *node) run(r Request) error {
	if _, taken := commands(n.controlPlane)[r.Name]; taken {
		return fmt.Errorf("%s is the name of a component of the node: choose another", r.Name)
	}
	if len(r.Args) == 0 {
		return fmt.Errorf("no command for %s", r.Name)
	}
	return n.start(r.Name, r.Args, r.Env)
}
