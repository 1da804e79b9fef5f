package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryPlaceholderIsFilled(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, "dev", "/cni"); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		content, err := os.ReadFile(filepath.Join(dir, target))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(content); strings.Contains(text, "{{.") || strings.Contains(text, "<no value>") || text == "" {
			t.Errorf("%s:\n%s", target, text)
		}
	}
	kubelet, err := os.ReadFile(filepath.Join(dir, "kubelet.yaml"))
	if err != nil || !strings.Contains(string(kubelet), "cgroupRoot: /kt-dev\n") {
		t.Errorf("the cluster's own cgroup is missing: %v\n%s", err, kubelet)
	}
	if files, err := files.ReadDir("files"); err != nil || len(files) != len(targets) {
		t.Errorf("%d templates, %d targets: %v", len(files), len(targets), err)
	}
}
