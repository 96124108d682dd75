package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// upstream is what stands behind the tools of these tests. It remembers all that it was sent.
type upstream struct {
	server *httptest.Server
	mu     sync.Mutex
	seen   strings.Builder
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := new(upstream)
	u.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		defer u.mu.Unlock()
		_, _ = fmt.Fprintf(&u.seen, "%s %s\n%v\n%s\n", r.Method, r.URL, r.Header, body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"order":"1 `+strings.ToLower(r.Method)+`"}`)
	}))
	t.Cleanup(u.server.Close)
	return u
}

func (u *upstream) all() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen.String()
}

// guarded is toolgate with OAuth in front of two tools, of which one writes. It is ready when it is returned.
func guarded(t *testing.T, p *provider, u *upstream) *server {
	t.Helper()
	port := freePort(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "toolgate.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(`
server: {port: %s, public_url: "http://localhost:%s"}
auth:
  mode: oauth
  jwt: {issuers: ["%s"], skew: 1s}
tools:
  toolsets: [http]
  enable_writes: [cancel_order]
  confirm: never
  http:
    private: [127.0.0.1]
    apis: {shop: {url: "%s"}}
    tools:
      - {name: read_orders, description: The orders., api: shop, path: /orders}
      - {name: cancel_order, description: Cancels the order., api: shop, path: /orders/1, method: DELETE}
`, port, port, p.server.URL, u.server.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--config", file, "--log.level", "debug")
	cmd.Dir = dir
	s := launchUnready(t, cmd, "TOOLGATE_SERVER_PORT="+port)
	s.logs(t, "the issuer's keys are there")
	s.wantReady(t, nil)
	return s
}

// TestOAuth has the TypeScript SDK's OAuth client do all of it against a real provider: it is refused, finds out where to get
// a token, gets one with a person's help, calls a tool; asks for more when a tool needs more; and gets another token when the
// time of the first is over.
func TestOAuth(t *testing.T) {
	c := install(t)
	for version, second := range map[string]string{
		"v1": "tools:write",            // it asks for what the challenge names,
		"v2": "tools:read tools:write", // and this one for what it had, too
	} {
		t.Run(version, func(t *testing.T) {
			p, u := newProvider(t), newUpstream(t)
			s := guarded(t, p, u)
			resource := "http://localhost:" + s.port + "/mcp"
			said := useOAuth(t, c, p, version, resource)
			want := []string{
				"token without refresh", "connected", `read {"order":"1 get"}`,
				"token with refresh", `write {"order":"1 delete"}`,
				"token with refresh", `later {"order":"1 delete"}`, "session same", "done",
			}
			if got := strings.Join(said, "\n"); got != strings.Join(want, "\n") {
				t.Errorf("the client said\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
			asked := p.asks()
			if len(asked) != 2 || asked[0].Get("scope") != "tools:read" || asked[1].Get("scope") != second {
				t.Errorf("the provider was asked for %v, want tools:read and then %s", asked, second)
			}
			for _, a := range asked {
				if a.Get("resource") != resource || a.Get("code_challenge_method") != "S256" {
					t.Errorf("the provider was asked for %v, want the resource %s and S256", a, resource)
				}
			}
			// Nothing of a token went on, and nothing of one is in the log.
			for where, text := range map[string]string{"the upstream was sent": u.all(), "the log holds": s.logged()} {
				if strings.Contains(text, "eyJ") || strings.Contains(text, "Bearer ") || strings.Contains(text, "Authorization") {
					t.Errorf("%s a token:\n%s", where, text)
				}
			}
			if !strings.Contains(u.all(), "DELETE /orders/1") {
				t.Errorf("the upstream was sent\n%s\nwant the call", u.all())
			}
		})
	}
}

// TestOAuthOverSSE: to clients of HTTP+SSE the URL that they connect to is the resource, and its tokens are as good.
func TestOAuthOverSSE(t *testing.T) {
	p, u := newProvider(t), newUpstream(t)
	s := guarded(t, p, u)
	resource := "http://localhost:" + s.port + "/sse"
	said := strings.Join(useOAuth(t, install(t), p, "sse", resource), "\n")
	if want := "token without refresh\nconnected\nread {\"order\":\"1 get\"}\ndone"; said != want {
		t.Errorf("the client said\n%s\nwant\n%s", said, want)
	}
	if asked := p.asks(); len(asked) != 1 || asked[0].Get("resource") != resource {
		t.Errorf("the provider was asked for %v, want the resource %s", asked, resource)
	}
}

// useOAuth runs the client to its end, with this test for a browser, and returns what it said but for where it sent the
// browser.
func useOAuth(t *testing.T, c clients, p *provider, version, resource string) (said []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("clients", "oauth"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(c.home, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.node, "sdk.mjs", version, resource, providerClient, providerRedirect)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), c.env()...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		to, sends := strings.CutPrefix(lines.Text(), "authorize ")
		if !sends {
			said = append(said, lines.Text())
			continue
		}
		if _, err := io.WriteString(in, p.browse(t, to)+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the client: %v\n%s\n%s", err, strings.Join(said, "\n"), complaints.String())
	}
	return said
}

// TestOAuthDocuments: what the chain consists of, read by hand: the challenge, the document that it names, and the issuer's own
// metadata for clients of 2025-03-26.
func TestOAuthDocuments(t *testing.T) {
	p := newProvider(t)
	s := guarded(t, p, newUpstream(t))
	at := "http://localhost:" + s.port + "/.well-known/oauth-protected-resource/mcp"
	got := s.post(t, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	if want := `Bearer resource_metadata="` + at + `", scope="tools:read"`; got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != want {
		t.Errorf("without a token: got %d %q, want 401 %q", got.status, got.header.Get("WWW-Authenticate"), want)
	}
	var document struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
	}
	if err := json.Unmarshal([]byte(s.get(t, "/.well-known/oauth-protected-resource/mcp").body), &document); err != nil {
		t.Fatal(err)
	}
	if document.Resource != "http://localhost:"+s.port+"/mcp" || len(document.Servers) != 1 || document.Servers[0] != p.server.URL {
		t.Errorf("the document is %+v, want the resource and %s", document, p.server.URL)
	}
	var metadata struct {
		Issuer string `json:"issuer"`
		Token  string `json:"token_endpoint"`
	}
	if err := json.Unmarshal([]byte(s.get(t, "/.well-known/oauth-authorization-server").body), &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.Issuer != p.server.URL || !strings.HasPrefix(metadata.Token, p.server.URL) {
		t.Errorf("the issuer's metadata is %+v, want its own endpoints", metadata)
	}
}
