package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	maxDepth    = 64    // folders within folders
	visitFactor = 10    // entries looked at for each file that may be offered, so that what is left out cannot hold us up
	minVisits   = 10000 // entries looked at in any case
	entryChunk  = 512   // entries read at once
)

// entry is a file that callers may read.
type entry struct {
	path     string
	size     int64
	modified time.Time
}

func byPath(a, b entry) int { return strings.Compare(a.path, b.path) }

func (e entry) like(o entry) bool {
	return e.path == o.path && e.size == o.size && e.modified.Equal(o.modified)
}

// listing is the files of a root, ordered by path.
type listing struct {
	entries  []entry
	complete bool // false where the root has more than is looked at, or a folder could not be read
}

// list walks the root. visit, where it is not nil, hears of every folder, named from the root, before it is read.
func (f *folder) list(ctx context.Context, visit func(dir string)) (listing, error) {
	root, err := f.enter()
	if err != nil {
		return listing{}, err
	}
	defer root.Close()
	return f.walk(ctx, root, visit)
}

func (f *folder) walk(ctx context.Context, root *os.Root, visit func(dir string)) (listing, error) {
	w := &walker{folder: f, root: root, visit: visit, visits: max(minVisits, visitFactor*f.maxFiles)}
	w.complete = true
	if err := w.enter(ctx, ".", 0); err != nil {
		return listing{}, err
	}
	slices.SortFunc(w.entries, byPath)
	return w.listing, nil
}

type walker struct {
	*folder
	root   *os.Root
	visit  func(dir string)
	visits int  // left
	full   bool // there are more files than are looked at
	listing
}

// enter lists a folder. Only the end of ctx, and a root that cannot be read, are errors.
func (w *walker) enter(ctx context.Context, dir string, depth int) error {
	if depth > maxDepth {
		w.complete = false
		return nil
	}
	if w.visit != nil {
		w.visit(dir)
	}
	found, err := w.readDir(ctx, dir)
	if err != nil && (dir == "." || ctx.Err() != nil) {
		return err
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.complete = false
	}
	for _, d := range found {
		if w.full {
			return nil
		}
		if err := w.entry(ctx, path.Join(dir, d.Name()), d, depth); err != nil {
			return err
		}
	}
	return nil
}

// readDir reads a folder's entries, ordered by name.
func (w *walker) readDir(ctx context.Context, dir string) (found []fs.DirEntry, err error) {
	opened, err := w.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if pseudo(opened) {
		return nil, nil
	}
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if w.visits <= 0 {
			w.complete = false
			break
		}
		some, err := opened.ReadDir(entryChunk)
		found = append(found, some...)
		w.visits -= len(some)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return found, err
		}
	}
	slices.SortFunc(found, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return found, nil
}

func (w *walker) entry(ctx context.Context, name string, d fs.DirEntry, depth int) error {
	if !validName(d.Name()) || w.globs.excludes(name) {
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return nil //nolint:nilerr // it has gone since
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		actual, target, err := follow(w.root, name)
		switch {
		case err != nil:
			return nil //nolint:nilerr // it leads nowhere, or out
		case target.IsDir() && published(actual) != name:
			return nil // its files have names of their own
		case target.Mode().IsRegular() && !w.globs.allow(published(actual)):
			return nil
		}
		info = target
	}
	switch {
	case info.IsDir():
		return w.enter(ctx, name, depth+1)
	case !info.Mode().IsRegular() || !w.globs.includes(name):
	case len(w.entries) >= w.maxFiles:
		w.full, w.complete = true, false
	default:
		w.entries = append(w.entries, entry{name, info.Size(), info.ModTime()})
	}
	return nil
}
