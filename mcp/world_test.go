package mcp

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is a server with its registry, the fixture's features, and a memory of what the observer heard. Most tests make
// one inside a synctest bubble, which fails where anything of it is left behind.
type world struct {
	*yard
	tb       testing.TB
	server   *Server
	registry *Registry
	heard    heard
}

// heard is what an observer was told.
type heard struct {
	mu       sync.Mutex
	outcomes []string // method:error of each request that ended
	failures []string // errors of ours
	stuck    int
	opened   int
	closed   []error
	dropped  int
}

func (h *heard) note(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *heard) observer() Observer {
	return Observer{
		Done:          func(o Outcome) { h.note(func() { h.outcomes = append(h.outcomes, o.Method+":"+o.Error) }) },
		SessionOpened: func(Wire) { h.note(func() { h.opened++ }) },
		SessionClosed: func(_ Wire, cause error, _ time.Duration) { h.note(func() { h.closed = append(h.closed, cause) }) },
		Stuck:         func(delta int) { h.note(func() { h.stuck += delta }) },
		Failed: func(_ Outcome, id string, err error) {
			h.note(func() { h.failures = append(h.failures, id+" "+err.Error()) })
		},
	}
}

// settings of a world; zero fields get what newWorld says.
type settings struct {
	Options
	RegistryOptions
	Features func(*yard) Features
}

func newWorld(tb testing.TB, s settings) *world {
	tb.Helper()
	w := &world{tb: tb, yard: newYard()}
	if s.Features == nil {
		s.Features = (*yard).features
	}
	s.Options.Observer = w.heard.observer()
	s.RegistryOptions.Observer = s.Options.Observer
	s.Dropped = func() { w.heard.note(func() { w.heard.dropped++ }) }
	setDefault(&s.Inbox, 64)
	setDefault(&s.OutboxEvents, 256)
	setDefault(&s.OutboxBytes, 1<<20)
	setDefault(&s.RegistryOptions.Calls, 32)
	w.server = newServer(tb, s.Features(w.yard), s.Options)
	w.registry = w.newRegistry(tb, s.RegistryOptions)
	return w
}

// newRegistry makes a registry of the world's server, which ends with the test.
func (w *world) newRegistry(tb testing.TB, o RegistryOptions) *Registry {
	tb.Helper()
	registry, err := NewRegistry(w.server, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		if err := registry.Close(now); err != nil {
			tb.Error(err)
		}
	})
	return registry
}

func setDefault(n *int, value int) {
	if *n == 0 {
		*n = value
	}
}

// client is one end of a session.
type client struct {
	w         *world
	principal *Principal
	stream    *Stream
	waiting   []string // events taken and not looked at yet
	last      uint64   // number of the last one taken
}

func (w *world) open(o OpenOptions) *client {
	w.tb.Helper()
	c, err := w.tryOpen(o)
	if err != nil {
		w.tb.Fatalf("open: %v", err)
	}
	return c
}

func (w *world) tryOpen(o OpenOptions) (*client, error) {
	if o.Principal == nil {
		o.Principal = Anonymous()
	}
	st, err := w.registry.Open(o)
	if err != nil {
		return nil, err
	}
	return &client{w: w, principal: o.Principal, stream: st, last: st.Seen()}, nil
}

// hello opens a session and negotiates a revision.
func (w *world) hello(o OpenOptions) *client {
	w.tb.Helper()
	c := w.open(o)
	c.send(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25"}}`)
	c.next()
	c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return c
}

func (c *client) id() string { return c.stream.SessionID() }

// try delivers one message, or says why it was refused.
func (c *client) try(text string) error {
	m, fault := Decode([]byte(text))
	if fault != nil {
		return fault
	}
	return c.w.registry.Deliver(c.id(), c.principal, m, nil)
}

func (c *client) send(text string) {
	c.w.tb.Helper()
	if err := c.try(text); err != nil {
		c.w.tb.Fatalf("deliver %s: %v", text, err)
	}
}

func (c *client) call(id int, tool, more string) {
	c.w.tb.Helper()
	c.send(callOf(id, tool, more))
}

func callOf(id int, tool, more string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q%s}}`, id, tool, more)
}

// next is the next event. It waits for one.
func (c *client) next() string {
	c.w.tb.Helper()
	for len(c.waiting) == 0 {
		select {
		case <-c.stream.Ready():
			c.take()
		case <-c.stream.Done():
			c.w.tb.Fatalf("the stream ended: %v", c.stream.Cause())
		}
	}
	event := c.waiting[0]
	c.waiting = c.waiting[1:]
	return event
}

// take moves what the session has into waiting, and checks that it is numbered without a gap.
func (c *client) take() {
	c.w.tb.Helper()
	for _, e := range c.stream.Take(nil) {
		if e.Seq != c.last+1 {
			c.w.tb.Errorf("event %d came after %d", e.Seq, c.last)
		}
		c.last = e.Seq
		c.waiting = append(c.waiting, string(e.Data))
	}
}

// settled is every event there is once nothing moves any more; only in a bubble.
func (c *client) settled() []string {
	c.w.tb.Helper()
	synctest.Wait()
	c.take()
	events := c.waiting
	if c.waiting = nil; len(events) == 0 {
		return nil
	}
	return events
}

// advance lets the bubble's time pass.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
