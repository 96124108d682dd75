package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReload: a server follows its configuration and its keys while a stream stays open: names, rates, the log's level, who
// may call. A configuration with a fault changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	file, keyFile := filepath.Join(dir, "toolgate.yaml"), filepath.Join(dir, "keys.yaml")
	write := func(host, more string) {
		t.Helper()
		text := fmt.Sprintf("auth: {mode: keys, keys_file: %s}\nserver: {allowed_hosts: [%s]}\n%s", keyFile, host, more)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one.example.com", "")
	alice, bob := addKey(t, keyFile, "alice"), addKey(t, keyFile, "bob")
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.Dir = t.TempDir()
	s := launch(t, cmd)

	hers := s.open(t, "/sse", "Authorization", "Bearer "+alice)
	to := hers.endpoint(t)
	his := s.open(t, "/sse", "Authorization", "Bearer "+bob)
	his.endpoint(t)
	wantHost := func(host string, status int) {
		t.Helper()
		if got := s.do(t, http.MethodGet, "/health", "", "Host", host); got.status != status {
			t.Errorf("GET /health of %s: %d %s, want %d", host, got.status, got.body, status)
		}
	}
	wantAlive := func(when string) {
		t.Helper()
		if got := s.do(t, http.MethodPost, to, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Content-Type", "application/json", "Authorization", "Bearer "+alice); got.status != http.StatusAccepted {
			t.Fatalf("a ping %s: %d %s, want 202", when, got.status, got.body)
		}
		if got := hers.next(t).data; got != `{"jsonrpc":"2.0","id":1,"result":{}}` {
			t.Fatalf("a ping %s is answered %s", when, got)
		}
	}
	wantHost("one.example.com", http.StatusOK)
	wantHost("two.example.com", http.StatusForbidden)

	write("two.example.com", "log: {level: debug}\n")
	s.logs(t, `"in force now","keys":["server.allowed_hosts","log.level"]`)
	wantHost("two.example.com", http.StatusOK)
	wantHost("one.example.com", http.StatusForbidden)
	wantAlive("after other names came into force")
	s.logs(t, `"level":"debug"`)

	write("three.example.com", "sever:\n  port: 1\n")
	s.logs(t, "the configuration stays as it was")
	wantHost("two.example.com", http.StatusOK)
	write("three.example.com", "limits: {rates: {address: fast}}\n")
	s.logs(t, "is not a rate")
	wantHost("three.example.com", http.StatusForbidden)
	wantAlive("after a configuration with faults")

	write("two.example.com", "audit: {file: audit.jsonl}\nlimits: {rates: {principal: 1000-H}}\n")
	s.logs(t, "audit.file: it counts from the next start")
	s.logs(t, `"in force now","keys":["limits.rates.principal","log.level"]`)
	wantAlive("after a limit came into force")
	left := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+alice)
	if got := left.header.Get("X-RateLimit-Limit"); got != "1000" {
		t.Errorf("X-RateLimit-Limit: %q, want 1000, as is written now", got)
	}

	write("two.example.com", "")
	s.logs(t, `"keys":["limits.rates.principal"]`)
	mustRun(t, dir, nil, binary, "keys", "revoke", "bob", "--auth.keys_file", keyFile)
	wantCleanEnd(t, his)
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+bob); got.status != http.StatusUnauthorized {
		t.Errorf("with a key that was revoked: %d, want 401", got.status)
	}
	carol := addKey(t, keyFile, "carol")
	s.logs(t, `"changed":["`+keyFile)
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.logs(t, `"the configuration was read anew","changed":[]`)
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+carol); got.status != http.StatusOK {
		t.Errorf("with a key that was made meanwhile: %d %s, want 200", got.status, got.body)
	}
	wantAlive("in the end")
	s.stop(t)
	wantCleanEnd(t, hers)
	<-s.exited
	if list := mustRun(t, dir, nil, binary, "keys", "list", "--auth.keys_file", keyFile); !regexp.MustCompile(`alice .* 20\d\d-\d\d-\d\d \d\d:\d\d +good`).MatchString(list) {
		t.Errorf("toolgate keys list says\n%swant when alice's key was last used", list)
	}
}

// TestReloadOpensNothing: who can reach a server is what it was started with, whatever its file says meanwhile. A file that
// would be safe for a server on loopback is refused by one that others reach.
func TestReloadOpensNothing(t *testing.T) {
	s, file, keyFile := serveFile(t, "server: {host: 0.0.0.0}\nauth: {mode: keys, keys_file: KEYS}\n")
	key := addKey(t, keyFile, "alice")
	s.logs(t, "the configuration was read anew")
	writeFile(t, file, "server: {host: localhost}\n")
	s.logs(t, "others can reach 0.0.0.0")
	for _, path := range []string{"/api/tools", "/sessions", "/metrics"} {
		if got := s.do(t, http.MethodGet, path, "", "Host", "localhost"); got.status != http.StatusUnauthorized {
			t.Errorf("GET %s without a key: %d, want 401", path, got.status)
		}
	}
	writeFile(t, file, "server: {host: localhost, base_path: /x}\nauth: {mode: keys, keys_file: "+keyFile+"}\nlog: {level: debug}\n")
	s.logs(t, `"in force now","keys":["log.level"]`)
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+key); got.status != http.StatusOK {
		t.Errorf("GET /api/tools after another base path was written: %d, want 200, as it counts from the next start", got.status)
	}
}

