package flink

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kubectl-flink.dev/kt/internal/image"
)

func TestOnlyNativesOfThisPlatformStay(t *testing.T) {
	for _, c := range []struct {
		entry        string
		amd64, arm64 bool // whether it is foreign there
	}{
		{"librocksdbjni-linux64.so", false, true},
		{"librocksdbjni-linux64-musl.so", true, true},
		{"librocksdbjni-linux32.so", true, true},
		{"librocksdbjni-linux-aarch64.so", true, false},
		{"librocksdbjni-linux-ppc64le.so", true, true},
		{"librocksdbjni-osx-x86_64.jnilib", true, true},
		{"librocksdbjni-win64.dll", true, true},
		{"org/xerial/snappy/native/Linux/x86_64/libsnappyjava.so", false, true},
		{"org/xerial/snappy/native/Linux/android-aarch64/libsnappyjava.so", true, true},
		{"org/xerial/snappy/native/FreeBSD/x86_64/libsnappyjava.so", true, true},
		{"net/jpountz/util/linux/amd64/liblz4-java.so", false, true},
		{"META-INF/native/liborg_apache_flink_shaded_netty4_netty_transport_native_epoll_aarch_64.so", true, false},
		{"META-INF/native/liborg_apache_flink_shaded_netty4_netty_transport_native_epoll_x86_64.so", false, true},
		{"linux-x64/libasyncProfiler.so", false, true},
		{"macos/libasyncProfiler.so", true, true},
		{"org/apache/flink/Some.class", false, false},
	} {
		if got := foreignNative(c.entry, "amd64"); got != c.amd64 {
			t.Errorf("%s foreign on amd64: %v", c.entry, got)
		}
		if got := foreignNative(c.entry, "arm64"); got != c.arm64 {
			t.Errorf("%s foreign on arm64: %v", c.entry, got)
		}
	}
}

func TestStrippedJarKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.jar"), filepath.Join(dir, "to.jar")
	file, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	jar := zip.NewWriter(file)
	for _, name := range []string{"META-INF/", "META-INF/MANIFEST.MF", "a/B.class", "win/x.dll"} {
		entry, err := jar.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") {
			if _, err := entry.Write([]byte(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := jar.Close(); err != nil {
		t.Fatal(err)
	}
	if err := stripNatives(from, to, "amd64"); err != nil {
		t.Fatal(err)
	}
	result, err := zip.OpenReader(to)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	var names []string
	for _, entry := range result.File {
		names = append(names, entry.Name)
	}
	if got := strings.Join(names, " "); got != "META-INF/ META-INF/MANIFEST.MF a/B.class" {
		t.Errorf("entries: %s", got)
	}
}

func TestUsrIsMergedAndUnreadFoldersAreLeftOut(t *testing.T) {
	for from, want := range map[string]string{
		"./bin/bash": "usr/bin/bash", "./lib64/ld.so": "usr/lib64/ld.so", "./usr/bin/awk": "usr/bin/awk", "./library/x": "library/x",
	} {
		if got := merge(from); got != want {
			t.Errorf("merge(%q) = %q, want %q", from, got, want)
		}
	}
	if !skip("usr/share/man/man1/ls.1.gz") || !skip("usr/share/doc") || skip("usr/share/documents") || skip("usr/lib/locale/C.utf8/LC_CTYPE") {
		t.Error("skip takes or leaves the wrong folder")
	}
}

// TestMissingLibraryIsNamed makes a layer of one real program without its libraries.
func TestMissingLibraryIsNamed(t *testing.T) {
	program, err := os.ReadFile("/bin/bash")
	if err != nil {
		t.Skip("no /bin/bash on this machine")
	}
	path := filepath.Join(t.TempDir(), "layer.tar")
	layer, err := image.NewLayer(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := layer.Bytes("usr/bin/bash", 0o755, root, program); err != nil {
		t.Fatal(err)
	}
	if _, err := layer.Close(); err != nil {
		t.Fatal(err)
	}
	err = checkLibraries(path)
	if err == nil || !strings.Contains(err.Error(), "libc.so.6, for usr/bin/bash") {
		t.Errorf("error: %v", err)
	}
}

// fakePip puts a python3 in front of PATH that saves content where pip would, or fails the first `failures` times.
func fakePip(t *testing.T, content string, failures int) {
	t.Helper()
	dir := t.TempDir()
	script := `#!/bin/sh
n=$(cat "` + dir + `/calls" 2> /dev/null || echo 0); echo $((n + 1)) > "` + dir + `/calls"
[ "$n" -ge ` + string(rune('0'+failures)) + ` ] || { echo 'no route to the index'; exit 1; }
while [ "$1" != --dest ]; do shift; done
printf '%s' '` + content + `' > "$2/part.whl"`
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func pinned(content string) distribution {
	sum := sha256.Sum256([]byte(content))
	return distribution{requirement: "part==1", file: "part.whl", sha256: hex.EncodeToString(sum[:])}
}

func TestDownloadIsRetriedAndKept(t *testing.T) {
	fakePip(t, "good", 1)
	dir := t.TempDir()
	file, err := download(pinned("good"), dir)
	if err != nil {
		t.Fatal(err)
	}
	fakePip(t, "never asked for", 9)
	again, err := download(pinned("good"), dir)
	if err != nil || again != file {
		t.Errorf("second time: %q, %v", again, err)
	}
}

func TestDownloadOfOtherContentIsRefused(t *testing.T) {
	fakePip(t, "evil", 0)
	_, err := download(pinned("good"), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "pinned is") {
		t.Errorf("error: %v", err)
	}
}

func TestUnknownVersionNamesTheKnownOnes(t *testing.T) {
	_, err := findVersion("3.0.0")
	if err == nil || !strings.Contains(err.Error(), "1.20.5, 2.3.0") {
		t.Errorf("error: %v", err)
	}
}
