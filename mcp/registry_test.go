package mcp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestIDsAreUniqueAndUnguessable(t *testing.T) {
	w := newWorld(t, settings{})
	seen := map[string]bool{}
	for range 1000 {
		id := w.open(OpenOptions{}).id()
		if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

func TestStrangersSessionsDoNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		mine := w.hello(OpenOptions{Principal: principals("reader")})
		ping, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
		for name, try := range map[string]func() error{
			"another principal":    func() error { return w.registry.Deliver(mine.id(), principals("reader2"), ping, nil) },
			"nobody":               func() error { return w.registry.Deliver(mine.id(), Anonymous(), ping, nil) },
			"another id":           func() error { return w.registry.Deliver(flip(mine.id()), mine.principal, ping, nil) },
			"the id in upper case": func() error { return w.registry.Deliver(strings.ToUpper(mine.id())+"X", mine.principal, ping, nil) },
			"no id":                func() error { return w.registry.Deliver("", mine.principal, ping, nil) },
		} {
			if err := try(); !errors.Is(err, ErrNoSession) {
				t.Errorf("%s: %v, want ErrNoSession", name, err)
			}
		}
		if got := mine.settled(); got != nil {
			t.Errorf("its owner was sent %v", got)
		}
	})
}

// flip changes one character of an id.
func flip(id string) string {
	if id[0] == '0' {
		return "1" + id[1:]
	}
	return "0" + id[1:]
}

func TestLimits(t *testing.T) {
	reader, reader2 := principals("reader"), principals("reader2")
	for _, c := range []struct {
		name     string
		opts     RegistryOptions
		a, b     OpenOptions // a fills the limit of two, b is not concerned by it
		says     string
		overflow OpenOptions
	}{
		{"a principal's", RegistryOptions{PerPrincipal: 2}, OpenOptions{Principal: reader}, OpenOptions{Principal: reader2}, "you have 2 open", OpenOptions{Principal: reader}},
		{"an address's", RegistryOptions{PerAddress: 2}, OpenOptions{Addr: "192.0.2.1"}, OpenOptions{Addr: "192.0.2.2"}, "2 are open from your address", OpenOptions{Addr: "192.0.2.1", Principal: reader}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.opts.ResumeWindow = time.Minute
				w := newWorld(t, settings{RegistryOptions: c.opts})
				first, second := w.hello(c.a), w.hello(c.a)
				other := w.hello(c.b)
				if _, err := w.tryOpen(c.overflow); !errors.Is(err, ErrTooMany) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("the third: %v", err)
				}
				other.stream.Close(ClientGone()) // waits, but makes no room for others
				if _, err := w.tryOpen(c.overflow); !errors.Is(err, ErrTooMany) {
					t.Errorf("a stranger's session made room: %v", err)
				}
				second.stream.Close(ClientGone())
				advance(time.Second)
				first.stream.Close(ClientGone())
				w.open(c.overflow)
				if got := w.heard.closed; len(got) != 1 || !errors.Is(got[0], errEvicted) {
					t.Errorf("ended: %v", got)
				}
				if again := first.back(1); !again.stream.Resumed() {
					t.Error("the one that waited for less time was evicted")
				}
			})
		})
	}
}

func TestLimitInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{Sessions: 2, ResumeWindow: time.Minute}})
		a := w.hello(OpenOptions{Principal: principals("reader")})
		w.hello(OpenOptions{Principal: principals("writer")})
		if _, err := w.tryOpen(OpenOptions{}); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "limits.sessions") {
			t.Errorf("the third: %v", err)
		}
		a.stream.Close(ClientGone())
		w.open(OpenOptions{})
		if n, connected := w.registry.Count(); n != 2 || connected != 2 {
			t.Errorf("%d sessions, %d connected", n, connected)
		}
	})
}

func TestIdleSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{
			RegistryOptions: RegistryOptions{Idle: 30 * time.Minute, ResumeWindow: 24 * time.Hour},
			Options:         Options{CallTimeout: 3 * time.Hour},
		})
		probe := w.open(OpenOptions{})
		used := w.hello(OpenOptions{})
		gone := w.hello(OpenOptions{})
		gone.stream.Close(ClientGone())
		busy := w.hello(OpenOptions{})
		busy.call(1, "wait", "")
		synctest.Wait()
		busy.stream.Close(ClientGone())

		advance(29 * time.Minute)
		if n, _ := w.registry.Count(); n != 4 {
			t.Errorf("before: %d sessions, want 4", n)
		}
		advance(2 * time.Minute)
		if cause := probe.stream.Cause(); !errors.Is(cause, errIdle) {
			t.Errorf("a stream that was never used: %v", cause)
		}
		if used.stream.Cause() != nil {
			t.Error("a session that is connected was ended")
		}
		if n, _ := w.registry.Count(); n != 2 {
			t.Errorf("after: %d sessions, want 2", n)
		}
		w.gate <- struct{}{}
		advance(time.Minute)
		if n, _ := w.registry.Count(); n != 1 {
			t.Errorf("when the call is done: %d sessions, want 1", n)
		}
	})
}

func TestClosePutsEverythingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{Idle: time.Hour, ResumeWindow: time.Minute}})
		c := w.hello(OpenOptions{})
		waiting := w.hello(OpenOptions{})
		waiting.stream.Close(ClientGone())
		c.call(1, "wait", "")
		synctest.Wait()

		closed := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			closed <- w.registry.Close(ctx)
		}()
		synctest.Wait()
		if _, err := w.tryOpen(OpenOptions{}); !errors.Is(err, ErrShuttingDown) {
			t.Errorf("open: %v", err)
		}
		if err := c.try(`{"jsonrpc":"2.0","id":2,"method":"ping"}`); !errors.Is(err, ErrShuttingDown) {
			t.Errorf("deliver: %v", err)
		}
		advance(5 * time.Second)
		w.gate <- struct{}{} // the call finishes in time
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		<-c.stream.Done()
		if cause := c.stream.Cause(); !errors.Is(cause, ErrShuttingDown) {
			t.Errorf("the stream ended with %v", cause)
		}
		if got := c.settled(); len(got) != 1 || !strings.Contains(got[0], "let go") {
			t.Errorf("the last answer: %v", got)
		}
		c.stream.Close(c.stream.Cause())
		leavesNothing(t, w.registry)
	})
}

func TestCloseTakesAnswersToOurQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.open(OpenOptions{})
		c.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}}}}`)
		c.call(1, "roots", "")
		c.settled()
		closed := make(chan error, 1)
		go func() { closed <- w.registry.Close(t.Context()) }()
		synctest.Wait()
		c.send(`{"jsonrpc":"2.0","id":"srv-1","result":{"roots":[]}}`)
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		if got := c.settled(); len(got) != 1 || !strings.Contains(got[0], `"id":1`) {
			t.Errorf("got %v", got)
		}
	})
}

func TestCloseCancelsWhatDoesNotFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.hello(OpenOptions{})
		c.call(1, "wait", "")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := w.registry.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if cause := <-w.ended; !errors.Is(cause, ErrShuttingDown) {
			t.Errorf("the call ended with %v", cause)
		}
	})
}

func TestCloseDoesNotWaitForeverForATool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.hello(OpenOptions{})
		c.call(1, "stubborn", "")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if err := w.registry.Close(ctx); err == nil || !strings.Contains(err.Error(), "did not return") {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(start); took != 10*time.Second+stuckGrace {
			t.Errorf("close took %s", took)
		}
		w.gate <- struct{}{}
	})
}

func TestAnOperatorEndsASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{ResumeWindow: time.Minute}})
		a, b := w.hello(OpenOptions{}), w.hello(OpenOptions{})
		if !w.registry.End(a.id()) || !w.registry.End(Handle(b.id())) {
			t.Error("a session was not found")
		}
		if w.registry.End(a.id()) || w.registry.End("") {
			t.Error("a session that is not there was ended")
		}
		if cause := a.stream.Cause(); !errors.Is(cause, errEnded) {
			t.Errorf("its stream ended with %v", cause)
		}
		if again := a.back(1); again.stream.Resumed() {
			t.Error("an ended session was resumed")
		}
	})
}

func TestSessionsAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{ResumeWindow: time.Minute}})
		c := w.open(OpenOptions{Principal: principals("reader"), Addr: "192.0.2.1", Wire: WireSSE})
		c.send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"acme","version":"3"}}}`)
		c.call(2, "wait", "")
		advance(time.Second)
		w.hello(OpenOptions{}).stream.Close(ClientGone())
		opened := time.Now().Add(-time.Second)
		all := w.registry.Sessions()
		want := SessionInfo{
			ID: c.id(), Handle: Handle(c.id()), Wire: WireSSE, Principal: "reader", Addr: "192.0.2.1",
			Client: Implementation{Name: "acme", Version: "3"}, Revision: "2025-06-18", Opened: opened, Active: opened,
			Connected: true, Outbox: 1, Calls: 1, Messages: 2,
		}
		if len(all) != 2 || !sameInfo(all[0], want) || all[1].Connected {
			t.Errorf("\n got %+v\nwant %+v first", all, want)
		}
		if strings.Contains(want.Handle, want.ID[6:]) {
			t.Errorf("the handle %s holds the id", want.Handle)
		}
		w.gate <- struct{}{}
	})
}