// TestAReloadThatFailsLeavesNothing: a configuration of which one part is no good leaves the other parts alone, the file of
// keys that it names too; and a key that is revoked meanwhile is good for nothing all the same, its subscription neither.
func TestAReloadThatFailsLeavesNothing(t *testing.T) {
	s, file, keyFile := serveFile(t, "auth: {mode: keys, keys_file: KEYS}\n")
	alice := addKey(t, keyFile, "alice")
	s.logs(t, "the configuration was read anew")
	other := filepath.Join(t.TempDir(), "other.yaml")
	mallory := addKey(t, other, "mallory")
	st := s.open(t, "/sse", "Authorization", "Bearer "+alice)
	st.endpoint(t)
	conn, lines, err := listen(s.port, alice)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	want := func(who, key string, status int) {
		t.Helper()
		if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+key); got.status != status {
			t.Errorf("with the key of %s: %d, want %d", who, got.status, status)
		}
	}
	writeFile(t, file, "auth: {mode: keys, keys_file: "+other+"}\ntools: {toolsets: [text, nothing]}\n")
	s.logs(t, "the configuration stays as it was")
	want("alice", alice, http.StatusOK)
	want("mallory", mallory, http.StatusUnauthorized)

	mustRun(t, t.TempDir(), nil, binary, "keys", "revoke", "alice", "--auth.keys_file", keyFile)
	wantCleanEnd(t, st)
	want("alice", alice, http.StatusUnauthorized)
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
	}
	if !strings.Contains(said, `"resultType":"complete"`) {
		t.Errorf("the subscription of a revoked key ended with %q, want its answer", said)
	}
}

// serveFile starts a server with a configuration file that it follows; KEYS in it stands for an empty file of keys.
func serveFile(t *testing.T, text string) (s *server, file, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	file, keyFile = filepath.Join(dir, "toolgate.yaml"), filepath.Join(dir, "keys.yaml")
	writeFile(t, keyFile, "")
	writeFile(t, file, strings.ReplaceAll(text, "KEYS", keyFile))
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.Dir = t.TempDir()
	return launch(t, cmd), file, keyFile
}

// addKey adds a key to a file by the command.
func addKey(t *testing.T, file, name string) string {
	t.Helper()
	cmd := exec.Command(binary, "keys", "new", name, "--auth.keys_file", file)
	cmd.Dir = t.TempDir()
	var shown bytes.Buffer
	cmd.Stderr = &shown
	if err := cmd.Run(); err != nil {
		t.Fatalf("toolgate keys new: %v\n%s", err, shown.String())
	}
	return regexp.MustCompile(`tg_\w+`).FindString(shown.String())
}

// TestStopping: a server that load is balanced to goes on for a while once it was told to stop, so that nobody is sent to
// one that is gone; a call under way gets its answer, and then every stream ends cleanly.
func TestStopping(t *testing.T) {
	s := start(t, "TOOLGATE_SERVER_PUBLIC_URL=https://tools.example.com", "TOOLGATE_AUTH_MODE=none", "TOOLGATE_SERVER_LAME_DUCK=6s")
	st := s.open(t, "/sse")
	to := st.endpoint(t)
	s.stop(t)
	s.logs(t, "not ready any more")
	if got := s.get(t, "/readyz"); got.status != http.StatusServiceUnavailable {
		t.Errorf("GET /readyz: %d, want 503", got.status)
	}
	if got := s.get(t, "/livez"); got.status != http.StatusOK {
		t.Errorf("GET /livez: %d, want 200", got.status)
	}
	if got := s.ask(t, st, to, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"still here"}}}`); !strings.Contains(got, "STILL HERE") {
		t.Errorf("a call meanwhile is answered %s", got)
	}
	s.open(t, "/sse").endpoint(t)
	wantCleanEnd(t, st)
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if s.err != nil {
		t.Errorf("it ended with %v, want status 0", s.err)
	}
}

// TestStoppingAtOnce: who asks twice does not wait.
func TestStoppingAtOnce(t *testing.T) {
	s := start(t, "TOOLGATE_SERVER_PUBLIC_URL=https://tools.example.com", "TOOLGATE_AUTH_MODE=none", "TOOLGATE_SERVER_LAME_DUCK=1m")
	s.stop(t)
	s.logs(t, "not ready any more")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if s.err == nil {
		t.Error("it ended with status 0, want another: it left work undone")
	}
	s.err = nil // as it should be
}

func wantCleanEnd(t *testing.T, st *stream) {
	t.Helper()
	if err := st.ended(t); err != nil {
		t.Errorf("a stream ended with %v, want a clean end", err)
	}
}
