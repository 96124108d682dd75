package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"toolgate/config"
)

// TestGateOrder sends requests that several gates would refuse: the answer tells which of them stands first.
func TestGateOrder(t *testing.T) {
	strict := func(c *config.Config) {
		withKeys(c)
		c.Limits.Body = 1024
		c.Limits.Rates.Address = "5-H"
	}
	bad := "Authorization: Bearer tg_wrong"
	large := strings.Repeat(" ", 2000)
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		reason                   string // of a refusal; empty for an answer that is none
	}{
		{"host before origin", "POST", "/mcp", "{}", []string{"Host: evil.example", "Origin: http://evil.example"}, 403, "host_not_allowed"},
		{"host before the key", "POST", "/mcp", "{}", []string{"Host: evil.example", bad}, 403, "host_not_allowed"},
		{"origin before the key", "POST", "/mcp", "{}", []string{"Origin: http://evil.example", bad}, 403, "origin_not_allowed"},
		{"host before the path", "GET", "/nothing", "", []string{"Host: evil.example"}, 403, "host_not_allowed"},
		{"host before the method", "PUT", "/mcp", "", []string{"Host: evil.example"}, 403, "host_not_allowed"},
		{"host before a preflight", "OPTIONS", "/mcp", "", []string{"Host: evil.example", "Origin: http://localhost:1", "Access-Control-Request-Method: POST"}, 403, "host_not_allowed"},
		{"preflight before the key", "OPTIONS", "/mcp", "", []string{"Origin: http://localhost:1", "Access-Control-Request-Method: POST"}, 204, ""},
		{"the key before the body's size", "POST", "/mcp", large, nil, 401, "unauthorized"},
		{"the key before the body's type", "POST", "/messages", "x", []string{bad, "Content-Type: text/plain"}, 401, "unauthorized"},
		{"the key before the method there", "POST", "/sse", "{}", nil, 401, "unauthorized"},
		{"the key before the scope", "GET", "/sessions", "", nil, 401, "unauthorized"},
		{"no key for a path that is not there", "GET", "/nothing", "", nil, 404, ""},
		{"no key for the state", "GET", "/health", "", nil, 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, strict)
			got := w.do(tt.method, tt.path, tt.body, tt.headers...)
			if tt.reason != "" {
				got.wantRefused(t, tt.status, tt.reason)
			} else if got.status != tt.status {
				t.Errorf("got %d %s, want %d", got.status, got.body, tt.status)
			}
		})
	}
	t.Run("the size before the session", func(t *testing.T) {
		w := newWorld(t, strict)
		w.post("/messages", large, w.bearer("reader")).wantRefused(t, 413, "body_too_large")
	})
	t.Run("the address before the key", func(t *testing.T) {
		w := newWorld(t, strict, func(c *config.Config) { c.Limits.Rates.AuthFailures = "1000-H" })
		for range 5 {
			w.post("/mcp", "{}", bad).wantRefused(t, 401, "unauthorized")
		}
		w.post("/mcp", "{}", bad).wantRefused(t, 429, "rate_limited")
		w.post("/mcp", large, w.bearer("reader")).wantRefused(t, 429, "rate_limited")
		if got := w.at("192.0.2.1").post("/mcp", ping("1"), w.bearer("reader")); got.body != pong("1") {
			t.Errorf("another address: got %d %s", got.status, got.body)
		}
		if got := w.get("/readyz"); got.status != http.StatusOK {
			t.Errorf("a probe from the limited address: got %d, want 200", got.status)
		}
	})
	t.Run("the principal before the size", func(t *testing.T) {
		w := newWorld(t, withKeys, func(c *config.Config) { c.Limits.Body, c.Limits.Rates.Principal = 1024, "1-H" })
		w.post("/mcp", ping("1"), w.bearer("reader"))
		w.post("/mcp", large, w.bearer("reader")).wantRefused(t, 429, "rate_limited")
		w.post("/mcp", large, w.bearer("other")).wantRefused(t, 413, "body_too_large")
	})
}

