package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
	"toolgate/mcp"
)

// wantProblem checks that a is a problem document of that kind, the same in its headers and its body, and returns it.
func (a *answer) wantProblem(tb testing.TB, status int, kind string) *problem {
	tb.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		tb.Fatalf("got %d %q: %v", a.status, a.body, err)
	}
	if a.status != status || p.Status != status || p.Type != problemType+kind || p.Title == "" || p.Detail == "" {
		tb.Errorf("got %d %s, want the problem %s with %d", a.status, a.body, kind, status)
	}
	if id := a.header.Get("X-Request-Id"); id == "" || p.Instance != id {
		tb.Errorf("instance: got %q, want X-Request-Id %q", p.Instance, id)
	}
	a.wantHeader(tb, "Content-Type", problemMedia)
	a.wantHeader(tb, "X-Content-Type-Options", "nosniff")
	a.wantHeader(tb, "Cache-Control", "no-store")
	retry := ""
	if p.RetryAfterSeconds > 0 {
		retry = fmt.Sprint(p.RetryAfterSeconds)
	}
	a.wantHeader(tb, "Retry-After", retry)
	return &p
}

func TestRestResults(t *testing.T) {
	w, _ := restWorld(t)
	for _, tt := range []struct{ name, tool, body, want string }{
		{"structure", "add", `{"a":1,"b":2}`, `{"sum":3}`},
		{"one text", "text", `{}`, `{"text":"a \"text\"\n"}`},
		{"no body", "text", ``, `{"text":"a \"text\"\n"}`},
		{"space around", "text", " {}\n", `{"text":"a \"text\"\n"}`},
		{"several texts", "texts", `{}`, `{"content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}`},
		{"a picture", "picture", `{}`, `{"content":[{"type":"image","data":"AQID","mimeType":"image/png"}]}`},
		{"a text with more to it", "note", `{}`, `{"content":[{"type":"text","text":"for one side","annotations":{"audience":["user"]}}]}`},
		{"nothing", "nothing", `{}`, `{"content":[]}`},
		{"structure without a schema", "loose", `{}`, `{"b":1.0,"a":12345678901234567890}`},
		{"a schema of its own", "tree", `{"root":{"children":[{}]}}`, `{"text":"tree"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.post("/api/tools/"+tt.tool, tt.body)
			if got.status != http.StatusOK || got.body != tt.want {
				t.Errorf("got %d %s, want 200 %s", got.status, got.body, tt.want)
			}
			got.wantHeader(t, "Content-Type", "application/json")
			got.wantHeader(t, "Cache-Control", "no-store")
			got.wantHeader(t, headerContinuation, "")
		})
	}
}

func TestRestNeedsNoContentTypeWithoutBody(t *testing.T) {
	w, _ := restWorld(t)
	said := w.raw("POST /api/tools/text HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", time.Minute)
	if !strings.HasPrefix(said, "HTTP/1.1 200 ") {
		t.Errorf("got %s, want 200", said)
	}
	said = w.raw("POST /api/tools/text HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nOrigin: http://evil.example\r\n\r\n", time.Minute)
	if !strings.HasPrefix(said, "HTTP/1.1 403 ") || !strings.Contains(said, "origin-not-allowed") {
		t.Errorf("from a foreign page: got %s, want 403", said)
	}
}

func TestRestProblems(t *testing.T) {
	w, _ := restWorld(t, unlimited)
	for _, tt := range []struct {
		name, tool, body string
		status           int
		kind, detail     string
	}{
		{"a name that is no text", "%ff", `{}`, 404, "no-such-tool", "unknown tool"},
		{"unknown tool", "ad", `{}`, 404, "no-such-tool", `did you mean "add"?`},
		{"not JSON", "add", `{"a":`, 400, "invalid-body", "not valid JSON"},
		{"no object", "add", `[1,2]`, 400, "invalid-body", "JSON object"},
		{"null", "add", `null`, 400, "invalid-body", "JSON object"},
		{"two values", "add", `{"a":1,"b":2}{}`, 400, "invalid-body", "not valid JSON"},
		{"more than arguments", "add", `{"a":1,"b":2},"task":{}`, 400, "invalid-body", "not valid JSON"},
		{"a name twice", "add", `{"a":1,"a":1,"b":2}`, 400, "invalid-body", "not valid JSON"},
		{"bad UTF-8", "add", "{\"\xff\":1}", 400, "invalid-body", "not valid JSON"},
		{"deep", "add", `{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, 400, "invalid-body", "nested deeper"},
		{"task only", "job", `{}`, 501, "task-only", "only as a task"},
		{"the tool says no", "refuse", `{}`, 422, "tool-error", "there is no room: ask for less"},
		{"against the protocol", "break_protocol", `{}`, 400, "invalid-request", "not like this"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := w.post("/api/tools/"+tt.tool, tt.body).wantProblem(t, tt.status, tt.kind)
			if !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("detail: got %q, want %q in it", p.Detail, tt.detail)
			}
		})
	}
}

