// Package flink assembles container images of Apache Flink with the layout and the entry point behaviour of the official
// image (github.com/apache/flink-docker), from package registries alone: Flink's own Python packages hold its scripts,
// configuration and jars; the Java runtime is linked from a JDK; the rest are Debian packages.
package flink

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// distribution is one file of a Python package.
type distribution struct {
	requirement string // what pip is asked for
	options     []string
	file        string // the name pip saves it under
	sha256      string
	root        string // folder inside the archive that holds bin, conf, lib, plugins
}

// version says where a Flink version comes from and in what its official image differs from the others.
type version struct {
	name  string
	parts []distribution
	// Official images up to 2.1 start as root and their entry point steps down with gosu; later ones say USER flink.
	startsAsRoot bool
}

// anyPlatform makes pip take one certain wheel of apache-flink whatever Python runs here: only its scripts and
// configuration are used, and those are the same in every wheel.
var anyPlatform = []string{"--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311",
	"--platform=manylinux2014_x86_64"}

const wheelTag = "cp311-cp311-manylinux_2_5_x86_64.manylinux1_x86_64.manylinux_2_17_x86_64.manylinux2014_x86_64.whl"

var versions = map[string]version{
	"2.3.0": {name: "2.3.0", parts: []distribution{
		{"apache-flink==2.3.0", anyPlatform, "apache_flink-2.3.0-" + wheelTag,
			"0e5f612704de1610b153e919c0564b62ad513cddfcf4960f5a021658cdf41a13", "pyflink/"},
		{"apache-flink-libraries==2.3.0", nil, "apache_flink_libraries-2.3.0-py2.py3-none-any.whl",
			"38ece876553286b3a285cf344c2d2038f8a7ca10da5df54d5107250386d64151", "pyflink/"},
	}},
	"1.20.5": {name: "1.20.5", startsAsRoot: true, parts: []distribution{
		{"apache-flink==1.20.5", anyPlatform, "apache_flink-1.20.5-" + wheelTag,
			"6e8ec098a7c06ea34d01fd540e81d44703a90e3bda74052dcbcbb7db5253c10f", "pyflink/"},
		{"apache-flink-libraries==1.20.5", nil, "apache_flink_libraries-1.20.5.tar.gz",
			"e6aee62ea1a1fe7b32e28894ad079f3f1a50a372a4caac3df52405267f4228c8", "apache_flink_libraries-1.20.5/deps/"},
	}},
}

func findVersion(name string) (version, error) {
	if v, ok := versions[name]; ok {
		return v, nil
	}
	known := slices.Sorted(maps.Keys(versions))
	return version{}, fmt.Errorf("no Flink version %q here: use one of %s", name, strings.Join(known, ", "))
}
