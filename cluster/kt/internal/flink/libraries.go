package flink

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// checkLibraries makes sure that every shared library that a program or library of the layer asks for is in the layer:
// a missing one would show only when some pod calls that program.
func checkLibraries(layer string) error {
	file, err := os.Open(layer)
	if err != nil {
		return err
	}
	defer file.Close()
	present, wanted := map[string]bool{}, map[string][]string{}
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		present[path.Base(header.Name)] = true
		if header.Typeflag != tar.TypeReg || header.Size < 64 {
			continue
		}
		libraries, err := importedLibraries(reader)
		if err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
		for _, library := range libraries {
			wanted[library] = append(wanted[library], header.Name)
		}
	}
	var missing []string
	for library, users := range wanted {
		if !present[library] {
			missing = append(missing, fmt.Sprintf("%s, for %s", library, strings.Join(users, " ")))
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("the base layer lacks libraries; add their Debian packages to the list of packages, or leave their "+
			"users out:\n%s", strings.Join(missing, "\n"))
	}
	return nil
}

// importedLibraries lists what an ELF file is linked with, nothing for another kind of file.
func importedLibraries(content io.Reader) ([]string, error) {
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := io.ReadFull(content, magic); err != nil || string(magic) != elf.ELFMAG {
		return nil, err
	}
	rest, err := io.ReadAll(content)
	if err != nil {
		return nil, err
	}
	program, err := elf.NewFile(bytes.NewReader(append(magic, rest...)))
	if err != nil {
		return nil, err
	}
	return program.ImportedLibraries()
}
