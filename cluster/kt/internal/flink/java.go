package flink

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"kubectl-flink.dev/kt/internal/image"
)

// modules are the Java modules of the runtime: all of Java SE, what a JRE of the official image adds that Flink or its
// jobs use, and jdk.jcmd (jcmd, jstack, jmap) for looking into a running process.
var modules = []string{"java.se", "jdk.charsets", "jdk.crypto.ec", "jdk.httpserver", "jdk.jcmd", "jdk.jfr", "jdk.management",
	"jdk.management.agent", "jdk.naming.dns", "jdk.naming.rmi", "jdk.net", "jdk.nio.mapmode", "jdk.sctp", "jdk.security.auth",
	"jdk.security.jgss", "jdk.unsupported", "jdk.xml.dom", "jdk.zipfs"}

// desktopLibraries are native parts of java.desktop that need libraries of a graphical system; a headless JRE lacks most
// of them. The classes stay, as java.beans is among them.
var desktopLibraries = []string{"awt_headless", "awt_xawt", "fontmanager", "freetype", "javajpeg", "jawt", "jsound", "lcms",
	"mlib_image", "splashscreen"}

// linkRuntime makes a Java runtime at out from the JDK, with the class-data archive that the JDK's own runtime has.
func linkRuntime(jdk, out string) error {
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	say("linking a Java runtime from %s", jdk)
	if err := run("", nil, filepath.Join(jdk, "bin", "jlink"), "--module-path", filepath.Join(jdk, "jmods"),
		"--add-modules", strings.Join(modules, ","), "--output", out,
		"--strip-java-debug-attributes", "--no-header-files", "--no-man-pages"); err != nil {
		return err
	}
	for _, name := range desktopLibraries {
		if err := os.Remove(filepath.Join(out, "lib", "lib"+name+".so")); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	// The archive remembers the time of the module file, so that must be the one it has in the image.
	if err := os.Chtimes(filepath.Join(out, "lib", "modules"), image.Epoch, image.Epoch); err != nil {
		return err
	}
	return run("", nil, filepath.Join(out, "bin", "java"), "-Xshare:dump")
}

// multiarch is Debian's name of the folder that holds this architecture's libraries.
func multiarch() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64-linux-gnu"
	}
	return "x86_64-linux-gnu"
}
