package selftest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const mebibyte = 1 << 20

var storage = []check{
	{"storage: a fresh volume takes uid 9999 through fsGroup", func(c *cluster) error {
		if err := c.apply(claim("plain", "standard", "ReadWriteOnce", "1Gi"), pod("grouped", "wait").with("plain", 9999)); err != nil {
			return err
		}
		if err := c.ready("grouped"); err != nil {
			return err
		}
		_, err := c.probe("grouped", "write", "/data/file", "kept")
		return err
	}},
	{"storage: a fresh volume refuses uid 9999 without fsGroup", func(c *cluster) error {
		if err := c.apply(claim("rooted", "standard", "ReadWriteOnce", "1Gi"), pod("ungrouped", "wait").with("rooted", 0)); err != nil {
			return err
		}
		if err := c.ready("ungrouped"); err != nil {
			return err
		}
		_, err := c.probe("ungrouped", "write", "/data/file", "x")
		return fails(err, "permission denied")
	}},
	{"storage: data outlives the pod", func(c *cluster) error {
		if _, err := c.kubectl("delete", "pod", "grouped"); err != nil {
			return err
		}
		if err := errors.Join(c.apply(pod("again", "wait").with("plain", 9999)), c.ready("again")); err != nil {
			return err
		}
		out, err := c.probe("again", "cat", "/data/file")
		return says(out, err, "kept")
	}},
	{"storage: ReadWriteMany on directories", func(c *cluster) error {
		return errors.Join(c.apply(claim("shared", "standard-retain", "ReadWriteMany", "1Gi"),
			pod("first", "wait").with("shared", 9999), pod("second", "wait").with("shared", 9999)), c.ready("first", "second"))
	}},
	{"storage: a volume with a size gets full", func(c *cluster) error {
		if err := errors.Join(c.apply(claim("small", "sized", "ReadWriteOnce", "64Mi"), pod("filler", "wait").with("small", 9999)), c.ready("filler")); err != nil {
			return err
		}
		return fill(c, 40*mebibyte, 64*mebibyte)
	}},
	{"storage: a volume with a size grows while it is used", func(c *cluster) error {
		if err := c.apply(claim("small", "sized", "ReadWriteOnce", "160Mi")); err != nil {
			return err
		}
		if err := eventually(func() error {
			out, err := c.kubectl("get", "pvc", "small", "-o", "jsonpath={.status.capacity.storage} {.status.conditions}")
			if out = strings.TrimSpace(out); err == nil && out != "160Mi" {
				return fmt.Errorf("claim is at %s", out)
			}
			return err
		}); err != nil {
			return err
		}
		return fill(c, 120*mebibyte, 160*mebibyte)
	}},
	{"storage: a volume with a size serves one node at a time", func(c *cluster) error {
		if err := c.apply(claim("wrong", "sized", "ReadWriteMany", "32Mi"), pod("wrong", "wait").with("wrong", 9999)); err != nil {
			return err
		}
		return eventually(func() error {
			out, err := c.kubectl("events", "--for", "pvc/wrong")
			return says(out, err, "ReadWriteMany is not supported by StorageClass sized")
		})
	}},
	{"storage: a class without expansion refuses it", func(c *cluster) error {
		return fails(c.apply(claim("plain", "standard", "ReadWriteOnce", "2Gi")), "only dynamically provisioned pvc can be resized")
	}},
	{"storage: Delete removes the data, Retain keeps it", func(c *cluster) error {
		deleted, err1 := c.kubectl("get", "pvc", "small", "-o", "jsonpath={.spec.volumeName}")
		retained, err2 := c.kubectl("get", "pvc", "shared", "-o", "jsonpath={.spec.volumeName}")
		_, err3 := c.kubectl("delete", "pod", "filler", "first", "second")
		_, err4 := c.kubectl("delete", "pvc", "small", "shared")
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		if err := eventually(func() error {
			_, err := c.inside("ls", "/run/kt/state/volumes/"+deleted+".xfs")
			return fails(err, "No such file")
		}); err != nil {
			return err
		}
		_, err := c.inside("ls", "/run/kt/state/volumes/"+retained)
		return err
	}},
}

// fill writes until the disk of pod filler is full and wants the number of bytes between least and most.
func fill(c *cluster, least, most int) error {
	out, err := c.probe("filler", "fill", "/data/zeros")
	if err := fails(err, "no space left on device"); err != nil {
		return err
	}
	written, err := strconv.Atoi(strings.TrimSpace(out))
	if err == nil && (written < least || written > most) {
		return fmt.Errorf("%d bytes fitted, between %d and %d were expected", written, least, most)
	}
	return err
}
