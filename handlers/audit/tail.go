package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

const (
	tailLines    = 10      // printed where nobody says how many
	maxTailLines = 100_000 // they are kept in memory
	shownText    = 200     // bytes of arguments that people are shown; --json has all
)

// tail prints the newest lines of a record, and those that come.
type tail struct {
	folder folder
	out    io.Writer
	raw    bool

	last uint64   // the newest line that was printed
	file *os.File // that is followed
	half []byte   // what stands in it after its last line break
}

func (c command) tail(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("tail", flag.ContinueOnError)
	lines := set.Int("n", tailLines, "")
	follow := set.Bool("f", false, "")
	raw := set.Bool("json", false, "")
	words, err := parse(set, args)
	if err != nil {
		return err
	}
	if len(words) > 1 || *lines < 0 || *lines > maxTailLines {
		return fmt.Errorf("one file at most, and -n from 0 to %d; %w", maxTailLines, ErrUsage)
	}
	t := &tail{folder: folder{c.file}, out: c.out, raw: *raw}
	if len(words) == 1 {
		t.folder.file = words[0]
	}
	if !*follow {
		return t.newest(c, *lines)
	}
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the record: %w", err)
	}
	defer func() { _ = watch.Close() }()
	if err := watch.Add(filepath.Dir(t.folder.file)); err != nil { // before the first look, so that nothing is missed between
		return fmt.Errorf("watch the record: %w", err)
	}
	if err := t.newest(c, *lines); err != nil {
		return err
	}
	return t.follow(ctx, watch)
}

// newest prints the newest n lines, of however many files.
func (t *tail) newest(c command, n int) error {
	files, err := c.record(t.folder.file)
	if err != nil {
		return err
	}
	defer closeFiles(files)
	var kept [][]byte
	for _, f := range files {
		err := eachLine(f, func(text []byte) error {
			if kept = append(kept, bytes.Clone(text)); len(kept) > 2*n {
				kept = append(kept[:0], kept[len(kept)-n:]...)
			}
			if l, _, err := readSealed(text); err == nil {
				t.last = max(t.last, l.Seq)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, text := range kept[max(0, len(kept)-n):] {
		if err := t.print(text); err != nil {
			return err
		}
	}
	return nil
}

// eachLine hands on every whole line.
func eachLine(r io.Reader, do func(text []byte) error) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(text[:len(text)-1]); err != nil {
			return err
		}
	}
}

// follow prints what comes until ctx ends.
func (t *tail) follow(ctx context.Context, watch *fsnotify.Watcher) error {
	defer func() {
		if t.file != nil {
			_ = t.file.Close()
		}
	}()
	for {
		if err := t.catchUp(); err != nil {
			return fmt.Errorf("follow the record: %w", err)
		}
		for ours := false; !ours; {
			select {
			case <-ctx.Done():
				return nil
			case e, ok := <-watch.Events:
				if !ok {
					return nil
				}
				ours = strings.HasPrefix(filepath.Base(e.Name), filepath.Base(t.folder.file))
			case _, ok := <-watch.Errors: // events were lost: look for oneself
				if !ok {
					return nil
				}
				ours = true
			}
		}
	}
}

// catchUp prints what is newer than the last line that was printed.
func (t *tail) catchUp() error {
	for {
		if t.file != nil {
			if err := t.rest(); err != nil {
				return err
			}
			if t.folder.current([]*os.File{t.file}) {
				return nil
			}
			if err := errors.Join(t.rest(), t.file.Close()); err != nil { // what came before it was full
				return err
			}
			t.file, t.half = nil, nil
		}
		if err := t.full(); err != nil {
			return err
		}
		f, err := os.Open(t.folder.file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		t.file = f
	}
}

// full prints what is new in files that are full by now.
func (t *tail) full() error {
	all, err := t.folder.full()
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.last <= t.last {
			continue
		}
		f, err := os.Open(one.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(eachLine(f, t.printNew), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// rest prints what is new in the file that is followed.
func (t *tail) rest() error {
	more, err := io.ReadAll(t.file)
	if err != nil {
		return err
	}
	t.half = append(t.half, more...)
	for {
		text, rest, found := bytes.Cut(t.half, []byte("\n"))
		if !found {
			return nil
		}
		if err := t.printNew(text); err != nil {
			return err
		}
		t.half = rest
	}
}

// printNew prints a line that is newer than all before it, or none of the record at all.
func (t *tail) printNew(text []byte) error {
	l, _, err := readSealed(text)
	if err == nil && l.Seq <= t.last {
		return nil
	}
	t.last = max(t.last, l.Seq)
	return t.print(text)
}

func (t *tail) print(text []byte) error {
	if t.raw {
		_, err := fmt.Fprintf(t.out, "%s\n", text)
		return err
	}
	l, _, err := readSealed(text)
	if err != nil {
		_, err := fmt.Fprintf(t.out, "? %v: %s\n", err, clean(whole(string(text)), shownText))
		return err
	}
	_, err = io.WriteString(t.out, forPeople(&l)+"\n")
	return err
}

// forPeople is a line as people read it.
func forPeople(l *line) string {
	at := l.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	switch {
	case l.Event == eventCall && l.Call != nil:
		return at + " " + l.Call.forPeople()
	case l.Event == eventStart:
		return fmt.Sprintf("%s -- process %d starts", at, l.PID)
	case l.Event == eventStop:
		return at + " -- it stopped"
	case l.Event == eventGap:
		return fmt.Sprintf("%s -- %d calls are missing before this", at, l.Missed)
	case l.Event == eventRecovered:
		return fmt.Sprintf("%s -- half a line of %d bytes was cut off", at, l.Bytes)
	case l.Event == eventRotate:
		return fmt.Sprintf("%s -- goes on from %s", at, clean(l.File, shownText))
	case l.Event == eventPrune:
		return fmt.Sprintf("%s -- lines up to %d are removed", at, l.Through)
	}
	return at + " -- " + clean(l.Event, shownText)
}

func (c *call) forPeople() string {
	arguments, tool := string(c.Arguments), c.Tool
	if c.ArgumentsCut != nil {
		arguments = c.ArgumentsCut.Start
	}
	if tool == "" {
		tool = "(no such tool)"
	}
	from := strings.Join(strings.Fields(strings.Join([]string{c.Transport, c.Address, c.Client.Name, c.Client.Version}, " ")), " ")
	return fmt.Sprintf("%-10s %8.1f ms  %s: %s %s (%s)", clean(c.Outcome, shownText), c.DurationMS, clean(c.Principal.Name, shownText),
		clean(tool, shownText), clean(arguments, shownText), clean(from, 2*shownText))
}
