package mcp

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// poster is a client of Streamable HTTP: a session whose messages come by POST, each with a stream of its own.
type poster struct {
	w         *world
	principal *Principal
	id        string
}

// lanes is a world whose sessions keep what their streams took for a minute.
func lanes(t *testing.T, features func(*yard) Features) *world {
	t.Helper()
	return newWorld(t, settings{
		Options: Options{CallTimeout: time.Hour}, Features: features,
		RegistryOptions: RegistryOptions{ResumeWindow: time.Minute},
	})
}

// begin opens a session of the newest revision, whose client can do what can says.
func (w *world) begin(p *Principal, can string) *poster {
	w.tb.Helper()
	hello, fault := Decode([]byte(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":` + can + `}}`))
	if fault != nil {
		w.tb.Fatal(fault)
	}
	st, err := w.registry.Begin(OpenOptions{Principal: p, Addr: "192.0.2.1", Wire: WireHTTP}, hello)
	if err != nil {
		w.tb.Fatal(err)
	}
	c := &client{w: w, principal: p, stream: st}
	c.next()
	c.ends()
	posted := &poster{w: w, principal: p, id: st.SessionID()}
	if c, err := posted.try(`{"jsonrpc":"2.0","method":"notifications/initialized"}`); c != nil || err != nil {
		w.tb.Fatalf("a notification: %v, %v", c, err)
	}
	return posted
}

// try posts a message: the client that it gives reads the stream of the answer, and is nil where none is to come.
func (p *poster) try(text string) (*client, error) {
	m, fault := Decode([]byte(text))
	if fault != nil {
		return nil, fault
	}
	st, err := p.w.registry.Post(p.id, p.principal, m, nil)
	if err != nil || st == nil {
		return nil, err
	}
	return &client{w: p.w, principal: p.principal, stream: st}, nil
}

func (p *poster) post(text string) *client {
	p.w.tb.Helper()
	c, err := p.try(text)
	if err != nil || c == nil {
		p.w.tb.Fatalf("post %s: %v, %v", text, c, err)
	}
	return c
}

func (p *poster) call(id int, tool, more string) *client {
	p.w.tb.Helper()
	return p.post(callOf(id, tool, more))
}

// streams is a call whose client was told event ids, as one that is answered by a stream.
func (p *poster) streams(id int, tool, more string) *client {
	p.w.tb.Helper()
	c := p.call(id, tool, more)
	c.stream.Keep()
	return c
}

// send posts what wants no answer.
func (p *poster) send(text string) {
	p.w.tb.Helper()
	if c, err := p.try(text); c != nil || err != nil {
		p.w.tb.Fatalf("post %s: %v, %v", text, c, err)
	}
}

// listen opens the standing stream.
func (p *poster) listen() *client {
	p.w.tb.Helper()
	st, err := p.w.registry.Listen(p.id, p.principal, "")
	if err != nil {
		p.w.tb.Fatal(err)
	}
	return &client{w: p.w, principal: p.principal, stream: st, last: st.Seen()}
}

// resume opens a stream again, from the event after seen on.
func (p *poster) resume(lane, seen uint64) *client {
	p.w.tb.Helper()
	st, err := p.w.registry.Listen(p.id, p.principal, LaneEventID(lane, seen))
	if err != nil {
		p.w.tb.Fatalf("resume lane %d from %d: %v", lane, seen, err)
	}
	if !st.Resumed() || st.Lane() != lane || st.Seen() != seen {
		p.w.tb.Errorf("resumed %v, lane %d, seen %d; want lane %d, seen %d", st.Resumed(), st.Lane(), st.Seen(), lane, seen)
	}
	return &client{w: p.w, principal: p.principal, stream: st, last: seen}
}

// refusesToResume demands that an event id leads nowhere.
func (p *poster) refusesToResume(lastEventID string) {
	p.w.tb.Helper()
	if _, err := p.w.registry.Listen(p.id, p.principal, lastEventID); !errors.Is(err, ErrNoSuchEvent) {
		p.w.tb.Errorf("Last-Event-ID %q: %v, want ErrNoSuchEvent", lastEventID, err)
	}
}

// kept is how many lanes of POSTs the session keeps when nothing moves any more; only in a bubble.
func (p *poster) kept() int {
	synctest.Wait()
	s := p.w.registry.find(p.id, p.principal)
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.posts)
}

// ends demands that the stream has said everything, and closes it.
func (c *client) ends() {
	c.w.tb.Helper()
	c.take()
	if len(c.waiting) > 0 || !c.stream.Finished() {
		c.w.tb.Errorf("finished %v, with %q left", c.stream.Finished(), c.waiting)
	}
	c.stream.Close(nil)
}

// gone closes the stream as one whose connection broke.
func (c *client) gone() { c.stream.Close(ClientGone()) }

// answer is the one event of a call that says nothing else, whose stream it ends.
func (c *client) answer() string {
	c.w.tb.Helper()
	event := c.next()
	c.ends()
	return event
}

// letGo is the answer of the tool wait.
func letGo(id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"let go"}]}}`, id)
}
