package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestServersAndClientsVerifyAgainstTheirAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if err := Create(dir); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ca    string
		usage x509.ExtKeyUsage
		host  string
	}{
		"apiserver":          {"ca", x509.ExtKeyUsageServerAuth, "127.0.0.1"},
		"kubelet-server":     {"ca", x509.ExtKeyUsageServerAuth, "10.77.0.2"},
		"admin":              {"ca", x509.ExtKeyUsageClientAuth, ""},
		"node":               {"ca", x509.ExtKeyUsageClientAuth, ""},
		"front-proxy-client": {"front-proxy-ca", x509.ExtKeyUsageClientAuth, ""},
	} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, ca := range []string{"ca", "front-proxy-ca"} {
			roots := x509.NewCertPool()
			pem, err := os.ReadFile(filepath.Join(dir, ca+".crt"))
			if err != nil {
				t.Fatal(err)
			}
			roots.AppendCertsFromPEM(pem)
			_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: c.host, KeyUsages: []x509.ExtKeyUsage{c.usage}})
			if (err == nil) != (ca == c.ca) {
				t.Errorf("%s against %s: %v", name, ca, err)
			}
		}
	}
	info, err := os.Stat(filepath.Join(dir, "admin.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key of the administrator: %v %v", info.Mode(), err)
	}
}

func TestKubeconfigHoldsTheCertificates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if err := Create(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := Kubeconfig(path, dir, Admin, "ctx", "https://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config := struct {
		Current string `json:"current-context"`
		Users   []struct {
			User struct {
				Certificate []byte `json:"client-certificate-data"`
				Key         []byte `json:"client-key-data"`
			}
		}
	}{}
	if err := json.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(config.Users[0].User.Certificate, config.Users[0].User.Key); err != nil || config.Current != "ctx" {
		t.Errorf("context %q, pair: %v", config.Current, err)
	}
	if err := Kubeconfig(path, dir, "nobody", "ctx", ""); err == nil {
		t.Error("a kubeconfig without certificates was written")
	}
}