func sameInfo(a, b SessionInfo) bool {
	same := a.Opened.Equal(b.Opened) && a.Active.Equal(b.Active)
	a.Opened, a.Active, b.Opened, b.Active = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return same && a.Handle == b.Handle && a.ID == b.ID && a.Wire == b.Wire && a.Principal == b.Principal && a.Addr == b.Addr &&
		a.Client.Name == b.Client.Name && a.Client.Version == b.Client.Version && a.Revision == b.Revision &&
		a.Connected == b.Connected && a.Inbox == b.Inbox && a.Outbox == b.Outbox && a.Calls == b.Calls && a.Messages == b.Messages
}

func TestNothingIsLeftOfAThousandSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{ResumeWindow: time.Minute}})
		for i := range 1000 {
			c := w.hello(OpenOptions{Principal: principals([]string{"reader", "writer", ""}[i%3]), Addr: "192.0.2.1"})
			c.call(1, "add", `,"arguments":{"a":1}`)
			c.next()
			c.stream.Close(ClientGone())
		}
		if n, connected := w.registry.Count(); n != 1000 || connected != 0 {
			t.Errorf("%d sessions, %d connected", n, connected)
		}
		advance(time.Minute)
		leavesNothing(t, w.registry)
		if w.heard.opened != 1000 || len(w.heard.closed) != 1000 {
			t.Errorf("the observer heard of %d opened and %d closed", w.heard.opened, len(w.heard.closed))
		}
	})
}

// leavesNothing demands that a registry remembers nothing.
func leavesNothing(t *testing.T, r *Registry) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sessions)+len(r.byPrincipal)+len(r.byAddress)+len(r.places)+r.waiting.Len() != 0 {
		t.Errorf("left: %d sessions, %v, %v, %d places, %d waiting",
			len(r.sessions), r.byPrincipal, r.byAddress, len(r.places), r.waiting.Len())
	}
}

func TestNewRegistryNeedsItsBounds(t *testing.T) {
	server := newServer(t, Features{}, Options{})
	if _, err := NewRegistry(server, RegistryOptions{Inbox: 1, OutboxEvents: 1, OutboxBytes: 1}); err == nil {
		t.Error("a registry without a bound on calls was made")
	}
}

// A client that opened a new stream may go on without a new initialize: what it says beside its messages counts.
func TestARevisionClaimedBesideAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.open(OpenOptions{})
		claimed, _ := RevisionNamed("2025-06-18")
		m, _ := Decode([]byte(callOf(1, "add", `,"arguments":{"a":1}`)))
		if err := w.registry.Deliver(c.id(), c.principal, m, claimed); err != nil {
			t.Fatal(err)
		}
		if got := c.settled(); len(got) != 1 || !strings.Contains(got[0], `"structuredContent":{"sum":2}`) {
			t.Errorf("got %v", got)
		}
		if err := w.server.SetFeatures(Features{}); err != nil {
			t.Fatal(err)
		}
		if got := c.settled(); len(got) != 3 {
			t.Errorf("it hears of changed lists as an initialized session does: %v", got)
		}
		c.send(`{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}`)
		m, _ = Decode([]byte(callOf(3, "read_more", `,"arguments":{"continuation":"x"}`)))
		if err := w.registry.Deliver(c.id(), c.principal, m, claimed); err != nil {
			t.Fatal(err)
		}
		c.settled()
		if got := w.registry.Sessions()[0].Revision; got != "2025-03-26" {
			t.Errorf("after initialize the revision is %s", got)
		}
	})
}
