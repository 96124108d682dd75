package egress

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// flight is one request for all who ask the same at once. It is not ended by the end of one of them, but by that of the
// last.
type flight struct {
	done   chan struct{} // closed when answer and err are set
	answer *answer
	err    error
	cancel context.CancelCauseFunc

	waiting int       // under cache.mu
	latest  time.Time // under cache.mu: until when the most patient waits
}

// flightKey tells requests apart that began before and after a change.
type flightKey struct {
	cacheKey
	generation uint64
}

// recall answers a GET from what is kept, with somebody else who asks the same, or by asking the upstream.
func (c *Client) recall(ctx context.Context, q *question) (*answer, error) {
	kept := c.cache
	k := q.key()
	now := time.Now()
	kept.mu.Lock()
	e := kept.find(k, now)
	if e != nil && e.serves(kept.generation, now) {
		kept.mu.Unlock()
		return e.answer, nil
	}
	id := flightKey{k, kept.generation}
	f := kept.flights[id]
	if f == nil {
		if !c.enter() {
			kept.mu.Unlock()
			return nil, errClosed
		}
		f = c.fly(ctx, q, e, id)
		kept.flights[id] = f
	}
	f.waiting++
	if deadline := deadlineOf(ctx)(); deadline.After(f.latest) {
		f.latest = deadline
	}
	kept.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	kept.mu.Lock()
	f.waiting--
	if f.waiting == 0 {
		f.cancel(cause)
		kept.land(id, f)
	}
	kept.mu.Unlock()
	if late := (lateError{}); errors.As(cause, &late) {
		if a := e.stale(time.Now()); a != nil {
			return a, nil
		}
	}
	return nil, cause
}

// fly begins a flight for a client that was entered. The first who waits for it need not be the last.
func (c *Client) fly(ctx context.Context, q *question, e *entry, id flightKey) *flight {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	f := &flight{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer c.running.Done()
		defer cancel(nil)
		ctx, stop := c.until(ctx, time.Now().Add(c.opts.Timeout))
		defer stop()
		f.answer, f.err = c.renew(ctx, q, e, id, func() time.Time {
			c.cache.mu.Lock()
			defer c.cache.mu.Unlock()
			if own := deadlineOf(ctx)(); own.Before(f.latest) {
				return own
			}
			return f.latest
		})
		c.cache.mu.Lock()
		c.cache.land(id, f)
		c.cache.mu.Unlock()
		close(f.done)
	}()
	return f
}

// land lets the next who asks begin a flight of their own. mu is held.
func (c *cache) land(id flightKey, f *flight) {
	if c.flights[id] == f {
		delete(c.flights, id)
	}
}

// renew asks the upstream for an answer in place of an entry, which is nil where there is none, and keeps it. While the
// upstream fails the entry is the answer.
func (c *Client) renew(ctx context.Context, q *question, e *entry, id flightKey, until func() time.Time) (*answer, error) {
	asked := time.Now()
	a, err := c.persist(ctx, e.conditions(q), until)
	switch {
	case failing(a, err):
		if old := e.stale(time.Now()); old != nil {
			return old, nil
		}
	case err != nil:
	case e != nil && a.status == http.StatusNotModified:
		a = e.renewed(a.header)
		c.cache.put(id.cacheKey, a, asked, id.generation)
	case a.status == http.StatusOK:
		c.cache.put(id.cacheKey, a, asked, id.generation)
	default:
		c.cache.drop(id.cacheKey)
	}
	return a, err
}

// failing says whether it is the upstream's state, and not the request, that there is no good answer.
func failing(a *answer, err error) bool {
	if err != nil {
		return !errors.Is(err, ErrRefused) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, errClosed)
	}
	return a.status >= http.StatusInternalServerError || retryAfter(a.status, a.header, time.Now()) > 0 ||
		a.status == http.StatusTooManyRequests
}
