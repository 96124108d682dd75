package ldapdir

import (
	"context"
	"sync"
	"time"
)

// trustedIdle is how long a connection that lies idle is taken to work without asking: load balancers and firewalls drop
// them without a word.
const trustedIdle = 15 * time.Second

// pool holds the connections. The one used last is used next, so that those which are not needed grow old.
type pool struct {
	slots   chan struct{} // one a question that may use a connection
	trusted time.Duration // trustedIdle

	mu     sync.Mutex
	closed bool
	idle   []*connection
	open   map[*connection]struct{} // idle ones and those in use
}

func newPool(connections int) *pool {
	return &pool{
		slots: make(chan struct{}, max(1, connections)), trusted: trustedIdle,
		open: map[*connection]struct{}{},
	}
}

// enter counts a question, unless the pool is closed.
func (p *pool) enter(asking *sync.WaitGroup) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		asking.Add(1)
	}
	return !p.closed
}

func (p *pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// wait waits until a connection may be used; leave lets the next one have it.
func (p *pool) wait(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errAllInUse
	}
}

func (p *pool) leave() { <-p.slots }

// take is an idle connection, which may have broken meanwhile; nil if there is none.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

// add makes a connection known, so that close ends it; false if it is too late.
func (p *pool) add(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.open[c] = struct{}{}
	return true
}

// put gives a connection back.
func (p *pool) put(c *connection) {
	c.idleSince = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.idle = append(p.idle, c)
	}
}

// forget takes out a connection that was closed.
func (p *pool) forget(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// flush closes what is idle.
func (p *pool) flush() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	for _, c := range idle {
		delete(p.open, c)
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

// close closes all there is, under whoever uses it.
func (p *pool) close() {
	p.mu.Lock()
	open := p.open
	p.closed, p.idle, p.open = true, nil, nil
	p.mu.Unlock()
	for c := range open {
		c.close()
	}
}