// TestRateLimit: one more than the limit is told when to come again; open streams live on.
func TestRateLimit(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Limits.Rates.Address = "3-M" })
	s := w.open("/sse")
	for _, id := range []string{"1", "2"} {
		if got := s.ask(ping(id)); got != pong(id) {
			t.Fatalf("got %s", got)
		}
	}
	for _, forged := range []string{"X-Forwarded-For: 192.0.2.1", "X-Real-Ip: 192.0.2.2", "Forwarded: for=192.0.2.3", "Cf-Connecting-Ip: 192.0.2.4"} {
		got := w.post(s.endpoint, ping("3"), forged)
		got.wantRefused(t, http.StatusTooManyRequests, "rate_limited")
		if after := got.header.Get("Retry-After"); strings.Trim(after, "0123456789") != "" || after == "" || after == "0" {
			t.Errorf("Retry-After: got %q, want whole seconds, at least 1", after)
		}
		got.wantHeader(t, "X-RateLimit-Limit", "3")
		got.wantHeader(t, "X-RateLimit-Remaining", "0")
	}
	if got := w.at("192.0.2.9").post(s.endpoint, ping("4")); got.status != http.StatusAccepted {
		t.Fatalf("another address: got %d %s, want 202", got.status, got.body)
	}
	if got := s.next(); got != pong("4") {
		t.Errorf("the stream of the limited address: got %s, want it alive", got)
	}
}

func TestRateLimitAddresses(t *testing.T) {
	limited := func(c *config.Config) { c.Limits.Rates.Address = "2-M" }
	trusting := func(c *config.Config) { c.Server.TrustedProxies = []string{"127.0.0.1"} }
	t.Run("an IPv6 network is one", func(t *testing.T) {
		w := newWorld(t, limited)
		w.at("2001:db8::1").post("/mcp", ping("1"))
		w.at("2001:db8::2").post("/mcp", ping("1"))
		w.at("2001:db8::3").post("/mcp", ping("1")).wantRefused(t, 429, "rate_limited")
		if got := w.at("2001:db8:0:1::1").post("/mcp", ping("1")); got.status != http.StatusOK {
			t.Errorf("the next network: got %d %s, want 200", got.status, got.body)
		}
	})
	t.Run("a trusted proxy's client is the right-most", func(t *testing.T) {
		w := newWorld(t, limited, trusting)
		for i, want := range []int{200, 200, 429} {
			left := "X-Forwarded-For: 192.0.2." + string(rune('1'+i)) + ", 198.51.100.7"
			if got := w.post("/mcp", ping("1"), left); got.status != want {
				t.Errorf("request %d: got %d, want %d", i+1, got.status, want)
			}
		}
	})
}

