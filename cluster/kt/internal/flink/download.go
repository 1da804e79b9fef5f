package flink

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const downloadAttempts = 3

// download makes sure that dir holds the distribution, and returns its path. A file of another content than the pinned
// one is an error, never used.
func download(part distribution, dir string) (string, error) {
	file := filepath.Join(dir, part.file)
	if checksum(file) == part.sha256 {
		return file, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	args := append([]string{"-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--progress-bar=off",
		"--dest", dir}, part.options...)
	var err error
	for attempt := range downloadAttempts {
		say("downloading %s with pip", part.requirement)
		// A half-written or wrong file would be taken by pip as already there.
		if err = os.Remove(file); err != nil && !os.IsNotExist(err) {
			return "", err
		}
		if err = run("", nil, "python3", append(args, part.requirement)...); err == nil {
			break
		}
		time.Sleep(time.Duration(attempt+1) * 2 * time.Second)
	}
	if err != nil {
		return "", fmt.Errorf("%s could not be downloaded in %d attempts; check that pip reaches its package index: %w",
			part.requirement, downloadAttempts, err)
	}
	if sum := checksum(file); sum != part.sha256 {
		return "", fmt.Errorf("%s: sha256 is %q, pinned is %s; the package index serves another file than the one this "+
			"version was tested with: remove %s and try again, or pin the new checksum after checking it",
			part.file, sum, part.sha256, file)
	}
	return file, nil
}

// checksum is the file's sha256 in hexadecimal, empty when the file cannot be read.
func checksum(file string) string {
	content, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer content.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}
