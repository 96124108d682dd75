package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

const listChanged = `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`

// TestStandingStream: a session's GET begins at once, has comments, and brings what belongs to no request.
func TestStandingStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.begin("2025-06-18")
		began := time.Now()
		standing := s.listen()
		if took := time.Since(began); took != 0 {
			t.Errorf("its first bytes came after %v, want them at once", took)
		}
		if frame, err := standing.frame(); err != nil || !strings.HasPrefix(frame, ": ping - ") {
			t.Errorf("got %q (%v), want a comment", frame, err)
		}
		w.talk()
		if frame, err := standing.frame(); err != nil || frame != "event: message\nid: 0_1\ndata: "+listChanged+"\n\n" {
			t.Errorf("got %q (%v), want what changed", frame, err)
		}
		if got := s.send(ping("1")); got.body != pong("1") {
			t.Errorf("a POST beside it: got %d %s, want its answer there", got.status, got.body)
		}
		s.do(http.MethodDelete, "/mcp", "", s.head...)
		for _, frame := range standing.wantEnd() {
			if strings.Contains(frame, "data") {
				t.Errorf("on the standing stream: %q, want nothing more", frame)
			}
		}
	})
}

// TestStandingStreamWaits: what changed while no stream was open is told to the next one, once.
func TestStandingStreamWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.begin("2025-06-18")
		w.talk()
		standing := s.listen()
		if got := standing.next(); got != listChanged {
			t.Errorf("got %s, want what changed before", got)
		}
		standing.leave()
		again := s.listen()
		if frame, err := again.frame(); err != nil || !strings.HasPrefix(frame, ": ping") {
			t.Errorf("the next stream: got %q (%v), want nothing that was told before", frame, err)
		}
	})
}

// TestSecondStandingStream: a session has one standing stream; who comes back with the last event's id takes it over, and
// no message is told twice.
func TestSecondStandingStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.begin("2025-06-18")
		first := s.listen()
		s.get("/mcp", s.head...).wantError(t, http.StatusConflict, -32600, "null")
		w.talk()
		if got := first.next(); got != listChanged {
			t.Fatalf("the first stream after the second was refused: got %s", got)
		}
		second := s.listen("Last-Event-ID: " + first.last)
		first.wantEnd()
		w.must(w.server.SetFeatures(w.pack.features()))
		if frame, err := second.frame(); err != nil || frame != "event: message\nid: 0_2\ndata: "+listChanged+"\n\n" {
			t.Errorf("the stream that took over: got %q (%v), want the event after the last", frame, err)
		}
		second.leave()
		third := s.listen("Last-Event-ID: 0_1")
		if frame, err := third.frame(); err != nil || frame != "event: message\nid: 0_2\ndata: "+listChanged+"\n\n" {
			t.Errorf("a stream that missed an event: got %q (%v), want it again", frame, err)
		}
	})
}

func TestStandingStreamRefused(t *testing.T) {
	w := newWorld(t)
	s, other := w.begin("2025-11-25"), w.begin("2025-11-25")
	for name, tt := range map[string]struct {
		change string
		status int
	}{
		"JSON alone":              {"Accept: application/json", 406},
		"an event of no lane":     {"Last-Event-ID: 99_1", 400},
		"an event that never was": {"Last-Event-ID: 0_99", 400},
		"a negative one":          {"Last-Event-ID: 0_-1", 400},
		"no event id":             {"Last-Event-ID: banana", 400},
		"one of HTTP+SSE":         {"Last-Event-ID: " + s.id + ".0", 400},
		"one of 20 kB":            {"Last-Event-ID: " + strings.Repeat("9", 20_000), 400},
		"one with markup":         {"Last-Event-ID: <script>", 400},
	} {
		got := s.get("/mcp", override(s.head, tt.change)...)
		got.wantError(t, tt.status, -32600, "null")
		if strings.Contains(got.body, "<script>") || got.status != tt.status {
			t.Errorf("%s: got %d %s, want %d", name, got.status, got.body, tt.status)
		}
	}
	for _, accept := range []string{"text/event-stream", "*/*", "text/*", both[len("Accept: "):]} {
		got := other.stream(http.MethodGet, "/mcp", "", override(other.head, "Accept: "+accept, "Last-Event-ID: 0_0")...)
		got.close()
	}
}

// TestHeadOfMCP: HEAD ends at once and opens nothing.
func TestHeadOfMCP(t *testing.T) {
	w := newWorld(t)
	if got := w.do(http.MethodHead, "/mcp", ""); got.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD /mcp: got %d, want 405", got.status)
	}
	if sessions, _ := w.registry.Count(); sessions != 0 {
		t.Errorf("%d sessions are left", sessions)
	}
}

