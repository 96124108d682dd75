package handlers

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

// pass lets virtual time pass, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// leave loses the client's connection and waits until the server has seen it, in a bubble.
func (s *stream) leave() {
	s.close()
	synctest.Wait()
}

// TestResume: who comes back in time gets the session it had, and what it missed in the meantime, once.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.open("/sse")
		if got := s.ask(ping("1")); got != pong("1") {
			t.Fatalf("got %s", got)
		}
		seen := s.last
		s.post(call("2", "wait", `{}`))
		<-w.pack.began
		if got := s.ask(ping("3")); got != pong("3") {
			t.Fatalf("got %s", got)
		}
		s.leave()
		if got := w.post(s.endpoint, ping("4")); got.status != http.StatusNotFound {
			t.Errorf("POST while the stream is gone: got %d %s, want 404", got.status, got.body)
		}
		w.pack.gate <- struct{}{}
		pass(59 * time.Second)

		again := w.open("/sse", "Last-Event-ID: "+seen)
		if again.endpoint != s.endpoint {
			t.Fatalf("endpoint of the resumed stream: got %s, want %s", again.endpoint, s.endpoint)
		}
		for _, want := range []string{pong("3"), textResult("2", "let go")} {
			if got := again.next(); got != want {
				t.Errorf("missed: got %s, want %s", got, want)
			}
		}
		if got := again.ask(ping("5")); got != pong("5") {
			t.Errorf("after the resume: got %s", got)
		}
		if sessions, connected := w.registry.Count(); sessions != 1 || connected != 1 {
			t.Errorf("got %d sessions, %d connected, want the one", sessions, connected)
		}
	})
}

// TestResumeOfAnOpenStream: a client may be back before its loss is known; the stream it had then ends.
func TestResumeOfAnOpenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.open("/sse")
		s.ask(ping("1"))
		again := w.open("/sse", "Last-Event-ID: "+s.last)
		if again.endpoint != s.endpoint {
			t.Errorf("endpoint: got %s, want the session's own %s", again.endpoint, s.endpoint)
		}
		if frames := s.wantEnd(); len(frames) > 0 {
			t.Errorf("the replaced stream: got %q more", frames)
		}
		if got := again.ask(ping("2")); got != pong("2") {
			t.Errorf("got %s", got)
		}
	})
}

// TestResumeRefused: a new session is opened where the old one cannot be had, and nothing of another's is replayed.
func TestResumeRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		adjust func(*config.Config)
		away   time.Duration
		by     string // who comes back
	}{
		{"after the window", withKeys, 61 * time.Second, "reader"},
		{"by another principal", withKeys, time.Second, "other"},
		{"with no window", func(c *config.Config) { withKeys(c); c.SSE.ResumeWindow = 0 }, time.Second, "reader"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.adjust)
				s := w.open("/sse", w.bearer("reader"))
				s.ask(ping("1"), w.bearer("reader"))
				s.ask(ping("2"), w.bearer("reader"))
				s.leave()
				pass(tt.away)
				again := w.open("/sse", w.bearer(tt.by), "Last-Event-ID: "+s.id()+".1")
				if again.id() == s.id() {
					t.Fatal("the session was resumed")
				}
				if got := again.ask(ping("3"), w.bearer(tt.by)); got != pong("3") {
					t.Errorf("the first message of the new session: got %s, want %s", got, pong("3"))
				}
			})
		})
	}
}

// TestLastEventIDOfStrangers: whatever stands there, a stream opens, on a new session.
func TestLastEventIDOfStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.open("/sse")
		s.ask(ping("1"))
		s.leave()
		for _, id := range []string{
			"garbage", "-1", "1", ".", s.id(), s.id() + ".", s.id() + ".-1", s.id() + ".1.1", s.id() + ".+1",
			s.id()[:31] + ".1", s.id() + ".18446744073709551616", "%00", "é",
		} {
			if got := w.open("/sse", "Last-Event-ID: "+id); got.id() == s.id() {
				t.Errorf("Last-Event-ID %q resumed the session", id)
			}
		}
		// A number that the session never sent is a gap: it ends rather than pretend.
		if got := w.open("/sse", "Last-Event-ID: "+s.id()+".7"); got.id() == s.id() {
			t.Error("a client that saw the future resumed the session")
		}
	})
}
