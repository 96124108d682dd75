package handlers

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
)

// TestProtectedResource: the document is at every place where clients look, says what the configuration says whatever the
// request is like, and is for everyone (RFC 9728).
func TestProtectedResource(t *testing.T) {
	mcpDocument := map[string]any{
		"resource": testPublic + "/mcp", "resource_name": "Toolgate", "authorization_servers": []any{testIssuer},
		"scopes_supported": []any{"tools:read", "tools:write"}, "bearer_methods_supported": []any{"header"},
	}
	named := func(resource string, changes ...any) map[string]any {
		d := map[string]any{}
		for k, v := range mcpDocument {
			d[k] = v
		}
		d["resource"] = resource
		for i := 0; i < len(changes); i += 2 {
			if d[changes[i].(string)] = changes[i+1]; changes[i+1] == nil {
				delete(d, changes[i].(string))
			}
		}
		return d
	}
	const at = "/.well-known/oauth-protected-resource"
	for _, tt := range []struct {
		name   string
		adjust func(*config.Config)
		places []string
		want   map[string]any
		none   []string // where there is nothing
	}{
		{"at the root", nil, []string{at, at + "/mcp"}, mcpDocument, []string{at + "/", at + "/other"}},
		{"of HTTP+SSE", nil, []string{at + "/sse"}, named(testPublic + "/sse"), nil},
		{
			"below a base path", func(c *config.Config) { c.Server.PublicURL += "/gate"; c.Server.BasePath = "/gate" },
			[]string{at, at + "/gate/mcp", "/gate" + at, "/gate" + at + "/mcp"},
			named(testPublic + "/gate/mcp"),
			[]string{at + "/gate"},
		},
		{
			"below a proxy's path", func(c *config.Config) { c.Server.PublicURL += "/gate" },
			[]string{at, at + "/gate/mcp", at + "/mcp"},
			named(testPublic + "/gate/mcp"),
			[]string{"/gate" + at},
		},
		{
			"of a resource by another name", func(c *config.Config) { c.Auth.Resource = "HTTPS://API.example.com:443/tools/" },
			[]string{at, at + "/tools"},
			named("https://api.example.com/tools"),
			[]string{at + "/mcp", at + "/sse"},
		},
		{
			"of several issuers, and the front", func(c *config.Config) {
				c.Auth.Mode = []string{config.AuthOAuth, config.AuthFront}
				c.Auth.JWT.Issuers = append(c.Auth.JWT.Issuers, "https://id.example.org")
			}, []string{at}, named(testPublic+"/mcp", "authorization_servers", []any{testIssuer, "https://id.example.org", testPublic}), nil,
		},
		{
			"of the front alone, whatever issuers jwt takes", func(c *config.Config) { c.Auth.Mode = []string{config.AuthJWT, config.AuthFront} },
			[]string{at},
			named(testPublic+"/mcp", "authorization_servers", []any{testPublic}), nil,
		},
		{
			"with an issuer's own words", func(c *config.Config) {
				c.Auth.JWT.ScopeMap = []string{"api://t/r=tools:read", "r=tools:read", "w=tools:write"}
			},
			[]string{at},
			named(testPublic+"/mcp", "scopes_supported", []any{"api://t/r", "w"}), nil,
		},
		{
			"with groups, which nobody asks for", func(c *config.Config) {
				c.Auth.JWT.ScopeClaims, c.Auth.JWT.ScopeMap = []string{"groups"}, []string{"staff=tools:read"}
			}, []string{at}, named(testPublic+"/mcp", "scopes_supported", nil), nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			adjust := []func(*config.Config){withOAuth}
			if tt.adjust != nil {
				adjust = append(adjust, tt.adjust)
			}
			w := newWorld(t, adjust...)
			for _, place := range tt.places {
				for _, header := range []string{"X-None: 1", "Host: evil.example", "Origin: https://evil.example", "X-Forwarded-Host: evil.example", "Authorization: Bearer wrong"} { // 108
					got := w.get(place, header)
					if got.status != http.StatusOK {
						t.Fatalf("GET %s with %s: got %d %s, want 200", place, header, got.status, got.body)
					}
					if diff := cmp.Diff(tt.want, object(t, got.body)); diff != "" {
						t.Errorf("GET %s with %s (-want +got):\n%s", place, header, diff)
					}
					got.wantHeader(t, "Content-Type", "application/json")
					got.wantHeader(t, "Access-Control-Allow-Origin", "*")
				}
				if got := w.do(http.MethodHead, place, ""); got.status != http.StatusOK || got.body != "" {
					t.Errorf("HEAD %s: got %d %q, want 200 and nothing", place, got.status, got.body)
				}
				got := w.do(http.MethodOptions, place, "", "Origin: https://inspector.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: mcp-protocol-version")
				if got.status != http.StatusNoContent {
					t.Errorf("OPTIONS %s: got %d, want 204", place, got.status)
				}
				got.wantHeader(t, "Access-Control-Allow-Origin", "*")
				got.wantHeader(t, "Access-Control-Allow-Headers", "*")
			}
			for _, place := range tt.none {
				if got := w.get(place); got.status != http.StatusNotFound || object(t, got.body)["error"] != "not_found" {
					t.Errorf("GET %s: got %d %s, want 404", place, got.status, got.body)
				}
			}
		})
	}
}

