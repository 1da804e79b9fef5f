package selftest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

var lifecycle = []check{
	{"lifecycle: up twice at once is harmless", func(c *cluster) error {
		before, err := c.process()
		if err != nil {
			return err
		}
		var wait sync.WaitGroup
		results := make([]error, 2)
		for i := range results {
			wait.Go(func() { results[i] = c.up() })
		}
		wait.Wait()
		after, err := c.process()
		if err == nil && before != after {
			err = errors.New("the node was restarted")
		}
		return errors.Join(append(results, err)...)
	}},
	{"lifecycle: up recovers from kill -9 of the supervisor", func(c *cluster) error {
		before, err := c.process()
		if err != nil {
			return err
		}
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			return err
		}
		if err := c.up(); err != nil {
			return err
		}
		out, err := c.kubectl("get", "pvc", "plain", "-o", "jsonpath={.status.phase}")
		return says(out, err, "Bound")
	}},
	{"lifecycle: a second cluster runs beside the first", func(c *cluster) error {
		other := *c
		other.name += "-2"
		defer func() { _, _ = other.run("down") }()
		if _, err := other.run("up", "--kubenode", c.kubenode, "--control-plane"); err != nil {
			return err
		}
		_, err1 := c.kubectl("get", "--raw", "/readyz")
		_, err2 := other.run("down")
		left, err3 := traces(other.name)
		if len(left) > 0 {
			err3 = fmt.Errorf("left behind: %s", strings.Join(left, "; "))
		}
		return errors.Join(err1, err2, err3)
	}},
	{"lifecycle: down and up with --keep-state keeps objects and data", func(c *cluster) error {
		if _, err := c.run("down", "--keep-state"); err != nil {
			return err
		}
		if err := c.up(); err != nil {
			return err
		}
		if err := errors.Join(c.apply(pod("later", "wait").with("plain", 9999)), c.ready("later")); err != nil {
			return err
		}
		out, err := c.probe("later", "cat", "/data/file")
		return says(out, err, "kept")
	}},
	{"lifecycle: an interrupted up leaves nothing", func(c *cluster) error {
		other := *c
		other.name += "-3"
		defer func() { _, _ = other.run("down") }()
		return other.interrupted(c, syscall.SIGINT)
	}},
	{"lifecycle: down removes what a killed up left without a record", func(c *cluster) error {
		other := *c
		other.name += "-4"
		defer func() { _, _ = other.run("down") }()
		return other.interrupted(c, syscall.SIGKILL)
	}},
	{"lifecycle: down leaves nothing", downLeavesNothing},
}

// downLeavesNothing takes the cluster down while a pod uses a volume on a loop device.
func downLeavesNothing(c *cluster) error {
	if err := errors.Join(c.apply(claim("last", "sized", "ReadWriteOnce", "32Mi"), pod("last", "wait").with("last", 9999)), c.ready("last")); err != nil {
		return err
	}
	volume, err := c.kubectl("get", "pvc", "last", "-o", "jsonpath={.spec.volumeName}")
	if err != nil {
		return err
	}
	if before, err := loopDevices(volume); err != nil || len(before) != 1 {
		return fmt.Errorf("loop devices of %s: %q %w", volume, before, err)
	}
	if _, err := c.run("down"); err != nil {
		return err
	}
	left, err1 := traces(c.name)
	if _, err := os.Stat(filepath.Join(c.home, c.name)); err == nil {
		left = append(left, "state directory")
	}
	loops, err2 := loopDevices(volume)
	if left = append(left, loops...); len(left) > 0 {
		return fmt.Errorf("left behind: %s", strings.Join(left, "; "))
	}
	_, again := c.run("down")
	return errors.Join(err1, err2, again)
}

// process is process 1 of the node, as the host numbers it.
func (c *cluster) process() (int, error) {
	content, err := os.ReadFile(filepath.Join(c.home, c.name, "cluster.json"))
	if err != nil {
		return 0, err
	}
	record := struct{ Process struct{ PID int } }{}
	err = json.Unmarshal(content, &record)
	return record.Process.PID, err
}

// interrupted starts an up, sends a signal as soon as the node is on record, and looks for traces: at once after SIGINT,
// after a down if up had no chance to tidy up.
func (c *cluster) interrupted(main *cluster, signal syscall.Signal) error {
	done := make(chan error, 1)
	pid := make(chan int, 1)
	go func() {
		command := upCommand(c, main)
		if err := command.Start(); err != nil {
			pid <- 0
			done <- err
			return
		}
		pid <- command.Process.Pid
		done <- command.Wait()
	}()
	number := <-pid
	if number == 0 {
		return <-done
	}
	if err := eventually(func() error { _, err := c.process(); return err }); err != nil {
		return err
	}
	if err := syscall.Kill(number, signal); err != nil {
		return err
	}
	select {
	case err := <-done:
		if err == nil {
			return errors.New("up was faster than the signal")
		}
	case <-time.After(30 * time.Second):
		return errors.New("up did not end")
	}
	if signal == syscall.SIGKILL {
		if left, _ := traces(c.name); len(left) == 0 {
			return errors.New("nothing was left, so nothing is proven")
		}
		// Not even the record of what has been started.
		if err := os.Remove(filepath.Join(c.home, c.name, "cluster.json")); err != nil {
			return err
		}
		if _, err := c.run("down"); err != nil {
			return err
		}
	}
	left, err := traces(c.name)
	if _, statErr := os.Stat(filepath.Join(c.home, c.name)); statErr == nil {
		left = append(left, "state directory")
	}
	if len(left) > 0 {
		return fmt.Errorf("left behind: %s", strings.Join(left, "; "))
	}
	return err
}
