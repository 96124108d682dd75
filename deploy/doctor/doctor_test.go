package doctor

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const keyOfTests = "tg_key_of_the_tests"

// TestReport holds whole reports to their goldens: as text and as JSON, of a server that is right.
func TestReport(t *testing.T) {
	wantGolden(t, "right.txt", settled(diagnose(t, &fake{})))
	wantGolden(t, "right.json", settled(diagnose(t, &fake{}, "--json")))
	wantGolden(t, "locked.txt", settled(diagnose(t, &fake{key: keyOfTests})))
}

// TestFindings has a server for every finding that HTTP can show, and holds the doctor to that finding alone; the goldens
// have what it says of it.
func TestFindings(t *testing.T) {
	const app = "https://app.example.com"
	for name, c := range map[string]struct {
		server *fake
		wrap   func(f *fake) func(http.ResponseWriter, *http.Request) bool
		args   []string
		faults []string
		warns  []string
		public bool // under a name of the internet's
	}{
		"host-refused": {server: &fake{patch: patched("", "/app/", func(w http.ResponseWriter, r *http.Request) {
			refuse(w, 403, "host_not_allowed", `host "`+r.Host+`" is not a name`)
		})}, faults: []string{"host-refused"}},
		"host-rewritten": {server: &fake{patch: patched("", "/app/", func(w http.ResponseWriter, r *http.Request) {
			refuse(w, 403, "host_not_allowed", `host "backend:3002" is not a name`)
		})}, faults: []string{"host-rewritten"}},
		"host-refused-foreign": {server: &fake{patch: patched("", "/app/", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "Forbidden: invalid Host header", http.StatusForbidden)
		})}, faults: []string{"host-refused"}},
		"host-foreign":  {server: &fake{patch: func(_ http.ResponseWriter, r *http.Request) bool { r.Host = "127.0.0.1"; return false }}, faults: []string{"origin-own"}, warns: []string{"host-foreign"}},
		"upstream-down": {server: &fake{patch: patched("", "/app/", page(502))}, faults: []string{"upstream-down"}},
		"no-mcp":        {server: &fake{patch: patched("", "/app/", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 404, `{"error":"not_found"}`) })}, faults: []string{"no-mcp"}},
		"redirected": {server: &fake{patch: patched("", "/app/mcp", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/login?next=secret", http.StatusFound)
		})}, faults: []string{"redirected"}},
		"proxy-password": {server: &fake{patch: patched("", "/app/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
		})}, faults: []string{"proxy-password"}},
		"proxy-forbids":     {server: &fake{patch: patched("", "/app/", page(403))}, faults: []string{"proxy-forbids"}},
		"page-for-all":      {server: &fake{patch: patched("GET", "/", page(200))}, faults: []string{"get-mcp", "mcp-stream", "sse-type", "well-known-trap"}, warns: []string{"host-foreign", "unknown-path-page"}},
		"origin-foreign":    {server: &fake{origins: []string{foreignOrigin}}, faults: []string{"origin-foreign"}},
		"origin-refused":    {server: &fake{}, args: []string{"--origin", app}, faults: []string{"origin-refused"}},
		"origin-served":     {server: &fake{origins: []string{app}}, args: []string{"--origin", app}},
		"cors-twice":        {server: &fake{origins: []string{app}}, wrap: replaced("Access-Control-Allow-Origin", app+"\x00"), args: []string{"--origin", app}, faults: []string{"cors-twice"}},
		"cors-headers":      {server: &fake{origins: []string{app}}, wrap: replaced("Access-Control-Allow-Headers", "Last-Event-ID"), args: []string{"--origin", app}, faults: []string{"cors-headers"}},
		"cors-methods":      {server: &fake{origins: []string{app}}, wrap: replaced("Access-Control-Allow-Methods", "DELETE"), args: []string{"--origin", app}, faults: []string{"cors-methods"}},
		"cors-expose":       {server: &fake{origins: []string{app}}, wrap: replaced("Access-Control-Expose-Headers", "Mcp-Session-Id"), args: []string{"--origin", app}, faults: []string{"cors-expose"}},
		"challenge-missing": {server: &fake{key: keyOfTests}, wrap: func(f *fake) func(http.ResponseWriter, *http.Request) bool { return without(f, "WWW-Authenticate") }, faults: []string{"challenge-missing"}},
		"key-refused":       {server: &fake{key: keyOfTests}, args: []string{"--key", "tg_unknown"}, faults: []string{"key-refused"}},
		"key-stripped":      {server: &fake{key: keyOfTests, patch: func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Authorization"); return false }}, args: []string{"--key", keyOfTests}, faults: []string{"key-stripped"}},
		"key-taken":         {server: &fake{key: keyOfTests}, args: []string{"--key", keyOfTests}},
		"well-known-trap":   {server: &fake{patch: patched("", "/.well-known/", page(500))}, faults: []string{"well-known-trap"}},
		"well-known-html":   {server: &fake{patch: patched("", "/.well-known/", page(404))}, warns: []string{"well-known-html"}},
		"get-mcp": {server: &fake{patch: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "GET" && r.URL.Path == "/app/mcp" && r.Header.Get("Mcp-Session-Id") == "" && r.Host != foreignHost {
				answerJSON(w, 400, "{}")
				return true
			}
			return false
		}}, faults: []string{"get-mcp"}},
		"post-sse":             {server: &fake{patch: patched("POST", "/app/sse", page(405))}, warns: []string{"cors-origin", "post-sse"}},
		"unknown-path-html":    {server: &fake{patch: patched("", "/app/toolgate-doctor", page(404))}, warns: []string{"unknown-path-html"}},
		"endpoint-unreachable": {server: &fake{path: "/other"}, faults: []string{"endpoint-unreachable"}},
		"endpoint-doubled":     {server: &fake{path: "/app/app"}, faults: []string{"endpoint-doubled"}},
		"endpoint-origin":      {server: &fake{path: "https://backend.internal/app"}, faults: []string{"endpoint-origin"}},
		"stream-silent":        {server: &fake{late: 30 * time.Second}, faults: []string{"stream-buffered"}},
		"stream-lumped":        {server: &fake{lump: true}, faults: []string{"stream-buffered"}},
		"stream-cut-quiet":     {server: &fake{life: 8 * time.Second, beat: time.Hour}, faults: []string{"stream-cut"}},
		"stream-cut-whole":     {server: &fake{life: 22 * time.Second, beat: 5 * time.Second}, args: []string{"--idle", "1m"}, faults: []string{"stream-cut"}},
		"idle":                 {server: &fake{}, args: []string{"--idle", "2m"}},
		"rare-heartbeat":       {server: &fake{beat: 58 * time.Second}, args: []string{"--idle", "2m"}, warns: []string{"rare-heartbeat"}},
		"no-heartbeat":         {server: &fake{beat: time.Hour}, warns: []string{"no-heartbeat"}},
		"stream-cached":        {server: &fake{}, wrap: func(f *fake) func(http.ResponseWriter, *http.Request) bool { return headers("Age", "3") }, faults: []string{"stream-cached"}},
		"stream-compressed":    {server: &fake{patch: headers("Content-Encoding", "br")}, faults: []string{"stream-compressed"}},
		"no-stickiness":        {server: &fake{patch: sometimes()}, faults: []string{"no-stickiness"}},
		"mcp-delete":           {server: &fake{patch: patched("DELETE", "/app/mcp", page(405))}, faults: []string{"mcp-delete"}},
		"headers-dropped":      {server: &fake{patch: undiscovered(200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"Mcp-Method is missing"}}`)}, faults: []string{"headers-dropped"}},
		"discover-5xx":         {server: &fake{patch: undiscovered(500, `{}`)}, faults: []string{"discover-5xx"}},
		"not-stateless":        {server: &fake{name: "another", patch: undiscovered(200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}`)}},
		"body-limit":           {server: &fake{patch: larger(1<<20, 413, "text/html")}, faults: []string{"body-limit"}},
		"body-html":            {server: &fake{patch: larger(4<<20, 413, "text/html")}, warns: []string{"body-html"}},
		"no-retry-after":       {server: &fake{patch: patched("", "/app/metrics", page(429))}, faults: []string{"no-retry-after"}},
		"rate-limited":         {server: &fake{patch: patched("", "/app/metrics", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Retry-After", "5"); page(429)(w, r) })}, warns: []string{"rate-limited"}},
		"clock-skew": {server: &fake{key: keyOfTests, patch: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Date", time.Now().Add(-5*time.Minute).UTC().Format(http.TimeFormat))
			return false
		}}, args: []string{"--key", keyOfTests}, warns: []string{"clock-skew"}},
		"auth-none":         {server: &fake{}, public: true, warns: []string{"auth-none", "plain-http"}},
		"sessions-open":     {server: &fake{key: keyOfTests, patch: patched("GET", "/app/sessions", says(200, `{"count":0,"sessions":[]}`))}, public: true, faults: []string{"sessions-open"}, warns: []string{"plain-http"}},
		"metrics-open":      {server: &fake{key: keyOfTests, patch: patched("GET", "/app/metrics", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "# HELP a b\n") })}, public: true, faults: []string{"metrics-open"}, warns: []string{"plain-http"}},
		"origin-added":      {server: &fake{patch: func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Set("Origin", foreignOrigin); return false }}, faults: []string{"origin-added"}},
		"overloaded":        {server: &fake{patch: patched("POST", "/app/mcp", says(503, `{"jsonrpc":"2.0","error":{"code":-32603,"message":"the server holds all the sessions it may"}}`))}, faults: []string{"overloaded"}},
		"mcp-type":          {server: &fake{patch: patched("POST", "/app/mcp", page(200))}, faults: []string{"mcp-type"}},
		"no-answer":         {server: &fake{patch: patched("POST", "/app/mcp", func(_ http.ResponseWriter, r *http.Request) { waitFor(r.Context(), 20*time.Second) })}, faults: []string{"no-answer"}},
		"key-scope":         {server: &fake{key: keyOfTests, patch: keyed(403, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"this needs the scope tools:read","data":{"reason":"insufficient_scope"}}}`)}, args: []string{"--key", keyOfTests}, faults: []string{"key-scope"}, warns: []string{"cors-origin"}},
		"cors-vary":         {server: &fake{}, wrap: func(f *fake) func(http.ResponseWriter, *http.Request) bool { return without(f, "Vary") }, warns: []string{"cors-vary"}},
		"endpoint-json":     {server: &fake{object: true}, warns: []string{"endpoint-json"}},
		"endpoint-form":     {server: &fake{}, wrap: said("data: /app/messages", `data: "/app/messages`), faults: []string{"endpoint-form"}},
		"endpoint-stripped": {server: &fake{path: "none"}, faults: []string{"endpoint-stripped"}},
		"cors-preflight":    {server: &fake{patch: patched("OPTIONS", "/", page(404))}, warns: []string{"cors-preflight"}},
		"cors-password":     {server: &fake{patch: patched("OPTIONS", "/", page(401))}, warns: []string{"cors-preflight"}},
		"endpoint-status":   {server: &fake{}, wrap: status("/app/messages", 202, 204), warns: []string{"endpoint-status"}},
		"sse-first-event":   {server: &fake{}, wrap: said("event: endpoint\n", "event: message\n"), faults: []string{"sse-first-event"}},
		"sse-ended":         {server: &fake{patch: patched("GET", "/app/sse", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-stream") })}, faults: []string{"sse-ended", "stream-cut"}},
		"sse-post":          {server: &fake{patch: noting("/app/messages", says(500, "{}"))}, warns: []string{"sse-post"}},
		"version-echo":      {server: &fake{}, wrap: said(`"protocolVersion":"2025-03-26"`, `"protocolVersion":"1999-01-01"`), faults: []string{"version-echo"}},
		"version-echo-sse":  {server: &fake{}, wrap: said(`"protocolVersion":"2024-11-05"`, `"protocolVersion":"2025-11-25"`), warns: []string{"version-echo"}},
		"mcp-initialized":   {server: &fake{patch: noting("/app/mcp", says(200, ""))}, warns: []string{"mcp-initialized"}},
		"mcp-tools":         {server: &fake{}, wrap: said(`"result":{"tools"`, `"error":{"code":-32603,"message":"internal error"},"x":{"tools"`), faults: []string{"mcp-tools", "stateless-tools"}},
		"mcp-stream": {server: &fake{patch: patched("GET", "/app/mcp", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Mcp-Session-Id") != "" {
				says(404, "{}")(w, r)
				return
			}
			only(w, "POST")
		})}, faults: []string{"mcp-stream"}, warns: []string{"host-foreign"}},
		"mcp-ended": {server: &fake{patch: patched("DELETE", "/app/mcp", says(200, ""))}, warns: []string{"mcp-ended"}},
		"discover-session": {server: &fake{patch: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Mcp-Method") == "server/discover" {
				w.Header().Set("Mcp-Session-Id", "x")
			}
			return false
		}}, warns: []string{"discover-session"}},
		"replicas-uneven": {server: &fake{patch: broken()}, warns: []string{"replicas-uneven"}},
		"streams-limited": {server: &fake{patch: crowded()}, warns: []string{"streams-limited"}},
		"body-ended": {server: &fake{patch: func(_ http.ResponseWriter, r *http.Request) bool {
			if r.ContentLength > 1<<20 {
				panic(http.ErrAbortHandler)
			}
			return false
		}}, warns: []string{"body"}},
		"versions-told": {server: &fake{patch: headers("Server", "nginx/1.22.1", "X-Powered-By", "PHP")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.wrap != nil {
				c.server.patch = c.wrap(c.server)
			}
			var report string
			if c.public {
				report = diagnosePublic(t, c.server, c.args...)
			} else {
				report = diagnose(t, c.server, c.args...)
			}
			slices.Sort(c.warns)
			if got := idsOf(report, "fault"); !slices.Equal(got, c.faults) {
				t.Errorf("faults: got %v, want %v\n%s", got, c.faults, report)
			}
			if got := idsOf(report, "warn"); !slices.Equal(got, c.warns) {
				t.Errorf("warnings: got %v, want %v\n%s", got, c.warns, report)
			}
			if strings.Contains(report, keyOfTests) {
				t.Errorf("the report holds the key:\n%s", report)
			}
			wantGolden(t, "findings/"+name+".txt", settled(problems(report)))
		})
	}
}

