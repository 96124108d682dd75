package mcp

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Call is what a tool, resource or prompt may do while it answers: tell the client how far it is, log to it, ask it. A
// Call is good until its function returns; after that, and after the call's deadline or cancellation, nothing is sent.
// Its methods may be called from several goroutines.
type Call struct {
	peer   *Peer
	back   link
	logger string         // what log messages are signed with: the tool's name
	token  jsontext.Value // the client's progress token; nil where it wants none
	inputs inputs         // of a stateless request
	task   *callTask      // what it may become; nil where it never does
	terms  *Terms         // what came beside the request; nil where nothing did

	mu       sync.Mutex
	over     bool
	outlives bool    // the request was answered with a task; the call goes on
	told     bool    // some progress was sent
	progress float64 // the last one sent: each must be greater
}

// Principal is who asks. It is never nil.
func (c *Call) Principal() *Principal { return c.peer.Principal }

// Client is what the client says of itself; display only.
func (c *Call) Client() Implementation { return c.peer.Client }

// Progress tells the client how far the call is, if it asked for that. A progress that is not greater than the last is
// not sent (all revisions: it must increase). total is 0 where unknown. It never blocks.
func (c *Call) Progress(progress, total float64, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.token == nil || c.back == nil || c.told && progress <= c.progress || math.IsNaN(progress) || math.IsInf(progress, 0) {
		return
	}
	c.progress = progress
	c.sendProgress(total, message)
}

func (c *Call) sendProgress(total float64, message string) {
	c.told = true
	p := progressParams{ProgressToken: c.token, Progress: c.progress, Total: total}
	if c.peer.Revision.Annotations {
		p.Message = message
	}
	c.back.notify("notifications/progress", p)
}

// Hangup closes the connection that the call's answer would come on, where the client knows how to come back for it by
// polling (2025-11-25 over Streamable HTTP); elsewhere it does nothing. The call goes on. It is for tools that work longer
// than a connection should be held open.
func (c *Call) Hangup() {
	if l, ok := c.link().(*lane); ok {
		l.hangup()
	}
}

// heartbeat sends progress on a clock until stop is called, so that a client's own time-out does not end a call that
// works on (clients give up after 60 s of silence). Each step is tiny: whatever the tool itself reports next is greater.
func (c *Call) heartbeat(every time.Duration) (stop func()) {
	if c.token == nil || c.back == nil || every <= 0 {
		return func() {}
	}
	const step = 1e-6
	started := time.Now()
	var timer *time.Timer
	c.mu.Lock()
	defer c.mu.Unlock()
	timer = time.AfterFunc(every, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.over || c.token == nil || c.back == nil { // over, or a task by now
			return
		}
		c.progress = max(c.progress+step, math.Nextafter(c.progress, math.Inf(1))) // beside a large number step is nothing
		c.sendProgress(0, fmt.Sprintf("still working after %s", time.Since(started).Round(time.Second)))
		timer.Reset(every)
	})
	return func() { timer.Stop() }
}

// link leads back to the client; nil where nothing does, or not any more.
func (c *Call) link() link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.back
}

// outlive lets the call speak after its request was answered, as task k: over a session, on the standing stream.
func (c *Call) outlive(k *task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outlives = true
	if c.back != nil {
		c.back = c.back.after()
	}
	if c.back != nil {
		c.back = &taskLink{c.back, k}
	}
}

// answered makes the call silent, unless it goes on as a task.
func (c *Call) answered() {
	c.mu.Lock()
	c.over = c.over || !c.outlives
	c.mu.Unlock()
}

// end makes the call silent: its answer has gone, or will not come.
func (c *Call) end() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
}

// Log sends a message to the client, if it wants that level. data is anything JSON can hold, and must hold no secrets. It
// never blocks.
func (c *Call) Log(level Level, data any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && c.back != nil && level >= c.back.logLevel() {
		c.back.notify("notifications/message", logParams{Level: level.String(), Logger: c.logger, Data: data})
	}
}

// Capabilities are what the client declared: what it can be asked for.
func (c *Call) Capabilities() ClientCapabilities { return c.peer.Capabilities }
