// Package api is the little of a Kubernetes client the cluster needs to know when it is ready.
package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Client talks to one API server as the administrator.
type Client struct {
	base string
	http *http.Client
}

// New makes a client for https://address with the certificates of the directory pki.
func New(address, pki string) (*Client, error) {
	ca, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(pki, "admin.crt"), filepath.Join(pki, "admin.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	// No proxy from the environment: the server is on loopback.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	return &Client{"https://" + address, &http.Client{Transport: transport, Timeout: 5 * time.Second}}, nil
}

// Get reads path into the value out points to; nil throws the answer away.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

// Apply writes one object, given as YAML or JSON, by server-side apply. An object that is there and differs in a field
// that cannot change is replaced.
func (c *Client) Apply(ctx context.Context, path string, object []byte) error {
	apply := func() error {
		return c.do(ctx, http.MethodPatch, path+"?fieldManager=kt&force=true", "application/apply-patch+yaml", object, nil)
	}
	err := apply()
	if answer := (*statusError)(nil); !errors.As(err, &answer) || answer.code != http.StatusUnprocessableEntity {
		return err
	}
	if err := c.do(ctx, http.MethodDelete, path, "", nil, nil); err != nil {
		return err
	}
	return apply()
}

// statusError is an answer of the server that is no success.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return e.text }

func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return &statusError{response.StatusCode, fmt.Sprintf("%s %s: %s: %.300s", method, path, response.Status, content)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(content, out)
}
