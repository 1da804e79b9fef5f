package selftest

import (
	"errors"
	"fmt"
	"strings"
)

// outside is an address of the block for documentation (RFC 5737): no machine has it, and a route out would try it.
const outside = "192.0.2.1:443"

var network = []check{
	{"network: the node has no default route", func(c *cluster) error {
		for _, family := range []string{"-4", "-6"} {
			out, err := c.inside("ip", family, "route", "show", "table", "all")
			if err != nil {
				return err
			}
			if strings.HasPrefix(out, "default") || strings.Contains(out, "\ndefault") {
				return fmt.Errorf("routes: %s", out)
			}
		}
		return nil
	}},
	{"network: the node has no interface that leads out", func(c *cluster) error {
		out, err := c.inside("ip", "-o", "link", "show")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			name := strings.TrimSuffix(strings.Fields(line)[1], ":")
			if name != "lo" && name != "node0" && name != "cni0" && !strings.HasPrefix(name, "veth") {
				return fmt.Errorf("unexpected interface: %s", line)
			}
		}
		return nil
	}},
	{"network: the node cannot reach an outside address", func(c *cluster) error {
		_, err := c.inside("/run/kt/bin/kt", "probe", "dial", outside)
		return fails(err, "network is unreachable")
	}},
	{"network: pods start", func(c *cluster) error {
		server := pod("web", "serve", ":8080")
		service := object{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": "web"},
			"spec": object{"selector": object{"app": "web"}, "ports": []object{{"port": 80, "targetPort": 8080}}}}
		if err := c.apply(server, service, pod("client", "wait")); err != nil {
			return err
		}
		return c.ready("web", "client")
	}},
	{"network: a pod cannot reach an outside address", func(c *cluster) error {
		_, err := c.probe("client", "dial", outside)
		return fails(err, "unreachable")
	}},
	{"network: a name of the outside does not exist", func(c *cluster) error {
		_, err := c.probe("client", "lookup", "kubernetes.io")
		return fails(err, "no such host")
	}},
	{"network: Services by short and by full name", func(c *cluster) error {
		for _, host := range []string{"web", "web.default.svc.cluster.local"} {
			if err := eventually(func() error {
				out, err := c.probe("client", "get", "http://"+host)
				return says(out, err, "hello from web")
			}); err != nil {
				return err
			}
		}
		return nil
	}},
	{"network: pods reach the API server by its Service", func(c *cluster) error {
		out, err := c.probe("client", "lookup", "kubernetes.default.svc")
		if err := says(out, err, "10.96.0.1"); err != nil {
			return err
		}
		_, err = c.probe("client", "dial", "kubernetes.default.svc:443")
		return err
	}},
	{"network: the API server's proxy reaches a Service", func(c *cluster) error {
		out, err := c.kubectl("get", "--raw", "/api/v1/namespaces/default/services/web:80/proxy/")
		return says(out, err, "hello from web")
	}},
	{"network: an extra process is reachable from pods", func(c *cluster) error {
		if _, err := c.run("run", "extra", "--", "/run/kt/bin/kt", "probe", "serve", "10.77.0.2:9000"); err != nil {
			return err
		}
		return errors.Join(eventually(func() error {
			out, err := c.probe("client", "get", "http://10.77.0.2:9000")
			return says(out, err, "hello from node1")
		}), func() error { _, err := c.run("ctl", "stop", "extra"); return err }())
	}},
}
