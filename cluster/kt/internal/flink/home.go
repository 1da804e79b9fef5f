package flink

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// leftOut are the jars of lib/ that DataStream jobs do without; they are 83 MB, twice the rest of the Flink layer.
var leftOut = []string{"flink-table-", "flink-scala_"}

// makeHome assembles FLINK_HOME in the folder home, which it creates.
func makeHome(v version, downloads, home, arch string) error {
	for _, part := range v.parts {
		archive, err := download(part, downloads)
		if err != nil {
			return err
		}
		say("unpacking %s", part.file)
		if err := unpack(archive, part.root, func(name string, content io.Reader) error {
			return takeIntoHome(name, content, home, arch)
		}); err != nil {
			return fmt.Errorf("%s: %w", part.file, err)
		}
	}
	for _, dir := range []string{"opt", "log", "examples/streaming"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			return err
		}
	}
	return listenOnPodNetwork(home)
}

func takeIntoHome(name string, content io.Reader, home, arch string) error {
	target := filepath.Join(home, filepath.FromSlash(name))
	switch dir, _, _ := strings.Cut(name, "/"); dir {
	case "bin":
		if strings.HasSuffix(name, ".bat") {
			return nil
		}
		return save(target, 0o755, content)
	case "conf":
		return save(target, 0o644, content)
	case "plugins":
		mode := os.FileMode(0o644)
		if path.Ext(name) == ".sh" {
			mode = 0o755
		}
		return save(target, mode, content)
	case "lib":
		for _, prefix := range leftOut {
			if strings.HasPrefix(path.Base(name), prefix) {
				return nil
			}
		}
		if !strings.HasPrefix(path.Base(name), "flink-dist-") {
			return save(target, 0o644, content)
		}
		whole := filepath.Join(home, "flink-dist.whole")
		defer os.Remove(whole)
		if err := save(whole, 0o644, content); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return stripNatives(whole, target, arch)
	}
	return nil
}

// listenOnPodNetwork changes the default configuration as the Dockerfile of the official image does, with Flink's own
// tool: outside a container Flink listens on localhost only.
func listenOnPodNetwork(home string) error {
	say("preparing conf/config.yaml with Flink's own tool")
	conf, bin, lib := filepath.Join(home, "conf"), filepath.Join(home, "bin"), filepath.Join(home, "lib")
	return run("", []string{"FLINK_HOME=" + home, "FLINK_CONF_DIR=" + conf},
		"bash", filepath.Join(bin, "config-parser-utils.sh"), conf, bin, lib,
		"-repKV", "rest.address,localhost,0.0.0.0",
		"-repKV", "rest.bind-address,localhost,0.0.0.0",
		"-repKV", "jobmanager.bind-host,localhost,0.0.0.0",
		"-repKV", "taskmanager.bind-host,localhost,0.0.0.0",
		"-rmKV", "taskmanager.host=localhost")
}