// TestToolLimits: how often a tool is called is the model's affair, and it reads so; the handshake has a limit of its own.
func TestToolLimits(t *testing.T) {
	w := newWorld(t, withKeys, func(c *config.Config) { c.Limits.Rates.Tool, c.Limits.Rates.Handshake = "1-H", "2-H" })
	s := w.open("/sse", w.bearer("reader"))
	upper := func(id string) string { return call(id, "uppercase_text", `{"text":"x"}`) }
	if got := s.ask(upper("1"), w.bearer("reader")); got != textResult("1", "X") {
		t.Fatalf("got %s", got)
	}
	if got := s.ask(upper("2"), w.bearer("reader")); !strings.Contains(got, `"isError":true`) || !strings.Contains(got, "wait ") {
		t.Errorf("the second call: got %s, want a result with isError that says how long to wait", got)
	}
	if got := s.ask(call("3", "get_user", `{"user_identity":"alice"}`), w.bearer("reader")); strings.Contains(got, "isError") {
		t.Errorf("another tool: got %s, want its result", got)
	}
	list := func(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/list"}` }
	for _, id := range []string{"4", "5"} {
		if got := s.ask(list(id), w.bearer("reader")); !strings.Contains(got, `"result"`) {
			t.Errorf("got %s, want the tools", got)
		}
	}
	if got := s.ask(list("6"), w.bearer("reader")); !strings.Contains(got, `"code":-32600`) || !strings.Contains(got, "retryAfterSeconds") {
		t.Errorf("the third list: got %s, want an error that says when to try again", got)
	}
	for range 5 {
		if got := s.ask(ping("7"), w.bearer("reader")); got != pong("7") {
			t.Errorf("a ping: got %s, want it unlimited", got)
		}
	}
	other := w.open("/sse", w.bearer("other"))
	if got := other.ask(upper("8"), w.bearer("other")); got != textResult("8", "X") {
		t.Errorf("another principal: got %s", got)
	}
}

// TestNamesThatAreMadeUpAreLimited: a model that calls tools, or methods, which there are none of is as busy as any.
func TestNamesThatAreMadeUpAreLimited(t *testing.T) {
	for _, message := range []string{call("1", "made_up", `{}`), `{"jsonrpc":"2.0","id":1,"method":"made/up"}`} {
		w := newWorld(t, withKeys, func(c *config.Config) { c.Limits.Rates.Handshake = "2-H" })
		s := w.open("/sse", w.bearer("reader"))
		for range 2 {
			if got := s.ask(message, w.bearer("reader")); strings.Contains(got, "too many") {
				t.Errorf("%s: got %s, want it refused for its name", message, got)
			}
		}
		if got := s.ask(message, w.bearer("reader")); !strings.Contains(got, "retryAfterSeconds") {
			t.Errorf("%s for the third time: got %s, want an error that says when to try again", message, got)
		}
	}
}

// TestTheLimitOfAllIsTheLastGuard: what an address is refused does not count for all.
func TestTheLimitOfAllIsTheLastGuard(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Limits.Rates.All, c.Limits.Rates.Address = "10-M", "2-M" })
	for range 30 {
		w.at("192.0.2.1").get("/api/tools")
	}
	if got := w.at("192.0.2.2").get("/api/tools"); got.status != http.StatusOK {
		t.Errorf("another address: got %d %s, want 200", got.status, got.body)
	}
}

func TestOrigins(t *testing.T) {
	listed := func(c *config.Config) {
		c.Server.AllowedOrigins = []string{"https://app.example.com"}
		c.Server.PublicURL = "https://tools.example.com"
	}
	w := newWorld(t, listed)
	requests := []struct{ method, path string }{
		{"POST", "/mcp"}, {"GET", "/mcp"}, {"DELETE", "/mcp"}, {"GET", "/sse"}, {"POST", "/messages/?session_id=x"}, {"GET", "/sessions"}, {"GET", "/nothing"},
	}
	for _, origin := range []string{
		"http://evil.example", "null", "http://localhost.evil.example", "http://evil.example#localhost", "http://localhost@evil.example",
		"http://app.example.com", "https://app.example.com:444", "https://app.example.com.evil.example", "https://xapp.example.com",
		"https://\u0430pp.example.com", "ftp://localhost", "https://tools.example.com:8443", "file://", "localhost",
	} {
		for _, r := range requests {
			got := w.do(r.method, r.path, "", "Origin: "+origin)
			got.wantRefused(t, http.StatusForbidden, "origin_not_allowed")
			got.wantHeader(t, "Access-Control-Allow-Origin", "")
		}
	}
	w.post("/mcp", ping("1"), "Origin: https://app.example.com", "Origin: http://evil.example").wantRefused(t, 403, "origin_not_allowed")
	for _, origin := range []string{"https://app.example.com", "https://tools.example.com", "http://localhost:5173", "http://127.0.0.1", "http://[::1]:9"} {
		got := w.post("/mcp", ping("1"), "Origin: "+origin)
		if got.body != pong("1") {
			t.Errorf("%s: got %d %s, want it served", origin, got.status, got.body)
		}
		got.wantHeader(t, "Access-Control-Allow-Origin", origin)
		got.wantHeader(t, "Access-Control-Allow-Credentials", "")
		got.wantHeader(t, "Vary", "Origin")
	}
}

