package middleware

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
)

const page = "https://app.example.com"

// browserGates are those a page's request passes up to auth; handler stands behind them.
func browserGates(handler gin.HandlerFunc, later ...gin.HandlerFunc) *gin.Engine {
	hosts := must(NewHosts(HostOptions{Bind: "localhost", AllowedHosts: []string{"app.example.com"}}))
	origins := must(NewOrigins(hosts, OriginOptions{Allowed: []string{page}}))
	return engine(handler, append([]gin.HandlerFunc{Recover(zap.NewNop()), HostCheck(hosts, origins), CORS(origins)}, later...)...)
}

func preflight(origin string, headers ...string) *http.Request {
	r := request("OPTIONS", append(headers, "Access-Control-Request-Method: POST")...)
	r.Header.Set("Origin", origin)
	return r
}

func TestPreflightFromAForeignPage(t *testing.T) { // 122
	w := serve(browserGates(served), preflight("https://evil.example"))
	refused(t, w, OriginNotAllowed)
	for name := range w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %s reached a foreign page", name, w.Header().Get(name))
		}
	}
}

func TestPreflightFromAListedPage(t *testing.T) { // 123, R26
	refuseAll := must(Auth(AuthOptions{Verifiers: []Verifier{&KeyStore{}}}))
	for _, origin := range []string{page, "http://localhost:3002", "http://localhost:5173"} {
		w := serve(browserGates(served, refuseAll), preflight(origin))
		if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
			t.Fatalf("%s: answer = %d %q, want an empty 204 before auth", origin, w.Code, w.Body)
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("Access-Control-Allow-Origin = %q, want %q", got, origin)
		}
		for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS"} {
			if got := w.Header().Get("Access-Control-Allow-Methods"); !strings.Contains(got, method) {
				t.Errorf("methods = %q, want %s among them", got, method)
			}
		}
		allowed := headerList(w, "Access-Control-Allow-Headers")
		for _, name := range []string{
			"Content-Type", "Accept", "Authorization", "Last-Event-ID", "Mcp-Session-Id",
			"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "X-API-Key", "Cache-Control", "X-Request-Id",
		} {
			if !allowed[strings.ToLower(name)] {
				t.Errorf("headers = %v, want %s among them", allowed, name)
			}
		}
		for _, name := range []string{"Access-Control-Allow-Credentials", "Access-Control-Allow-Private-Network"} {
			if got := w.Header().Get(name); got != "" {
				t.Errorf("%s = %q, want none", name, got)
			}
		}
		if got := strings.Join(w.Header().Values("Vary"), ", "); !strings.Contains(got, "Origin") {
			t.Errorf("Vary = %q, want Origin in it", got)
		}
	}
}

func headerList(w interface{ Header() http.Header }, name string) map[string]bool {
	set := map[string]bool{}
	for item := range strings.SplitSeq(w.Header().Get(name), ",") {
		set[strings.ToLower(strings.TrimSpace(item))] = true
	}
	return set
}

func TestPreflightGrantsParamHeadersByName(t *testing.T) {
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("mcp-param-n%d", i))
	}
	for _, tc := range []struct {
		asked   string
		granted bool
	}{
		{"mcp-param-region", true},
		{"Mcp-Param-Tenant_Id", true},
		{"mcp-param-", false},
		{"x-mcp-param-region", false},
		{"mcp-param-a b", false},
		{"mcp-param-a\x00", false},
		{"mcp-param-" + strings.Repeat("x", 100), false},
		{"cookie", false},
	} {
		w := serve(browserGates(served), preflight(page, "Access-Control-Request-Headers: content-type, "+tc.asked))
		if got := headerList(w, "Access-Control-Allow-Headers")[strings.ToLower(tc.asked)]; got != tc.granted {
			t.Errorf("%q: granted = %v, want %v", tc.asked, got, tc.granted)
		}
	}
	w := serve(browserGates(served), preflight(page, "Access-Control-Request-Headers: "+strings.Join(many, ",")))
	if got := strings.Count(w.Header().Get("Access-Control-Allow-Headers"), "mcp-param-"); got != maxParamNames {
		t.Errorf("%d names granted at once, want %d", got, maxParamNames)
	}
}

