package pki

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Kubeconfig writes a kubeconfig for user at path, with the certificates of the directory pki inside it. The context
// and the cluster are both called context. JSON is YAML, so every client reads it.
func Kubeconfig(path, pki, user, context, server string) error {
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(pki, name))
		if err != nil {
			return nil
		}
		return content
	}
	ca, certificate, key := read("ca.crt"), read(user+".crt"), read(user+".key")
	if ca == nil || certificate == nil || key == nil {
		return &os.PathError{Op: "kubeconfig", Path: filepath.Join(pki, user+".crt"), Err: os.ErrNotExist}
	}
	type named map[string]any
	content, err := json.MarshalIndent(named{
		"apiVersion": "v1", "kind": "Config", "current-context": context,
		"clusters": []named{{"name": context, "cluster": named{"server": server, "certificate-authority-data": ca}}},
		"users":    []named{{"name": context + "-" + user, "user": named{"client-certificate-data": certificate, "client-key-data": key}}},
		"contexts": []named{{"name": context, "context": named{"cluster": context, "user": context + "-" + user}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// ComponentKubeconfigs writes one kubeconfig per component that talks to the API server from inside the node.
func ComponentKubeconfigs(dir, pki, server string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, user := range []string{Admin, "node", "controller-manager", "scheduler", "proxy", "coredns", "csi"} {
		if err := Kubeconfig(filepath.Join(dir, user+".yaml"), pki, user, "node", server); err != nil {
			return err
		}
	}
	return nil
}