// TestDisconnectIsNoCancel: a call goes on when its client's connection breaks, and the client that comes back with the id
// of the last event gets what it missed, and nothing of other streams.
func TestDisconnectIsNoCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).talk()
		s := w.begin("2025-11-25")
		answer := s.flow(call("1", "tell", `{"steps":3,"every":5000}`))
		if got, err := answer.frame(); err != nil || got != "id: 2_0\nretry: 1000\ndata: \n\n" {
			t.Fatalf("got %q (%v), want the stream primed", got, err)
		}
		first := answer.next() // a log message
		answer.leave()
		if got := s.send(call("2", "uppercase_text", `{"text":"meanwhile"}`)); got.body != textResult("2", "MEANWHILE") {
			t.Errorf("another call meanwhile: got %s", got.body)
		}
		pass(11 * time.Second)
		again := s.listen("Last-Event-ID: " + answer.last)
		var got []string
		for _, frame := range again.wantEnd() {
			if !strings.HasPrefix(frame, ":") {
				got = append(got, strings.TrimSpace(frame[strings.Index(frame, "data: ")+len("data: "):]))
			}
		}
		if want := []string{first, first, textResult("1", "told")}; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %q, want what was missed: %q", got, want)
		}
		// All of it can be had again within the window, and then no more.
		twice := s.listen("Last-Event-ID: 2_0")
		if frames := twice.wantEnd(); len(frames) != 4 {
			t.Errorf("from the beginning: got %q, want all four events", frames)
		}
		pass(2 * time.Minute)
		s.get("/mcp", override(s.head, "Last-Event-ID: 2_0")...).wantError(t, http.StatusBadRequest, -32600, "null")
	})
}

// TestDisconnectBeforeAnyEvent: a client that knows no event's id cannot come back; its call ends as it would have.
func TestDisconnectBeforeAnyEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.begin("2025-06-18")
		answer := s.flow(call("1", "wait", `{}`))
		w.heard()
		answer.close()
		synctest.Wait()
		w.pack.gate <- struct{}{} // whom a cancelled call would not take
		if got := s.send(ping("2")); got.body != pong("2") {
			t.Errorf("the session afterwards: got %d %s", got.status, got.body)
		}
	})
}

// TestHangup: a tool that works for long lets its client go, who comes back for the answer.
func TestHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).talk()
		s := w.begin("2025-11-25")
		answer := s.flow(call("1", "hangup", `{}`))
		if got, err := answer.frame(); err != nil || got != "id: 2_0\nretry: 1000\ndata: \n\n" {
			t.Errorf("got %q (%v), want the stream primed", got, err)
		}
		answer.wantEnd()
		pass(time.Second)
		again := s.listen("Last-Event-ID: 2_0")
		w.pack.gate <- struct{}{}
		if got := again.next(); got != textResult("1", "come back") {
			t.Errorf("got %s", got)
		}
		again.wantEnd()
	})
	t.Run("not one who would not come back", func(t *testing.T) {
		for name, headers := range map[string]struct{ revision, accept string }{
			"an older revision": {"2025-06-18", both},
			"JSON alone":        {"2025-11-25", "Accept: application/json"},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t).talk()
					s := w.begin(headers.revision)
					go func() { w.pack.gate <- struct{}{} }()
					if got := s.send(call("1", "hangup", `{}`), headers.accept); got.body != textResult("1", "come back") {
						t.Errorf("got %d %s, want the answer", got.status, got.body)
					}
				})
			})
		}
	})
}

// TestStreamsAtShutdown: calls under way are answered, then the standing stream ends.
func TestStreamsAtShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *config.Config) { c.SSE.ResumeWindow = time.Minute })
		s := w.begin("2025-06-18")
		standing := s.listen()
		answer := s.flow(call("1", "wait", `{}`))
		w.heard()
		closed := make(chan error, 1)
		go func() { closed <- w.close(10 * time.Second) }()
		pass(time.Second)
		w.pack.gate <- struct{}{}
		if got := answer.next(); got != textResult("1", "let go") {
			t.Errorf("got %s, want the answer", got)
		}
		answer.wantEnd()
		standing.wantEnd()
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// TestStreamsOfAShutdownSayWhenToComeBack: to clients that know what to make of it, and not to all the same.
func TestStreamsOfAShutdownSayWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var streams []*stream
		for range 5 {
			s := w.begin("2025-11-25")
			standing := s.stream(http.MethodGet, "/mcp", "", s.head...)
			if first, err := standing.frame(); err != nil || !strings.HasPrefix(first, "id: ") {
				t.Fatalf("first: %q, %v", first, err)
			}
			streams = append(streams, standing)
		}
		older := w.begin("2025-06-18").listen()
		closed := make(chan error, 1)
		go func() { closed <- w.close(10 * time.Second) }()
		said := map[string]bool{}
		for _, s := range streams {
			last := strings.Join(s.wantEnd(), "")
			text, ok := strings.CutPrefix(last, "retry: ")
			if ms, err := strconv.Atoi(strings.TrimSpace(text)); !ok || err != nil || ms < 1000 || ms > 5000 {
				t.Errorf("the last frame is %q, want retry: and 1000 to 5000", last)
			}
			said[last] = true
		}
		if len(said) < 2 {
			t.Errorf("all were told %v, want them told apart", said)
		}
		for _, frame := range older.wantEnd() {
			if strings.Contains(frame, "retry") {
				t.Errorf("a client of 2025-06-18 was told %q", frame)
			}
		}
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
	})
}
