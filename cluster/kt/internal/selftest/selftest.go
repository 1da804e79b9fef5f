// Package selftest proves on a cluster of its own what the local cluster promises: nothing leads out, pods get what a
// real cluster gives them, and it comes and goes without a trace.
package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// cluster is the one under test, driven from outside as its users do.
type cluster struct {
	kt, name, home, kubenode, coredns string
	kubeconfig                        string
}

// check is one promise.
type check struct {
	name string
	test func(*cluster) error
}

// selected are all checks up to the last one with filter in its name: they run in this order on one cluster, and later
// ones use the objects of earlier ones. Lifecycle comes last, because it takes the cluster down.
func selected(filter string) []check {
	var all []check
	last := 0
	for _, group := range [][]check{network, pods, storage, lifecycle} {
		for _, check := range group {
			all = append(all, check)
			if strings.Contains(check.name, filter) {
				last = len(all)
			}
		}
	}
	return all[:last]
}

// Main is `kt selftest`.
func Main(args []string) error {
	c := &cluster{}
	flags := flag.NewFlagSet("selftest [FILTER]", flag.ContinueOnError)
	flags.StringVar(&c.name, "name", "selftest", "cluster to make; one of this name must not exist")
	flags.StringVar(&c.home, "home", "", "directory that holds the state of all clusters")
	flags.StringVar(&c.kubenode, "kubenode", "", "kubenode binary")
	flags.StringVar(&c.coredns, "coredns", "", "coredns binary")
	names := flags.Bool("list", false, "print the names of the checks and do nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *names {
		for _, check := range selected(flags.Arg(0)) {
			fmt.Println(check.name)
		}
		return nil
	}
	var err error
	if c.kt, err = os.Executable(); err != nil {
		return err
	}
	if c.home == "" || c.kubenode == "" || c.coredns == "" {
		return errors.New("--home, --kubenode and --coredns are needed")
	}
	before, err := traces(c.name)
	if err != nil {
		return err
	}
	if len(before) > 0 {
		return fmt.Errorf("cluster %s is there already: take it down first: %s", c.name, strings.Join(before, "; "))
	}
	defer func() { _, _ = c.run("down") }()
	if err := c.up(); err != nil {
		return err
	}
	failed, total := 0, 0
	for _, check := range selected(flags.Arg(0)) {
		start := time.Now()
		err := check.test(c)
		total++
		result := "ok"
		if err != nil {
			failed++
			result = "FAILED: " + strings.TrimSpace(err.Error())
		}
		fmt.Printf("%s (%.1f s): %s\n", check.name, time.Since(start).Seconds(), result)
	}
	fmt.Printf("%d passed, %d failed, 0 skipped\n", total-failed, failed)
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, total)
	}
	return nil
}

func (c *cluster) up() error {
	out, err := c.run("up", "--kubenode", c.kubenode, "--coredns", c.coredns)
	if err != nil {
		return err
	}
	summary := struct{ Kubeconfig string }{}
	err = json.Unmarshal([]byte(out), &summary)
	c.kubeconfig = summary.Kubeconfig
	return err
}

// run is `kt VERB` for the cluster; it returns standard output.
func (c *cluster) run(verb string, args ...string) (string, error) {
	return output(append([]string{c.kt, verb, "--name", c.name, "--home", c.home}, args...), "")
}

// inside runs a command in the node's namespaces.
func (c *cluster) inside(args ...string) (string, error) {
	return c.run("exec", append([]string{"--"}, args...)...)
}

// kubectl runs kubectl as the administrator, in the default namespace.
func (c *cluster) kubectl(args ...string) (string, error) {
	return output(append([]string{c.kubenode, "kubectl", "--kubeconfig", c.kubeconfig, "--cache-dir", c.home + "/" + c.name + "/kubectl-cache"}, args...), "")
}

// probe runs `kt probe` in a pod.
func (c *cluster) probe(pod string, args ...string) (string, error) {
	return c.kubectl(append([]string{"exec", pod, "--", "/kt", "probe"}, args...)...)
}

// apply creates or changes objects.
func (c *cluster) apply(objects ...object) error {
	for _, o := range objects {
		content, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if _, err := output([]string{c.kubenode, "kubectl", "--kubeconfig", c.kubeconfig, "apply", "--validate=false", "-f", "-"}, string(content)); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) ready(pods ...string) error {
	for _, pod := range pods {
		if out, err := c.kubectl("wait", "--for=condition=Ready", "pod/"+pod, "--timeout=60s"); err != nil {
			events, _ := c.kubectl("events")
			return fmt.Errorf("%w: %s%s", err, out, events)
		}
	}
	return nil
}

// output runs a command and returns what it wrote to standard output; an error holds standard error.
func output(argv []string, stdin string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out, messages strings.Builder
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &messages
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(argv[1:], " "), err, messages.String())
	}
	return out.String(), nil
}

// fails wants an error whose text holds text.
func fails(err error, text string) error {
	if err == nil {
		return fmt.Errorf("did not fail; %q was expected", text)
	}
	if !strings.Contains(err.Error(), text) {
		return fmt.Errorf("failed with another error than %q: %w", text, err)
	}
	return nil
}

// says wants out to hold text.
func says(out string, err error, text string) error {
	if err == nil && !strings.Contains(out, text) {
		return fmt.Errorf("%q was expected, not %q", text, out)
	}
	return err
}

// eventually repeats a test for up to a minute.
func eventually(test func() error) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		err := test()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
