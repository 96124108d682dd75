package e2e

import (
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestMetricsOfTheirOwn: metrics that have a listener of their own are on no other, and nothing else is on that.
func TestMetricsOfTheirOwn(t *testing.T) {
	cmd := exec.Command(binary, "serve")
	cmd.Dir = t.TempDir()
	s := launch(t, cmd, "TOOLGATE_METRICS_LISTEN=127.0.0.1:0")
	if got := s.get(t, "/metrics"); got.status != http.StatusNotFound {
		t.Errorf("GET /metrics beside everything else: %d, want 404", got.status)
	}
	s.logs(t, "serving metrics")
	at := regexp.MustCompile(`"metrics_address":"([^"]+)"`).FindStringSubmatch(s.logged())
	if at == nil {
		t.Fatal("the log does not say where metrics are")
	}
	own := &server{url: "http://" + at[1]}
	if got := own.get(t, "/metrics"); got.status != http.StatusOK || !strings.Contains(got.body, "toolgate_build_info") {
		t.Errorf("GET /metrics of their own: %d %s", got.status, got.body)
	}
	for _, path := range []string{"/", "/mcp", "/sessions", "/debug/pprof/", "/debug/vars"} {
		if got := own.get(t, path); got.status != http.StatusNotFound {
			t.Errorf("GET %s beside the metrics: %d, want 404", path, got.status)
		}
	}
}

// TestNothingOfTheProcessIsShown: there is no profiler and no dump of variables, for nobody.
func TestNothingOfTheProcessIsShown(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug", "/.git/config", "/.env"} {
		if got := s.get(t, path); got.status != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, got.status)
		}
	}
}

// TestAnIssuerThatIsAway: a server whose issuer cannot be asked starts, lives, and is not ready; callers are told to come
// back and never let in.
func TestAnIssuerThatIsAway(t *testing.T) {
	issuer := "http://127.0.0.1:1/realm"
	cmd := exec.Command(binary, "serve")
	cmd.Dir = t.TempDir()
	s := launchUnready(t, cmd, "TOOLGATE_AUTH_MODE=oauth", "TOOLGATE_AUTH_JWT_ISSUERS="+issuer, "TOOLGATE_SERVER_PUBLIC_URL=https://tools.example.com")
	if got := s.get(t, "/livez"); got.status != http.StatusOK {
		t.Errorf("GET /livez: %d, want 200", got.status)
	}
	if got := s.get(t, "/readyz"); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, issuer) {
		t.Errorf("GET /readyz: %d %s, want 503 and whom it waits for", got.status, got.body)
	}
	token := "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEvcmVhbG0ifQ.AAAA"
	if got := s.do(t, http.MethodGet, "/api/tools", "", "Authorization", "Bearer "+token); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("with a token of that issuer: %d (Retry-After %q), want 503 and when to come back", got.status, got.header.Get("Retry-After"))
	}
}
