package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// document is the text of a file as callers get it.
type document struct {
	*file // closed
	text  string
	mime  string // of the text
}

// unreadable is why a file that is there gives no text: a sentence for models.
type unreadable struct{ message string }

func (e *unreadable) Error() string { return e.message }

func tooLarge(path string, size, limit int64) error {
	return &unreadable{fmt.Sprintf("%s has %s, and files of at most %s are read here", path, amount(size), amount(limit))}
}

// reader gets the text of files. It may be used by many goroutines; it reads a bounded number of files at once, and keeps
// what costs to make.
type reader struct {
	helper   []string
	patience time.Duration // with a helper
	slots    chan struct{} // one a file that is being read

	mu    sync.Mutex
	kept  *simplelru.LRU[version, outcome]
	bytes int // of kept, about
}

// version is one state of a file. Another file in its place has another time or size.
type version struct {
	dir, path string
	size      int64
	modified  int64 // ns
}

// outcome is what came of a file that had to be converted, which is the same each time.
type outcome struct {
	text, mime string
	err        error
}

func (o outcome) weight() int { return len(o.text) + 512 }

func newReader(helper []string, atOnce int) *reader {
	r := &reader{helper: helper, patience: helpTime, slots: make(chan struct{}, atOnce)}
	kept, err := simplelru.NewLRU(1<<20, func(_ version, o outcome) { r.bytes -= o.weight() })
	if err != nil {
		panic(fmt.Sprintf("files: make the cache: %v", err)) // its size is a constant
	}
	r.kept = kept
	return r
}

// document reads the text of the file at a path that came from a caller. It waits for its turn until ctx ends. Errors are
// those of open, an *unreadable, or ours.
func (r *reader) document(ctx context.Context, f *folder, root *os.Root, path string) (*document, error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	opened, err := f.open(root, path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	k := kindOf(opened.path)
	d := &document{file: opened, mime: k.textMIME()}
	if k.form == formBinary {
		return nil, noText(opened, k)
	}
	if k.form == formText {
		d.text, err = plain(f, opened)
		return d, err
	}
	key := version{f.dir, opened.path, opened.size, opened.modified.UnixNano()}
	o, found := r.recall(key)
	if !found {
		o = r.convert(ctx, f, opened, k)
		if _, refused := errors.AsType[*unreadable](o.err); o.err == nil || refused {
			r.keep(key, o)
		}
	}
	d.text, d.mime = o.text, o.mime
	return d, o.err
}

// plain reads a text as it is.
func plain(f *folder, opened *file) (string, error) {
	data, err := opened.read(f.maxFile)
	if err != nil {
		return "", err
	}
	text, ok := decodeText(data)
	if !ok {
		return "", noText(opened, kind{mime: typeBinary, noun: "a binary file"})
	}
	return text, nil
}

func (r *reader) convert(ctx context.Context, f *folder, opened *file, k kind) outcome {
	if k.form == formHTML {
		return r.convertHTML(ctx, f, opened, k)
	}
	data, err := opened.read(f.maxFile)
	if err != nil {
		return outcome{err: err}
	}
	var text string
	if k.form == formDOCX {
		text, err = markdownOfDOCX(ctx, data)
	} else {
		text, err = ask(ctx, r.helper, r.patience, helpPDF, data)
	}
	if err == nil {
		return outcome{text, k.textMIME(), nil}
	}
	if _, ours := errors.AsType[*helperError](err); !ours && ctx.Err() == nil {
		err = &unreadable{fmt.Sprintf("the text of %s cannot be read: %v", opened.path, err)}
	}
	return outcome{err: err}
}

// convertHTML gives a page that no Markdown comes of as it is.
func (r *reader) convertHTML(ctx context.Context, f *folder, opened *file, k kind) outcome {
	page, err := plain(f, opened)
	if err != nil {
		return outcome{err: err}
	}
	var text string
	switch {
	case len(page) <= smallHTML:
		text, err = markdownOfHTML(page)
	case len(page) <= maxHTML:
		text, err = ask(ctx, r.helper, r.patience, helpHTML, []byte(page))
	default:
		err = errNoHelp
	}
	if _, ours := errors.AsType[*helperError](err); ours || ctx.Err() != nil {
		return outcome{err: err}
	}
	if err != nil {
		return outcome{page, k.mime, nil}
	}
	return outcome{text, k.textMIME(), nil}
}

func (r *reader) recall(key version) (outcome, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept.Get(key)
}

func (r *reader) keep(key version, o outcome) {
	if o.weight() > cacheBytes/4 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept.Remove(key)
	r.kept.Add(key, o)
	for r.bytes += o.weight(); r.bytes > cacheBytes; {
		r.kept.RemoveOldest()
	}
}

func noText(f *file, k kind) error {
	return &unreadable{fmt.Sprintf("%s is %s (%s, %s); only text can be read", f.path, k.noun, k.mime, amount(f.size))}
}

// amount is a number of bytes for people.
func amount(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
