package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
)

const (
	insightInitialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"name":"example-client","version":"1.0"}}}`
	insightCall       = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"hello world"}}}`
)

// keyInsight is the conversation of a client that keeps a stream for what the server has to say, and asks by plain POST.
func keyInsight(t *testing.T, s *server) {
	st := s.open(t, "/sse?client_id=example-client-1")
	wantJSON(t, s.ask(t, st, st.endpoint(t), `{"jsonrpc":"2.0","id":1,"method":"ping"}`), `{"jsonrpc":"2.0","id":1,"result":{}}`)

	for _, accept := range []string{"", "application/json", "*/*"} {
		var headers []string
		if accept != "" {
			headers = []string{"Accept", accept}
		}
		plain := func(message string) string {
			got := s.do(t, http.MethodPost, "/mcp", message, append(headers, "Content-Type", "application/json")...)
			if got.status != http.StatusOK {
				t.Fatalf("POST /mcp %s with Accept %q: got %d %s, want 200", message, accept, got.status, got.body)
			}
			wantHeader(t, got.header, "Content-Type", "application/json")
			if id := got.header.Get("Mcp-Session-Id"); id != "" {
				t.Errorf("POST /mcp %s: got a session %q, want none", message, id)
			}
			return got.body
		}
		answer := plain(insightInitialize)
		wantField(t, answer, json.Number("1"), "id")
		wantField(t, answer, "toolgate", "result", "serverInfo", "name")
		answer = plain(insightCall)
		wantField(t, answer, json.Number("2"), "id")
		wantField(t, answer, "HELLO WORLD", "result", "content", 0, "text")
	}
}

// TestKeyInsightHealthCountsStreams counts on a server that nobody else talks to.
func TestKeyInsightHealthCountsStreams(t *testing.T) {
	s := start(t)
	count := func(want json.Number) {
		t.Helper()
		got := s.get(t, "/health")
		if got.status != http.StatusOK {
			t.Fatalf("GET /health: got %d, want 200", got.status)
		}
		wantField(t, got.body, want, "connected_clients")
		wantField(t, got.body, want, "activeSessions")
	}
	count("0")
	first := s.open(t, "/sse?client_id=example-client-1")
	first.endpoint(t)
	count("1")
	s.open(t, "/sse?client_id=example-client-2").endpoint(t)
	count("2")
}

// TestKeyInsightStreamsEndOnShutdown stops a server under an open stream; how the process ends is start's to judge.
func TestKeyInsightStreamsEndOnShutdown(t *testing.T) {
	s := start(t)
	st := s.open(t, "/sse?client_id=example-client-1")
	endpoint := st.endpoint(t)
	wantJSON(t, s.ask(t, st, endpoint, `{"jsonrpc":"2.0","id":1,"method":"ping"}`), `{"jsonrpc":"2.0","id":1,"result":{}}`)
	s.stop(t)
	if err := st.ended(t); err != nil {
		t.Errorf("the stream ended with %v, want a clean end", err)
	}
}
