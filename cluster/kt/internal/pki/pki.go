// Package pki makes the cluster's certificate authorities, certificates and kubeconfigs.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"kubectl-flink.dev/kt/internal/layout"
)

// validity of every certificate: a development cluster never renews.
const validity = 10 * 365 * 24 * time.Hour

// Admin is the user with all rights; its certificate is in the kubeconfig of the host.
const Admin = "admin"

// clients are the users that authenticate by certificate. The names and groups are those the API server's built-in
// roles and the node authorizer expect.
var clients = map[string]pkix.Name{
	Admin:                      {CommonName: "kubernetes-admin", Organization: []string{"system:masters"}},
	"apiserver-kubelet-client": {CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}},
	"node":                     {CommonName: "system:node:" + layout.NodeName, Organization: []string{"system:nodes"}},
	"controller-manager":       {CommonName: "system:kube-controller-manager"},
	"scheduler":                {CommonName: "system:kube-scheduler"},
	"proxy":                    {CommonName: "system:kube-proxy"},
	"coredns":                  {CommonName: "system:coredns"},
	"csi":                      {CommonName: "system:csi"},
}

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// Create fills a new directory dir with everything: ca, front-proxy-ca, one NAME.crt and NAME.key per server and
// client, and sa.key with sa.pub for service-account tokens. It is complete or absent.
func Create(dir string) error {
	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return err
	}
	if err := create(partial); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	return os.Rename(partial, dir)
}

func create(dir string) error {
	ca, err := newAuthority(dir, "ca", "kt-ca")
	if err != nil {
		return err
	}
	// The front proxy has an authority of its own, else any client certificate could claim to be the proxy.
	frontProxy, err := newAuthority(dir, "front-proxy-ca", "kt-front-proxy-ca")
	if err != nil {
		return err
	}
	if err := ca.issue(dir, "apiserver", server("kube-apiserver",
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		"127.0.0.1", layout.NodeIP, layout.APIService)); err != nil {
		return err
	}
	if err := ca.issue(dir, "kubelet-server", server(layout.NodeName, []string{layout.NodeName}, layout.NodeIP, "127.0.0.1")); err != nil {
		return err
	}
	for name, subject := range clients {
		if err := ca.issue(dir, name, client(subject)); err != nil {
			return err
		}
	}
	if err := frontProxy.issue(dir, "front-proxy-client", client(pkix.Name{CommonName: "front-proxy-client"})); err != nil {
		return err
	}
	return serviceAccountKey(dir)
}

func server(commonName string, names []string, addresses ...string) *x509.Certificate {
	template := &x509.Certificate{Subject: pkix.Name{CommonName: commonName}, DNSNames: names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, address := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	return template
}

func client(subject pkix.Name) *x509.Certificate {
	return &x509.Certificate{Subject: subject, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

func newAuthority(dir, name, commonName string) (authority, error) {
	template := &x509.Certificate{Subject: pkix.Name{CommonName: commonName}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	return sign(dir, name, template, nil)
}

func (a authority) issue(dir, name string, template *x509.Certificate) error {
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	_, err := sign(dir, name, template, &a)
	return err
}

// sign makes a key and its certificate; without a parent the certificate signs itself.
func sign(dir, name string, template *x509.Certificate, parent *authority) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return authority{}, err
	}
	// An hour back: the clocks of host and pods may differ, a new certificate must not be in the future.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = template.NotBefore.Add(validity)
	issuer := authority{template, key}
	if parent != nil {
		issuer = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, key.Public(), issuer.key)
	if err != nil {
		return authority{}, err
	}
	if err := writePEM(filepath.Join(dir, name+".crt"), "CERTIFICATE", der, 0o644); err != nil {
		return authority{}, err
	}
	if err := writeKey(filepath.Join(dir, name+".key"), key); err != nil {
		return authority{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	return authority{certificate, key}, err
}

// serviceAccountKey makes the pair that signs and checks service-account tokens.
func serviceAccountKey(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, "sa.key"), key); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, "sa.pub"), "PUBLIC KEY", public, 0o644)
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "PRIVATE KEY", der, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
