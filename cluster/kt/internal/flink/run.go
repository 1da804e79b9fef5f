package flink

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// say tells the one who waits what is being done.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// run executes a program in dir ("" is here). Its output is kept back, and its last lines are part of the error.
func run(dir string, env []string, name string, args ...string) error {
	command := exec.Command(name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), env...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, lastLines(output.String(), 15))
	}
	return nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