// TestWildcardOrigin: *. is exactly one label, of the listed scheme and port.
func TestWildcardOrigin(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Server.AllowedOrigins = []string{"https://*.apps.example.com", "https://*.ports.example.com:8443"}
	})
	for _, origin := range []string{"https://one.apps.example.com", "https://two.apps.example.com", "https://one.ports.example.com:8443"} {
		got := w.post("/mcp", ping("1"), "Origin: "+origin)
		if got.body != pong("1") {
			t.Errorf("%s: got %d %s, want it served", origin, got.status, got.body)
		}
		got.wantHeader(t, "Access-Control-Allow-Origin", origin) // its own name, never the pattern
		if got := w.do("OPTIONS", "/mcp", "", "Origin: "+origin, "Access-Control-Request-Method: POST"); got.status != http.StatusNoContent {
			t.Errorf("%s: preflight: got %d %s, want 204", origin, got.status, got.body)
		}
	}
	for _, origin := range []string{
		"https://apps.example.com", "https://a.b.apps.example.com", "http://one.apps.example.com", "https://one.apps.example.com:8443",
		"https://one.ports.example.com", "https://one.apps.example.com.evil.example", "https://evilapps.example.com", "https://*.apps.example.com",
	} {
		w.post("/mcp", ping("1"), "Origin: "+origin).wantRefused(t, http.StatusForbidden, "origin_not_allowed")
	}
}

// TestProbesAnswerUnderAnyHost: load balancers ask by address. Everything else wants one of the server's names.
func TestProbesAnswerUnderAnyHost(t *testing.T) {
	for _, base := range []string{"", "/base"} {
		w := newWorld(t, func(c *config.Config) { c.Server.BasePath = base })
		for _, probe := range []string{"/livez", "/readyz"} {
			if got := w.get(base+probe, "Host: 10.1.2.3:3002"); got.status != http.StatusOK {
				t.Errorf("%s: got %d %s, want 200", base+probe, got.status, got.body)
			}
			w.get(base+probe, "Host: 10.1.2.3:3002", "Origin: http://10.1.2.3:3002").wantRefused(t, http.StatusForbidden, "origin_not_allowed")
		}
		for _, path := range []string{"/health", "/sse", "/livez/", "/readyz/x", "/metrics"} {
			w.get(base+path, "Host: 10.1.2.3:3002").wantRefused(t, http.StatusForbidden, "host_not_allowed")
		}
	}
}

// TestPrincipalsBehindOneAddress: each has a limit of its own.
func TestPrincipalsBehindOneAddress(t *testing.T) {
	w := newWorld(t, withKeys, func(c *config.Config) { c.Limits.Rates.Principal = "2-H" })
	for _, name := range []string{"reader", "other", "writer", "admin"} {
		for _, status := range []int{200, 200, 429, 429} {
			if got := w.post("/mcp", ping("1"), w.bearer(name)); got.status != status {
				t.Errorf("%s: got %d %s, want %d", name, got.status, got.body, status)
			}
		}
	}
	w.at("192.0.2.7").post("/mcp", ping("1"), w.bearer("reader")).wantRefused(t, http.StatusTooManyRequests, "rate_limited")
}

func TestHosts(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Server.AllowedHosts = []string{"mcp.example.com"} })
	for _, host := range []string{"LOCALHOST:8080", "localhost.", "[::1]:8080", "[0:0:0:0:0:0:0:1]", "127.1.2.3", "localhost", "mcp.example.com", "MCP.example.com:443"} {
		if got := w.post("/mcp", ping("1"), "Host: "+host); got.body != pong("1") {
			t.Errorf("Host %s: got %d %s, want it served", host, got.status, got.body)
		}
	}
	for _, host := range []string{"evil.example", "localhost.evil.example", "mcp.example.com.evil.example", "x.mcp.example.com", "192.0.2.1", "10.0.0.1:3002"} {
		got := w.post("/mcp", call("1", "uppercase_text", `{"text":"x"}`), "Host: "+host, "X-Forwarded-Host: localhost", "Forwarded: host=localhost")
		got.wantRefused(t, http.StatusForbidden, "host_not_allowed")
		if !strings.Contains(got.body, "server.allowed_hosts") {
			t.Errorf("Host %s: got %s, want the key to set", host, got.body)
		}
	}
	if n := w.pack.ran.Load(); n != 0 {
		t.Errorf("%d calls for foreign hosts ran", n)
	}
}

