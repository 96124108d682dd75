package doctor

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestOAuthFindings has a server with OAuth for every finding of the chain that clients follow.
func TestOAuthFindings(t *testing.T) {
	const metadata = `{"issuer":"ISSUER","authorization_endpoint":"ISSUER/a","token_endpoint":"ISSUER/t","registration_endpoint":"ISSUER/r","code_challenge_methods_supported":["S256"]}`
	for name, c := range map[string]struct {
		challenge string // resource_metadata; empty: not named
		resource  string
		document  int // its status
		issuer    string
		faults    []string
		warns     []string
	}{
		"right":           {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, metadata, nil, nil},
		"unnamed":         {"", "SELF/app/mcp", 200, metadata, nil, []string{"challenge-metadata"}},
		"no URL":          {"tools", "SELF/app/mcp", 200, metadata, []string{"metadata-url"}, nil},
		"unreachable":     {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 403, metadata, []string{"metadata-unreachable", "well-known-trap"}, nil},
		"other resource":  {"SELF/.well-known/oauth-protected-resource/app/mcp", "http://127.0.0.1:3002/mcp", 200, metadata, []string{"resource-mismatch"}, nil},
		"no metadata":     {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, "", []string{"issuer-unreachable"}, nil},
		"other issuer":    {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, strings.Replace(metadata, "ISSUER", "https://other.example", 1), []string{"issuer-mismatch"}, nil},
		"no PKCE":         {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, strings.Replace(metadata, "S256", "plain", 1), []string{"issuer-pkce"}, nil},
		"no endpoints":    {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, strings.Replace(metadata, "token_endpoint", "x", 1), []string{"issuer-endpoints"}, nil},
		"no servers":      {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, "none", []string{"metadata-servers"}, nil},
		"no issuer URL":   {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, "word", []string{"issuer-url"}, nil},
		"no registration": {"SELF/.well-known/oauth-protected-resource/app/mcp", "SELF/app/mcp", 200, strings.Replace(metadata, "registration_endpoint", "x", 1), nil, []string{"issuer-registration"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.issuer == "" || r.URL.Path != "/.well-known/openid-configuration" {
					http.NotFound(w, r)
					return
				}
				answerJSON(w, 200, strings.ReplaceAll(c.issuer, "ISSUER", "http://"+r.Host))
			})
			f := &fake{key: keyOfTests}
			f.patch = func(w http.ResponseWriter, r *http.Request) bool {
				self := "http://" + r.Host
				switch {
				case r.URL.Path == "/.well-known/oauth-protected-resource/app/mcp":
					servers := `["http://login.example.com"]`
					switch c.issuer {
					case "none":
						servers = "[]"
					case "word":
						servers = `["login"]`
					}
					answerJSON(w, c.document, fmt.Sprintf(`{"resource":%q,"authorization_servers":%s}`, strings.ReplaceAll(c.resource, "SELF", self), servers))
					return true
				case c.challenge != "" && r.Header.Get("Authorization") == "" && strings.HasPrefix(r.Host, "127.") && r.Header.Get("Origin") == "" && (r.URL.Path == "/app/mcp" || r.URL.Path == "/app/sse"):
					w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer resource_metadata=%q, scope=\"a b\"", strings.ReplaceAll(c.challenge, "SELF", self)))
					refuse(w, 401, "unauthorized", "a token is needed")
					return true
				}
				return false
			}
			var report string
			synctest.Test(t, func(t *testing.T) {
				n := network{}
				n.serve(t, "127.0.0.1:3002", f, nil, false)
				n.serve(t, "login.example.com:80", issuer, nil, false)
				report = n.diagnose(t, "http://127.0.0.1:3002/app")
			})
			if got := idsOf(report, "fault"); !slices.Equal(got, c.faults) {
				t.Errorf("faults: got %v, want %v\n%s", got, c.faults, report)
			}
			if got := idsOf(report, "warn"); !slices.Equal(got, c.warns) {
				t.Errorf("warnings: got %v, want %v\n%s", got, c.warns, report)
			}
			wantGolden(t, "findings/oauth "+name+".txt", settled(problems(report)))
		})
	}
}

// TestParameters reads a challenge's parameters in their three forms.
func TestParameters(t *testing.T) {
	for challenge, want := range map[string]string{
		`Bearer resource_metadata="https://a/b", scope="x y"`:    "https://a/b",
		`Bearer realm="x, y=z", resource_metadata="https://a/b"`: "https://a/b",
		`Bearer RESOURCE_METADATA=https://a/b`:                   "https://a/b",
		`Bearer resource_metadata="a\"b"`:                        `a"b`,
		`Bearer realm="resource_metadata=no"`:                    "",
		`Bearer`:                                                 "",
	} {
		if got := parameter(challenge, "resource_metadata"); got != want {
			t.Errorf("%s: got %q, want %q", challenge, got, want)
		}
	}
}
