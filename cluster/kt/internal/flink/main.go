package flink

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
)

// The three commands are the three things worth keeping: FLINK_HOME is needed for compiling jobs before there is an
// image, and the base layer is shared between the versions.

// MainHome is `kt flink-home`.
func MainHome(args []string) error {
	flags := flag.NewFlagSet("flink-home", flag.ContinueOnError)
	name := flags.String("version", "", "Flink version")
	downloads := flags.String("downloads", "", "folder that keeps what was downloaded")
	out := flags.String("out", "", "folder to create")
	if err := parse(flags, args, name, downloads, out); err != nil {
		return err
	}
	v, err := findVersion(*name)
	if err != nil {
		return err
	}
	return complete(*out, func(partial string) error { return makeHome(v, *downloads, partial, runtime.GOARCH) })
}

// MainBase is `kt flink-base`.
func MainBase(args []string) error {
	flags := flag.NewFlagSet("flink-base", flag.ContinueOnError)
	jdk := flags.String("jdk", "", "home of a JDK 17 with its jmods folder")
	out := flags.String("out", "", "layer to write, a tar file")
	if err := parse(flags, args, jdk, out); err != nil {
		return err
	}
	work := *out + ".work"
	defer os.RemoveAll(work)
	return complete(*out, func(partial string) error { return makeBase(partial, *jdk, work) })
}

// MainImage is `kt flink-image`.
func MainImage(args []string) error {
	flags := flag.NewFlagSet("flink-image", flag.ContinueOnError)
	name := flags.String("version", "", "Flink version")
	home := flags.String("home", "", "folder made by kt flink-home")
	base := flags.String("base", "", "layer made by kt flink-base")
	scripts := flags.String("scripts", "", "folder with docker-entrypoint.sh and gosu")
	examples := flags.String("examples", "", "folder of jars for examples/streaming (optional)")
	opt := flags.String("opt", "", "folder of jars for /opt/flink/opt, in a layer of their own (optional)")
	hadoop := flags.String("hadoop", "", "folder of Hadoop's client jars: makes flink:VERSION-hadoop (optional)")
	out := flags.String("out", "", "image archive to write")
	if err := parse(flags, args, name, home, base, scripts, out); err != nil {
		return err
	}
	v, err := findVersion(*name)
	if err != nil {
		return err
	}
	return makeImage(v, *out, parts{base: *base, home: *home, examples: *examples, scripts: *scripts, opt: *opt, hadoop: *hadoop})
}

// parse reads the flags; all of the required ones must be given.
func parse(flags *flag.FlagSet, args []string, required ...*string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, value := range required {
		if *value == "" {
			flags.Usage()
			return errors.New("a required flag is missing")
		}
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

// complete lets make write beside out, and gives the result its name only when it is whole.
func complete(out string, make func(partial string) error) error {
	partial := out + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	if err := make(partial); err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	return os.Rename(partial, out)
}
