// Package cluster is the host's side of the local cluster: up, down, status and what goes with them.
package cluster

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// DefaultName is the cluster one gets without --name.
const DefaultName = "flink"

// place is where everything of one cluster is kept on the host.
type place struct {
	home string // parent of all clusters' directories
	name string
}

func (p place) state() string { return filepath.Join(p.home, p.name) }
func (p place) path(parts ...string) string {
	return filepath.Join(append([]string{p.state()}, parts...)...)
}
func (p place) kubeconfig() string           { return p.path("kubeconfig") }
func (p place) context() string              { return "kubectl-flink-" + p.name }
func (p place) component(name string) string { return p.path("log", name+".log") }

// validName keeps names fit for a directory, a cgroup and a kubeconfig context.
var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// placeFlags adds --home and --name, which every command of a cluster has.
func placeFlags(flags *flag.FlagSet) *place {
	p := &place{}
	home := ""
	if cache, err := os.UserCacheDir(); err == nil {
		home = filepath.Join(cache, "kubectl-flink", "clusters")
	}
	flags.StringVar(&p.home, "home", home, "directory that holds the state of all clusters")
	flags.StringVar(&p.name, "name", DefaultName, "cluster")
	return p
}

func (p *place) check() error {
	if !validName.MatchString(p.name) {
		return fmt.Errorf("cluster name %q: use at most 40 lower-case letters, digits and dashes, not starting or ending with a dash", p.name)
	}
	if p.home == "" {
		return errors.New("no place for the cluster's state: set HOME or give --home")
	}
	home, err := filepath.Abs(p.home)
	p.home = home
	return err
}

// parse reads the flags of a command of a cluster.
func parse(flags *flag.FlagSet, p *place, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	return p.check()
}

// lock serialises up and down of one cluster and returns the function that ends the lock. The file vanishes with it,
// so a waiter checks that it locked the file that is still there.
func (p place) lock() (func(), error) {
	path := filepath.Join(p.home, "."+p.name+".lock")
	for {
		if err := os.MkdirAll(p.home, 0o755); err != nil {
			return nil, err
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the last cluster has just taken the directory with it
		}
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
			file.Close()
			return nil, err
		}
		mine, err1 := file.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return func() {
				_ = os.Remove(path)
				_ = os.Remove(p.home) // only when nothing is left in it
				file.Close()
			}, nil
		}
		file.Close()
	}
}
