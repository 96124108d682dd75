package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
)

// sink is the file that is written, as a chain needs it: [os.File], but for tests of disks that fail.
type sink interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// chain is the end of a record that lines are added to: the file, and what the next line follows. It belongs to one
// goroutine.
type chain struct {
	folder  folder
	maxSize int64
	keep    int // full files; 0: all
	open    func(path string) (sink, error)

	out  sink
	size int64 // of out, as far as lines are whole
	torn bool  // there may be more in out than size

	seq  uint64 // of the last line that is written
	prev string // its hash

	buffer  []byte // sealed and not written yet
	pending link   // the last line in buffer
	unsaved bool   // written and not synced
}

// link is a place in the chain.
type link struct {
	seq  uint64
	hash string
}

// maxBuffer is how much is written at once, in bytes.
const maxBuffer = 256 << 10

func openFile(path string) (sink, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, fileMode)
}

// resume finds where the record ends, and cuts off half a line there. It returns how many bytes that were.
func (c *chain) resume() (cutOff int64, err error) {
	c.prev = noHash()
	full, err := c.folder.full()
	if err != nil {
		return 0, err
	}
	at, err := c.endOf(c.folder.file)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return 0, fmt.Errorf("the end of %s: %w; move it away to begin another record, and have a look at it", c.folder.file, err)
	}
	if before := at; before.seq == 0 && len(full) > 0 {
		last := full[len(full)-1].path
		if before, err = c.endOf(last); err != nil {
			return 0, fmt.Errorf("the end of %s: %w; move it away to begin another record, and have a look at it", last, err)
		}
		c.seq, c.prev = before.seq, before.hash
	} else if before.seq > 0 {
		c.seq, c.prev = before.seq, before.hash
	}
	c.pending = link{c.seq, c.prev}
	if c.out, err = c.open(c.folder.file); err != nil {
		return 0, err
	}
	c.size = at.size
	if at.torn > 0 {
		if err := c.out.Truncate(at.size); err != nil {
			return 0, errors.Join(fmt.Errorf("cut off half a line: %w", err), c.out.Close())
		}
	}
	return at.torn, nil
}

func (c *chain) endOf(path string) (end, error) {
	f, err := os.Open(path)
	if err != nil {
		return end{}, err
	}
	defer func() { _ = f.Close() }()
	return endOf(f)
}

// add seals a line. It is written by the next write, or at once where much waits.
func (c *chain) add(l *line) error {
	if l.Time.IsZero() {
		l.Time = time.Now().UTC()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	l.ID, l.Seq, l.Prev = id, c.pending.seq+1, c.pending.hash
	buffer, hash, err := appendSealed(c.buffer, l)
	if err != nil {
		return err
	}
	c.buffer, c.pending = buffer, link{l.Seq, hash}
	return nil
}

// write writes what waits. What cannot be written is dropped as a whole, as if it had never been added: the chain ends where
// it did.
func (c *chain) write() error {
	if len(c.buffer) == 0 {
		return nil
	}
	err := c.mend()
	if err == nil {
		_, err = c.out.Write(c.buffer)
	}
	if err != nil {
		c.torn = true
		c.drop()
		return errors.Join(err, c.mend())
	}
	c.size += int64(len(c.buffer))
	c.seq, c.prev = c.pending.seq, c.pending.hash
	c.buffer, c.unsaved = c.buffer[:0], true
	return nil
}

// drop forgets what waits.
func (c *chain) drop() { c.buffer, c.pending = c.buffer[:0], link{c.seq, c.prev} }

// mend takes what a broken write left out of the file.
func (c *chain) mend() error {
	if !c.torn {
		return nil
	}
	if err := c.out.Truncate(c.size); err != nil {
		return fmt.Errorf("take half a line back: %w", err)
	}
	c.torn = false
	return nil
}

// sync has what was written survive a loss of power.
func (c *chain) sync() error {
	if !c.unsaved {
		return nil
	}
	c.unsaved = false
	return c.out.Sync()
}

// full says that another file is to be begun before more is added.
func (c *chain) full() bool { return c.size+int64(len(c.buffer)) >= c.maxSize }

// rotate begins another file, whose first line says which was before it, and removes those that are not kept. After an error
// the chain goes on in the file that it had.
func (c *chain) rotate() error {
	if err := errors.Join(c.write(), c.sync()); err != nil {
		return err
	}
	before := c.folder.fullPath(time.Now(), c.seq)
	if err := os.Rename(c.folder.file, before); err != nil {
		return err
	}
	next, err := c.open(c.folder.file)
	if err != nil {
		return errors.Join(err, os.Rename(before, c.folder.file))
	}
	err = c.out.Close()
	c.out, c.size, c.torn = next, 0, false
	return errors.Join(err, c.add(&line{Event: eventRotate, File: filepath.Base(before)}), c.prune())
}

// prune removes the oldest files beyond keep. The line that says so is there before they go, so that none is missed without
// one.
func (c *chain) prune() error {
	all, err := c.folder.full()
	if err != nil || c.keep == 0 || len(all) <= c.keep {
		return err
	}
	gone := all[:len(all)-c.keep]
	if err := c.add(&line{Event: eventPrune, Through: gone[len(gone)-1].last}); err != nil {
		return err
	}
	if err := errors.Join(c.write(), c.sync()); err != nil {
		return err
	}
	for _, f := range gone {
		err = errors.Join(err, os.Remove(f.path))
	}
	return err
}

func (c *chain) close() error { return errors.Join(c.write(), c.sync(), c.out.Close()) }