// TestNoProtectedResource: without OAuth there are no documents, and the answer is JSON that no client takes for one.
func TestNoProtectedResource(t *testing.T) {
	for name, adjust := range map[string]func(*config.Config){
		"none": func(*config.Config) {}, "keys": withKeys,
		"jwt": func(c *config.Config) { withOAuth(c); c.Auth.Mode = []string{config.AuthJWT} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, adjust)
			for _, place := range []string{wellKnownResource, wellKnownResource + "/mcp", wellKnownServer, "/.well-known/openid-configuration"} {
				if got := w.get(place); got.status != http.StatusNotFound || object(t, got.body)["error"] != "not_found" {
					t.Errorf("GET %s: got %d %s, want 404", place, got.status, got.body)
				}
			}
			if got := w.post("/mcp", ping("1")); got.status == http.StatusUnauthorized && strings.Contains(got.header.Get("WWW-Authenticate"), "resource_metadata") {
				t.Errorf("the challenge is %q, and names what is not there", got.header.Get("WWW-Authenticate"))
			}
		})
	}
}

// TestServerMetadata: clients of 2025-03-26 look for the issuer's metadata here, and find what the issuer says, with its own
// endpoints.
func TestServerMetadata(t *testing.T) {
	w := newWorld(t, withOAuth, func(c *config.Config) { c.Server.BasePath = "/gate" })
	for _, place := range []string{wellKnownServer, "/gate" + wellKnownServer} {
		got := w.get(place, "Host: evil.example", "Origin: https://evil.example")
		if got.status != http.StatusOK || got.body != issuerMetadata {
			t.Errorf("GET %s: got %d %s, want what the issuer says", place, got.status, got.body)
		}
		got.wantHeader(t, "Access-Control-Allow-Origin", "*")
		got.wantHeader(t, "Content-Type", "application/json")
	}
}

// TestServerMetadataThatCannotBeHad: they hear that it is a matter of time, in JSON, and nothing of what went wrong.
func TestServerMetadataThatCannotBeHad(t *testing.T) {
	w := newWorld(t, withOAuth, func(c *config.Config) { c.Auth.JWT.Issuers = []string{"https://silent.example"} })
	got := w.get(wellKnownServer)
	if got.status != http.StatusServiceUnavailable || object(t, got.body)["error"] == nil || got.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s, Retry-After %q, want 503, JSON, and when to come again", got.status, got.body, got.header.Get("Retry-After"))
	}
	got.wantHeader(t, "Access-Control-Allow-Origin", "*")
	if strings.Contains(got.body, "example") {
		t.Errorf("a stranger is told what went wrong with the issuer: %s", got.body)
	}
}

// TestChallengesNameTheDocument: each way in names the document of the resource that its clients know, and the document is
// there.
func TestChallengesNameTheDocument(t *testing.T) {
	for name, tt := range map[string]struct {
		adjust func(*config.Config)
		base   string // of our paths
		public string // of the documents
	}{
		"at the root":       {func(*config.Config) {}, "", testPublic},
		"below a base path": {func(c *config.Config) { c.Server.PublicURL += "/gate"; c.Server.BasePath = "/gate" }, "/gate", testPublic + "/gate"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withOAuth, tt.adjust)
			for _, r := range []struct{ method, path, end string }{
				{"POST", "/mcp", "/mcp"},
				{"GET", "/mcp", "/mcp"},
				{"DELETE", "/mcp", "/mcp"},
				{"GET", "/sse", "/sse"},
				{"POST", "/sse", "/sse"},
				{"POST", "/messages/?session_id=x", "/sse"},
				{"POST", "/message?sessionId=x", "/sse"},
				{"POST", "/sse/messages", "/sse"},
				{"GET", "/api/tools", "/mcp"},
				{"POST", "/api/tools/add", "/mcp"},
				{"GET", "/sessions", "/mcp"},
			} {
				got := w.do(r.method, tt.base+r.path, "")
				document := tt.public + wellKnownResource + r.end
				if got.status != http.StatusUnauthorized {
					t.Errorf("%s %s: got %d, want 401", r.method, r.path, got.status)
				}
				got.wantHeader(t, "WWW-Authenticate", `Bearer resource_metadata="`+document+`", scope="tools:read"`)
				if there := w.get(strings.TrimPrefix(document, testPublic)); there.status != http.StatusOK || object(t, there.body)["resource"] != tt.public+r.end {
					t.Errorf("%s: got %d %s, want the document of %s", document, there.status, there.body, tt.public+r.end)
				}
			}
		})
	}
}

// TestCredentialThatCannotBeJudged is a 503 in the form of each face.
func TestCredentialThatCannotBeJudged(t *testing.T) {
	err := errors.New("the issuer's door is shut")
	for _, path := range []string{"/mcp", "/api/tools/add"} {
		w := newWorld(t, withOAuth)
		api, fault := New(Options{Config: w.cfg, Version: "test", Server: w.server, Sessions: w.registry, Verifiers: undecided{err}.list(), Log: w.api.log})
		w.must(fault)
		w.web.Handler = api
		got := w.post(path, ping("1"), "Authorization: Bearer x")
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || strings.Contains(got.body, "door") {
			t.Errorf("POST %s: got %d %s, Retry-After %q, want 503, when to come again, and nothing of ours", path, got.status, got.body, got.header.Get("Retry-After"))
		}
		if !strings.Contains(got.body, "auth_unavailable") && !strings.Contains(got.body, "auth-unavailable") {
			t.Errorf("POST %s: got %s, want the reason in it", path, got.body)
		}
	}
}
