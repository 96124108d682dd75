package handlers

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"toolgate/mcp"
	"toolgate/middleware"
)

// scraped is what Prometheus reads.
func scraped(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func wantMetrics(t *testing.T, m *Metrics, lines ...string) {
	t.Helper()
	got := scraped(m)
	for _, want := range lines {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("the metrics have no %s:\n%s", want, operations(got))
		}
	}
}

// TestMetricsOfTheEdge: what happens around the protocol is counted, and every counter is there before it counts anything.
func TestMetricsOfTheEdge(t *testing.T) {
	m := NewMetrics("test")
	wantMetrics(t, m, `toolgate_config_reloads_total{outcome="applied"} 0`, `toolgate_config_reloads_total{outcome="refused"} 0`,
		`toolgate_http_refused_total{reason="unauthorized"} 0`, `toolgate_http_refused_total{reason="internal"} 0`, `toolgate_ratelimit_degraded_total 0`)
	m.Reloaded(true)
	m.Reloaded(false)
	m.Reloaded(false)
	m.Refused(middleware.HostNotAllowed)
	m.Upstream("Jira", "503", 20*time.Millisecond)
	m.WatchLimits(func() uint64 { return 7 })
	m.WatchCalls(func() int { return 3 })
	wantMetrics(t, m, `toolgate_config_reloads_total{outcome="applied"} 1`, `toolgate_config_reloads_total{outcome="refused"} 2`,
		`toolgate_http_refused_total{reason="host_not_allowed"} 1`, `toolgate_ratelimit_degraded_total 7`, `toolgate_calls_running 3`,
		`toolgate_upstream_request_duration_seconds_count{outcome="503",upstream="Jira"} 1`,
		`toolgate_upstream_request_duration_seconds_bucket{outcome="503",upstream="Jira",le="0.025"} 1`)
}

func TestAChangeThatIsRefusedIsNoConfigurationInForce(t *testing.T) {
	loaded := func(m *Metrics) string {
		for line := range strings.Lines(scraped(m)) {
			if strings.HasPrefix(line, "toolgate_config_loaded_timestamp_seconds ") {
				return line
			}
		}
		return ""
	}
	m := NewMetrics("test")
	first := loaded(m)
	m.Reloaded(false)
	if got := loaded(m); first == "" || got != first {
		t.Errorf("loaded %q after a refused change, want %q as before", got, first)
	}
	m.Reloaded(true)
	if got := loaded(m); got == first {
		t.Errorf("loaded %q after a change, want another time", got)
	}
}

// TestNoLabelIsAStrangersText: whatever requests say, the metrics show only names of ours.
func TestNoLabelIsAStrangersText(t *testing.T) {
	w := newWorld(t)
	s := w.open("/sse")
	s.ask(`{"jsonrpc":"2.0","id":"canary","method":"canary/method"}`)
	s.ask(call("2", "canary_tool", `{"text":"canary"}`))
	s.ask(call("3", "uppercase_text", `{"canary":"canary"}`))
	w.get("/canary?key=canary", "User-Agent: canary", "X-Canary: canary", "Authorization: Bearer canary")
	m := NewMetrics("test")
	told := m.Observer(nil)
	told.SessionClosed(mcp.WireSSE, errors.New("canary"), time.Second)
	for _, text := range []string{w.get("/metrics").body, scraped(m)} {
		if strings.Contains(text, "canary") {
			t.Errorf("the metrics show a stranger's text:\n%s", operations(text))
		}
	}
}