func TestPreflightForAPrivateNetwork(t *testing.T) { // 127
	w := serve(browserGates(served), preflight(page, "Access-Control-Request-Private-Network: true"))
	if got := w.Header().Get("Access-Control-Allow-Private-Network"); got != "" {
		t.Errorf("Access-Control-Allow-Private-Network = %q, want none", got)
	}
}

// wantReadable checks that the page may read the answer (rows 125 and 126).
func wantReadable(t *testing.T, h http.Header, origin string) {
	t.Helper()
	if got := h.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("Access-Control-Allow-Origin = %q, want %q", got, origin)
	}
	if got := h.Get("Vary"); got != "Origin" {
		t.Errorf("Vary = %q, want Origin", got)
	}
	exposed := strings.ToLower(h.Get("Access-Control-Expose-Headers"))
	for _, name := range []string{"mcp-session-id", "mcp-protocol-version", "www-authenticate", "retry-after", "x-request-id"} {
		if !strings.Contains(exposed, name) {
			t.Errorf("exposed = %q, want %s among them", exposed, name)
		}
	}
}

func TestAnswersToAListedPageAreReadable(t *testing.T) { // 125, 126
	limit := must(NewLimiter(LimiterOptions{Name: "address", Rate: "1-H", Store: must(NewMemoryStore(10))}))
	limit.Allow(t.Context(), AddressKey(Proxies{}.ClientAddr(request("GET"))), 1)
	for _, tc := range []struct {
		name    string
		later   []gin.HandlerFunc
		handler gin.HandlerFunc
		status  int
	}{
		{"served", nil, served, 200},
		{"no key", []gin.HandlerFunc{must(Auth(AuthOptions{Verifiers: []Verifier{&KeyStore{}}}))}, served, 401},
		{"no scope", []gin.HandlerFunc{must(Auth(AuthOptions{Open: true})), RequireScope("admin")}, served, 403},
		{"no JSON", []gin.HandlerFunc{must(BodyLimit(BodyOptions{Limit: 1}))}, served, 415},
		{"too often", []gin.HandlerFunc{RateLimit(limit, ByAddress(nil))}, served, 429},
		{"panic", nil, func(*gin.Context) { panic("!") }, 500},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := serve(browserGates(tc.handler, tc.later...), request("POST", "Origin: "+page))
			if w.Code != tc.status {
				t.Fatalf("status = %d, want %d", w.Code, tc.status)
			}
			wantReadable(t, w.Header(), page)
		})
	}
}

// The page http://app… and the server https://app… are two origins, although their hosts are equal.
func TestPageOfTheSameHostAndAnotherScheme(t *testing.T) {
	w := serve(browserGates(served), request("POST", "Host: app.example.com", "Origin: "+page))
	wantServed(t, w)
	wantReadable(t, w.Header(), page)
}

func TestProgramsGetNoConsentButVary(t *testing.T) {
	w := serve(browserGates(served), request("POST"))
	wantServed(t, w)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("Access-Control-Allow-Origin = %q without an Origin, want none", got)
	}
	if got := w.Header().Get("Vary"); got != "Origin" {
		t.Errorf("Vary = %q, want Origin", got)
	}
}

func TestCORSAloneRefusesForeignPages(t *testing.T) {
	hosts := must(NewHosts(HostOptions{Bind: "localhost"}))
	e := engine(served, CORS(must(NewOrigins(hosts, OriginOptions{}))))
	refused(t, serve(e, request("POST", "Origin: https://evil.example")), OriginNotAllowed)
	w := serve(e, request("GET", "Origin: http://localhost:3002"))
	wantServed(t, w)
	wantReadable(t, w.Header(), "http://localhost:3002")
}
