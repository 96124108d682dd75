package e2e

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// introEndpoint is what the first event says: a path of this server, and a session id of 32 hex digits.
var introEndpoint = regexp.MustCompile(`^/messages/\?session_id=[0-9a-f]{32}$`)

const (
	introInitialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05",` +
		`"capabilities":{},"clientInfo":{"name":"cursor","version":"1.0.0"}}}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
)

// intro is the conversation of an editor that connects by /sse alone.
func intro(t *testing.T, s *server) {
	st := s.open(t, "/sse")
	wantHeader(t, st.header, "Content-Type", "text/event-stream")
	if got, want := st.header.Get("Cache-Control"), "no-cache, no-transform"; got != want {
		t.Errorf("Cache-Control: got %q, want %q", got, want)
	}
	wantHeader(t, st.header, "X-Accel-Buffering", "no")
	endpoint := st.endpoint(t)
	if !introEndpoint.MatchString(endpoint) {
		t.Fatalf("endpoint: got %q, want %v", endpoint, introEndpoint)
	}

	answer := s.ask(t, st, endpoint, introInitialize)
	wantField(t, answer, "2.0", "jsonrpc")
	wantField(t, answer, json.Number("0"), "id")
	wantField(t, answer, "2024-11-05", "result", "protocolVersion")
	wantField(t, answer, "toolgate", "result", "serverInfo", "name")
	field(t, answer, "result", "capabilities", "tools")

	// A notification gets no answer: the next thing on the stream answers the request after it.
	s.accepted(t, endpoint, initialized)
	wantJSON(t, s.ask(t, st, endpoint, `{"jsonrpc":"2.0","id":"p-1","method":"ping"}`),
		`{"jsonrpc":"2.0","id":"p-1","result":{}}`)

	names := toolNames(t, s.ask(t, st, endpoint, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`))
	for _, want := range []string{"get_user", "is_user_in_dl"} {
		if !slices.Contains(names, want) {
			t.Errorf("tools/list: no %s among %v", want, names)
		}
	}
	introDirectory(t, s, st, endpoint)
	introPaths(t, s, st, endpoint)
}

// introDirectory asks the two tools of the document about the people of the demo data.
func introDirectory(t *testing.T, s *server, st *stream, endpoint string) {
	for _, identity := range []string{"alice", "alice@example.com"} {
		text := callText(t, s, st, endpoint, "get_user", map[string]string{"user_identity": identity})
		wantField(t, text, "alice", "login")
		wantField(t, text, "alice@example.com", "mail")
	}
	for _, tt := range []struct {
		list, member string
		direct       bool
	}{
		{"engineering", "yes", true},
		{"all-staff", "yes", false},
		{"finance", "no", false},
	} {
		text := callText(t, s, st, endpoint, "is_user_in_dl", map[string]string{"user_identity": "alice", "dl_name": tt.list})
		wantField(t, text, tt.member, "member")
		wantField(t, text, tt.direct, "direct")
	}
	answer := call(t, s, st, endpoint, "get_user", map[string]string{"user_identity": "alicia"})
	wantField(t, answer, true, "result", "isError")
	if text, _ := field(t, answer, "result", "content", 0, "text").(string); !strings.Contains(text, "alice") {
		t.Errorf("get_user of an unknown person: got %q, want alice suggested", text)
	}
}

// introPaths tries the paths with and without a slash at the end, and the method that opens no stream.
func introPaths(t *testing.T, s *server, st *stream, endpoint string) {
	const ping, pong = `{"jsonrpc":"2.0","id":7,"method":"ping"}`, `{"jsonrpc":"2.0","id":7,"result":{}}`
	wantJSON(t, s.ask(t, st, strings.Replace(endpoint, "/messages/?", "/messages?", 1), ping), pong)
	slashed := s.open(t, "/sse/")
	wantJSON(t, s.ask(t, slashed, slashed.endpoint(t), ping), pong)

	got := s.post(t, "/sse", introInitialize)
	if got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST /sse: got %d, want 405", got.status)
	}
	wantHeader(t, got.header, "Allow", "GET")

	var form struct {
		URL string `json:"url"`
	}
	data := s.open(t, "/sse?endpoint=json").endpoint(t)
	if err := json.Unmarshal([]byte(data), &form); err != nil || !introEndpoint.MatchString(form.URL) {
		t.Errorf("endpoint=json: got %s (%v), want an object with url %v", data, err, introEndpoint)
	}
}

// TestIntroHeartbeat shortens the interval, which is 15 s, to what a test can wait for.
func TestIntroHeartbeat(t *testing.T) {
	st := start(t, "TOOLGATE_SSE_PING_INTERVAL=1s").open(t, "/sse")
	st.endpoint(t)
	heartbeat := regexp.MustCompile(`^ping - .*\d\d:\d\d:\d\d`)
	for range 2 {
		if got := st.any(t); !heartbeat.MatchString(got.comment) || got.name != "" || got.data != "" {
			t.Errorf("on a quiet stream: got %+v, want a comment ping - <time>", got)
		}
	}
}

// call calls a tool over a session and returns the whole answer.
func call(t *testing.T, s *server, st *stream, endpoint, tool string, arguments any) string {
	t.Helper()
	message, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": "call", "method": "tools/call",
		"params": map[string]any{"name": tool, "arguments": arguments},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.ask(t, st, endpoint, string(message))
}

// callText is call for a tool that succeeds, and returns its text.
func callText(t *testing.T, s *server, st *stream, endpoint, tool string, arguments any) string {
	t.Helper()
	answer := call(t, s, st, endpoint, tool, arguments)
	text, ok := field(t, answer, "result", "content", 0, "text").(string)
	if result, _ := field(t, answer, "result").(map[string]any); !ok || result["isError"] == true {
		t.Fatalf("%s: want a text, got %s", tool, answer)
	}
	return text
}
