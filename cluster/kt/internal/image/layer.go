// Package image writes container images as OCI image-layout archives, without a container engine and without root:
// owners, modes and times are what the caller says, never what the local file system happens to hold.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// Epoch is the modification time of every file of an image. A fixed time makes the same inputs give the same bytes.
// The JVM compares the time of its module file with its class-data archive, so files used for that dump carry it too.
var Epoch = time.Unix(1700000000, 0).UTC()

// Owner is the numeric user and group of a file in the image.
type Owner struct{ UID, GID int }

// Layer is a finished layer: an uncompressed tar file, so its digest is its diff id as well.
type Layer struct {
	Path   string // tar file on the local disk
	Digest string // "sha256:" and 64 hex digits
	Size   int64  // bytes
}

// LayerWriter writes one layer. A path added twice keeps its first content: callers add the most specific source first.
type LayerWriter struct {
	file *os.File
	tar  *tar.Writer
	hash hash.Hash
	seen map[string]bool
}

// NewLayer starts a layer in a new file at path.
func NewLayer(path string) (*LayerWriter, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	return &LayerWriter{file, tar.NewWriter(io.MultiWriter(file, sum)), sum, map[string]bool{}}, nil
}

// Add writes one entry with the name, type, mode, owner and link of header; everything that could differ between two
// builds (times, user names, device numbers) is dropped. Parent directories that are missing are made as root's, 0755.
func (w *LayerWriter) Add(header *tar.Header, content io.Reader) error {
	name := path.Clean("/" + header.Name)[1:]
	if name == "" || w.seen[name] {
		return nil
	}
	if err := w.Dir(path.Dir(name), 0o755, Owner{}); err != nil {
		return err
	}
	w.seen[name] = true
	clean := tar.Header{Name: name, Typeflag: header.Typeflag, Linkname: header.Linkname, Mode: header.Mode & 0o7777,
		Uid: header.Uid, Gid: header.Gid, ModTime: Epoch, Format: tar.FormatPAX}
	switch header.Typeflag {
	case tar.TypeReg:
		clean.Size = header.Size
	case tar.TypeDir:
		clean.Name += "/"
	}
	if err := w.tar.WriteHeader(&clean); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if clean.Size == 0 {
		return nil
	}
	if _, err := io.CopyN(w.tar, content, clean.Size); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Dir adds a directory unless it is there already.
func (w *LayerWriter) Dir(name string, mode int64, owner Owner) error {
	return w.Add(&tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode, Uid: owner.UID, Gid: owner.GID}, nil)
}

// Symlink adds a symbolic link.
func (w *LayerWriter) Symlink(name, target string) error {
	return w.Add(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, nil)
}

// Bytes adds a regular file from memory.
func (w *LayerWriter) Bytes(name string, mode int64, owner Owner, content []byte) error {
	header := tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Uid: owner.UID, Gid: owner.GID, Size: int64(len(content))}
	return w.Add(&header, bytes.NewReader(content))
}

// Tree adds everything below the local directory dir under prefix, in name order, with one owner. Sockets, pipes and
// devices are left out: no image of ours needs them.
func (w *LayerWriter) Tree(dir, prefix string, owner Owner) error {
	return filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		return w.local(file, path.Join(prefix, filepath.ToSlash(rel)), entry, owner)
	})
}

func (w *LayerWriter) local(file, name string, entry fs.DirEntry, owner Owner) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header := tar.Header{Name: name, Mode: tarMode(info.Mode()), Uid: owner.UID, Gid: owner.GID}
	switch info.Mode().Type() {
	case fs.ModeDir:
		header.Typeflag = tar.TypeDir
		return w.Add(&header, nil)
	case fs.ModeSymlink:
		header.Typeflag = tar.TypeSymlink
		if header.Linkname, err = os.Readlink(file); err != nil {
			return err
		}
		return w.Add(&header, nil)
	case 0:
		header.Typeflag, header.Size = tar.TypeReg, info.Size()
		content, err := os.Open(file)
		if err != nil {
			return err
		}
		defer content.Close()
		return w.Add(&header, content)
	}
	return nil
}

// tarMode turns Go's mode bits into those of a tar header, where setuid, setgid and sticky are the classic octal ones.
func tarMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// Close finishes the layer.
func (w *LayerWriter) Close() (Layer, error) {
	if err := w.tar.Close(); err != nil {
		return Layer{}, err
	}
	size, err := w.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return Layer{}, err
	}
	return Layer{w.file.Name(), "sha256:" + hex.EncodeToString(w.hash.Sum(nil)), size}, w.file.Close()
}
