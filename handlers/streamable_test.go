package handlers

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

// TestBegin: an initialize opens a session where its client can take a stream; else it is answered, and nothing stays.
func TestBegin(t *testing.T) {
	good := initialize("2025-11-25", "{}")
	for _, tt := range []struct {
		name, body string
		headers    []string
		status     int
		session    bool
		want       string // in the body
	}{
		{"both types", good, []string{both}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"both, the other way round", good, []string{"Accept: text/event-stream;q=0.9, application/json"}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"both, on two lines", good, []string{"Accept: application/json", "Accept: text/event-stream"}, 200, true, `"protocolVersion"`},
		{"an older revision", initialize("2025-03-26", "{}"), []string{both}, 200, true, `"protocolVersion":"2025-03-26"`},
		{"a revision that is not served", initialize("9999-99-99", "{}"), []string{both}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"a stateless one, which no handshake can settle", initialize("2026-07-28", "{}"), []string{both}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"an old version header", good, []string{both, "MCP-Protocol-Version: 2024-11-05"}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"a wrong version header", good, []string{both, "MCP-Protocol-Version: banana"}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"headers of later revisions", good, []string{both, "Mcp-Method: tools/call", "Mcp-Name: x"}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"a claim of a revision with a handshake", strings.Replace(good, `"params":{`, `"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"},`, 1), []string{both}, 200, true, `"protocolVersion":"2025-11-25"`},
		{"JSON alone", good, []string{"Accept: application/json"}, 200, false, `"protocolVersion":"2025-11-25"`},
		{"anything", good, []string{"Accept: */*"}, 200, false, `"protocolVersion":"2025-11-25"`},
		{"no Accept", good, nil, 200, false, `"protocolVersion":"2025-11-25"`},
		{"a stream alone", good, []string{"Accept: text/event-stream"}, 406, false, `"id":0`},
		{"neither", good, []string{"Accept: text/html"}, 406, false, `"id":null`},
		{"params of the wrong type", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":7}}`, []string{both}, 200, false, `"code":-32602`},
		{
			"a name of 100 kB", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"` +
				strings.Repeat("x", 100_000) + `","version":"1"}}}`, []string{both}, 200, false, `"code":-32602`,
		},
		{"a notification", `{"jsonrpc":"2.0","method":"initialize"}`, []string{both}, 400, false, ``},
		{"in a batch", "[" + good + "]", []string{both}, 400, false, `"code":-32600`},
		{"in a batch, JSON alone", "[" + good + "]", nil, 400, false, `"code":-32600`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			got := w.post("/mcp", tt.body, tt.headers...)
			if got.status != tt.status || !strings.Contains(got.body, tt.want) {
				t.Errorf("got %d %s, want %d with %s", got.status, got.body, tt.status, tt.want)
			}
			if id := got.header.Get("Mcp-Session-Id"); (id != "") != tt.session || tt.session && len(id) != 32 {
				t.Errorf("Mcp-Session-Id: got %q, want one: %v", id, tt.session)
			}
			want := 0
			if tt.session {
				want = 1
			}
			if sessions, _ := w.registry.Count(); sessions != want {
				t.Errorf("%d sessions are left, want %d", sessions, want)
			}
		})
	}
}

// TestBeginTwice: a session is initialized once, and goes on.
func TestBeginTwice(t *testing.T) {
	s := newWorld(t).begin("2025-06-18")
	s.send(initialize("2025-11-25", "{}")).wantError(t, http.StatusOK, -32600, "0")
	got := s.send(ping("1"))
	got.wantHeader(t, "Mcp-Session-Id", "")
	if got.body != pong("1") {
		t.Errorf("afterwards: got %d %s", got.status, got.body)
	}
}

