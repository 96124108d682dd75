package handlers

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"toolgate/config"
)

// TestSessionsWithKeys: what operators see of others' sessions is good for looking and ending, and for nothing else.
func TestSessionsWithKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withKeys)
		s := w.open("/sse", w.bearer("reader"))
		for _, name := range []string{"reader", "writer"} {
			for _, r := range []string{"GET /sessions", "GET /sessions/" + s.id(), "DELETE /sessions/" + s.id(), "GET /metrics"} {
				method, path, _ := strings.Cut(r, " ")
				got := w.do(method, path, "", w.bearer(name))
				got.wantRefused(t, http.StatusForbidden, "insufficient_scope")
				got.wantHeader(t, "WWW-Authenticate", `Bearer realm="toolgate", error="insufficient_scope", scope="admin"`)
			}
		}
		listed := w.get("/sessions", w.bearer("admin"))
		var list struct {
			Count    int
			Sessions []string
		}
		if err := json.Unmarshal([]byte(listed.body), &list); err != nil || list.Count != 1 || len(list.Sessions) != 1 {
			t.Fatalf("got %s (%v), want one session", listed.body, err)
		}
		handle := list.Sessions[0]
		for _, path := range []string{"/sessions", "/sessions?verbose=1", "/sessions/" + handle, "/sessions/" + s.id()} {
			got := w.get(path, w.bearer("admin"))
			if got.status != http.StatusOK || strings.Contains(got.body, s.id()) || strings.Contains(got.body, w.keys["reader"]) {
				t.Errorf("GET %s: got %d %s, want no secret in it", path, got.status, got.body)
			}
			if path != "/sessions" && !strings.Contains(got.body, `"principal":"reader"`) && !strings.Contains(got.body, `"principal":"key:reader"`) {
				t.Errorf("GET %s: got %s, want to see whose it is", path, got.body)
			}
		}
		for _, name := range []string{"reader", "admin"} {
			if got := w.post("/messages?session_id="+handle, ping("1"), w.bearer(name)); got.status != http.StatusNotFound {
				t.Errorf("POST by the handle: got %d %s, want 404", got.status, got.body)
			}
		}
		if got := w.do("DELETE", "/sessions/"+handle, "", w.bearer("admin")); got.status != http.StatusNoContent {
			t.Errorf("DELETE by the handle: got %d %s, want 204", got.status, got.body)
		}
		s.wantEnd()
		if got := w.post(s.endpoint, ping("1"), w.bearer("reader")); got.status != http.StatusNotFound {
			t.Errorf("POST to the ended session: got %d, want 404", got.status)
		}
	})
}

// TestSessionsBeyondLoopback: without auth nobody on the network is an operator.
func TestSessionsBeyondLoopback(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Server.Host = "0.0.0.0" })
	for _, path := range []string{"/sessions", "/metrics"} {
		w.get(path).wantRefused(t, http.StatusForbidden, "insufficient_scope")
	}
	if got := w.post("/mcp", ping("1")); got.body != pong("1") {
		t.Errorf("a call: got %d %s, want it served", got.status, got.body)
	}
}

// TestSessionsShowQueues: what is under way can be seen.
func TestSessionsShowQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *config.Config) { c.Limits.CallsPerSession = 1 })
		s := w.open("/sse")
		s.post(call("1", "wait", `{}`))
		s.post(call("2", "wait", `{}`))
		synctest.Wait()
		got := w.get("/sessions/" + s.id()).body
		for _, want := range []string{`"callsInFlight":1`, `"inbox":1`, `"messages":2`, `"connected":true`} {
			if !strings.Contains(got, want) {
				t.Errorf("got %s, want %s in it", got, want)
			}
		}
	})
}

func TestSessionLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		adjust func(*config.Config)
		open   []string // the principal and address of each that fits
		full   string   // of the one that does not
		free   string   // of one that still does; empty where none does
	}{
		{
			"an address", func(c *config.Config) { c.Limits.SessionsPerAddress = 2 },
			[]string{"reader 192.0.2.1", "other 192.0.2.1"},
			"reader 192.0.2.1", "reader 192.0.2.2",
		},
		{
			"an IPv6 network", func(c *config.Config) { c.Limits.SessionsPerAddress = 2 },
			[]string{"reader 2001:db8::1", "reader 2001:db8::2"},
			"reader 2001:db8::3", "reader 2001:db8:0:1::1",
		},
		{
			"a principal", func(c *config.Config) { c.Limits.SessionsPerClient = 2 },
			[]string{"reader 192.0.2.1", "reader 192.0.2.2"},
			"reader 192.0.2.3", "other 192.0.2.3",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, withKeys, tt.adjust)
			by := func(who string) (*client, string) {
				name, address, _ := strings.Cut(who, " ")
				return w.at(address), w.bearer(name)
			}
			var streams []*stream
			for _, who := range tt.open {
				c, key := by(who)
				streams = append(streams, c.open("/sse", key))
			}
			c, key := by(tt.full)
			got := c.get("/sse", key)
			got.wantError(t, http.StatusTooManyRequests, -32600, "null")
			got.wantHeader(t, "Retry-After", "1")
			c, key = by(tt.free)
			c.open("/sse", key)
			for i, s := range streams {
				_, key := by(tt.open[i])
				if got := s.ask(ping("1"), key); got != pong("1") {
					t.Errorf("a session that was there: got %s", got)
				}
			}
		})
	}
}

// TestSessionsMakeRoom: a session that only waits for its client to come back gives way to a new one.
func TestSessionsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *config.Config) { c.Limits.Sessions = 1 })
		s := w.open("/sse")
		s.ask(ping("1"))
		s.leave()
		if got := w.open("/sse").ask(ping("2")); got != pong("2") {
			t.Errorf("got %s", got)
		}
		if sessions, _ := w.registry.Count(); sessions != 1 {
			t.Errorf("got %d sessions, want the new one", sessions)
		}
	})
}

func TestServerFullOfSessions(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Limits.Sessions = 1 })
	first := w.at("192.0.2.1").open("/sse")
	got := w.at("192.0.2.2").get("/sse")
	got.wantError(t, http.StatusServiceUnavailable, -32603, "null")
	got.wantHeader(t, "Retry-After", "5")
	if got := first.ask(ping("1")); got != pong("1") {
		t.Errorf("the session that is there: %s", got)
	}
}
