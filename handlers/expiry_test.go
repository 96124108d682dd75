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

// skew is how much longer than its token a stream lasts.
var skew = config.Default().Auth.JWT.Skew

// TestStreamsEndWithTheirToken: a stream outlasts its token by no more than the clocks may differ, ends cleanly with all that
// was said on it, and is open again for the next token of the same person.
func TestStreamsEndWithTheirToken(t *testing.T) {
	for _, tt := range []struct {
		name string
		open func(w *world, headers ...string) *stream
	}{
		{"GET /sse", func(w *world, headers ...string) *stream { return w.open("/sse", headers...) }},
		{"GET /mcp", func(w *world, headers ...string) *stream { return w.begin("2025-06-18", headers...).listen() }},
		{"subscriptions/listen", func(w *world, headers ...string) *stream {
			return w.stream(http.MethodPost, "/mcp", alone("1", "subscriptions/listen", `"notifications":{"toolsListChanged":true},`),
				append(aloneHead("subscriptions/listen", ""), headers...)...)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, withOAuth)
				synctest.Wait()
				began := time.Now()
				s := tt.open(w, token(t, "alice", "tools:read", time.Minute))
				lasting := tt.open(w, token(t, "bob", "tools:read", 10*time.Hour))
				lasting.follow()
				s.wantEnd()
				if lasted := time.Since(began); lasted != time.Minute+skew {
					t.Errorf("the stream lasted %v, want a minute and %v", lasted, skew)
				}
				tt.open(w, token(t, "alice", "tools:read", time.Minute)) // and it is to be had again
			})
		})
	}
}

// TestASessionGoesOnWithTheNextToken: over HTTP+SSE the client comes back with Last-Event-ID and another token, and has missed
// nothing.
func TestASessionGoesOnWithTheNextToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withOAuth, func(c *config.Config) { c.MCP.CallTimeout = time.Hour })
		synctest.Wait()
		first, second := token(t, "alice", "tools:read", time.Minute), token(t, "alice", "tools:read", time.Hour)
		s := w.open("/sse", first)
		s.post(call("1", "wait", "{}"), first)
		<-w.pack.began
		s.wantEnd()
		if got := w.post(s.endpoint, ping("2"), first); got.status != http.StatusUnauthorized {
			t.Errorf("a message with the token that is over: got %d, want 401", got.status)
		}
		if got := w.get("/sse", "Last-Event-ID: "+s.last, first); got.status != http.StatusUnauthorized {
			t.Errorf("the stream with the token that is over: got %d, want 401", got.status)
		}
		w.pack.gate <- struct{}{}
		again := w.open("/sse", "Last-Event-ID: "+s.last, second)
		if again.endpoint != s.endpoint {
			t.Errorf("endpoint = %s, want that of the same session, %s", again.endpoint, s.endpoint)
		}
		if got := again.next(); got != textResult("1", "let go") {
			t.Errorf("what was missed: got %s", got)
		}
		if got := again.ask(ping("3"), second); got != pong("3") {
			t.Errorf("with the next token: got %s", got)
		}
	})
}

// TestAnAnswerOutlastsItsToken: a POST that was let in is answered, however long that takes.
func TestAnAnswerOutlastsItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withOAuth, func(c *config.Config) { c.MCP.CallTimeout = time.Hour })
		synctest.Wait()
		short := token(t, "alice", "tools:read", time.Minute)
		s := w.begin("2025-06-18", short)
		answered := make(chan string)
		go func() { answered <- s.send(call("1", "wait", "{}")).body }()
		<-w.pack.began
		<-time.After(10 * time.Minute)
		w.pack.gate <- struct{}{}
		if said := <-answered; !strings.Contains(said, textResult("1", "let go")) {
			t.Errorf("got %q, want the answer on it", said)
		}
		if got := s.send(ping("2")); got.status != http.StatusUnauthorized || !strings.Contains(got.header.Get("WWW-Authenticate"), "expired") {
			t.Errorf("the next message: got %d %s, want 401 that says expired", got.status, got.header.Get("WWW-Authenticate"))
		}
	})
}

// TestASessionIsItsPrincipals: it is known by who comes, not by the token: another token of the same person is welcome, and of
// anybody else there is no such session.
func TestASessionIsItsPrincipals(t *testing.T) {
	w := newWorld(t, withOAuth)
	alice, again, bob := token(t, "alice", "tools:read", time.Hour), token(t, "alice", "tools:write", 2*time.Hour), token(t, "bob", "admin", time.Hour)
	s, sse := w.begin("2025-11-25", alice), w.open("/sse", alice)
	if got := s.send(ping("1"), again); got.body != pong("1") {
		t.Errorf("another token of alice's: got %d %s", got.status, got.body)
	}
	if got := sse.ask(ping("1"), again); got != pong("1") {
		t.Errorf("another token of alice's, over HTTP+SSE: got %s", got)
	}
	s.send(ping("2"), bob).wantError(t, http.StatusNotFound, -32600, "2")
	w.post(sse.endpoint, ping("2"), bob).wantError(t, http.StatusNotFound, -32600, "2")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if got := w.do(method, "/mcp", "", override(s.head, bob)...); got.status != http.StatusNotFound {
			t.Errorf("%s by bob: got %d, want 404", method, got.status)
		}
	}
	if got := w.post("/mcp", ping("3"), override(s.head, "-Authorization")...); got.status != http.StatusUnauthorized {
		t.Errorf("with the session's id and no token: got %d, want 401", got.status)
	}
}

// TestTokensOnOneConnection is row 110: each request of a connection is judged by the token that it brings.
func TestTokensOnOneConnection(t *testing.T) {
	w, _ := restWorld(t, withOAuth)
	request := func(headers ...string) string {
		body := callAlone("1", "write", "{}")
		return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n" +
			strings.Join(append(aloneHead("tools/call", "write"), headers...), "\r\n") + "\r\n\r\n" + body
	}
	writer, reader := token(t, "alice", "tools:write", time.Hour), token(t, "bob", "tools:read", time.Hour)
	said := w.raw(request(writer)+request(reader)+request()+request(writer)+request(writer+"x", "Connection: close"), time.Second)
	var statuses []string
	for _, part := range strings.Split(said, "HTTP/1.1 ")[1:] {
		statuses = append(statuses, part[:3])
	}
	if got, want := strings.Join(statuses, " "), "200 403 401 200 401"; got != want {
		t.Errorf("statuses = %s, want %s:\n%s", got, want, said)
	}
}