func TestRestNamesBadArguments(t *testing.T) {
	w, _ := restWorld(t)
	for _, tt := range []struct {
		name, tool, body string
		want             []mcp.ArgumentFault
	}{
		{"missing, unknown and out of range", "add", `{"a":101,"c":1}`, []mcp.ArgumentFault{
			{Name: "b", Detail: `"b" is required: an integer from -128 to 127 (the second)`},
			{Name: "a", Detail: `"a" must be an integer from 0 to 100 (the first); it was 101`},
			{Name: "c", Detail: `there is no argument "c"; there is a, b`},
		}},
		{"no number at all", "add", `{"a":1e400,"b":1}`, nil},
		{"an integer, but beyond ours", "long", `{"n":1e30}`, []mcp.ArgumentFault{{Name: "n", Detail: `"n" does not fit a int`}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := w.post("/api/tools/"+tt.tool, tt.body).wantProblem(t, 400, "invalid-arguments")
			if diff := cmp.Diff(tt.want, p.Arguments); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(p.Detail, "invalid arguments for "+tt.tool+": ") {
				t.Errorf("detail: got %q", p.Detail)
			}
		})
	}
}

// TestRestWithoutStructure: where the operator wants texts alone, a structured result is its JSON as text, and the list says
// nothing of structure.
func TestRestWithoutStructure(t *testing.T) {
	w, p := restWorld(t)
	var err error
	w.api.server, err = mcp.NewServer(p.features(), mcp.Options{
		Info: mcp.Implementation{Name: "toolgate", Version: "test"}, ContentMode: mcp.ContentText,
	})
	w.must(err)
	if got := w.post("/api/tools/add", `{"a":1,"b":2}`); got.body != `{"text":"{\"sum\":3}"}` {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := w.get("/api/tools").body; strings.Contains(got, "outputSchema") {
		t.Errorf("got %s, want no output schemas", got)
	}
}

func TestRestToolErrorKeepsWhatIsNoText(t *testing.T) {
	w, _ := restWorld(t)
	p := w.post("/api/tools/refuse_richly", `{}`).wantProblem(t, 422, "tool-error")
	if p.Detail != "no" || len(p.Content) != 2 || string(p.Structured) != `{"left":2}` {
		t.Errorf("got %+v, want the text as detail, both blocks, and the structure", p)
	}
}

// TestRestHidesFaultsOfOurs: the client gets an id, and the log the fault under it.
func TestRestHidesFaultsOfOurs(t *testing.T) {
	w, _ := restWorld(t)
	for _, tool := range []string{"break", "panic"} {
		got := w.post("/api/tools/"+tool, `{}`)
		p := got.wantProblem(t, 500, "internal")
		if strings.Contains(got.body, "secret") || p.ErrorID == "" || !strings.Contains(p.Detail, p.ErrorID) {
			t.Errorf("%s: got %s, want an id and nothing of the fault", tool, got.body)
		}
		if !strings.Contains(w.log.String(), `"error_id":"`+p.ErrorID+`"`) {
			t.Errorf("%s: the log has no %s", tool, p.ErrorID)
		}
	}
}

func TestRestGatesRefuseWithProblems(t *testing.T) {
	w, _ := restWorld(t, withKeys, func(c *config.Config) { c.Limits.Body = config.KiB })
	reader := w.bearer("reader")
	for _, tt := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		kind                       string
	}{
		{"no key", "POST", "/api/tools/text", `{}`, nil, 401, "unauthorized"},
		{"no key for the list", "GET", "/api/tools", ``, nil, 401, "unauthorized"},
		{"a scope is missing", "POST", "/api/tools/write", `{}`, []string{reader}, 403, "insufficient-scope"},
		{"too large", "POST", "/api/tools/text", strings.Repeat(" ", 2000), []string{reader}, 413, "body-too-large"},
		{"a form", "POST", "/api/tools/text", `a=b`, []string{reader, "Content-Type: application/x-www-form-urlencoded"}, 415, "unsupported-media-type"},
		{"compressed", "POST", "/api/tools/text", `{}`, []string{reader, "Content-Encoding: gzip"}, 415, "unsupported-media-type"},
		{"a foreign host", "GET", "/api/tools", ``, []string{reader, "Host: evil.example"}, 403, "host-not-allowed"},
		{"a foreign page", "POST", "/api/tools/text", `{}`, []string{reader, "Origin: http://evil.example"}, 403, "origin-not-allowed"},
		{"two keys", "GET", "/api/tools", ``, []string{reader, "X-API-Key: other"}, 400, "bad-credentials"},
		{"no form of answer", "POST", "/api/tools/text", `{}`, []string{reader, "Accept: image/png"}, 406, "not-acceptable"},
		{"no such path", "GET", "/api/tool", ``, nil, 404, "no-such-path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.do(tt.method, tt.target, tt.body, tt.headers...).wantProblem(t, tt.status, tt.kind)
		})
	}
	said := w.raw("GET /api/tools HTTP/1.1\r\nHost: a_b:c\r\nConnection: close\r\n\r\n", time.Minute)
	if !strings.HasPrefix(said, "HTTP/1.1 400 ") || !strings.Contains(said, problemType+"bad-host") {
		t.Errorf("a malformed host: got %s, want the problem bad-host", said)
	}
	if p := w.post("/api/tools/write", `{}`, reader).wantProblem(t, 403, "insufficient-scope"); p.Scope != mcp.ScopeWrite {
		t.Errorf("scope: got %q, want %q", p.Scope, mcp.ScopeWrite)
	}
	if got := w.post("/api/tools/write", `{}`, w.bearer("writer")); got.body != `{"text":"written"}` {
		t.Errorf("with the scope: got %d %s", got.status, got.body)
	}
}

