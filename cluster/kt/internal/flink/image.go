package flink

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"kubectl-flink.dev/kt/internal/image"
)

// parts are the files and folders that an image is made of; "" for those it does without.
type parts struct{ base, home, examples, scripts, opt, hadoop string }

// makeImage writes the archive of flink:VERSION: the base layer, one layer with FLINK_HOME, the example jars and the
// entry point, and one each for what only some images have.
func makeImage(v version, out string, p parts) error {
	baseLayer, err := existingLayer(p.base)
	if err != nil {
		return err
	}
	own, err := flinkLayer(v, out+".layer", p.home, p.examples, p.scripts)
	if err != nil {
		return err
	}
	defer os.Remove(own.Path)
	layers := []image.Layer{baseLayer, own}
	for _, extra := range []struct {
		jars, target string
		owner        image.Owner
	}{{p.opt, "opt/flink/opt", flink}, {p.hadoop, hadoopHome, root}} {
		if extra.jars == "" {
			continue
		}
		layer, err := jarLayer(fmt.Sprintf("%s.layer%d", out, len(layers)), extra.jars, extra.target, extra.owner)
		if err != nil {
			return err
		}
		defer os.Remove(layer.Path)
		layers = append(layers, layer)
	}
	tag := v.name
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
	if p.hadoop != "" {
		// As Flink's documentation has it for images with HDFS.
		config.Env = append(config.Env, "HADOOP_CLASSPATH=/"+hadoopHome+"/*")
		tag += "-hadoop"
	}
	say("writing flink:%s", tag)
	return image.Write(out, "docker.io/library/flink:"+tag, runtime.GOARCH, config, layers)
}

// hadoopHome is where the image with Hadoop's client has its jars.
const hadoopHome = "opt/hadoop/lib"

// jarLayer writes a layer with the files of one folder.
func jarLayer(out, jars, target string, owner image.Owner) (image.Layer, error) {
	layer, err := image.NewLayer(out)
	if err != nil {
		return image.Layer{}, err
	}
	// Named here because a folder's entry in a later layer replaces the one below, owner and all.
	if err := layer.Dir(path.Dir(target), 0o755, owner); err != nil {
		return image.Layer{}, err
	}
	if err := layer.Tree(jars, target, owner); err != nil {
		return image.Layer{}, err
	}
	return layer.Close()
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
