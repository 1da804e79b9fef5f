package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// Config is what a container of the image starts with: the "config" object of the OCI image specification.
type Config struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"` // "8081/tcp"
	Env          []string            `json:"Env,omitempty"`          // "NAME=value"
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

const (
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// Write puts an OCI image-layout archive at out. The layers go from the bottom up. ref is the full name
// ("docker.io/library/flink:2.3.0", or any name whose first part has a dot), arch Go's name of the architecture.
// The file appears under its name only when it is complete.
func Write(out, ref, arch string, config Config, layers []Layer) error {
	diffIDs := make([]string, len(layers))
	descriptors := make([]descriptor, len(layers))
	for i, layer := range layers {
		diffIDs[i] = layer.Digest
		descriptors[i] = descriptor{MediaType: typeLayer, Digest: layer.Digest, Size: layer.Size}
	}
	configBlob, configDesc, err := blob(typeConfig, map[string]any{
		"architecture": arch, "os": "linux", "created": Epoch, "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}})
	if err != nil {
		return err
	}
	manifestBlob, manifestDesc, err := blob(typeManifest, map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": configDesc, "layers": descriptors})
	if err != nil {
		return err
	}
	// containerd names an imported image by the first annotation, other tools by the second.
	manifestDesc.Annotations = map[string]string{"io.containerd.image.name": ref, "org.opencontainers.image.ref.name": ref}
	indexBlob, _, err := blob(typeIndex, map[string]any{
		"schemaVersion": 2, "mediaType": typeIndex, "manifests": []descriptor{manifestDesc}})
	if err != nil {
		return err
	}

	partial := out + ".partial"
	file, err := os.Create(partial)
	if err != nil {
		return err
	}
	defer os.Remove(partial)
	defer file.Close()
	archive := tar.NewWriter(file)
	for _, part := range []struct {
		name    string
		content []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", indexBlob},
		{blobName(manifestDesc.Digest), manifestBlob}, {blobName(configDesc.Digest), configBlob},
	} {
		if err := put(archive, part.name, int64(len(part.content)), strings.NewReader(string(part.content))); err != nil {
			return err
		}
	}
	for _, layer := range layers {
		if err := putLayer(archive, layer); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(partial, out)
}

func putLayer(archive *tar.Writer, layer Layer) error {
	content, err := os.Open(layer.Path)
	if err != nil {
		return err
	}
	defer content.Close()
	return put(archive, blobName(layer.Digest), layer.Size, content)
}

func put(archive *tar.Writer, name string, size int64, content io.Reader) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg, ModTime: Epoch}); err != nil {
		return err
	}
	if _, err := io.CopyN(archive, content, size); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func blob(mediaType string, value any) ([]byte, descriptor, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return nil, descriptor{}, err
	}
	sum := sha256.Sum256(content)
	return content, descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(content))}, nil
}

func blobName(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }
