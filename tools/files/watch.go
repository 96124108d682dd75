package files

import (
	"context"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

// pace is how closely roots are watched.
type pace struct {
	settle  time.Duration // from a first change to a look: they come in bursts
	rescan  time.Duration // between looks in any case: not every file system tells, and not every folder is watched
	watches int           // folders of a root; the system has a limit for all of us
}

func defaultPace() pace { return pace{200 * time.Millisecond, 30 * time.Second, 4096} }

const scanShare = 10 // a root is looked through at most a tenth of the time

// watch tells of changes in a root until ctx ends.
func (p *Pack) watch(ctx context.Context, f *folder) {
	w := &rootWatch{pack: p, folder: f, log: p.log.With(zap.String("root", f.name))}
	var events chan fsnotify.Event
	var failures chan error
	notify, err := fsnotify.NewWatcher()
	if err == nil {
		defer notify.Close()
		w.notify, events, failures = notify, notify.Events, notify.Errors
	} else {
		w.blind(err)
	}
	due := time.NewTimer(0) // what changed since New
	defer due.Stop()
	rescan := time.NewTimer(p.pace.rescan)
	defer rescan.Stop()
	armed := true
	arm := func() {
		if !armed {
			armed = true
			due.Reset(max(p.pace.settle, scanShare*w.took))
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if e.Op != fsnotify.Chmod { // the contents are what they were
				arm()
			}
		case err := <-failures: // some changes were not told
			w.log.Debug("watching a root", zap.Error(err))
			arm()
		case <-due.C:
			armed = false
			w.look(ctx, false)
		case <-rescan.C:
			w.look(ctx, true)
			rescan.Reset(max(p.pace.rescan, scanShare*w.took))
		}
	}
}

// rootWatch is what the goroutine that watches a root knows.
type rootWatch struct {
	pack    *Pack
	folder  *folder
	log     *zap.Logger
	notify  *fsnotify.Watcher // nil where there is none
	watched int               // folders, in this look
	isBlind bool              // it was said that not everything is watched
	gone    bool              // it was said that the root cannot be read
	stale   bool              // the list shows a size or time that has changed
	took    time.Duration     // the last look
}

// blind says, once, that changes are found late.
func (w *rootWatch) blind(err error) {
	if !w.isBlind {
		w.isBlind = true
		w.log.Warn("not every folder can be watched: changes are looked for from time to time", zap.Duration("every", w.pack.pace.rescan), zap.Int("watched", w.watched), zap.Error(err))
	}
}

// visit watches a folder, before it is read: what changes after that is told. A folder that is watched already stays so,
// and one that another took the place of is watched anew.
func (w *rootWatch) visit(dir string) {
	if w.notify == nil {
		return
	}
	if w.watched >= w.pack.pace.watches {
		w.blind(nil)
		return
	}
	if err := w.notify.Add(w.folder.dir + "/" + dir); err != nil {
		w.blind(err)
		return
	}
	w.watched++
}

// look looks through the root and tells what changed. What the list says of files that only have new contents is brought
// up to date at the next rescan, or with what else changes: lists are for finding files, and not told anew for each edit.
func (w *rootWatch) look(ctx context.Context, rescan bool) {
	began := time.Now()
	w.watched = 0
	found, err := w.folder.list(ctx, w.visit)
	w.took = time.Since(began)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		if !w.gone {
			w.log.Warn("a root cannot be read", zap.Error(err))
		}
		w.gone = true
		return
	}
	w.gone = false
	d := compare(w.pack.found(w.folder), found)
	w.stale = w.stale || len(d.changed) > 0
	if d.isNothing() && (!rescan || !w.stale) {
		return
	}
	anew := d.listed || rescan && w.stale
	if anew {
		w.stale = false
	}
	w.pack.tell(w.folder, found, d, anew)
}

// difference is what is not the same in two listings.
type difference struct {
	changed, removed []string
	listed           bool // files came or went
}

func (d difference) isNothing() bool { return len(d.changed) == 0 && !d.listed }

func compare(old, found listing) (d difference) {
	for _, e := range found.entries {
		switch i, same := slices.BinarySearchFunc(old.entries, e, byPath); {
		case !same:
			d.listed = true
		case !e.like(old.entries[i]):
			d.changed = append(d.changed, e.path)
		}
	}
	for _, e := range old.entries {
		if _, still := slices.BinarySearchFunc(found.entries, e, byPath); !still {
			d.removed = append(d.removed, e.path)
			d.listed = true
		}
	}
	return d
}

// found is what was last found in a root.
func (p *Pack) found(f *folder) listing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listed[f.name].found
}

// tell puts a listing in the place of the last one and calls the hooks. Roots take turns, so that the last features told
// are the newest.
func (p *Pack) tell(f *folder, found listing, d difference, anew bool) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	before := p.listed[f.name].resources()
	if anew {
		p.listed[f.name] = p.shelve(f, p.listed[f.name], found)
	} else {
		p.listed[f.name].found = found
	}
	after := p.listed[f.name].resources()
	p.mu.Unlock()
	if !slices.Equal(before, after) && p.hooks.Changed != nil {
		if err := p.hooks.Changed(p.Features()); err != nil {
			p.log.Error("the files of a root cannot be listed", zap.String("root", f.name), zap.Error(err))
		}
	}
	if p.hooks.Updated == nil || d.isNothing() {
		return
	}
	for _, name := range slices.Concat(d.changed, d.removed) {
		p.hooks.Updated(uriOf(f.name, name))
	}
	p.hooks.Updated(uriOf(f.name, ""))
}
