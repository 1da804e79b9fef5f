package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"kubectl-flink.dev/kt/internal/image"
	"kubectl-flink.dev/kt/internal/layout"
)

// Import is `kt import`: puts image archives (OCI or docker-archive) into the node. An archive that is there is
// skipped, known by its digest.
func Import(args []string) error {
	flags := flag.NewFlagSet("import ARCHIVE...", flag.ContinueOnError)
	p := placeFlags(flags)
	if err := parse(flags, p, args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("usage: kt import [--name CLUSTER] ARCHIVE...")
	}
	r, err := p.running()
	if err != nil {
		return err
	}
	if r.ControlPlane {
		return fmt.Errorf("cluster %s is a control plane without nodes: images need `up` without --control-plane", p.name)
	}
	for _, archive := range flags.Args() {
		if err := p.importArchive(context.Background(), r, archive); err != nil {
			return fmt.Errorf("import %s: %w", archive, err)
		}
	}
	return nil
}

func (p place) importArchive(ctx context.Context, r *record, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	// In the state directory, as containerd's store is: both go together.
	marker := p.path("images", hex.EncodeToString(sum.Sum(nil)))
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	// By standard input: the node does not see all of the host's directories.
	argv := r.enter("ctr", "--namespace", "k8s.io", "images", "import", "-")
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.Stdin = file
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s: the file must be an image archive, OCI or docker-archive, plain or gzip", err, bytes.TrimSpace(out))
	}
	return writeFile(marker, []byte(archive+"\n"), 0o644)
}

// importPause makes the image of pod sandboxes out of this very binary and imports it.
func (p place) importPause(ctx context.Context, r *record) error {
	archive := p.path("images", "pause.tar")
	if _, err := os.Stat(archive); err != nil {
		if err := writePause(archive, r.Kt); err != nil {
			return err
		}
	}
	return p.importArchive(ctx, r, archive)
}

func writePause(archive, kt string) error {
	content, err := os.ReadFile(kt)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(filepath.Dir(archive), ".pause-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	writer, err := image.NewLayer(filepath.Join(scratch, "layer.tar"))
	if err != nil {
		return err
	}
	if err := writer.Bytes("kt", 0o755, image.Owner{}, content); err != nil {
		return err
	}
	layer, err := writer.Close()
	if err != nil {
		return err
	}
	return image.Write(archive, layout.PauseImage, runtime.GOARCH,
		image.Config{User: "65535:65535", Entrypoint: []string{"/kt", "pause"}}, []image.Layer{layer})
}
