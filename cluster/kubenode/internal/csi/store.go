package csi

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// smallestSupported is the size in bytes below which mkfs.xfs wants to be told that this is for a test.
const smallestSupported = 300 << 20

// store is the directory with all volumes: NAME/ for a directory volume, NAME.xfs for one with a size.
type store struct{ root string }

func (s store) directory(name string) string { return filepath.Join(s.root, filepath.Base(name)) }
func (s store) image(name string) string     { return s.directory(name) + ".xfs" }

// hasImage tells a sized volume from a directory volume.
func (s store) hasImage(name string) bool {
	_, err := os.Stat(s.image(name))
	return err == nil
}

// has tells whether there is a volume of this name, of either kind.
func (s store) has(name string) bool {
	_, err := os.Stat(s.directory(name))
	return err == nil || s.hasImage(name)
}

// createDirectory makes a fresh directory volume: root's, 0755, as a real disk is. Pods of other users need fsGroup.
func (s store) createDirectory(name string) error {
	err := os.Mkdir(s.directory(name), 0o755)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// createImage makes an XFS file system of exactly size bytes. It appears under its name only when it is complete.
func (s store) createImage(name string, size int64) error {
	if s.hasImage(name) {
		return nil
	}
	partial := s.image(name) + ".partial"
	if err := truncate(partial, size); err != nil {
		return err
	}
	args := []string{"-q", "-f", partial}
	if size < smallestSupported {
		args = append([]string{"--unsupported"}, args...)
	}
	if out, err := exec.Command("mkfs.xfs", args...).CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("mkfs.xfs: %w: %s", err, out), os.Remove(partial))
	}
	return os.Rename(partial, s.image(name))
}

// grow makes the file of a sized volume larger; the file system follows when the kubelet asks for it.
func (s store) grow(name string, size int64) error {
	info, err := os.Stat(s.image(name))
	if err != nil {
		return fmt.Errorf("volume %s has no size of its own: %w", name, err)
	}
	if info.Size() >= size {
		return nil
	}
	return os.Truncate(s.image(name), size)
}

func (s store) remove(name string) error {
	return errors.Join(os.RemoveAll(s.image(name)), os.RemoveAll(s.directory(name)))
}

func truncate(path string, size int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Close())
}

// mountImage mounts a sized volume at target. The loop device frees itself with its last mount (autoclear), so
// nothing is left behind even when the whole node is killed.
func (s store) mountImage(name, target string) error {
	file, err := os.OpenFile(s.image(name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	device, err := attachLoop(file)
	if err != nil {
		return fmt.Errorf("loop device for %s: %w", s.image(name), err)
	}
	defer device.Close()
	// discard gives the blocks of deleted files back to the sparse file. nouuid: XFS refuses a second file system with the
	// identity of the first, and a volume made from a snapshot has that of its source.
	if err := unix.Mount(device.Name(), target, "xfs", 0, "discard,nouuid"); err != nil {
		return fmt.Errorf("mount %s: %w", device.Name(), err)
	}
	// A volume made from a smaller snapshot has a file system that is smaller than its file.
	if err := growFileSystem(target); err != nil {
		return errors.Join(err, unix.Unmount(target, 0))
	}
	return nil
}

// attachLoop binds a free loop device to file. Another process may take the device between the two calls: try again.
func attachLoop(file *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	var last error
	for range 10 {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", number), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		config := unix.LoopConfig{Fd: uint32(file.Fd())}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		copy(config.Info.File_name[:], filepath.Base(file.Name()))
		if last = unix.IoctlLoopConfigure(int(device.Fd()), &config); last == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(last, unix.EBUSY) {
			return nil, last
		}
	}
	return nil, last
}

// growMounted lets the loop device and the file system mounted at path take the size of the file, while pods use it.
func growMounted(device, path string) error {
	file, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.IoctlSetInt(int(file.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
		return fmt.Errorf("new capacity of %s: %w", device, err)
	}
	return growFileSystem(path)
}

// growFileSystem lets the XFS mounted at path take all of its device; it does nothing where that is so already.
func growFileSystem(path string) error {
	if out, err := exec.Command("xfs_growfs", path).CombinedOutput(); err != nil {
		return fmt.Errorf("xfs_growfs: %w: %s", err, out)
	}
	return nil
}
