package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAPIKey makes a key by the command, serves with it, and comes as a stranger, with a key and through the examples.
func TestAPIKey(t *testing.T) {
	c := install(t)
	key, file := newKey(t, "tools:read")
	s := start(t, "TOOLGATE_AUTH_MODE=keys", "TOOLGATE_AUTH_KEYS_FILE="+file)

	stranger := s.get(t, "/sse")
	if stranger.status != http.StatusUnauthorized {
		t.Errorf("GET /sse without a key: got %d, want 401", stranger.status)
	}
	if got := stranger.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
		t.Errorf("WWW-Authenticate: got %q, want Bearer", got)
	}
	if got := s.do(t, http.MethodGet, "/sessions", "", "Authorization", "Bearer "+key); got.status != http.StatusForbidden {
		t.Errorf("GET /sessions with a key that may only read: got %d, want 403", got.status)
	}
	s.open(t, "/sse", "Authorization", "Bearer "+key).endpoint(t)

	env := append(c.env(), "MCP_KEY="+key, "PYTHONDONTWRITEBYTECODE=1")
	dir := examples(t, c)
	for name, command := range map[string][]string{
		"typescript": {c.node, "node.ts"}, "python": {"python3", "mcp_client.py"},
	} {
		args := slices.Concat(command[1:], []string{s.url + "/sse", "uppercase_text", `{"text": "hello world"}`})
		if out := mustRun(t, filepath.Join(dir, name), env, command[0], args...); !strings.HasSuffix(out, "HELLO WORLD\n") {
			t.Errorf("the %s example with a key printed %q, want HELLO WORLD at its end", name, out)
		}
	}
	if logged := s.logged(); strings.Contains(logged, key) {
		t.Errorf("the log holds the key:\n%s", logged)
	}
}

// newKey runs `toolgate keys new` and returns the key with the file that admits it.
func newKey(t *testing.T, scopes ...string) (key, file string) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"keys", "new", "e2e"}, scopes...)...)
	cmd.Dir = t.TempDir()
	var shown bytes.Buffer
	cmd.Stderr = &shown
	entry, err := cmd.Output()
	if err != nil {
		t.Fatalf("toolgate keys new: %v\n%s", err, shown.String())
	}
	key = regexp.MustCompile(`tg_\w+`).FindString(shown.String())
	if key == "" {
		t.Fatalf("toolgate keys new shows no key:\n%s", shown.String())
	}
	file = filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(file, entry, 0o600); err != nil {
		t.Fatal(err)
	}
	return key, file
}
