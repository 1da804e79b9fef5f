package flink

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kubectl-flink.dev/kt/internal/image"
)

// packages are the Debian packages of the base layer: what Flink's scripts call, what people expect in a container of the
// official image, and the libraries of these and of the Java runtime. checkLibraries proves the list complete.
var packages = []string{
	"base-files", "bash", "coreutils", "debianutils", "diffutils", "findutils", "gettext-base", "grep", "gzip", "hostname",
	"libc-bin", "mawk", "sed", "tar", "util-linux",
	"libacl1", "libattr1", "libblkid1", "libc6", "libcap-ng0", "libcrypt1", "libgcc-s1", "libgmp10", "libjemalloc2",
	"libmount1", "libpcre2-8-0", "libselinux1", "libsmartcols1", "libsnappy1v5", "libstdc++6", "libtinfo6",
	"libuuid1", "zlib1g",
}

// unwanted are folders of packages that no process of a container reads.
var unwanted = []string{"usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/info/", "usr/share/lintian/",
	"usr/share/bug/", "usr/share/bash-completion/", "usr/share/util-linux/", "usr/share/common-licenses/"}

// fromUtilLinux are the programs of util-linux that are taken; the others need libraries of their own (PAM, udev).
var fromUtilLinux = []string{"flock", "getopt", "rev", "setpriv"}

const javaHome = "opt/java/openjdk"

var (
	root  = image.Owner{}
	flink = image.Owner{UID: 9999, GID: 9999}
)

// makeBase writes the layer that all Flink versions share: Debian files and a Java runtime.
func makeBase(out, jdk, work string) error {
	debs, err := downloadPackages(filepath.Join(work, "debs"))
	if err != nil {
		return err
	}
	runtime := filepath.Join(work, "jre")
	if err := linkRuntime(jdk, runtime); err != nil {
		return err
	}
	layer, err := image.NewLayer(out)
	if err != nil {
		return err
	}
	say("writing the base layer")
	if err := addAccounts(layer); err != nil {
		return err
	}
	for _, deb := range debs {
		if err := addPackage(layer, deb); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(deb), err)
		}
	}
	if err := layer.Tree(runtime, javaHome, root); err != nil {
		return err
	}
	if _, err := layer.Close(); err != nil {
		return err
	}
	return checkLibraries(out)
}

var accountFiles = []struct{ name, content string }{
	{"etc/passwd", `root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
flink:x:9999:9999::/opt/flink:/bin/sh
`},
	{"etc/group", "root:x:0:\nnogroup:x:65534:\nflink:x:9999:\n"},
	{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
}

// addAccounts adds what no package holds: the accounts, the temporary folders and the links of the merged /usr.
func addAccounts(layer *image.LayerWriter) error {
	for _, merged := range []string{"bin", "lib", "lib64", "sbin"} {
		if err := layer.Symlink(merged, "usr/"+merged); err != nil {
			return err
		}
	}
	for _, dir := range []string{"tmp", "var/tmp"} {
		if err := layer.Dir(dir, 0o1777, root); err != nil {
			return err
		}
	}
	for _, file := range accountFiles {
		if err := layer.Bytes(file.name, 0o644, root, []byte(file.content)); err != nil {
			return err
		}
	}
	return nil
}

// downloadPackages fetches the packages with apt, which checks them against the archive's signature, and returns their
// files in name order.
func downloadPackages(dir string) ([]string, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	say("downloading %d Debian packages with apt", len(packages))
	args := append([]string{"download", "-q"}, packages...)
	if run(dir, nil, "apt-get", args...) != nil {
		// The index may be missing or older than the archive.
		if err := run("", nil, "apt-get", "update", "-q"); err != nil {
			return nil, err
		}
		if err := run(dir, nil, "apt-get", args...); err != nil {
			return nil, err
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	slices.Sort(files)
	return files, err
}

// addPackage adds the files of a .deb, with /bin, /lib, /lib64 and /sbin merged into /usr as on a current Debian or Ubuntu.
func addPackage(layer *image.LayerWriter, deb string) error {
	unpack := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	unpack.Stderr = os.Stderr
	stream, err := unpack.StdoutPipe()
	if err != nil {
		return err
	}
	if err := unpack.Start(); err != nil {
		return err
	}
	utilLinux := strings.HasPrefix(filepath.Base(deb), "util-linux_")
	for reader := tar.NewReader(stream); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := merge(header.Name)
		if skip(name) || (utilLinux && !slices.Contains(fromUtilLinux, path.Base(name))) {
			continue
		}
		header.Name = name
		if header.Typeflag == tar.TypeLink {
			header.Linkname = merge(header.Linkname)
		}
		if err := layer.Add(header, reader); err != nil {
			return err
		}
	}
	if err := unpack.Wait(); err != nil {
		return err
	}
	return addAliases(layer, strings.SplitN(filepath.Base(deb), "_", 2)[0])
}

// addAliases makes the links that a package's installation script or its -dev package would make.
func addAliases(layer *image.LayerWriter, name string) error {
	switch name {
	case "bash":
		return layer.Symlink("usr/bin/sh", "bash")
	case "mawk":
		return layer.Symlink("usr/bin/awk", "mawk")
	case "debianutils":
		return layer.Symlink("usr/bin/which", "which.debianutils")
	case "libjemalloc2":
		return layer.Symlink("usr/lib/"+multiarch()+"/libjemalloc.so", "libjemalloc.so.2")
	}
	return nil
}

func merge(name string) string {
	name = path.Clean("/" + name)[1:]
	for _, top := range []string{"bin", "lib", "lib64", "sbin"} {
		if name == top || strings.HasPrefix(name, top+"/") {
			return "usr/" + name
		}
	}
	return name
}

func skip(name string) bool {
	// gconv holds converters for character sets that are rarer than UTF-8 and Latin-1; both are in the C library itself.
	return strings.Contains(name, "/gconv/") ||
		slices.ContainsFunc(unwanted, func(dir string) bool { return strings.HasPrefix(name+"/", dir) })
}
