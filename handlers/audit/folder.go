package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// folder is where a record's files are: FILE, the full ones beside it, and FILE.lock.
type folder struct{ file string }

// fullFile is a file that was full: FILE.YYYYMMDDTHHMMSSZ-SEQ, by when that was and its last line.
type fullFile struct {
	path string
	last uint64
}

const (
	fullTime = "20060102T150405Z"
	lockEnds = ".lock"
	fileMode = 0o600
)

// fullName is what stands after the record's name and a dot.
var fullName = regexp.MustCompile(`^\d{8}T\d{6}Z-(\d+)$`)

var errLocked = errors.New("another process has it")

// full lists the full files, the oldest first.
func (d folder) full() ([]fullFile, error) {
	entries, err := os.ReadDir(filepath.Dir(d.file))
	if err != nil {
		return nil, err
	}
	var all []fullFile
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), filepath.Base(d.file)+".")
		m := fullName.FindStringSubmatch(rest)
		if !ours || m == nil || !e.Type().IsRegular() {
			continue
		}
		if last, err := strconv.ParseUint(m[1], 10, 64); err == nil {
			all = append(all, fullFile{filepath.Join(filepath.Dir(d.file), e.Name()), last})
		}
	}
	slices.SortFunc(all, func(a, b fullFile) int { return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.path, b.path)) })
	return all, nil
}

// fullPath names the file that is full now.
func (d folder) fullPath(now time.Time, last uint64) string {
	return fmt.Sprintf("%s.%s-%012d", d.file, now.UTC().Format(fullTime), last)
}

// files lists the record's files in the order of their lines. The one that is written is the last; it may not be there yet.
func (d folder) files() ([]string, error) {
	all, err := d.full()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range all {
		paths = append(paths, f.path)
	}
	if _, err := os.Stat(d.file); err == nil {
		paths = append(paths, d.file)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return paths, nil
}

// openAll opens the record's files as they are at one moment, though they may be rotated meanwhile.
func (d folder) openAll() ([]*os.File, error) {
	const attempts = 5 // files are full far more seldom than this takes
	for range attempts {
		paths, err := d.files()
		if err != nil {
			return nil, err
		}
		opened, err := openFiles(paths)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if after, listed := d.files(); err == nil && listed == nil && slices.Equal(after, paths) && d.current(opened) {
			return opened, nil
		}
		closeFiles(opened)
	}
	return nil, errors.New("its files change too fast to be read")
}

// current says that the last of opened is the file that is written now.
func (d folder) current(opened []*os.File) bool {
	if len(opened) == 0 || opened[len(opened)-1].Name() != d.file {
		return true
	}
	a, err := opened[len(opened)-1].Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(d.file)
	return err == nil && os.SameFile(a, b)
}

func openFiles(paths []string) (opened []*os.File, err error) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return opened, err
		}
		opened = append(opened, f)
	}
	return opened, nil
}

func closeFiles(opened []*os.File) {
	for _, f := range opened {
		_ = f.Close()
	}
}

// lock has the record to itself until the returned file is closed.
func (d folder) lock() (*os.File, error) {
	f, err := os.OpenFile(d.file+lockEnds, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// written says whether a process has the record open, as far as that can be told.
func (d folder) written() bool {
	f, err := os.Open(d.file + lockEnds)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	return errors.Is(lock(f), errLocked)
}

// end is how a file ends: its last line, whole and sealed, and the bytes of half a line after it.
type end struct {
	seq  uint64
	hash string
	size int64 // of the file, without the half line
	torn int64
}

// endOf reads how a file ends. A file without a line ends with a zero seq.
func endOf(f *os.File) (end, error) {
	info, err := f.Stat()
	if err != nil {
		return end{}, err
	}
	size := info.Size()
	from := max(0, size-2*maxLine)
	tail := make([]byte, size-from)
	if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return end{}, err
	}
	stop := strings.LastIndexByte(string(tail), '\n') + 1
	e := end{size: from + int64(stop), torn: int64(len(tail) - stop)}
	if stop == 0 {
		if from > 0 {
			return e, errNoLine
		}
		return e, nil
	}
	text := tail[:stop-1]
	text = text[strings.LastIndexByte(string(text), '\n')+1:]
	l, hash, err := readSealed(text)
	e.seq, e.hash = l.Seq, hash
	return e, err
}
