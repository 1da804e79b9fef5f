// Command kt does the low-level work of the local cluster that Rust leaves to Go. It uses the standard library only.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"kubectl-flink.dev/kt/internal/flink"
	"kubectl-flink.dev/kt/internal/image"
)

// commands maps the first argument to its implementation; each gets the arguments after it.
var commands = map[string]func(args []string) error{
	"flink-base":  flink.MainBase,
	"flink-home":  flink.MainHome,
	"flink-image": flink.MainImage,
	"image":       image.Main,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kt COMMAND [ARGS]; commands: "+strings.Join(slices.Sorted(maps.Keys(commands)), ", "))
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "kt %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
