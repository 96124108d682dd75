package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"toolgate/config"
)

// maxLinks is how many symbolic links one path may lead through.
const maxLinks = 16

// folder is one root. It never changes, and may be used by many goroutines. It holds nothing open: the folder at its path
// may be replaced by another, as deployments do.
type folder struct {
	name, title, description string
	at                       config.Position
	dir                      string // absolute
	globs                    globs
	maxFile                  int64 // bytes
	maxFiles                 int
	watch                    bool
}

// enter opens the folder for a while; the caller closes it.
func (f *folder) enter() (*os.Root, error) {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, fmt.Errorf("open the root %s: %w", f.name, err)
	}
	return root, nil
}

// file is an opened one, with what it was when it was opened.
type file struct {
	*os.File
	path     string
	size     int64
	modified time.Time
}

// open opens the file at a path below the root, as it came from a caller. It does not block. The error is errOutside for a
// path that can name nothing, errNotThere for everything else that callers may not read, or ours.
func (f *folder) open(root *os.Root, name string) (*file, error) {
	name, err := checkPath(name)
	if err != nil {
		return nil, err
	}
	if !f.globs.allow(name) {
		return nil, errNotThere
	}
	actual, seen, err := f.resolve(root, name)
	if err != nil {
		return nil, err
	}
	return openSeen(root, name, actual, seen)
}

// openSeen opens what was seen a moment ago, a regular file. It may be something else by now, such as a FIFO, which must not
// hold us up, or a link to what is left out.
func openSeen(root *os.Root, name, actual string, seen fs.FileInfo) (*file, error) {
	opened, err := root.OpenFile(actual, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, notThere(err, name)
	}
	info, err := opened.Stat()
	if err != nil || !info.Mode().IsRegular() || !os.SameFile(info, seen) || pseudo(opened) {
		opened.Close()
		return nil, errNotThere
	}
	return &file{opened, name, info.Size(), info.ModTime()}, nil
}

// resolve follows the links in a path, which stay inside the root, to a regular file that callers may read by that name
// too: a link is no way around an exclusion. Devices are not opened to find out what they are.
func (f *folder) resolve(root *os.Root, name string) (string, fs.FileInfo, error) {
	actual, info, err := follow(root, name)
	if err != nil {
		return "", nil, notThere(err, name)
	}
	if !info.Mode().IsRegular() || actual != name && !f.globs.allow(published(actual)) {
		return "", nil, errNotThere
	}
	return actual, info, nil
}

// follow returns a path's target without links in it, and what it is.
func follow(root *os.Root, name string) (string, fs.FileInfo, error) {
	links := 0
	done, rest := "", strings.Split(name, "/")
	for {
		step := path.Join(done, rest[0])
		info, err := root.Lstat(step)
		if err != nil {
			return "", nil, err
		}
		rest = rest[1:]
		if info.Mode()&fs.ModeSymlink == 0 {
			if len(rest) == 0 {
				return step, info, nil
			}
			if !info.IsDir() {
				return "", nil, errNotThere
			}
			done = step
			continue
		}
		target, err := root.Readlink(step)
		if err != nil {
			return "", nil, err
		}
		links++
		whole := path.Join(append([]string{done, filepath.ToSlash(target)}, rest...)...)
		if links > maxLinks || filepath.IsAbs(target) || path.IsAbs(target) || !fs.ValidPath(whole) {
			return "", nil, errNotThere
		}
		if whole == "." {
			info, err := root.Lstat(whole)
			return whole, info, err
		}
		done, rest = "", strings.Split(whole, "/")
	}
}

// atomicFolder is where Kubernetes keeps the files of a mounted volume, which it offers by links so that they change all at
// once: ..2025_01_31_12_00_00.123456789/name.
var atomicFolder = regexp.MustCompile(`^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+/`)

// published is the name under which a file is meant to be seen.
func published(actual string) string { return actual[len(atomicFolder.FindString(actual)):] }

// notThere is what callers may know of an error: whatever a path can cause looks the same.
func notThere(err error, name string) error {
	pathError, ofPath := errors.AsType[*fs.PathError](err)
	for _, ours := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if ofPath && errors.Is(pathError.Err, ours) {
			return fmt.Errorf("open %s: %w", name, err)
		}
	}
	return errNotThere
}

// read reads the file to its end, at most limit bytes; more is an error.
func (f *file) read(limit int64) ([]byte, error) {
	if f.size > limit {
		return nil, tooLarge(f.path, f.size, limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(f.path, int64(len(data)), limit)
	}
	if f.size == 0 && len(data) > 0 {
		// A file that is empty and yet has contents is being written just now, or is made up by the system.
		if info, err := f.Stat(); err != nil || info.Size() == 0 {
			return nil, errNotThere
		}
	}
	return data, nil
}