// TestSessionIDs: a session's id must be there, and be one that lives and is the caller's, whatever the method.
func TestSessionIDs(t *testing.T) {
	w := newWorld(t, withKeys)
	own := w.begin("2025-11-25", w.bearer("reader"))
	foreign := w.begin("2025-11-25", w.bearer("other"))
	gone := w.begin("2025-11-25", w.bearer("reader"))
	if got := gone.do(http.MethodDelete, "/mcp", "", gone.head...); got.status != http.StatusNoContent || got.body != "" {
		t.Fatalf("DELETE: got %d %q, want 204 and nothing", got.status, got.body)
	}
	changed := "0" + own.id[1:]
	if own.id[0] == '0' {
		changed = "1" + own.id[1:]
	}
	for _, tt := range []struct {
		name, id        string
		post, get, drop int
	}{
		{"missing", "", 400, 405, 400},
		{"never issued", "0123456789abcdef0123456789abcdef", 404, 404, 404},
		{"one character changed", changed, 404, 404, 404},
		{"in capitals", strings.ToUpper(own.id) + "X", 404, 404, 404},
		{"another's", foreign.id, 404, 404, 404},
		{"of a session that was ended", gone.id, 404, 404, 404},
		{"of 20 kB", strings.Repeat("x", 20_000), 404, 404, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			change := "Mcp-Session-Id: " + tt.id
			if tt.id == "" {
				change = "-Mcp-Session-Id"
			}
			own.send(ping("7"), change).wantError(t, tt.post, -32600, "7")
			if got := own.send(initialized, change); got.status != tt.post {
				t.Errorf("a notification: got %d %s, want %d", got.status, got.body, tt.post)
			}
			if got := own.send(`{"jsonrpc":"2.0","id":"srv-1","result":{}}`, change); got.status != tt.post {
				t.Errorf("a response: got %d %s, want %d", got.status, got.body, tt.post)
			}
			got := own.get("/mcp", override(own.head, change)...)
			if got.status != tt.get || tt.get == 405 && got.header.Get("Allow") != "POST" {
				t.Errorf("GET: got %d %s (Allow %q), want %d", got.status, got.body, got.header.Get("Allow"), tt.get)
			}
			if got := own.do(http.MethodDelete, "/mcp", "", override(own.head, change)...); got.status != tt.drop {
				t.Errorf("DELETE: got %d %s, want %d", got.status, got.body, tt.drop)
			}
		})
	}
	for _, s := range []*httpSession{own, foreign} {
		if got := s.send(ping("1")); got.body != pong("1") {
			t.Errorf("a session that nobody ended: got %d %s", got.status, got.body)
		}
	}
}

// TestOneSessionIsNotEverybodys: a request without a session's id never falls back on the only session there is.
func TestOneSessionIsNotEverybodys(t *testing.T) {
	w := newWorld(t)
	s := w.begin("2025-11-25")
	w.post("/mcp", call("1", "uppercase_text", `{"text":"x"}`), both).wantError(t, http.StatusBadRequest, -32600, "1")
	if n := w.pack.ran.Load(); n != 0 {
		t.Errorf("%d calls ran", n)
	}
	if got := s.send(ping("1")); got.body != pong("1") {
		t.Errorf("the session: got %d %s", got.status, got.body)
	}
}

// TestSessionVersionHeader: the header must name a revision with a handshake; the one that was negotiated is what counts.
func TestSessionVersionHeader(t *testing.T) {
	w := newWorld(t)
	s := w.begin("2025-03-26")
	batch := "[" + ping("1") + "]"
	for _, version := range []string{"-MCP-Protocol-Version", "MCP-Protocol-Version: 2025-03-26", "MCP-Protocol-Version: 2025-11-25", "MCP-Protocol-Version: 2024-11-05"} {
		if got := s.send(batch, version); got.status != http.StatusOK || got.body != "["+pong("1")+"]" {
			t.Errorf("%s: got %d %s, want the negotiated revision's batch answered", version, got.status, got.body)
		}
	}
	for _, version := range []string{"banana", "2099-01-01", "2025-03-26, 2025-03-26", "<script>", strings.Repeat("9", 10_000)} {
		header := "MCP-Protocol-Version: " + version
		s.send(ping("1"), header).wantError(t, http.StatusBadRequest, -32600, "1")
		s.get("/mcp", override(s.head, header)...).wantError(t, http.StatusBadRequest, -32600, "null")
		s.do(http.MethodDelete, "/mcp", "", override(s.head, header)...).wantError(t, http.StatusBadRequest, -32600, "null")
	}
	s.get("/mcp", override(s.head, "MCP-Protocol-Version: 2026-07-28")...).wantError(t, http.StatusBadRequest, -32600, "null")
	if got := s.send(ping("2")); got.body != pong("2") {
		t.Errorf("the session after all that: got %d %s", got.status, got.body)
	}
}

