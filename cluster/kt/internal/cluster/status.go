package cluster

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"kubectl-flink.dev/kt/internal/node"
)

// Status is `kt status`: a table of the cluster's processes; with --json one object {cluster, processes}.
func Status(args []string) error {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	p := placeFlags(flags)
	asJSON := flags.Bool("json", false, "print JSON")
	if err := parse(flags, p, args); err != nil {
		return err
	}
	r, err := p.load()
	if err != nil {
		return err
	}
	report := struct {
		Cluster      Summary        `json:"cluster"`
		ControlPlane bool           `json:"controlPlane"`
		Processes    []node.Process `json:"processes"`
	}{Cluster: Summary{Name: p.name}}
	if r != nil {
		report.Cluster, report.ControlPlane = p.summary(r), r.ControlPlane
	}
	if report.Cluster.Running {
		response, err := r.ask(node.Request{Op: "status"})
		if err != nil {
			return err
		}
		report.Processes = response.Processes
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	if !report.Cluster.Running {
		fmt.Printf("cluster %s does not run\n", p.name)
		return nil
	}
	fmt.Printf("cluster %s runs: %s, context %s\n", p.name, report.Cluster.Server, report.Cluster.Context)
	return table(os.Stdout, report.Processes)
}

func table(out io.Writer, processes []node.Process) error {
	writer := tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(writer, "PROCESS\tSTATE\tFOR\tRESTARTS\tLAST EXIT")
	for _, process := range processes {
		state := "running"
		if process.PID == 0 {
			state = "down"
		}
		fmt.Fprintf(writer, "%s\t%s\t%s\t%d\t%s\n", process.Name, state, time.Duration(process.Seconds)*time.Second, process.Restarts, process.Exit)
	}
	return writer.Flush()
}

// Logs is `kt logs`: the log of one process, with -f as it grows.
func Logs(args []string) error {
	flags := flag.NewFlagSet("logs PROCESS", flag.ContinueOnError)
	p := placeFlags(flags)
	follow := flags.Bool("f", false, "follow")
	if err := parse(flags, p, args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("usage: kt logs [--name CLUSTER] [-f] PROCESS; the processes are those of `status`, and node for the supervisor")
	}
	file, err := os.Open(p.component(flags.Arg(0)))
	if err != nil {
		return fmt.Errorf("no log of %s in cluster %s: %w", flags.Arg(0), p.name, err)
	}
	defer file.Close()
	for {
		if _, err := io.Copy(os.Stdout, file); err != nil || !*follow {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}
