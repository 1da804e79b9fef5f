package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"kubectl-flink.dev/kt/internal/config"
	"kubectl-flink.dev/kt/internal/layout"
	"kubectl-flink.dev/kt/internal/pki"
)

// defaultPort of the API on 127.0.0.1; another is chosen when it is taken.
const defaultPort = 16443

// Summary is what `up` and `status --json` print about a running cluster.
type Summary struct {
	Name       string `json:"name"`
	Kubeconfig string `json:"kubeconfig"`
	Context    string `json:"context"`
	Server     string `json:"server"`
	Running    bool   `json:"running"`
}

func (p place) summary(r *record) Summary {
	return Summary{Name: p.name, Kubeconfig: p.kubeconfig(), Context: p.context(),
		Server: fmt.Sprintf("https://127.0.0.1:%d", r.Port), Running: r.Process.alive()}
}

type upOptions struct {
	place
	kubenode, apiserver, coredns string
	share                        string
	port                         int
	controlPlane                 bool
	timeout                      time.Duration
}

// Up is `kt up`: afterwards the cluster runs and is ready, whatever was before. Progress goes to standard error, a
// Summary as JSON to standard output.
func Up(args []string) error {
	o := upOptions{}
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	p := placeFlags(flags)
	flags.StringVar(&o.kubenode, "kubenode", "", "kubenode binary")
	flags.StringVar(&o.apiserver, "apiserver", "", "API server of another version, with --control-plane; kubenode's when absent")
	flags.StringVar(&o.coredns, "coredns", "", "coredns binary")
	flags.StringVar(&o.share, "share", "", "folder that processes of `kt run` find, read-only, at "+layout.Share)
	flags.IntVar(&o.port, "port", 0, "port of the API on 127.0.0.1; 0 takes the one of before, 16443 or any free one")
	flags.BoolVar(&o.controlPlane, "control-plane", false, "etcd and API server alone: no pods")
	flags.DurationVar(&o.timeout, "timeout", 3*time.Minute, "how long to wait until the cluster is ready")
	if err := parse(flags, p, args); err != nil {
		return err
	}
	o.place = *p
	if o.kubenode == "" || (o.coredns == "" && !o.controlPlane) {
		return errors.New("--kubenode and --coredns are needed")
	}
	if o.controlPlane {
		o.coredns = ""
	} else if o.apiserver != "" {
		return errors.New("a whole node has one version: --apiserver goes with --control-plane")
	}
	if o.apiserver == "" {
		o.apiserver = o.kubenode
	}
	if err := preflight(o.controlPlane); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	r, err := o.up(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(p.summary(r))
}

func (o upOptions) up(ctx context.Context) (*record, error) {
	unlock, err := o.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	progress := newProgress()
	r, err := o.load()
	if err != nil {
		return nil, err
	}
	if r != nil && r.Process.alive() {
		if o.same(r) {
			progress.say("cluster %s runs already", o.name)
			// A node that has just been killed looks alive until the kernel has ended all of it.
			if err := o.waitReady(ctx, r, progress); err == nil || r.Process.alive() {
				return r, err
			}
			progress.say("it has ended: starting it again with its state")
		} else {
			progress.say("cluster %s runs with other settings or binaries: restarting it with its state", o.name)
		}
	}
	if err := o.halt(r); err != nil {
		return nil, err
	}
	fresh := r == nil
	if fresh { // whatever an up that was killed half-way left
		if err := o.removeState(); err != nil {
			return nil, err
		}
	}
	if r, err = o.start(ctx, r, progress); err != nil {
		return nil, o.undo(r, fresh, err)
	}
	if err := o.waitReady(ctx, r, progress); err != nil {
		return nil, o.undo(r, fresh, o.explain(err))
	}
	return r, nil
}

// same tells whether the running cluster is the wanted one. A full node serves who wants a control plane alone.
func (o upOptions) same(r *record) bool {
	self, err := os.Executable()
	if err != nil || r.Kubenode != o.kubenode || r.APIServer != o.apiserver || r.Kt != self || (o.port != 0 && o.port != r.Port) {
		return false
	}
	return o.controlPlane || (!r.ControlPlane && r.CoreDNS == o.coredns)
}

// undo takes down what a failed or interrupted up started. State that was there before stays, and so do the logs
// when the start failed by itself: they are what the user needs then.
func (o upOptions) undo(r *record, fresh bool, cause error) error {
	err := o.halt(r)
	if fresh && errors.Is(cause, context.Canceled) {
		err = errors.Join(err, o.removeState())
	}
	if errors.Is(cause, context.Canceled) {
		cause = errors.New("interrupted: the cluster has been taken down")
	}
	return errors.Join(cause, err)
}

// prepare fills the state directory; what is there stays.
func (o upOptions) prepare(port int) error {
	for _, dir := range []string{"log/pods", "log/containers", "kubelet", "containerd", "volumes", "images"} {
		if err := os.MkdirAll(o.path(dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(o.path("etcd"), 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(o.path("pki")); err != nil {
		if err := pki.Create(o.path("pki")); err != nil {
			return err
		}
	}
	if err := pki.ComponentKubeconfigs(o.path("kubeconfigs"), o.path("pki"), "https://"+layout.APIServer); err != nil {
		return err
	}
	plugins, err := cniPlugins()
	if err != nil && !o.controlPlane {
		return err
	}
	if err := config.Write(o.path("config"), o.name, plugins); err != nil {
		return err
	}
	return pki.Kubeconfig(o.kubeconfig(), o.path("pki"), pki.Admin, o.context(), fmt.Sprintf("https://127.0.0.1:%d", port))
}

// progress prints what has been reached, with the seconds since the start.
type progress struct{ start time.Time }

func newProgress() progress { return progress{time.Now()} }

func (p progress) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.1f s  %s\n", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}

func (p place) removeState() error {
	if err := checkUnmounted(p.state()); err != nil {
		return err
	}
	return os.RemoveAll(p.state())
}
