package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"toolgate/config"
	"toolgate/mcp"
)

// TestStepUp: a call that the token is not enough for is answered before it is made, with a status, and with all that a client
// has to ask for (2025-11-25, authorization). Row 103.
func TestStepUp(t *testing.T) {
	const (
		description = `error_description="this needs the scope tools:write, which the credential does not have"`
		challengeOf = `Bearer error="insufficient_scope", scope="tools:write", resource_metadata="` + testPublic + wellKnownResource
	)
	w, _ := restWorld(t, withOAuth)
	reader := token(t, "alice", "tools:read", time.Hour)
	s := w.begin("2025-11-25", reader)
	sse := w.open("/sse", reader)
	writes := call(`"w"`, "write", "{}")
	for _, tt := range []struct {
		name, path, body string
		headers          []string
		id, end          string // of the error, and of the document's URL
	}{
		{"in a session", "/mcp", writes, s.head, `"w"`, "/mcp"},
		{"in a batch", "/mcp", "[" + ping("1") + "," + writes + "]", w.begin("2025-03-26", reader).head, "null", "/mcp"},
		{"standing alone", "/mcp", callAlone(`"w"`, "write", "{}"), append(aloneHead("tools/call", "write"), reader), `"w"`, "/mcp"},
		{"alone, of an older client", "/mcp", writes, []string{"Accept: application/json", reader}, `"w"`, "/mcp"},
		{"to a session of HTTP+SSE", sse.endpoint, writes, []string{reader}, `"w"`, "/sse"},
		{"alone, at /sse/messages", "/sse/messages", writes, []string{reader}, `"w"`, "/sse"},
		{"before it is asked whether the session is there", "/messages/?session_id=x", writes, []string{reader}, `"w"`, "/sse"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.post(tt.path, tt.body, tt.headers...)
			got.wantError(t, http.StatusForbidden, mcp.CodeInvalidRequest, tt.id)
			got.wantRefused(t, http.StatusForbidden, "insufficient_scope")
			if scope := object(t, got.body)["error"].(map[string]any)["data"].(map[string]any)["scope"]; scope != "tools:write" {
				t.Errorf("scope = %v, want tools:write", scope)
			}
			got.wantHeader(t, "WWW-Authenticate", challengeOf+tt.end+`", `+description)
		})
	}
	t.Run("plain REST", func(t *testing.T) {
		got := w.post("/api/tools/write", "{}", reader)
		problem := object(t, got.body)
		if got.status != http.StatusForbidden || problem["type"] != "urn:problem-type:toolgate:insufficient-scope" || problem["scope"] != "tools:write" {
			t.Errorf("got %d %s, want 403 and a problem that names the scope", got.status, got.body)
		}
		got.wantHeader(t, "WWW-Authenticate", challengeOf+`/mcp", `+description)
	})
	t.Run("with a token that is enough, in the same session", func(t *testing.T) {
		writer := token(t, "alice", "tools:write", time.Hour)
		if got := s.send(writes, writer); got.status != http.StatusOK || strings.Contains(got.body, "error") {
			t.Errorf("got %d %s, want the call made", got.status, got.body)
		}
		if got := sse.ask(writes, writer); !strings.Contains(got, `"id":"w","result"`) {
			t.Errorf("over HTTP+SSE: got %s, want the call made", got)
		}
		s.send(writes).wantRefused(t, http.StatusForbidden, "insufficient_scope") // and the former token is no more than it was
	})
	t.Run("109 what is listed is what may be called", func(t *testing.T) {
		list := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
		for scopes, want := range map[string]string{"": "", "tools:read": "add", "tools:write": "add write"} {
			got := s.send(list, token(t, "alice", scopes, time.Hour)).body
			for _, tool := range []string{"add", "write"} {
				if listed := strings.Contains(got, `"name":"`+tool+`"`); listed != strings.Contains(want, tool) {
					t.Errorf("with %q: %s is listed: %v, want the tools %q", scopes, tool, listed, want)
				}
			}
		}
		s.send(call("1", "add", `{"a":1,"b":2}`), token(t, "alice", "", time.Hour)).wantRefused(t, http.StatusForbidden, "insufficient_scope")
	})
	t.Run("a tool that is not there is no matter of scopes", func(t *testing.T) {
		if got := s.send(call("1", "no_such_tool", "{}")); got.status != http.StatusOK || !strings.Contains(got.body, "-32602") {
			t.Errorf("got %d %s, want the protocol's answer", got.status, got.body)
		}
	})
}

// TestStepUpByKeys: the same without OAuth, whose challenge leads nowhere.
func TestStepUpByKeys(t *testing.T) {
	w, _ := restWorld(t, withKeys)
	got := w.begin("2025-11-25", w.bearer("reader")).send(call("1", "write", "{}"))
	got.wantRefused(t, http.StatusForbidden, "insufficient_scope")
	got.wantHeader(t, "WWW-Authenticate", `Bearer realm="toolgate", error="insufficient_scope", scope="tools:write"`)
}

// TestStepUpInOtherWords: what a client is to ask for is what its issuer calls it.
func TestStepUpInOtherWords(t *testing.T) {
	w, _ := restWorld(t, withOAuth, func(c *config.Config) {
		c.Auth.JWT.ScopeMap = []string{"api://t/read=tools:read", "read=tools:read", "api://t/write=tools:write", "write=tools:write"}
	})
	got := w.post("/mcp", ping("1"))
	if challenge := got.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `scope="api://t/read"`) {
		t.Errorf("without a token: challenge = %s, want the issuer's words", challenge)
	}
	got = w.begin("2025-11-25", token(t, "alice", "read", time.Hour)).send(call("1", "write", "{}"))
	got.wantRefused(t, http.StatusForbidden, "insufficient_scope")
	if challenge := got.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `scope="api://t/write"`) {
		t.Errorf("with too little: challenge = %s, want the issuer's words", challenge)
	}
}

// TestNobodyStepsUpWhereNobodyIsAsked: without auth beyond loopback everybody may call, and nobody is the admin.
func TestNobodyStepsUpWhereNobodyIsAsked(t *testing.T) {
	w, _ := restWorld(t, func(c *config.Config) { c.Server.Host = "0.0.0.0" })
	if got := w.begin("2025-11-25").send(call("1", "write", "{}")); got.status != http.StatusOK || strings.Contains(got.body, "scope") {
		t.Errorf("got %d %s, want the call made", got.status, got.body)
	}
}
