package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	tutorialInitialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
	tutorialList       = `{"jsonrpc":"2.0","id":2,"method":"listTools"}`
	tutorialCall       = `{"jsonrpc":"2.0","id":3,"method":"callTool","params":{"name":"uppercase_text","arguments":{"text":"hello world"}}}`
	tutorialMethod     = `{"jsonrpc":"2.0","id":4,"method":"makeTea","params":{}}`
	tutorialTool       = `{"jsonrpc":"2.0","id":5,"method":"callTool","params":{"name":"make_tea","arguments":{}}}`
)

// tutorial is the conversation of a client with methods of its own names: over a stream, then without one.
func tutorial(t *testing.T, s *server) {
	st := s.open(t, "/sse")
	_, query, found := strings.Cut(st.endpoint(t), "?")
	if !found {
		t.Fatal("the endpoint has no session id")
	}
	tutorialTalk(t, func(message string) string { return s.ask(t, st, "/sse/messages?"+query, message) })

	tutorialTalk(t, func(message string) string {
		got := s.post(t, "/sse/messages", message)
		if got.status != http.StatusOK {
			t.Fatalf("POST /sse/messages %s: got %d %s, want 200", message, got.status, got.body)
		}
		wantHeader(t, got.header, "Content-Type", "application/json")
		return got.body
	})
}

// tutorialTalk is what the document's client says, whichever way the answers come.
func tutorialTalk(t *testing.T, ask func(message string) string) {
	answer := ask(tutorialInitialize)
	wantField(t, answer, json.Number("1"), "id")
	wantField(t, answer, "2024-11-05", "result", "protocolVersion")

	if names := toolNames(t, ask(tutorialList)); !slices.Contains(names, "uppercase_text") {
		t.Errorf("listTools: no uppercase_text among %v", names)
	}

	answer = ask(tutorialCall)
	wantField(t, answer, json.Number("3"), "id")
	wantField(t, answer, "HELLO WORLD", "result", "output")
	wantField(t, answer, "text", "result", "content", 0, "type")
	wantField(t, answer, "HELLO WORLD", "result", "content", 0, "text")

	answer = ask(tutorialMethod)
	wantField(t, answer, json.Number("4"), "id")
	wantField(t, answer, json.Number("-32601"), "error", "code")

	answer = ask(tutorialTool)
	wantField(t, answer, json.Number("5"), "id")
	wantField(t, answer, json.Number("-32602"), "error", "code")
}

// TestTutorialHeartbeat asks for the document's heartbeat event in both ways, by the query and by configuration.
func TestTutorialHeartbeat(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		env          []string
	}{
		{"by query", "/sse?ping=event", []string{"TOOLGATE_SSE_PING_INTERVAL=1s"}},
		{"by configuration", "/sse", []string{"TOOLGATE_SSE_PING_INTERVAL=1s", "TOOLGATE_SSE_PING_STYLE=event"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			st := start(t, tt.env...).open(t, tt.target)
			st.endpoint(t)
			if got := st.any(t); got.name != "ping" || got.data != "Server is alive!" {
				t.Errorf("on a quiet stream: got %+v, want event: ping with data: Server is alive!", got)
			}
		})
	}
}
