// Package config writes the configuration files of the node's components.
package config

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"kubectl-flink.dev/kt/internal/layout"
)

//go:embed files
var files embed.FS

// values are what the templates refer to.
type values struct {
	Root, PKI, Kubeconfig, Config, Containerd     string
	NodeName, NodeIP, PodCIDR, DNSService, Cgroup string
	PauseImage, CNIPlugins                        string
}

// targets says where below the configuration directory each template goes.
var targets = map[string]string{
	"kubelet.yaml":    "kubelet.yaml",
	"proxy.yaml":      "proxy.yaml",
	"Corefile":        "Corefile",
	"containerd.toml": "containerd.toml",
	"10-kt.conflist":  "cni/10-kt.conflist",
}

// Write renders every file into dir for the named cluster; cniPlugins is the host's directory of CNI plugins.
func Write(dir, cluster, cniPlugins string) error {
	templates, err := template.ParseFS(files, "files/*")
	if err != nil {
		return err
	}
	data := values{
		Root: layout.Root, PKI: layout.PKI, Kubeconfig: layout.Kubeconfig, Config: layout.Config, Containerd: layout.Containerd,
		NodeName: layout.NodeName, NodeIP: layout.NodeIP, PodCIDR: layout.PodCIDR, DNSService: layout.DNSService,
		Cgroup: layout.Cgroup(cluster), PauseImage: layout.PauseImage, CNIPlugins: cniPlugins,
	}
	for name, target := range targets {
		if err := render(templates, name, filepath.Join(dir, target), data); err != nil {
			return fmt.Errorf("configuration %s: %w", name, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, "resolv.conf"), nil, 0o644)
}

func render(templates *template.Template, name, path string, data values) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := templates.ExecuteTemplate(file, name, data); err != nil {
		return err
	}
	return file.Close()
}
