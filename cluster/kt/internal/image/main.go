package image

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const usage = `usage: kt image --out FILE.tar --ref NAME [options] DIR...
Makes an OCI archive with one layer per directory, bottom first; every file is root's.
options:`

// list is a flag whose value is a JSON list of strings.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(v string) error { return json.Unmarshal([]byte(v), (*[]string)(l)) }

// Main is `kt image`.
func Main(args []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintln(flags.Output(), usage); flags.PrintDefaults() }
	out := flags.String("out", "", "archive to write")
	ref := flags.String("ref", "", "full image name, as in docker.io/library/flink:2.3.0")
	arch := flags.String("arch", runtime.GOARCH, "architecture, as Go names it")
	config := Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	flags.StringVar(&config.User, "user", "", "user of the container: name or UID[:GID]")
	flags.StringVar(&config.WorkingDir, "workdir", "", "working directory")
	flags.Var((*list)(&config.Entrypoint), "entrypoint", "JSON list")
	flags.Var((*list)(&config.Cmd), "cmd", "JSON list")
	flags.Var((*list)(&config.Env), "env", "JSON list of NAME=value; replaces the default PATH")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || *ref == "" || flags.NArg() == 0 {
		flags.Usage()
		return errors.New("--out, --ref and at least one directory are needed")
	}
	return fromDirectories(*out, *ref, *arch, config, flags.Args())
}

func fromDirectories(out, ref, arch string, config Config, dirs []string) error {
	scratch, err := os.MkdirTemp(filepath.Dir(out), ".layers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	var layers []Layer
	for i, dir := range dirs {
		writer, err := NewLayer(filepath.Join(scratch, fmt.Sprintf("%d.tar", i)))
		if err != nil {
			return err
		}
		if err := writer.Tree(dir, "", Owner{}); err != nil {
			return err
		}
		layer, err := writer.Close()
		if err != nil {
			return err
		}
		layers = append(layers, layer)
	}
	return Write(out, ref, arch, config, layers)
}
