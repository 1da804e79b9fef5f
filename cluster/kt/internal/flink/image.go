package flink

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"kubectl-flink.dev/kt/internal/image"
)

// makeImage writes the archive of flink:VERSION: the base layer, and one layer with FLINK_HOME, the example jars and the
// entry point.
func makeImage(v version, out, base, home, examples, scripts string) error {
	baseLayer, err := existingLayer(base)
	if err != nil {
		return err
	}
	own, err := flinkLayer(v, out+".layer", home, examples, scripts)
	if err != nil {
		return err
	}
	defer os.Remove(own.Path)
	config := image.Config{
		Entrypoint:   []string{"/docker-entrypoint.sh"},
		Cmd:          []string{"help"},
		WorkingDir:   "/opt/flink",
		ExposedPorts: map[string]struct{}{"6123/tcp": {}, "8081/tcp": {}},
		Env: []string{
			"PATH=/opt/flink/bin:/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"JAVA_HOME=/opt/java/openjdk", "FLINK_HOME=/opt/flink", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
		},
	}
	if !v.startsAsRoot {
		config.User = "flink"
	}
	say("writing flink:%s", v.name)
	return image.Write(out, "docker.io/library/flink:"+v.name, runtime.GOARCH, config, []image.Layer{baseLayer, own})
}

func flinkLayer(v version, out, home, examples, scripts string) (image.Layer, error) {
	layer, err := image.NewLayer(out)
	if err != nil {
		return image.Layer{}, err
	}
	entryPoint, err := os.ReadFile(filepath.Join(scripts, "docker-entrypoint.sh"))
	if err != nil {
		return image.Layer{}, err
	}
	if err := layer.Bytes("docker-entrypoint.sh", 0o755, root, entryPoint); err != nil {
		return image.Layer{}, err
	}
	if v.startsAsRoot {
		stepDown, err := os.ReadFile(filepath.Join(scripts, "gosu"))
		if err != nil {
			return image.Layer{}, err
		}
		if err := layer.Bytes("usr/local/bin/gosu", 0o755, root, stepDown); err != nil {
			return image.Layer{}, err
		}
	}
	if err := layer.Dir("opt/flink", 0o755, flink); err != nil {
		return image.Layer{}, err
	}
	if err := layer.Tree(home, "opt/flink", flink); err != nil {
		return image.Layer{}, err
	}
	if examples != "" {
		if err := layer.Tree(examples, "opt/flink/examples/streaming", flink); err != nil {
			return image.Layer{}, err
		}
	}
	return layer.Close()
}

// existingLayer describes a layer that was written before.
func existingLayer(path string) (image.Layer, error) {
	file, err := os.Open(path)
	if err != nil {
		return image.Layer{}, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	return image.Layer{Path: path, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: size}, err
}
