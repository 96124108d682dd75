package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// queueSize is how many calls may wait to be written, of maxArguments bytes each at most; those beyond are missed.
const queueSize = 4096

// Log is the record. Safe for concurrent use; the zero value keeps none.
type Log struct {
	arguments bool
	locked    *os.File

	queue  chan entry
	missed atomic.Uint64 // calls that no line was written for, and no gap line yet

	quit    chan struct{}
	closing sync.Once
	writing sync.WaitGroup
	err     error // the writer's, read after it has ended
}

// Open goes on with the record where it ended, and begins it where there is none. The error is of what audit.file names, and says
// what to change.
func Open(cfg config.Audit, log *zap.Logger) (*Log, error) {
	return open(cfg, log, openFile)
}

func open(cfg config.Audit, log *zap.Logger, out func(string) (sink, error)) (*Log, error) {
	if cfg.File == "" {
		return &Log{}, nil
	}
	d := folder{cfg.File}
	locked, err := d.lock()
	if err != nil {
		return nil, explain(err, cfg.File)
	}
	c := &chain{folder: d, maxSize: int64(cfg.MaxSize), keep: cfg.Keep, open: out}
	if err := begin(c, log); err != nil {
		return nil, errors.Join(explain(err, cfg.File), locked.Close())
	}
	l := &Log{arguments: cfg.Arguments, locked: locked, queue: make(chan entry, queueSize), quit: make(chan struct{})}
	w := &writer{log: log, chain: c, queue: l.queue, missed: &l.missed}
	l.writing.Go(func() { l.err = w.run(l.quit) })
	return l, nil
}

// begin writes the first lines of this process.
func begin(c *chain, log *zap.Logger) error {
	torn, err := c.resume()
	if err != nil {
		return err
	}
	after, head := c.seq, c.prev
	if torn > 0 {
		err = c.add(&line{Event: eventRecovered, Bytes: torn})
	}
	err = errors.Join(err, c.add(&line{Event: eventStart, PID: os.Getpid()}))
	if err == nil {
		err = c.write()
	}
	if err != nil {
		return errors.Join(err, c.out.Close())
	}
	if torn > 0 {
		log.Warn("the audit record ended in half a line, which was cut off", zap.Int64("bytes", torn))
	}
	log.Info("audit record opened", zap.String("file", c.folder.file), zap.Uint64("after", after), zap.String("head", head))
	return nil
}

// explain says what to change, where that is known.
func explain(err error, file string) error {
	dir := filepath.Dir(file)
	switch {
	case errors.Is(err, errLocked):
		return fmt.Errorf("another process writes %s: give each process a file of its own", file)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s: make it, and let the server's user write to it", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the server's user may not write to %s or to the folder %s: %w", file, dir, err)
	}
	return err
}

// Observer records every tool call. It never waits, and must not be told of a call after Close.
func (l *Log) Observer() mcp.Observer {
	if l.queue == nil {
		return mcp.Observer{}
	}
	return mcp.Observer{Done: func(o mcp.Outcome) {
		if o.Method != "tools/call" {
			return
		}
		select {
		case l.queue <- entryOf(o, l.arguments):
		default:
			l.missed.Add(1)
		}
	}}
}

// Close writes what waits and ends the record's use by this process. The error is of calls that could not be written.
func (l *Log) Close() error {
	if l.queue == nil {
		return nil
	}
	l.closing.Do(func() {
		close(l.quit)
		l.writing.Wait()
		l.err = errors.Join(l.err, l.locked.Close())
	})
	return l.err
}