// TestSessionBatches: batches are in one revision alone.
func TestSessionBatches(t *testing.T) {
	batch := "[" + call("1", "uppercase_text", `{"text":"a"}`) + "," + initialized + "," + ping("2") + "," + call("3", "uppercase_text", `{"text":"b"}`) + "]"
	for revision, served := range map[string]bool{"2024-11-05": false, "2025-03-26": true, "2025-06-18": false, "2025-11-25": false} {
		t.Run(revision, func(t *testing.T) {
			s := newWorld(t).begin(revision)
			got := s.send(batch)
			if !served {
				got.wantError(t, http.StatusBadRequest, -32600, "null")
				return
			}
			if want := "[" + textResult("1", "A") + "," + pong("2") + "," + textResult("3", "B") + "]"; got.status != http.StatusOK || got.body != want {
				t.Errorf("got %d %s, want 200 %s", got.status, got.body, want)
			}
			if got := s.send("[" + initialized + "," + initialized + "]"); got.status != http.StatusAccepted || got.body != "" {
				t.Errorf("notifications alone: got %d %q, want 202 and nothing", got.status, got.body)
			}
			if got := s.send("[" + initialize("2025-03-26", "{}") + "]"); !strings.Contains(got.body, "-32601") {
				t.Errorf("initialize in a batch: got %d %s, want it refused", got.status, got.body)
			}
		})
	}
}

// TestResponsesAndNotifications: what wants no answer is 202 and nothing, known or not.
func TestResponsesAndNotifications(t *testing.T) {
	s := newWorld(t).begin("2025-11-25")
	for _, message := range []string{
		initialized, initialized,
		`{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled"}`,
		`{"jsonrpc":"2.0","method":"no/such"}`,
		`{"jsonrpc":"2.0","id":"srv-1","result":{}}`,
		`{"jsonrpc":"2.0","id":77,"error":{"code":-1,"message":"no"}}`,
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}`,
	} {
		s.tell(message)
	}
	s.send(`{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}`).wantError(t, http.StatusBadRequest, -32600, "1")
	s.send(`{"jsonrpc":"2.0","result":{}}`).wantError(t, http.StatusBadRequest, -32600, "null")
}

// TestEndOfSession: DELETE cancels what runs and ends every stream; after that the id names nothing.
func TestEndOfSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).talk()
		s := w.begin("2025-11-25")
		standing := s.stream(http.MethodGet, "/mcp", "", s.head...)
		working := s.flow(call("1", "tell", `{"steps":3,"every":3600000}`))
		if got := s.do(http.MethodDelete, "/mcp", "", s.head...); got.status != http.StatusNoContent {
			t.Fatalf("DELETE: got %d %s, want 204", got.status, got.body)
		}
		w.heard() // the tool's ctx has ended
		standing.wantEnd()
		for _, frame := range working.wantEnd() {
			if strings.Contains(frame, `"id":1`) {
				t.Errorf("on the call's stream: got %s, want no answer", frame)
			}
		}
		s.send(ping("2")).wantError(t, http.StatusNotFound, -32600, "2")
		s.do(http.MethodDelete, "/mcp", "", s.head...).wantError(t, http.StatusNotFound, -32600, "null")
		if sessions, _ := w.registry.Count(); sessions != 0 {
			t.Errorf("%d sessions are left", sessions)
		}
	})
}

// TestIdleSession: a session that nobody uses ends by itself.
func TestIdleSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *config.Config) { c.Limits.SessionIdle = 10 * time.Minute })
		s := w.begin("2025-11-25")
		standing := s.stream(http.MethodGet, "/mcp", "", s.head...)
		standing.follow()
		pass(time.Hour)
		if got := s.send(ping("1")); got.body != pong("1") {
			t.Errorf("with its standing stream open: got %d %s, want the session alive", got.status, got.body)
		}
		standing.leave()
		pass(11 * time.Minute)
		s.send(ping("2")).wantError(t, http.StatusNotFound, -32600, "2")
	})
}

// TestTooManySessions: over the limit an initialize is told to come again, and the sessions that are there live on.
func TestTooManySessions(t *testing.T) {
	w := newWorld(t, withKeys, func(c *config.Config) { c.Limits.SessionsPerClient = 3 })
	var open []*httpSession
	for range 3 {
		open = append(open, w.begin("2025-11-25", w.bearer("reader")))
	}
	got := w.post("/mcp", initialize("2025-11-25", "{}"), both, w.bearer("reader"))
	got.wantError(t, http.StatusTooManyRequests, -32600, "0")
	if got.header.Get("Retry-After") == "" || got.header.Get("Mcp-Session-Id") != "" {
		t.Errorf("got headers %v, want Retry-After and no session", got.header)
	}
	for _, s := range open {
		if got := s.send(ping("1")); got.body != pong("1") {
			t.Errorf("a session from before: got %d %s", got.status, got.body)
		}
	}
	w.begin("2025-11-25", w.bearer("other"))
}
