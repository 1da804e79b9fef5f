// Command kt does the low-level work of the local cluster that Rust leaves to Go. It uses the standard library only.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"kubectl-flink.dev/kt/internal/cluster"
	"kubectl-flink.dev/kt/internal/flink"
	"kubectl-flink.dev/kt/internal/image"
	"kubectl-flink.dev/kt/internal/node"
	"kubectl-flink.dev/kt/internal/probe"
	"kubectl-flink.dev/kt/internal/selftest"
)

// commands maps the first argument to its implementation; each gets the arguments after it.
var commands = map[string]func(args []string) error{
	"ctl":         cluster.Ctl,
	"down":        cluster.Down,
	"exec":        cluster.Exec,
	"flink-base":  flink.MainBase,
	"flink-home":  flink.MainHome,
	"flink-image": flink.MainImage,
	"image":       image.Main,
	"import":      cluster.Import,
	"logs":        cluster.Logs,
	"node":        node.Main,
	"pause":       node.Pause,
	"probe":       probe.Main,
	"run":         cluster.Run,
	"selftest":    selftest.Main,
	"status":      cluster.Status,
	"up":          cluster.Up,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kt COMMAND [ARGS]; commands: "+strings.Join(slices.Sorted(maps.Keys(commands)), ", "))
		os.Exit(2)
	}
	err := commands[os.Args[1]](os.Args[2:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "kt %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
