package flink

import (
	"archive/zip"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// ourNames holds, for each architecture as Go names it, how the libraries inside flink-dist spell it in their paths.
var ourNames = map[string][]string{
	"amd64": {"linux64.so", "x86_64", "/amd64/", "linux-x64"},
	"arm64": {"linux-aarch64.so", "aarch64", "aarch_64", "linux-arm64"},
}

// otherSystems are the parts of a path that mean another system than Linux with glibc.
var otherSystems = []string{"musl", "android", "macos", "FreeBSD", "SunOS"}

// foreignNative tells whether a jar's entry is native code for another platform than Linux with glibc on arch. Such code
// is more than half of flink-dist.
func foreignNative(entry, arch string) bool {
	switch path.Ext(entry) {
	case ".dll", ".dylib", ".jnilib":
		return true
	case ".so":
		in := func(part string) bool { return strings.Contains(entry, part) }
		return !slices.ContainsFunc(ourNames[arch], in) || slices.ContainsFunc(otherSystems, in)
	}
	return false
}

// stripNatives copies a jar without the native code of other platforms. Entries are copied compressed, as they are.
func stripNatives(from, to, arch string) error {
	source, err := zip.OpenReader(from)
	if err != nil {
		return err
	}
	defer source.Close()
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	defer file.Close()
	target := zip.NewWriter(file)
	for _, entry := range source.File {
		if foreignNative(entry.Name, arch) {
			continue
		}
		if err := copyEntry(target, entry); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
	return target.Close()
}

func copyEntry(target *zip.Writer, entry *zip.File) error {
	if !entry.FileInfo().IsDir() {
		return target.Copy(entry)
	}
	// Some build tools deflate the nothing in a folder's entry; Go's writer refuses to copy that.
	_, err := target.CreateHeader(&zip.FileHeader{Name: entry.Name, Modified: entry.Modified})
	return err
}