// diagnosePublic is diagnose under a name that is not this machine's.
func diagnosePublic(t *testing.T, h http.Handler, args ...string) string {
	t.Helper()
	var report string
	synctest.Test(t, func(t *testing.T) {
		n := network{}
		n.serve(t, "127.0.0.1:3002", h, nil, false)
		report = n.diagnose(t, append(args, "http://"+publicName+"/app", "--resolve", publicName+":80:127.0.0.1:3002")...)
	})
	return report
}

// TestEveryFindingIsKnown looks through the source: each warning and fault has a golden and a row in docs/doctor.md.
func TestEveryFindingIsKnown(t *testing.T) {
	read := func(pattern string) string {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		var all strings.Builder
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	source, goldens, docs := read("*.go"), read("testdata/findings/*.txt"), read("../../docs/doctor.md")
	ids := map[string]bool{"get-mcp": true, "post-sse": true, "sessions-open": true, "metrics-open": true, "origin-own": true, "origin-refused": true}
	for _, m := range regexp.MustCompile(`\.(?:fault|warn|grade|complain)\((?:s, |p\.server\.ours, )?"([a-z0-9-]+)"`).FindAllStringSubmatch(source, -1) {
		ids[m[1]] = true
	}
	if len(ids) < 80 {
		t.Errorf("got %d ids, want 80 or more: does the pattern still fit the source?", len(ids))
	}
	for id := range ids {
		if !strings.Contains(goldens, "["+id+"]") {
			t.Errorf("no golden has [%s]", id)
		}
		if !strings.Contains(docs, "`"+id+"`") {
			t.Errorf("docs/doctor.md does not know `%s`", id)
		}
	}
}
