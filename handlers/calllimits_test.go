package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// rated sets limits.rates; the rest is off.
func rated(rates config.Rates) func(*config.Config) {
	return func(c *config.Config) {
		unlimited(c)
		off := c.Limits.Rates
		c.Limits.Rates = rates
		for _, rate := range []struct{ set, off *config.Rate }{
			{&c.Limits.Rates.Address, &off.Address},
			{&c.Limits.Rates.Principal, &off.Principal},
			{&c.Limits.Rates.Tool, &off.Tool},
			{&c.Limits.Rates.Handshake, &off.Handshake},
			{&c.Limits.Rates.AuthFailures, &off.AuthFailures},
		} {
			if *rate.set == "" {
				*rate.set = *rate.off
			}
		}
	}
}

const listTools = `{"jsonrpc":"2.0","id":9,"method":"tools/list"}`

func upper(id string) string { return call(id, "uppercase_text", `{"text":"x"}`) }

// TestACallLoopLocksNobodyOut: a client whose model calls a tool over and over comes in again by every way, and finds its
// tools.
func TestACallLoopLocksNobodyOut(t *testing.T) {
	w := newWorld(t, withKeys, func(c *config.Config) { c.Limits.Rates.Tool, c.Limits.Rates.Handshake = "5-H", "20-H" })
	bearer := w.bearer("reader")
	s := w.open("/sse", bearer)
	refused := 0
	for range 100 {
		if got := s.ask(upper("1"), bearer); strings.Contains(got, "isError") {
			refused++
		}
	}
	if refused != 95 {
		t.Errorf("%d of 100 calls refused, want 95", refused)
	}
	s.close()
	s = w.open("/sse", bearer)
	if got := s.ask(initialize("2024-11-05", "{}"), bearer); !strings.Contains(got, `"serverInfo"`) {
		t.Errorf("HTTP+SSE: initialize: got %s", got)
	}
	if got := s.ask(listTools, bearer); !strings.Contains(got, `"uppercase_text"`) {
		t.Errorf("HTTP+SSE: tools/list: got %s", got)
	}
	if got := s.ask(call("2", "get_user", `{"user_identity":"alice"}`), bearer); strings.Contains(got, "isError") {
		t.Errorf("HTTP+SSE: another tool: got %s", got)
	}
	if got := w.begin("2025-11-25", bearer).send(listTools); !strings.Contains(got.body, `"uppercase_text"`) {
		t.Errorf("Streamable HTTP: tools/list: got %d %s", got.status, got.body)
	}
	if got := w.post("/mcp", listTools, bearer); !strings.Contains(got.body, `"uppercase_text"`) {
		t.Errorf("without a session: tools/list: got %d %s", got.status, got.body)
	}
	if got := w.get("/api/tools", bearer); got.status != http.StatusOK {
		t.Errorf("REST: got %d %s", got.status, got.body)
	}
}

// Row 136.
func TestEachCallOfABatchCounts(t *testing.T) {
	w := newWorld(t, rated(config.Rates{Tool: "60-H"}))
	batch := "[" + strings.TrimSuffix(strings.Repeat(upper("1")+",", 50), ",") + "]"
	for i, want := range []int{50, 10, 0} {
		got := w.post("/mcp", batch)
		if served := strings.Count(got.body, textResult("1", "X")); got.status != http.StatusOK || served != want {
			t.Errorf("batch %d: got %d with %d calls served, want 200 with %d", i+1, got.status, served, want)
		}
		if refused := strings.Count(got.body, `"isError":true`); refused != 50-want {
			t.Errorf("batch %d: %d calls refused, want %d", i+1, refused, 50-want)
		}
	}
}

func TestSessionLimit(t *testing.T) {
	t.Run("HTTP+SSE", func(t *testing.T) {
		w := newWorld(t, rated(config.Rates{Session: "3-H"}))
		s := w.open("/sse")
		if got := s.ask(initialize("2024-11-05", "{}")); !strings.Contains(got, `"serverInfo"`) {
			t.Fatalf("initialize: got %s", got)
		}
		s.post(initialized)
		if got := s.ask(listTools); !strings.Contains(got, `"result"`) {
			t.Errorf("the second: got %s", got)
		}
		if got := s.ask(upper("3")); got != textResult("3", "X") {
			t.Errorf("the third: got %s", got)
		}
		if got := s.ask(upper("4")); !strings.Contains(got, `"isError":true`) || !strings.Contains(got, "wait ") {
			t.Errorf("the fourth, a call: got %s, want a result with isError that says how long to wait", got)
		}
		if got := s.ask(listTools); !strings.Contains(got, "retryAfterSeconds") {
			t.Errorf("the fifth, a list: got %s, want an error that says when to try again", got)
		}
		if got := s.ask(ping("6")); got != pong("6") {
			t.Errorf("a ping: got %s, want it unlimited", got)
		}
		if got := w.open("/sse").ask(upper("1")); got != textResult("1", "X") {
			t.Errorf("another session of the same caller: got %s", got)
		}
	})
	for _, revision := range []string{"2025-03-26", "2025-06-18", "2025-11-25"} {
		t.Run(revision, func(t *testing.T) {
			w := newWorld(t, rated(config.Rates{Session: "3-H"}))
			s := w.begin(revision)
			for _, id := range []string{"1", "2"} {
				if got := s.send(upper(id)); !strings.Contains(got.body, textResult(id, "X")) {
					t.Errorf("call %s: got %d %s", id, got.status, got.body)
				}
			}
			if got := s.send(upper("3")); !strings.Contains(got.body, `"isError":true`) {
				t.Errorf("beyond the limit: got %d %s, want a result with isError", got.status, got.body)
			}
			if got := w.begin(revision).send(upper("1")); !strings.Contains(got.body, textResult("1", "X")) {
				t.Errorf("another session: got %d %s", got.status, got.body)
			}
			for range 5 {
				if got := w.post("/mcp", upper("1")); !strings.Contains(got.body, textResult("1", "X")) {
					t.Errorf("without a session: got %d %s, want no limit", got.status, got.body)
				}
			}
		})
	}
	t.Run("a new window", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newWorld(t, rated(config.Rates{Session: "2-M"})).begin("2025-11-25")
			if got := s.send(upper("1")); !strings.Contains(got.body, textResult("1", "X")) {
				t.Errorf("got %d %s", got.status, got.body)
			}
			if got := s.send(upper("2")); !strings.Contains(got.body, `"isError":true`) {
				t.Errorf("one too many: got %d %s, want a result with isError", got.status, got.body)
			}
			<-time.After(time.Minute + time.Second)
			if got := s.send(upper("3")); !strings.Contains(got.body, textResult("3", "X")) {
				t.Errorf("a minute later: got %d %s", got.status, got.body)
			}
		})
	})
}