func TestPreflight(t *testing.T) {
	w := newWorld(t, withKeys, func(c *config.Config) { c.Server.AllowedOrigins = []string{"https://app.example.com"} })
	for _, path := range []string{"/sse", "/messages/", "/message", "/mcp", "/sessions"} {
		got := w.do("OPTIONS", path, "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: content-type, mcp-param-region, x-evil", "Access-Control-Request-Private-Network: true")
		if got.status != http.StatusNoContent || got.body != "" {
			t.Errorf("%s: got %d %q, want 204", path, got.status, got.body)
		}
		got.wantHeader(t, "Access-Control-Allow-Origin", "https://app.example.com")
		got.wantHeader(t, "Access-Control-Allow-Private-Network", "")
		got.wantHeader(t, "Access-Control-Allow-Credentials", "")
		if vary := strings.Join(got.header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") {
			t.Errorf("%s: Vary: got %q, want Origin in it", path, vary)
		}
		has := func(header string, names ...string) {
			list := strings.Split(strings.ToLower(strings.ReplaceAll(got.header.Get(header), " ", "")), ",")
			for _, name := range names {
				if !slices.Contains(list, strings.ToLower(name)) {
					t.Errorf("%s: %s: got %v, want %s in it", path, header, list, name)
				}
			}
			if slices.Contains(list, "x-evil") || slices.Contains(list, "*") {
				t.Errorf("%s: %s: got %v, want what is known and no more", path, header, list)
			}
		}
		has("Access-Control-Allow-Methods", "GET", "POST", "DELETE", "OPTIONS")
		has("Access-Control-Allow-Headers", "Content-Type", "Accept", "Authorization", "Last-Event-ID", "Mcp-Session-Id",
			"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-Region", "X-API-Key")
	}
	got := w.do("OPTIONS", "/mcp", "", "Origin: http://evil.example", "Access-Control-Request-Method: POST")
	got.wantRefused(t, http.StatusForbidden, "origin_not_allowed")
	got.wantHeader(t, "Access-Control-Allow-Origin", "")
}

// TestErrorsAreReadable: a page of an allowed origin can read every no, or its client would see a network error only.
func TestErrorsAreReadable(t *testing.T) {
	const origin = "http://localhost:5173"
	w := newWorld(t, withKeys, func(c *config.Config) { c.Limits.Body, c.Limits.Rates.Principal = 1024, "4-H" })
	for _, tt := range []struct {
		status             int
		method, path, body string
		headers            []string
	}{
		{401, "POST", "/mcp", ping("1"), nil},
		{403, "GET", "/sessions", "", []string{w.bearer("other")}},
		{404, "GET", "/nothing", "", nil},
		{404, "POST", "/messages?session_id=x", ping("1"), []string{w.bearer("reader")}},
		{400, "POST", "/mcp", "{", []string{w.bearer("reader")}},
		{405, "PUT", "/mcp", "", nil},
		{405, "POST", "/sse", "{}", []string{w.bearer("writer")}},
		{406, "POST", "/mcp", ping("1"), []string{w.bearer("writer"), "Accept: text/html"}},
		{413, "POST", "/mcp", strings.Repeat(" ", 2000), []string{w.bearer("reader")}},
		{415, "POST", "/mcp", "x", []string{w.bearer("reader"), "Content-Type: text/plain"}},
		{429, "POST", "/mcp", ping("1"), []string{w.bearer("reader")}},
	} {
		got := w.do(tt.method, tt.path, tt.body, append(tt.headers, "Origin: "+origin)...)
		if got.status != tt.status {
			t.Errorf("%s %s: got %d %s, want %d", tt.method, tt.path, got.status, got.body, tt.status)
		}
		if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != origin {
			t.Errorf("%d: Access-Control-Allow-Origin: got %q, want %q", tt.status, allowed, origin)
		}
		exposed := got.header.Get("Access-Control-Expose-Headers")
		for _, name := range []string{"Mcp-Session-Id", "WWW-Authenticate", "Retry-After"} {
			if !strings.Contains(strings.ToLower(exposed), strings.ToLower(name)) {
				t.Errorf("%d: Access-Control-Expose-Headers: got %q, want %s in it", tt.status, exposed, name)
			}
		}
	}
}

