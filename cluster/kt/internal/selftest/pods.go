package selftest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

var pods = []check{
	{"pods: logs", func(c *cluster) error {
		out, err := c.kubectl("logs", "web")
		return says(out, err, "serving :8080")
	}},
	{"pods: exec passes standard input and its end", func(c *cluster) error {
		out, err := output([]string{c.kubenode, "kubectl", "--kubeconfig", c.kubeconfig, "exec", "-i", "client", "--", "/kt", "probe", "cat"}, "through the API server")
		return says(out, err, "through the API server")
	}},
	{"pods: port-forward", portForward},
	{"pods: a memory limit kills", func(c *cluster) error {
		eater := pod("eater", "eat")
		eater.container()["resources"] = object{"limits": object{"memory": "64Mi"}}
		if err := c.apply(eater); err != nil {
			return err
		}
		return eventually(func() error {
			out, err := c.kubectl("get", "pod", "eater", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.reason}")
			return says(out, err, "OOMKilled")
		})
	}},
	{"pods: RBAC is on", func(c *cluster) error {
		out, _ := c.kubectl("auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:default")
		return says(out, nil, "no")
	}},
	{"pods: PodSecurity restricted is enforced", func(c *cluster) error {
		namespace := object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "restricted",
			"labels": object{"pod-security.kubernetes.io/enforce": "restricted"}}}
		if err := c.apply(namespace); err != nil {
			return err
		}
		privileged := pod("root", "wait")
		privileged["metadata"].(object)["namespace"] = "restricted"
		privileged.container()["securityContext"] = object{"privileged": true}
		return eventually(func() error { return fails(c.apply(privileged), "violates PodSecurity") })
	}},
	{"pods: a killed component comes back with the objects", func(c *cluster) error {
		for _, name := range []string{"etcd", "apiserver", "kubelet", "containerd"} {
			if _, err := c.run("ctl", "kill", name); err != nil {
				return err
			}
			if _, err := c.run("ctl", "start", name); err != nil {
				return err
			}
		}
		return eventually(func() error {
			out, err := c.probe("client", "get", "http://web")
			return says(out, err, "hello from web")
		})
	}},
}

func portForward(c *cluster) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, c.kubenode, "kubectl", "--kubeconfig", c.kubeconfig, "port-forward", "service/web", ":80")
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	defer func() { cancel(); _ = command.Wait() }()
	// "Forwarding from 127.0.0.1:40001 -> 8080"
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return err
	}
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return fmt.Errorf("port-forward said %q", line)
	}
	response, err := http.Get("http://" + fields[2])
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return says(string(content), err, "hello from web")
}
