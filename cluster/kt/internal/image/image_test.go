package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// sample makes a directory with the kinds of entry an image holds; stamp sets times that must not reach the image.
func sample(t *testing.T, stamp time.Time) string {
	t.Helper()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/run": 0o755, "etc/conf": 0o600} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("run", filepath.Join(dir, "bin/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}

func build(t *testing.T, dirs ...string) map[string][]byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.tar")
	args := append([]string{"--out", out, "--ref", "kt.local/x:1", "--arch", "amd64", "--cmd", `["/bin/run"]`}, dirs...)
	if err := Main(args); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return untar(t, content)
}

func untar(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for archive := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSameContentGivesSameImage(t *testing.T) {
	one := build(t, sample(t, time.Unix(1, 0)), sample(t, time.Unix(2, 0)))
	two := build(t, sample(t, time.Unix(3, 0)), sample(t, time.Unix(4, 0)))
	if !bytes.Equal(one["index.json"], two["index.json"]) {
		t.Errorf("index differs:\n%s\n%s", one["index.json"], two["index.json"])
	}
}

func TestArchiveResolvesFromIndexToLayerEntries(t *testing.T) {
	files := build(t, sample(t, time.Unix(1, 0)))
	var index, manifest struct {
		Manifests []descriptor `json:"manifests"`
		Config    descriptor   `json:"config"`
		Layers    []descriptor `json:"layers"`
	}
	decode(t, files["index.json"], &index)
	if got := index.Manifests[0].Annotations["io.containerd.image.name"]; got != "kt.local/x:1" {
		t.Errorf("name for containerd: %q", got)
	}
	decode(t, files[blobName(index.Manifests[0].Digest)], &manifest)
	var config struct {
		Config Config `json:"config"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	decode(t, files[blobName(manifest.Config.Digest)], &config)
	if config.Config.Cmd[0] != "/bin/run" || config.RootFS.DiffIDs[0] != manifest.Layers[0].Digest {
		t.Errorf("config: %+v", config)
	}
	layer := files[blobName(manifest.Layers[0].Digest)]
	if int64(len(layer)) != manifest.Layers[0].Size {
		t.Errorf("layer has %d bytes, its descriptor says %d", len(layer), manifest.Layers[0].Size)
	}
	want := map[string]tar.Header{
		"bin/":     {Typeflag: tar.TypeDir, Mode: 0o755},
		"bin/link": {Typeflag: tar.TypeSymlink, Linkname: "run", Mode: 0o777},
		"bin/run":  {Typeflag: tar.TypeReg, Mode: 0o755, Size: 7},
		"etc/":     {Typeflag: tar.TypeDir, Mode: 0o755},
		"etc/conf": {Typeflag: tar.TypeReg, Mode: 0o600, Size: 8},
		"tmp/":     {Typeflag: tar.TypeDir, Mode: 0o1777},
	}
	for archive := tar.NewReader(bytes.NewReader(layer)); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		expected, ok := want[header.Name]
		if !ok || header.Typeflag != expected.Typeflag || header.Mode != expected.Mode || header.Linkname != expected.Linkname ||
			header.Size != expected.Size || header.Uid != 0 || !header.ModTime.Equal(Epoch) {
			t.Errorf("entry %+v, want %+v", header, expected)
		}
		delete(want, header.Name)
	}
	if len(want) != 0 {
		t.Errorf("missing entries: %v", want)
	}
}

func decode(t *testing.T, content []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%v in %q", err, content)
	}
}
