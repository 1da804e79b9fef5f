package csi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/mount-utils"
)

// The kernel's FIFREEZE and FITHAW (linux/fs.h), which the unix package does not name.
const (
	freezeFileSystem = 0xc0045877
	thawFileSystem   = 0xc0045878
)

// copies is how often a directory is copied until no file vanishes under way.
const copies = 5

// taken is what is known of a snapshot. The file with it is written last: without it there is no snapshot.
type taken struct {
	Source  string    // the volume
	Size    int64     // bytes that a volume made from it needs at least; 0 for a directory, which has no size
	Created time.Time // the instant it shows
}

// snapshots holds the copies of volumes, as volumes of their own.
func (s store) snapshots() store { return store{root: filepath.Join(s.root, ".snapshots")} }

func (s store) record(id string) string { return s.directory(id) + ".json" }

// snapshot reads what is known of a snapshot; os.ErrNotExist where there is none.
func (s store) snapshot(id string) (taken, error) {
	var known taken
	content, err := os.ReadFile(s.snapshots().record(id))
	if err != nil {
		return known, err
	}
	return known, json.Unmarshal(content, &known)
}

// take makes a snapshot of a volume. A sized volume stands still while it is copied, so that its snapshot is what a crash
// at that instant would have left. A directory cannot be held: what is written meanwhile may be in the copy or not.
func (s store) take(id, source string) (taken, error) {
	known := taken{Source: source, Created: time.Now().UTC()}
	if err := os.MkdirAll(s.snapshots().root, 0o700); err != nil {
		return known, err
	}
	// What a predecessor left half-made shows another instant.
	if err := s.snapshots().remove(id); err != nil {
		return known, err
	}
	if !s.hasImage(source) {
		err := s.snapshots().copy(s, source, id)
		for range copies - 1 {
			if err == nil {
				break
			}
			err = s.snapshots().copy(s, source, id)
		}
		if err != nil {
			return known, err
		}
		return known, s.snapshots().write(id, known)
	}
	if err := s.frozen(source, func() error { return s.snapshots().copy(s, source, id) }); err != nil {
		return known, err
	}
	info, err := os.Stat(s.snapshots().image(id))
	if err != nil {
		return known, err
	}
	known.Size = info.Size()
	return known, s.snapshots().write(id, known)
}

func (s store) write(id string, known taken) error {
	content, err := json.Marshal(known)
	if err != nil {
		return err
	}
	partial := s.record(id) + ".partial"
	if err := os.WriteFile(partial, content, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, s.record(id))
}

// forget deletes a snapshot, its record first: half of one is none.
func (s store) forget(id string) error {
	if err := os.Remove(s.snapshots().record(id)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return s.snapshots().remove(id)
}

// taken lists the snapshots by their ids.
func (s store) taken() (map[string]taken, error) {
	records, err := filepath.Glob(filepath.Join(s.snapshots().root, "*.json"))
	all := map[string]taken{}
	for _, record := range records {
		id := strings.TrimSuffix(filepath.Base(record), ".json")
		known, one := s.snapshot(id)
		err = errors.Join(err, one)
		all[id] = known
	}
	return all, err
}

// copy makes volume name of s from volume source of another store. It appears under its name only when it is complete.
func (s store) copy(from store, source, name string) error {
	old, target := from.directory(source), s.directory(name)
	if from.hasImage(source) {
		old, target = from.image(source), s.image(name)
	}
	if _, err := os.Lstat(target); err == nil {
		return nil
	}
	partial := target + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	// A file system that can share blocks does so; elsewhere the holes of a sparse file stay holes.
	cp := exec.Command("cp", "--archive", "--reflink=auto", "--sparse=always", "--no-target-directory", old, partial)
	if out, err := cp.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("copy %s: %w: %s", old, err, out), os.RemoveAll(partial))
	}
	return os.Rename(partial, target)
}

// frozen runs do while nothing is written to a sized volume: all that was written is in its image, and writers wait.
func (s store) frozen(name string, do func() error) error {
	path, err := s.mountPoint(name)
	if err != nil {
		return err
	}
	if path == "" {
		return do()
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// Busy: a predecessor was killed before it let go.
	if err := unix.IoctlSetInt(int(file.Fd()), freezeFileSystem, 0); err != nil && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("freeze %s: %w", path, err)
	}
	done := do()
	if err := unix.IoctlSetInt(int(file.Fd()), thawFileSystem, 0); err != nil {
		return errors.Join(done, fmt.Errorf("thaw %s: %w", path, err))
	}
	return done
}

// mountPoint is where a sized volume is mounted, "" where it is not.
func (s store) mountPoint(name string) (string, error) {
	var image unix.Stat_t
	if err := unix.Stat(s.image(name), &image); err != nil {
		return "", err
	}
	mounts, err := mount.ParseMountInfo("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for _, m := range mounts {
		if strings.HasPrefix(m.Source, "/dev/loop") && backedBy(m.Source, image) {
			return m.MountPoint, nil
		}
	}
	return "", nil
}

// backedBy tells whether a loop device stands for a file.
func backedBy(device string, file unix.Stat_t) bool {
	loop, err := os.Open(device)
	if err != nil {
		return false
	}
	defer loop.Close()
	info, err := unix.IoctlLoopGetStatus64(int(loop.Fd()))
	return err == nil && info.Inode == file.Ino && info.Device == file.Dev
}
