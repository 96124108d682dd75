package e2e

import (
	"net/http"
	"strings"
	"testing"

	"toolgate/middleware/redistest"
)

const (
	pinged    = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	uppercase = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"x"}}}`
)

// wantLeft posts a ping and reads how many requests the caller has left in this window.
func (s *server) wantLeft(t *testing.T, left string, headers ...string) {
	t.Helper()
	got := s.do(t, http.MethodPost, "/mcp", pinged, append([]string{"Content-Type", "application/json"}, headers...)...)
	if got.status != http.StatusOK || got.header.Get("X-RateLimit-Remaining") != left {
		t.Errorf("got %d %s with %s left, want 200 with %s left", got.status, got.body, got.header.Get("X-RateLimit-Remaining"), left)
	}
}

// wantTooMany posts a ping that has to be refused.
func (s *server) wantTooMany(t *testing.T, headers ...string) {
	t.Helper()
	got := s.do(t, http.MethodPost, "/mcp", pinged, append([]string{"Content-Type", "application/json"}, headers...)...)
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s, Retry-After %q, want 429 that says when to come again", got.status, got.body, got.header.Get("Retry-After"))
	}
}

// TestServersShareALimit: two processes over one Redis count together, go on by themselves when it crashes, and count
// together again once it is back.
func TestServersShareALimit(t *testing.T) {
	redis := redistest.Start(t, redistest.Options{})
	env := []string{"TOOLGATE_REDIS_URL=" + redis.URL, "TOOLGATE_LIMITS_RATES_ADDRESS=6-H", "TOOLGATE_REDIS_TIMEOUT=2s"}
	one, two := start(t, env...), start(t, env...)
	one.wantLeft(t, "5")
	two.wantLeft(t, "4")
	one.wantLeft(t, "3")
	two.wantLeft(t, "2")
	two.wantLeft(t, "1")
	two.wantLeft(t, "0")
	one.wantTooMany(t)
	two.wantTooMany(t)

	redis.Kill()
	one.wantLeft(t, "2") // it saw three, and one more was refused
	one.logs(t, "redis does not answer")
	two.wantLeft(t, "0") // it saw four, and one more that was refused
	two.wantTooMany(t)
	if got := one.get(t, "/readyz"); got.status != http.StatusOK {
		t.Errorf("/readyz without Redis: got %d, want 200", got.status)
	}

	redis.Restart()
	one.wantLeft(t, "5")
	one.logs(t, "redis answers again")
	two.wantLeft(t, "4")
}

// TestServersShareLimitsOfPrincipals: whichever process a principal asks, and from wherever, and whichever tool.
func TestServersShareLimitsOfPrincipals(t *testing.T) {
	redis := redistest.Start(t, redistest.Options{})
	key, file := newKey(t, "tools:read")
	stranger, _ := newKey(t, "tools:read")
	env := []string{
		"TOOLGATE_REDIS_URL=" + redis.Socket, "TOOLGATE_REDIS_PREFIX=fleet", "TOOLGATE_REDIS_TIMEOUT=2s",
		"TOOLGATE_AUTH_MODE=keys", "TOOLGATE_AUTH_KEYS_FILE=" + file,
		"TOOLGATE_LIMITS_RATES_PRINCIPAL=5-H", "TOOLGATE_LIMITS_RATES_TOOL=1-H", "TOOLGATE_LIMITS_RATES_AUTH_FAILURES=1-H",
	}
	one, two := start(t, env...), start(t, env...)
	bearer := []string{"Authorization", "Bearer " + key}
	one.wantLeft(t, "4", bearer...)
	two.wantLeft(t, "3", bearer...)
	call := func(s *server) string {
		return s.do(t, http.MethodPost, "/mcp", uppercase, append([]string{"Content-Type", "application/json"}, bearer...)...).body
	}
	if got := call(one); strings.Contains(got, "isError") {
		t.Errorf("the first call: got %s", got)
	}
	if got := call(two); !strings.Contains(got, "called too often") {
		t.Errorf("the second call, of the other process: got %s, want it refused", got)
	}
	one.wantLeft(t, "0", bearer...)
	two.wantTooMany(t, bearer...)

	wrong := []string{"Authorization", "Bearer " + stranger}
	if got := one.do(t, http.MethodGet, "/sse", "", wrong...); got.status != http.StatusUnauthorized {
		t.Errorf("a key of another server: got %d, want 401", got.status)
	}
	if got := two.do(t, http.MethodGet, "/sse", "", wrong...); got.status != http.StatusTooManyRequests {
		t.Errorf("the same at the other process: got %d, want 429", got.status)
	}
}

// TestRedisOverTLS: the certificate has to be good and the password right, and neither is seen anywhere.
func TestRedisOverTLS(t *testing.T) {
	const password = "canary-of-redis"
	redis := redistest.Start(t, redistest.Options{Password: password, TLS: true})
	env := []string{"TOOLGATE_REDIS_URL=" + redis.URL, "TOOLGATE_LIMITS_RATES_ADDRESS=6-H", "TOOLGATE_REDIS_TIMEOUT=2s", "TOOLGATE_LOG_LEVEL=debug"}
	one, two := start(t, append(env, "SSL_CERT_FILE="+redis.Certificate)...), start(t, append(env, "SSL_CERT_FILE="+redis.Certificate)...)
	one.wantLeft(t, "5")
	two.wantLeft(t, "4")
	trusting := start(t, env...)
	trusting.logs(t, "redis does not answer")
	trusting.wantLeft(t, "5")
	for _, s := range []*server{one, two, trusting} {
		if strings.Contains(s.logged(), password) {
			t.Errorf("the log holds the password:\n%s", s.logged())
		}
	}
	if !strings.Contains(trusting.logged(), "certificate") {
		t.Errorf("the log does not say that the certificate is not trusted:\n%s", trusting.logged())
	}
}