// TestOnlyRestAnswersInProblems: other paths keep the form that MCP clients read.
func TestOnlyRestAnswersInProblems(t *testing.T) {
	w, _ := restWorld(t, withKeys)
	w.post("/mcp", ping("1")).wantRefused(t, 401, "unauthorized")
	w.get("/apis", "Host: evil.example").wantRefused(t, 403, "host_not_allowed")
	if got := w.get("/apis"); got.status != 404 || got.body != `{"error":"not_found"}` {
		t.Errorf("got %d %s, want the plain 404", got.status, got.body)
	}
}

func TestRestMethods(t *testing.T) {
	w, _ := restWorld(t)
	for _, tt := range []struct{ method, target, allow string }{
		{"DELETE", "/api/tools", "GET, HEAD"},
		{"POST", "/api/openapi.json", "GET, HEAD"},
		{"GET", "/api/tools/add", "POST"},
		{"PUT", "/api/tools/add", "POST"},
	} {
		got := w.do(tt.method, tt.target, "")
		got.wantProblem(t, 405, "method-not-allowed")
		got.wantHeader(t, "Allow", tt.allow)
	}
	for _, target := range []string{"/api/tools", "/api/openapi.json"} {
		if got := w.do("HEAD", target, ""); got.status != 200 || got.body != "" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: got %d %q, want the headers of a GET alone", target, got.status, got.body)
		}
	}
}

