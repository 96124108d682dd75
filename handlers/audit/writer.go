package audit

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	syncInterval = time.Second // the most that a loss of power may cost
	retryAfter   = time.Second // between two attempts to begin another file
	warnInterval = time.Minute // between two warnings
)

// writer is the goroutine that has the file. Nothing but missed and queue is anybody else's.
type writer struct {
	log    *zap.Logger
	chain  *chain
	queue  <-chan entry
	missed *atomic.Uint64

	calls, owed uint64    // in the chain's buffer: calls, and what its gap line says is missing
	warned      time.Time // when it last warned
	stuck       time.Time // when another file could not be begun
}

// run writes until quit, and what waits then; it returns what could not be written.
func (w *writer) run(quit <-chan struct{}) error {
	tick := time.NewTicker(syncInterval)
	defer tick.Stop()
	for {
		select {
		case e := <-w.queue:
			w.batch(e)
		case <-tick.C:
			w.settle()
		case <-quit:
			return w.end()
		}
	}
}

// batch writes a call, and those that wait behind it.
func (w *writer) batch(e entry) {
	for {
		w.makeRoom()
		w.gap()
		if err := w.chain.add(e.line()); err != nil {
			w.missed.Add(1)
			w.warn("a call could not be encoded for the audit record", err)
		} else {
			w.calls++
		}
		if len(w.chain.buffer) >= maxBuffer {
			w.flush()
		}
		select {
		case e = <-w.queue:
		default:
			w.flush()
			return
		}
	}
}

// makeRoom begins another file where this one is full. Where it cannot, the file grows on.
func (w *writer) makeRoom() {
	if !w.chain.full() || time.Since(w.stuck) < retryAfter {
		return
	}
	w.flush()
	if err := w.chain.rotate(); err != nil {
		w.stuck = time.Now()
		w.warn("the audit record's file is full, and beginning another went wrong", err)
	}
}

// gap says in a line how many calls are missing, if any are.
func (w *writer) gap() {
	n := w.missed.Swap(0)
	if n == 0 {
		return
	}
	if err := w.chain.add(&line{Event: eventGap, Missed: n}); err != nil {
		w.missed.Add(n)
		return
	}
	w.owed += n
}

// flush writes the buffer. What cannot be written is missing from then on.
func (w *writer) flush() {
	err := w.chain.write()
	if err != nil {
		w.missed.Add(w.calls + w.owed)
		w.warn("the audit record cannot be written; calls are missing from it", err)
	} else if w.owed > 0 {
		w.warn("calls are missing from the audit record", nil)
	}
	w.calls, w.owed = 0, 0
}

// settle is what is due each second.
func (w *writer) settle() {
	w.gap()
	w.flush()
	if err := w.chain.sync(); err != nil {
		w.warn("the audit record cannot be saved to disk", err)
	}
}

// end writes what waits and closes the file.
func (w *writer) end() error {
	for {
		select {
		case e := <-w.queue:
			w.batch(e)
			continue
		default:
		}
		break
	}
	w.gap()
	err := w.chain.add(&line{Event: eventStop})
	w.flush()
	if n := w.missed.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d calls are missing from the end of the audit record", n))
	}
	w.log.Info("audit record closed", zap.Uint64("seq", w.chain.seq), zap.String("head", w.chain.prev))
	return errors.Join(err, w.chain.close())
}

// warn logs, once in a while: a full disk would fill the log too.
func (w *writer) warn(what string, err error) {
	if !w.warned.IsZero() && time.Since(w.warned) < warnInterval {
		return
	}
	w.warned = time.Now()
	w.log.Warn(what, zap.Uint64("missing", w.missed.Load()+w.owed), zap.Error(err))
}
