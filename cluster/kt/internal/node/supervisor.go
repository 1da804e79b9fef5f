package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"kubectl-flink.dev/kt/internal/layout"
)

// Process is the state of one supervised process.
type Process struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`      // inside the node; 0 when it does not run
	Seconds  int    `json:"seconds"`  // since it started or stopped
	Restarts int    `json:"restarts"` // how often it came back by itself
	Exit     string `json:"exit"`     // how it ended last, "" if it never did
}

type process struct {
	Process
	args, env []string
	wanted    bool // restart it when it ends
	changed   time.Time
	delay     time.Duration
}

// Delays between the end of a process and its restart: doubled for each end soon after a start.
const (
	shortestDelay = time.Second
	longestDelay  = 10 * time.Second
)

// supervisor starts processes, restarts those that end and, as process 1 of the namespace, reaps orphans.
type supervisor struct {
	mutex     sync.Mutex // held while forking, so that reap never sees a child that is not in the table yet
	processes map[string]*process
}

// start runs args under name, or again what name ran before when args is nil. It is a no-op when name runs.
func (s *supervisor) start(name string, args, env []string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	p := s.processes[name]
	if p == nil {
		if len(args) == 0 {
			return fmt.Errorf("unknown process %q: %s", name, strings.Join(s.names(), ", "))
		}
		p = &process{Process: Process{Name: name}}
		s.processes[name] = p
	}
	if args != nil && p.PID == 0 {
		p.args, p.env = args, env
	}
	p.wanted = true
	return s.fork(p)
}

func (s *supervisor) names() []string {
	names := make([]string, 0, len(s.processes))
	for name := range s.processes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *supervisor) fork(p *process) error {
	if p.PID != 0 {
		return nil
	}
	path, err := lookPath(p.args[0])
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(layout.Logs, p.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	// Not os/exec: its Wait would race with reap for the child.
	pid, err := syscall.ForkExec(path, p.args, &syscall.ProcAttr{Dir: "/", Env: append(os.Environ(), p.env...),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.PID, p.changed = pid, time.Now()
	return nil
}

func lookPath(command string) (string, error) {
	if strings.Contains(command, "/") {
		return command, nil
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, command)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: not found in PATH", command)
}

// signal sends a signal to name and, unless again is set, keeps it down until the next start. It waits for the end.
func (s *supervisor) signal(name string, number syscall.Signal, again bool, timeout time.Duration) error {
	s.mutex.Lock()
	p := s.processes[name]
	if p == nil {
		defer s.mutex.Unlock()
		return fmt.Errorf("unknown process %q: %s", name, strings.Join(s.names(), ", "))
	}
	p.wanted = again
	pid := p.PID
	s.mutex.Unlock()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, number); err != nil && err != syscall.ESRCH {
		return err
	}
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		s.mutex.Lock()
		gone := p.PID != pid
		s.mutex.Unlock()
		if gone {
			return nil
		}
	}
	return fmt.Errorf("%s (process %d) did not end within %s: use kill", name, pid, timeout)
}

// reap waits for children for ever.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil { // no child at the moment
			time.Sleep(50 * time.Millisecond)
			continue
		}
		s.mutex.Lock()
		for _, p := range s.processes {
			if p.PID == pid {
				s.ended(p, status)
			}
		}
		s.mutex.Unlock()
	}
}

func (s *supervisor) ended(p *process, status syscall.WaitStatus) {
	if time.Since(p.changed) > longestDelay || p.delay == 0 {
		p.delay = shortestDelay
	} else {
		p.delay = min(2*p.delay, longestDelay)
	}
	p.PID, p.changed, p.Exit = 0, time.Now(), fmt.Sprintf("exit code %d", status.ExitStatus())
	if status.Signaled() {
		p.Exit = fmt.Sprintf("signal %d", status.Signal())
	}
	if !p.wanted {
		return
	}
	fmt.Fprintf(os.Stderr, "%s ended (%s); again in %s\n", p.Name, p.Exit, p.delay)
	time.AfterFunc(p.delay, func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if !p.wanted || p.PID != 0 {
			return
		}
		p.Restarts++
		if err := s.fork(p); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
}

func (s *supervisor) list() []Process {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	list := make([]Process, 0, len(s.processes))
	for _, name := range s.names() {
		p := s.processes[name]
		p.Seconds = int(time.Since(p.changed).Seconds())
		list = append(list, p.Process)
	}
	return list
}
