package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

// guide is the conversation of a client that learns its session id and posts to /message, and of whoever debugs it.
func guide(t *testing.T, s *server) {
	st := s.open(t, "/sse")
	id := sessionID(t, st.endpoint(t))

	// No initialize: the first message after the endpoint answers the first request.
	names := toolNames(t, s.ask(t, st, "/message?sessionId="+id, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`))
	if !slices.Contains(names, "uppercase_text") {
		t.Errorf("tools/list before initialize: no uppercase_text among %v", names)
	}
	dashed := id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	for _, target := range []string{"/message?sessionId=" + dashed, "/message?session_id=" + id, "/messages?sessionId=" + id} {
		wantJSON(t, s.ask(t, st, target, `{"jsonrpc":"2.0","id":2,"method":"ping"}`), `{"jsonrpc":"2.0","id":2,"result":{}}`)
	}
	for target, want := range map[string]int{
		"/message":            http.StatusBadRequest,
		"/message?sessionId=": http.StatusBadRequest,
		"/message?sessionId=" + "00000000000040008000000000000000": http.StatusNotFound,
	} {
		if got := s.post(t, target, `{"jsonrpc":"2.0","id":3,"method":"ping"}`); got.status != want {
			t.Errorf("POST %s: got %d %s, want %d", target, got.status, got.body, want)
		}
	}
	guideAnnounce(t, s)
	guideHealth(t, s)
	guideSessions(t, s)
}

// sessionID takes the id out of an endpoint.
func sessionID(t *testing.T, endpoint string) string {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatalf("endpoint %q: %v", endpoint, err)
	}
	id := u.Query().Get("session_id")
	if len(id) != 32 {
		t.Fatalf("endpoint %q: session id of %d characters, want 32", endpoint, len(id))
	}
	return id
}

// guideAnnounce asks for the message that tells the session id once more.
func guideAnnounce(t *testing.T, s *server) {
	st := s.open(t, "/sse?announce=session")
	id := sessionID(t, st.endpoint(t))
	got := st.next(t)
	if got.name != "message" {
		t.Errorf("after the endpoint: got %+v, want event: message", got)
	}
	wantJSON(t, got.data, `{"jsonrpc":"2.0","method":"notifications/initialized","params":{"sessionId":"`+id+`"}}`)
}

func guideHealth(t *testing.T, s *server) {
	got := s.get(t, "/health")
	if got.status != http.StatusOK {
		t.Fatalf("GET /health: got %d, want 200", got.status)
	}
	wantHeader(t, got.header, "Content-Type", "application/json")
	for _, key := range []string{"status", "mode", "transport", "timestamp", "version", "tools", "activeSessions", "connected_clients"} {
		field(t, got.body, key)
	}
	stamp, _ := field(t, got.body, "timestamp").(string)
	if _, err := time.Parse(time.RFC3339, stamp); err != nil {
		t.Errorf("timestamp: got %q, want RFC 3339", stamp)
	}
}

// guideSessions looks a session up, by itself and among the others, and ends it.
func guideSessions(t *testing.T, s *server) {
	st := s.open(t, "/sse")
	endpoint := st.endpoint(t)
	id := sessionID(t, endpoint)
	s.ask(t, st, endpoint, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26",`+
		`"capabilities":{},"clientInfo":{"name":"guide-client","version":"3.2.1"}}}`)

	listed := s.get(t, "/sessions").body
	ids, _ := field(t, listed, "sessions").([]any)
	if !slices.Contains(ids, any(id)) {
		t.Errorf("GET /sessions: no %s in %s", id, listed)
	}
	if n, _ := field(t, listed, "count").(json.Number); n.String() == "0" {
		t.Errorf("GET /sessions: count 0 with a session open")
	}
	if got := s.get(t, "/sessions?verbose=1"); got.status != http.StatusOK {
		t.Errorf("GET /sessions?verbose=1: got %d, want 200", got.status)
	} else {
		field(t, got.body, "sessions", 0, "revision")
	}
	one := s.get(t, "/sessions/"+id)
	if one.status != http.StatusOK {
		t.Fatalf("GET /sessions/%s: got %d %s, want 200", id, one.status, one.body)
	}
	wantField(t, one.body, "2025-03-26", "revision")

	if got := s.do(t, http.MethodDelete, "/sessions/"+id, ""); got.status != http.StatusNoContent {
		t.Errorf("DELETE /sessions/%s: got %d %s, want 204", id, got.status, got.body)
	}
	if err := st.ended(t); err != nil {
		t.Errorf("the deleted session's stream ended with %v, want a clean end", err)
	}
	if got := s.get(t, "/sessions/"+id); got.status != http.StatusNotFound {
		t.Errorf("GET /sessions/%s once it is deleted: got %d, want 404", id, got.status)
	}
	if got := s.post(t, endpoint, `{"jsonrpc":"2.0","id":2,"method":"ping"}`); got.status != http.StatusNotFound {
		t.Errorf("POST to the deleted session: got %d, want 404", got.status)
	}
}
