package flink

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// unpack hands every regular file below root in the archive (a wheel, which is a zip file, or a source archive, tar.gz)
// to take, with its name relative to root.
func unpack(archive, root string, take func(name string, content io.Reader) error) error {
	visit := func(full string, content io.Reader) error {
		name, below := strings.CutPrefix(full, root)
		if !below || strings.HasSuffix(full, "/") {
			return nil
		}
		return take(name, content)
	}
	if strings.HasSuffix(archive, ".whl") {
		return unpackZip(archive, visit)
	}
	return unpackTar(archive, visit)
}

func unpackZip(archive string, visit func(string, io.Reader) error) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer reader.Close()
	for _, file := range reader.File {
		content, err := file.Open()
		if err != nil {
			return err
		}
		err = visit(file.Name, content)
		content.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func unpackTar(archive string, visit func(string, io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := visit(header.Name, reader); err != nil {
			return err
		}
	}
}

// save writes a file and the folders above it.
func save(file string, mode os.FileMode, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, content); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