// A call that its session may not make uses up nothing of its tool's limit.
func TestASessionsLimitSparesTheTools(t *testing.T) {
	w := newWorld(t, rated(config.Rates{Session: "1-H", Tool: "2-H"}))
	s := w.open("/sse")
	for range 20 {
		s.ask(upper("1"))
	}
	if got := w.open("/sse").ask(upper("2")); got != textResult("2", "X") {
		t.Errorf("another session: got %s", got)
	}
}

// A stdio client is its own user's, who would wait for himself.
func TestStdioIsNotLimited(t *testing.T) {
	cfg := config.Default()
	cfg.Limits.Rates = config.Rates{Session: "1-H", Tool: "1-H", Handshake: "1-H"}
	limit, err := CallLimits(cfg, middleware.NewCounters(nil), nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	peer := &mcp.Peer{Principal: mcp.Anonymous(), Session: "s", Wire: mcp.WireStdio}
	for i := range 5 {
		if wait := limit(peer, "tools/list", "") + limit(peer, "tools/call", "t"); wait != 0 {
			t.Errorf("request %d: wait = %d, want none", i, wait)
		}
	}
}

// Limits of one tool, as toolsets have them, stand in for the limit of all tools.
func TestOwnLimitOfATool(t *testing.T) {
	cfg := config.Default()
	rated(config.Rates{Tool: "3-H"})(&cfg)
	own := map[string]config.Rate{"slow": "1-H", "other": "1-H", "free": config.RateOff, "odd": "fast"}
	limit, err := CallLimits(cfg, middleware.NewCounters(nil), func(tool string) config.Rate { return own[tool] }, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	peer := &mcp.Peer{Principal: &mcp.Principal{ID: "who"}}
	for tool, want := range map[string]int{"slow": 1, "other": 1, "free": 10, "odd": 3, "usual": 3} {
		served := 0
		for range 10 {
			if limit(peer, "tools/call", tool) == 0 {
				served++
			}
		}
		if served != want {
			t.Errorf("%s: %d of 10 calls served, want %d", tool, served, want)
		}
	}
}

// TestLimitOverAll: callers, credentials and addresses do not matter; probes are not behind it.
func TestLimitOverAll(t *testing.T) {
	w := newWorld(t, withKeys, rated(config.Rates{All: "4-H"}))
	for i, name := range []string{"reader", "other", "writer", "admin"} {
		if got := w.at(fmt.Sprintf("192.0.2.%d", i+1)).post("/mcp", ping("1"), w.bearer(name)); got.body != pong("1") {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	got := w.at("192.0.2.9").post("/mcp", ping("1"), w.bearer("reader"))
	got.wantRefused(t, http.StatusTooManyRequests, "rate_limited")
	if got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "all callers together") {
		t.Errorf("got %v %s, want when to come again, and whose limit it is", got.header, got.body)
	}
	w.get("/sse").wantRefused(t, http.StatusTooManyRequests, "rate_limited")
	for _, probe := range []string{"/livez", "/readyz", "/health"} {
		if got := w.get(probe); got.status != http.StatusOK {
			t.Errorf("%s: got %d %s, want 200", probe, got.status, got.body)
		}
	}
}

func TestRatesThatDoNotParse(t *testing.T) {
	for key, rates := range map[string]config.Rates{"session": {Session: "fast"}, "tool": {Tool: "fast"}, "handshake": {Handshake: "fast"}} {
		cfg := config.Default()
		cfg.Limits.Rates = rates
		_, err := CallLimits(cfg, middleware.NewCounters(nil), nil, zap.NewNop())
		if err == nil || !strings.Contains(err.Error(), "limits.rates."+key) {
			t.Errorf("%s: error %v, want one that names the key", key, err)
		}
	}
}

// BenchmarkRefused is a request beyond its address's limit, to the end of its answer.
func BenchmarkRefused(b *testing.B) {
	w := newWorld(b, rated(config.Rates{Address: "1-H"}))
	w.post("/mcp", ping("1"))
	c := w.wire(4096)
	defer c.conn.Close()
	request := mcpRequest(benchCall, nil)
	b.ReportAllocs()
	for b.Loop() {
		c.write(request)
		length := 0
		for length == 0 {
			line, err := c.in.ReadString('\n')
			if err != nil {
				b.Fatal(err)
			}
			_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
		}
		c.until("\r\n")
		if _, err := c.in.Discard(length); err != nil {
			b.Fatal(err)
		}
	}
}
