package flink

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeHome is a FLINK_HOME whose scripts say how they were called.
func fakeHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, script := range []string{"jobmanager.sh", "standalone-job.sh", "taskmanager.sh", "historyserver.sh", "config-parser-utils.sh"} {
		writeScript(t, filepath.Join(home, "bin", script), `#!/bin/sh
name=$(basename "$0"); [ "$name" != config-parser-utils.sh ] || shift 3
printf '%s' "$name"; for word in "$@"; do printf ' [%s]' "$word"; done; echo`)
	}
	return home
}

func writeScript(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// enter runs the entry point as a container would, and returns its output without the note on root's rights.
func enter(t *testing.T, home string, env []string, args ...string) (string, error) {
	t.Helper()
	command := exec.Command("bash", append([]string{"../../../flink/docker-entrypoint.sh"}, args...)...)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "FLINK_HOME=" + home, "DISABLE_JEMALLOC=true", "JOB_MANAGER_RPC_ADDRESS=jm"}, env...)
	output, err := command.CombinedOutput()
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		if !strings.HasPrefix(line, "WARNING: Flink runs as root") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), err
}

const defaults = "config-parser-utils.sh [-Djobmanager.rpc.address=jm] [-Dblob.server.port=6124] [-Dquery.server.port=6125]"

func TestEntryPointStartsEachProcess(t *testing.T) {
	home := fakeHome(t)
	for command, want := range map[string]string{
		"jobmanager":     "Starting Job Manager\njobmanager.sh [start-foreground] [a b] [c]",
		"standalone-job": "Starting Job Manager\nstandalone-job.sh [start-foreground] [a b] [c]",
		"taskmanager":    "Starting Task Manager\ntaskmanager.sh [start-foreground] [a b] [c]",
		"history-server": "Starting History Server\nhistoryserver.sh [start-foreground] [a b] [c]",
		"echo":           "a b c",
	} {
		got, err := enter(t, home, nil, command, "a b", "c")
		if err != nil || got != defaults+"\n"+want {
			t.Errorf("%s: %v\n%s", command, err, got)
		}
	}
}

func TestEntryPointWritesConfiguration(t *testing.T) {
	if _, err := exec.LookPath("envsubst"); err != nil {
		t.Skip("envsubst, which the image has, is not on this machine")
	}
	got, err := enter(t, fakeHome(t), []string{"TASK_MANAGER_NUMBER_OF_TASK_SLOTS=3", "NAME=orders",
		"FLINK_PROPERTIES=\nhigh-availability.cluster-id: $NAME\n  a.url:  file:///x y\n"}, "true")
	want := defaults + " [-Dtaskmanager.numberOfTaskSlots=3]\n" +
		"config-parser-utils.sh [-Dhigh-availability.cluster-id=orders] [-Da.url=file:///xy]"
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestEntryPointEnablesPlugins(t *testing.T) {
	home := fakeHome(t)
	writeScript(t, filepath.Join(home, "opt", "flink-s3.jar"), "")
	if got, err := enter(t, home, []string{"ENABLE_BUILT_IN_PLUGINS=flink-s3.jar"}, "true"); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if _, err := os.Stat(filepath.Join(home, "plugins", "flink-s3", "flink-s3.jar")); err != nil {
		t.Error(err)
	}
	got, err := enter(t, home, []string{"ENABLE_BUILT_IN_PLUGINS=missing.jar"}, "true")
	if err == nil || !strings.Contains(got, "no plugin missing.jar") {
		t.Errorf("missing plugin: %v\n%s", err, got)
	}
}

// TestEntryPointStepsDown: images up to 2.1 hold gosu, and what they start is flink's.
func TestEntryPointStepsDown(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can step down")
	}
	dir := t.TempDir()
	writeScript(t, filepath.Join(dir, "gosu"), "#!/bin/sh\necho \"as $1\"; shift; exec \"$@\"")
	got, err := enter(t, fakeHome(t), []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, "taskmanager")
	if err != nil || !strings.HasSuffix(got, "as flink\ntaskmanager.sh [start-foreground]") {
		t.Errorf("%v\n%s", err, got)
	}
}