// TestHostErrorIsReadable: who mistook the server's name in a page of his own is told which key to set.
func TestHostErrorIsReadable(t *testing.T) {
	got := newWorld(t).get("/health", "Host: evil.example", "Origin: http://localhost:5173")
	got.wantRefused(t, http.StatusForbidden, "host_not_allowed")
	got.wantHeader(t, "Access-Control-Allow-Origin", "http://localhost:5173")
}

func TestCredentials(t *testing.T) {
	w := newWorld(t, withKeys)
	key := w.keys["reader"]
	wrong := key[:len(key)-1] + "0"
	for _, tt := range []struct {
		name, target string
		headers      []string
		status       int
	}{
		{"none", "/mcp", nil, 401},
		{"right", "/mcp", []string{"Authorization: Bearer " + key}, 200},
		{"the scheme in lower case", "/mcp", []string{"Authorization: bearer " + key}, 200},
		{"X-API-Key", "/mcp", []string{"X-API-Key: " + key}, 200},
		{"both, the same", "/mcp", []string{"Authorization: Bearer " + key, "X-API-Key: " + key}, 200},
		{"wrong by a character", "/mcp", []string{"Authorization: Bearer " + wrong}, 401},
		{"Basic", "/mcp", []string{"Authorization: Basic " + key}, 401},
		{"without a scheme", "/mcp", []string{"Authorization: " + key}, 401},
		{"twice", "/mcp", []string{"Authorization: Bearer " + key, "Authorization: Bearer " + key}, 400},
		{"two that differ", "/mcp", []string{"Authorization: Bearer " + key, "X-API-Key: " + w.keys["admin"]}, 400},
		{"in the query", "/mcp?api_key=" + key, nil, 401},
		{"in the query beside a right one", "/mcp?access_token=x", []string{"Authorization: Bearer " + key}, 401},
		{"20 kB", "/mcp", []string{"Authorization: Bearer " + strings.Repeat("x", 20_000)}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.post(tt.target, ping("1"), tt.headers...)
			if got.status != tt.status {
				t.Fatalf("got %d %s, want %d", got.status, got.body, tt.status)
			}
			challenged := strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer ")
			if want := tt.status != http.StatusOK; challenged != want {
				t.Errorf("WWW-Authenticate: got %q, want a challenge: %v", got.header.Get("WWW-Authenticate"), want)
			}
		})
	}
	t.Run("every path of callers", func(t *testing.T) {
		for _, r := range []string{"GET /sse", "HEAD /sse", "POST /sse", "POST /messages", "POST /message", "POST /sse/messages", "POST /mcp", "GET /mcp", "DELETE /mcp", "GET /sessions", "GET /sessions/x", "DELETE /sessions/x", "GET /metrics"} {
			method, path, _ := strings.Cut(r, " ")
			if got := w.do(method, path, ""); got.status != http.StatusUnauthorized {
				t.Errorf("%s: got %d, want 401", r, got.status)
			}
		}
	})
}

// TestWrongKeysAreLimited: who tries keys has to wait, and a right key from the same place still passes.
func TestWrongKeysAreLimited(t *testing.T) {
	w := newWorld(t, withKeys)
	for range 10 {
		w.post("/mcp", ping("1"), "Authorization: Bearer tg_wrong").wantRefused(t, 401, "unauthorized")
	}
	got := w.post("/mcp", ping("1"), "Authorization: Bearer tg_wrong")
	got.wantRefused(t, 429, "rate_limited")
	if got.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	if got := w.post("/mcp", ping("1"), w.bearer("reader")); got.body != pong("1") {
		t.Errorf("a right key: got %d %s", got.status, got.body)
	}
}
