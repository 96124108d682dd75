package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a burst of changes may go on before it counts as over: editors write, rename and touch.
const settle = 200 * time.Millisecond

// Files lists the files that src is read from, whether they are there or not.
func (src Source) Files() []string {
	name := src.File
	if name == "" {
		name = filepath.Join(src.Dir, defaultFile)
	}
	return []string{name, filepath.Join(src.Dir, dotenvFile)}
}

// Watch tells of files that became others, were made or went away, until ctx ends. files lists them; it is asked again
// after each call of changed, which gets those that are not what they were, once for a burst of changes. Both are called
// on the goroutine of Watch, which blocks.
//
// It watches folders, so that files which are replaced, as editors and orchestrators do, are still seen.
func Watch(ctx context.Context, files func() []string, changed func(files []string)) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch for changes: %w", err)
	}
	defer w.Close()
	seen := map[string]fileState{}
	look := func() (different []string) {
		for _, name := range files() {
			state := stateOf(name)
			before, known := seen[name]
			if seen[name] = state; known && before != state {
				different = append(different, name)
			}
			if dir := filepath.Dir(name); !slices.Contains(w.WatchList(), dir) {
				_ = w.Add(dir) // a folder that is not there is looked for again next time
			}
		}
		return different
	}
	look()
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-w.Events:
			if !ok {
				return nil
			}
			quiet.Reset(settle)
		case _, ok := <-w.Errors: // events were lost: look
			if !ok {
				return nil
			}
			quiet.Reset(settle)
		case <-quiet.C:
			if different := look(); len(different) > 0 {
				changed(different)
				look() // what is watched may be another
			}
		}
	}
}

// fileState tells one content of a file from another, well enough. The zero state is of no file.
type fileState struct {
	size     int64
	modified time.Time
}

func stateOf(name string) fileState {
	info, err := os.Stat(name)
	if err != nil {
		return fileState{}
	}
	return fileState{info.Size(), info.ModTime()}
}
