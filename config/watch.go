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

// A change is told once the files looked the same twice, settle apart: editors write, rename and touch, and what is half
// written must not be taken for the whole. One that is never the same is told after mostSettles.
const (
	settle      = 150 * time.Millisecond
	mostSettles = 20
)

// rescanEvery is how often files are looked at though nothing was told: links to folders and disks of a network change
// without a word, and a folder that was removed is watched again only once it is there.
const rescanEvery = 30 * time.Second

// Files lists the files that src is read from, whether they are there or not.
func (src Source) Files() []string {
	name := src.File
	if name == "" {
		name = filepath.Join(src.Dir, defaultFile)
	}
	return []string{name, filepath.Join(src.Dir, dotenvFile)}
}

// FileExists says whether the configuration file is there.
func (src Source) FileExists() bool {
	_, err := os.Stat(src.Files()[0])
	return err == nil
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
	seen := states(w, files())
	last, waited := seen, 0
	quiet, rescan := time.NewTimer(settle), time.NewTicker(rescanEvery)
	defer quiet.Stop()
	defer rescan.Stop()
	armed := true // quiet runs; a folder where something is always written must not put off the look for ever
	arm := func() {
		if !armed {
			armed = true
			quiet.Reset(settle)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-w.Events:
			if !ok {
				return nil
			}
			arm()
		case _, ok := <-w.Errors: // events were lost: look
			if !ok {
				return nil
			}
			arm()
		case <-rescan.C:
			arm()
		case <-quiet.C:
			armed = false
			now := states(w, files())
			different := differences(seen, now)
			steady := len(differences(last, now)) == 0 // nobody is in the middle of writing
			last = now
			switch {
			case len(different) == 0:
				seen, waited = now, 0
			case !steady && waited < mostSettles:
				waited++
				arm()
			default:
				seen, waited = now, 0
				changed(different)
				arm() // there may be more by now
			}
		}
	}
}

// states looks at files, and has their folders watched: again, since each may be another folder by now. One that is not
// there is looked for next time.
func states(w *fsnotify.Watcher, files []string) map[string]fileState {
	all := map[string]fileState{}
	for _, name := range files {
		_ = w.Add(filepath.Dir(name))
		all[name] = stateOf(name)
	}
	return all
}

// differences lists the files that are in both and not what they were.
func differences(before, now map[string]fileState) (names []string) {
	for name, state := range now {
		if was, known := before[name]; known && was != state {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
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
