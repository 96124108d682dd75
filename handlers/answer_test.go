package handlers

import (
	"net/http"
	"strings"
	"testing"
)

// TestAnswerVersions: a request names its revision in a header; one that is not served is refused, but for initialize, by
// which a client finds out.
func TestAnswerVersions(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name, version, body string
		status              int
		want                string // in the body
	}{
		{"none", "", ping("1"), 200, pong("1")},
		{"2024-11-05", "2024-11-05", ping("1"), 200, pong("1")},
		{"2025-11-25", "2025-11-25", ping("1"), 200, pong("1")},
		{"banana", "banana", ping("1"), 400, "2025-11-25"},
		{"the future", "2099-01-01", ping("1"), 400, "2025-11-25"},
		{"a hostile one", "<script>", ping("1"), 400, "2025-11-25"},
		{"initialize with banana", "banana", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`, 200, `"protocolVersion":"2025-06-18"`},
		{"initialize with an unknown one inside", "", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"9999-99-99"}}`, 200, `"protocolVersion":"2025-11-25"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.version != "" {
				headers = append(headers, "MCP-Protocol-Version: "+tt.version)
			}
			got := w.post("/mcp", tt.body, headers...)
			if got.status != tt.status || !strings.Contains(got.body, tt.want) {
				t.Errorf("got %d %s, want %d and %s", got.status, got.body, tt.status, tt.want)
			}
			if tt.status == http.StatusBadRequest {
				got.wantError(t, http.StatusBadRequest, -32600, "1")
				got.wantHeader(t, "X-Content-Type-Options", "nosniff")
				if strings.Contains(got.body, tt.version) {
					t.Errorf("got %s, which repeats the header", got.body)
				}
			}
			got.wantHeader(t, "Mcp-Session-Id", "")
		})
	}
}

// TestAnswerAccept: without a session answers are JSON. Who takes a stream as well could have a session, and is told so.
func TestAnswerAccept(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		accept string
		status int
		id     string // of an error
	}{
		{"", 200, ""},
		{"*/*", 200, ""},
		{"application/json", 200, ""},
		{"APPLICATION/JSON", 200, ""},
		{"application/*;q=0.5", 200, ""},
		{strings.Repeat("text/plain, ", 2000) + "*/*", 200, ""},
		{"application/json, text/event-stream", 400, "1"},
		{"text/event-stream, application/json;q=0.1", 400, "1"},
		{"text/event-stream", 406, "1"},
		{"text/*", 406, "1"},
		{"text/html", 406, "null"},
		{"application/jsonp", 406, "null"},
		{strings.Repeat("x", 20_000), 406, "null"},
	} {
		name := tt.accept[:min(len(tt.accept), 50)]
		t.Run(name, func(t *testing.T) {
			var headers []string
			if tt.accept != "" {
				headers = append(headers, "Accept: "+tt.accept)
			}
			got := w.post("/mcp", ping("1"), headers...)
			if tt.status != http.StatusOK {
				got.wantError(t, tt.status, -32600, tt.id)
			} else if got.status != http.StatusOK || got.body != pong("1") {
				t.Errorf("got %d %s, want 200 %s", got.status, got.body, pong("1"))
			}
		})
	}
}

// TestAnswerSession: an Mcp-Session-Id that was never issued names no session.
func TestAnswerSession(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"never-issued", "%00", "%0d%0aX: y", "../mcp", strings.Repeat("x", 20_000)} {
		w.post("/mcp", ping("1"), "Mcp-Session-Id: "+id).wantError(t, http.StatusNotFound, -32600, "1")
		w.get("/mcp", "Mcp-Session-Id: "+id).wantError(t, http.StatusNotFound, -32600, "null")
		w.do(http.MethodDelete, "/mcp", "", "Mcp-Session-Id: "+id).wantError(t, http.StatusNotFound, -32600, "null")
	}
	if sessions, _ := w.registry.Count(); sessions != 0 {
		t.Errorf("%d sessions were left, want none", sessions)
	}
}

func TestAnswerBatch(t *testing.T) {
	w := newWorld(t)
	note := `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	many := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(ping("1")+",", n), ",") + "]" }
	for _, tt := range []struct {
		name, path, version, body string
		status                    int
		want                      string
	}{
		{
			"three and a notification", "/mcp", "", "[" + ping("1") + "," + note + "," + ping(`"b"`) + "," + ping("3") + "]", 200,
			"[" + pong("1") + "," + pong(`"b"`) + "," + pong("3") + "]",
		},
		{"notifications alone", "/mcp", "", "[" + note + "," + note + "]", 202, ""},
		{"50 messages", "/mcp", "", many(50), 200, "[" + strings.TrimSuffix(strings.Repeat(pong("1")+",", 50), ",") + "]"},
		{"51 messages", "/mcp", "", many(51), 400, ""},
		{"1000 messages", "/mcp", "", many(1000), 400, ""},
		{"the revision after", "/mcp", "2025-06-18", "[" + ping("1") + "]", 400, ""},
		{"the revision before", "/mcp", "2024-11-05", "[" + ping("1") + "]", 400, ""},
		{"the Tutorial's path", "/sse/messages", "", "[" + ping("1") + "]", 400, ""},
		{"initialize in it", "/mcp", "", `[{"jsonrpc":"2.0","id":1,"method":"initialize"}]`, 400, ""},
		{"one at fault", "/mcp", "", "[" + ping("1") + `,{"jsonrpc":"2.0","id":2}]`, 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.version != "" {
				headers = append(headers, "MCP-Protocol-Version: "+tt.version)
			}
			got := w.post(tt.path, tt.body, headers...)
			if tt.status == http.StatusBadRequest {
				got.wantError(t, http.StatusBadRequest, -32600, "null")
			} else if got.status != tt.status || got.body != tt.want {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, tt.status, tt.want)
			}
		})
	}
}