// TestRestContinues: what does not fit is had by read_more, and no note for models is in the way.
func TestRestContinues(t *testing.T) {
	w, _ := restWorld(t, func(c *config.Config) { c.Limits.Result = 2 * config.KiB })
	for _, tt := range []struct{ tool, begins string }{
		{"long", `{"text":"0123456789abcde\n`},
		{"people", `{"people":["person 0000",`},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			got := w.post("/api/tools/"+tt.tool, `{"n":400}`)
			if got.status != 200 || !strings.HasPrefix(got.body, tt.begins) || strings.Contains(got.body, "Cut to fit") {
				t.Fatalf("got %d %.200s, want the first part", got.status, got.body)
			}
			parts := 1
			for next := got.header.Get(headerContinuation); next != ""; parts++ {
				got = w.post("/api/tools/read_more", `{"continuation":"`+next+`"}`)
				if got.status != 200 || !strings.HasPrefix(got.body, `{"text":"`) || strings.Contains(got.body, "Cut to fit") {
					t.Fatalf("part %d: got %d %.200s", parts+1, got.status, got.body)
				}
				next = got.header.Get(headerContinuation)
			}
			if parts < 3 {
				t.Errorf("got %d parts, want more", parts)
			}
		})
	}
}

func TestRestTools(t *testing.T) {
	w, _ := restWorld(t, withKeys)
	list := func(who string) []restTool {
		t.Helper()
		got := w.get("/api/tools", w.bearer(who))
		var body struct{ Tools []restTool }
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 {
			t.Fatalf("got %d %s: %v", got.status, got.body, err)
		}
		got.wantHeader(t, "Cache-Control", "private, no-cache")
		return body.Tools
	}
	names := func(tools []restTool) []string {
		var names []string
		for _, tool := range tools {
			names = append(names, tool.Name)
		}
		return names
	}
	all := list("writer")
	want := restTool{
		Name: "add", Title: "Add", Description: "Does what its name says.", URL: "/api/tools/add",
		InputSchema: []byte(`{"type":"object","properties":{"a":{"type":"integer","description":"the first","minimum":0,"maximum":100},` +
			`"b":{"type":"integer","description":"the second","minimum":-128,"maximum":127}},"required":["a","b"],"additionalProperties":false}`),
		OutputSchema: []byte(`{"type":"object","properties":{"sum":{"type":"integer","description":"a and b together"}},"required":["sum"]}`),
		Annotations:  []byte(`{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":false,"openWorldHint":false}`),
	}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		t.Errorf("add (-want +got):\n%s", diff)
	}
	if got := names(all); slices.Contains(got, "job") || !slices.Contains(got, "write") || !slices.Contains(got, "read_more") {
		t.Errorf("got %v, want write and read_more, and not job, which runs as a task alone", got)
	}
	if got := names(list("reader")); slices.Contains(got, "write") {
		t.Errorf("a reader: got %v, want no write", got)
	}
	if got := w.post(all[0].URL, `{"a":1,"b":1}`, w.bearer("reader")); got.body != `{"sum":2}` {
		t.Errorf("POST to its URL: got %d %s", got.status, got.body)
	}
}

// TestRestIsCounted: a call has its place among the metrics and a line in the log.
func TestRestIsCounted(t *testing.T) {
	w, _ := restWorld(t)
	w.post("/api/tools/text", ``).wantOK(t)
	if got := w.get("/metrics").body; !strings.Contains(got, `gen_ai_tool_name="text",mcp_method_name="tools/call"`) {
		t.Errorf("metrics: got %s, want the call", operations(got))
	}
	if got := w.log.String(); !strings.Contains(got, `"path":"/api/tools/:name"`) || !strings.Contains(got, `"tool":"text"`) {
		t.Errorf("log: got %s, want the call", got)
	}
}

func TestRestBehindAPrefix(t *testing.T) {
	w, _ := restWorld(t, func(c *config.Config) { c.Server.BasePath = "/gate" })
	if got := w.post("/gate/api/tools/text", ``); got.status != 200 {
		t.Errorf("got %d %s, want 200", got.status, got.body)
	}
	w.get("/gate/api/nothing").wantProblem(t, 404, "no-such-path")
	if got := w.get("/gate/api/tools").body; !strings.Contains(got, `"url":"/gate/api/tools/add"`) {
		t.Errorf("got %.200s, want URLs with the prefix", got)
	}
	if got := w.get("/gate/api/openapi.json").body; !strings.Contains(got, `"servers":[{"url":"/gate"}]`) {
		t.Errorf("got no server with the prefix")
	}
}
