package cluster

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"kubectl-flink.dev/kt/internal/layout"
	"kubectl-flink.dev/kt/internal/node"
)

// ask sends one request to the supervisor, through the node's own view of the file system: the path stays short.
func (r *record) ask(request node.Request) (node.Response, error) {
	response := node.Response{}
	connection, err := net.DialTimeout("unix", fmt.Sprintf("/proc/%d/root%s", r.Process.PID, layout.Control), time.Second)
	if err != nil {
		return response, fmt.Errorf("supervisor of cluster %s: %w", r.Name, err)
	}
	defer connection.Close()
	if err := json.NewEncoder(connection).Encode(request); err != nil {
		return response, err
	}
	if err := json.NewDecoder(connection).Decode(&response); err != nil {
		return response, err
	}
	if response.Error != "" {
		return response, errors.New(response.Error)
	}
	return response, nil
}

// Ctl is `kt ctl`: faults and repairs of single components.
func Ctl(args []string) error {
	flags := flag.NewFlagSet("ctl start|stop|kill|restart PROCESS...", flag.ContinueOnError)
	p := placeFlags(flags)
	if err := parse(flags, p, args); err != nil {
		return err
	}
	if flags.NArg() < 2 || !strings.Contains(" start stop kill restart ", " "+flags.Arg(0)+" ") {
		return errors.New("usage: kt ctl [--name CLUSTER] start|stop|kill|restart PROCESS...; stop and kill keep it down until start")
	}
	r, err := p.running()
	if err != nil {
		return err
	}
	for _, name := range flags.Args()[1:] {
		if _, err := r.ask(node.Request{Op: flags.Arg(0), Name: name}); err != nil {
			return err
		}
	}
	return nil
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

// Run is `kt run`: one more supervised process inside the node, such as an object store that pods talk to.
func Run(args []string) error {
	flags := flag.NewFlagSet("run PROCESS -- COMMAND", flag.ContinueOnError)
	p := placeFlags(flags)
	var env list
	flags.Var(&env, "env", "NAME=value for the process; repeatable")
	if err := parse(flags, p, args); err != nil {
		return err
	}
	rest := flags.Args()
	if len(rest) > 1 && rest[1] == "--" {
		rest = append(rest[:1:1], rest[2:]...)
	}
	if len(rest) < 2 {
		return errors.New("usage: kt run [--name CLUSTER] [--env NAME=value] PROCESS -- COMMAND [ARGS]")
	}
	r, err := p.running()
	if err != nil {
		return err
	}
	_, err = r.ask(node.Request{Op: "run", Name: rest[0], Args: rest[1:], Env: env})
	return err
}

// Exec is `kt exec`: a command inside the node's namespaces, in this terminal.
func Exec(args []string) error {
	flags := flag.NewFlagSet("exec -- COMMAND", flag.ContinueOnError)
	p := placeFlags(flags)
	if err := parse(flags, p, args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("usage: kt exec [--name CLUSTER] -- COMMAND [ARGS]; the command starts in /")
	}
	r, err := p.running()
	if err != nil {
		return err
	}
	argv := r.enter(flags.Args()...)
	return syscall.Exec(argv[0], argv, os.Environ())
}

// enter is the command line that runs a command inside the node's namespaces.
func (r *record) enter(command ...string) []string {
	nsenter := "/usr/bin/nsenter"
	if found, err := findCommand("nsenter"); err == nil {
		nsenter = found
	}
	return append([]string{nsenter, "--target", fmt.Sprint(r.Process.PID), "--net", "--mount", "--pid", "--uts", "--ipc", "--"}, command...)
}