func TestAnswerFaults(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/mcp", "/sse/messages"} {
		w.post(path, `{`).wantError(t, http.StatusBadRequest, -32700, "null")
		w.post(path, `{"jsonrpc":"2.0","id":"a"}`).wantError(t, http.StatusBadRequest, -32600, `"a"`)
		got := w.post(path, call("1", "panics", `{"text":"a secret"}`))
		if got.status != http.StatusOK || !strings.Contains(got.body, `"isError":true`) || strings.Contains(got.body, "a secret") {
			t.Errorf("%s, a tool that panics: got %d %s, want a result with isError and none of its text", path, got.status, got.body)
		}
		if got := w.post(path, ping("2")); got.body != pong("2") {
			t.Errorf("%s, after a panic: got %s", path, got.body)
		}
	}
}

// What one wire issued is nothing on another: the answers of a session go where its own wire says.
func TestSessionsDoNotCrossWires(t *testing.T) {
	w := newWorld(t)
	old := w.open("/sse")
	old.ask(ping("1"))
	head := "Mcp-Session-Id: " + old.id()
	w.post("/mcp", ping("1"), head).wantError(t, http.StatusNotFound, -32600, "1")
	w.get("/mcp", head, "Accept: text/event-stream").wantError(t, http.StatusNotFound, -32600, "null")
	w.do(http.MethodDelete, "/mcp", "", head).wantError(t, http.StatusNotFound, -32600, "null")
	if got := old.ask(ping("2")); got != pong("2") {
		t.Errorf("the session after all that: %s", got)
	}

	begun := w.post("/mcp", initialize("2025-11-25", "{}"), "Accept: application/json, text/event-stream")
	id := begun.header.Get("Mcp-Session-Id")
	if id == "" {
		t.Fatalf("no session: %d %s", begun.status, begun.body)
	}
	w.post("/messages?session_id="+id, ping("3")).wantError(t, http.StatusNotFound, -32600, "3")
	if other := w.open("/sse", "Last-Event-ID: "+id+".0"); other.id() == id {
		t.Error("a session of /mcp was resumed on /sse")
	}
}
