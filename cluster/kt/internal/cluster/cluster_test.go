package cluster

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kubectl-flink.dev/kt/internal/node"
)

func TestStatOfACommandWithParenthesesAndSpaces(t *testing.T) {
	line := "4711 (a) b (c)) S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 123456 100 200"
	start, state, err := parseStat(line)
	if err != nil || start != 123456 || state != "S" {
		t.Errorf("start %d, state %q, error %v", start, state, err)
	}
	if _, _, err := parseStat("4711 (sh) S 1"); err == nil {
		t.Error("a short line was accepted")
	}
}

func TestIdentityTellsProcessesWithTheSameNumberApart(t *testing.T) {
	self, err := identify(os.Getpid())
	if err != nil || !self.alive() {
		t.Fatalf("this very process: %+v %v", self, err)
	}
	for name, other := range map[string]identity{
		"start": {self.PID, self.Start + 1, self.Boot}, "boot": {self.PID, self.Start, "other"}, "nothing": {},
	} {
		if other.alive() {
			t.Errorf("alive in spite of another %s", name)
		}
	}
}

func TestADeadProcessThatNobodyWaitedForIsNotAlive(t *testing.T) {
	command := exec.Command("true")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	process, err := identify(command.Process.Pid)
	if err == nil {
		for deadline := time.Now().Add(5 * time.Second); process.alive() && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if process.alive() {
			t.Error("a zombie counts as alive")
		}
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{"a": true, "flink": true, "dev-2": true, "": false, "-a": false, "a-": false, "A": false, "a/b": false, "..": false} {
		p := place{home: t.TempDir(), name: name}
		if err := p.check(); (err == nil) != good {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestLockIsExclusiveAndLeavesNothing(t *testing.T) {
	home := filepath.Join(t.TempDir(), "clusters")
	p := place{home: home, name: "x"}
	unlock, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan func())
	go func() {
		unlock, err := p.lock()
		if err != nil {
			t.Error(err)
		}
		second <- unlock
	}()
	select {
	case <-second:
		t.Fatal("two locks at once")
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	(<-second)()
	if _, err := os.Stat(home); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

func TestRecordSurvivesAndCorruptionIsSaid(t *testing.T) {
	p := place{home: t.TempDir(), name: "x"}
	if r, err := p.load(); r != nil || err != nil {
		t.Fatalf("nothing there: %v %v", r, err)
	}
	want := record{Name: "x", Port: 7, Process: identity{1, 2, "b"}}
	if err := p.save(&want); err != nil {
		t.Fatal(err)
	}
	if r, err := p.load(); err != nil || r.Port != 7 || r.Process != want.Process {
		t.Errorf("%+v %v", r, err)
	}
	if err := os.WriteFile(p.path("cluster.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.load(); err == nil {
		t.Error("half a record was read")
	}
}

func TestListenTakesTheOldPortElseAnother(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	file, got, err := upOptions{}.listen(&record{Port: port})
	if err != nil || got == port {
		t.Fatalf("port %d, error %v", got, err)
	}
	file.Close()
	file, again, err := upOptions{}.listen(&record{Port: got})
	if err != nil || again != got {
		t.Fatalf("port %d instead of %d, error %v", again, got, err)
	}
	file.Close()
	if _, _, err := (upOptions{port: port}).listen(nil); err == nil {
		t.Error("a port that was asked for and is taken was replaced silently")
	}
}

func TestOnlyTheNodeOfTheSameStateIsAStray(t *testing.T) {
	options, err := json.Marshal(node.Options{State: "/s/x"})
	if err != nil {
		t.Fatal(err)
	}
	line := func(parts ...string) []byte {
		var joined []byte
		for _, part := range parts {
			joined = append(append(joined, part...), 0)
		}
		return joined
	}
	for name, c := range map[string]struct {
		line []byte
		want bool
	}{
		"node":       {line("/cache/kt", "node", string(options)), true},
		"other verb": {line("/cache/kt", "up", string(options)), false},
		"other tool": {line("/bin/echo", "node", string(options)), false},
		"no options": {line("/cache/kt", "node", "x"), false},
		"nothing":    {nil, false},
	} {
		if got := isNode(c.line, "/s/x"); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if isNode(line("/cache/kt", "node", string(options)), "/s/y") {
		t.Error("the node of another cluster")
	}
}

func TestRemoveTreeRemovesDirectoriesOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.MkdirAll(filepath.Join(dir, "b", "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("still there")
	}
	if err := removeTree(dir); err != nil {
		t.Errorf("twice: %v", err)
	}
}
