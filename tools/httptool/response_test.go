package httptool

import (
	"net/http"
	"strings"
	"testing"
)

const responses = `
private: [HOST]
apis:
  shop: {url: SERVER, max_body: 4KiB}
tools:
  - {name: plain, description: As it is., api: shop}
  - {name: text, description: As text., api: shop, response: {text: true}}
  - {name: head, description: Is it there., api: shop, method: HEAD}
  - {name: list, description: A list., api: shop, response: {jq: '.orders[] | {id, total}'}}
  - {name: one, description: One., api: shop, response: {jq: '.orders | first'}}
  - {name: object, description: An object., api: shop, response: {jq: '{n: (.orders | length)}'}}
  - {name: env, description: The environment., api: shop, response: {jq: '{env: $ENV, also: env}'}}
  - {name: endless, description: Without end., api: shop, response: {jq: 'def f: f; f'}}
  - {name: many, description: Too many., api: shop, response: {jq: 'range(1000000)'}}
  - {name: nothing, description: Nothing., api: shop, response: {jq: 'empty'}}
  - name: strict
    description: As declared.
    api: shop
    response: {schema: {type: object, required: [id], properties: {id: {type: string, description: Its id.}}}}
`

func TestWhatBecomesOfAnAnswer(t *testing.T) {
	const orders = `{"orders":[{"id":9007199254740993,"total":1.50,"x":1},{"id":2,"total":0.1}]}`
	tests := []struct {
		name, tool   string
		status       int
		kind, answer string
		want         string
	}{
		{"an object", "plain", 200, "application/json", ` {"a": [1, null]} `, `{"a":[1,null]}`},
		{"after a byte order mark", "plain", 200, "application/json", "\uFEFF{\"a\":1}", `{"a":1}`},
		{"a list", "plain", 200, "application/problem+json; charset=utf-8", `[1,2]`, `{"result":[1,2]}`},
		{"a value", "plain", 200, "application/json", `"x"`, `{"result":"x"}`},
		{"nothing", "plain", 204, "", ``, `{"status":204}`},
		{"of a HEAD nothing", "head", 200, "application/json", ``, `{"status":200}`},
		{"JSON that is called text", "plain", 200, "text/html", `{"a":1}`, `{"a":1}`},
		{"a number that is text", "plain", 200, "text/plain", `42`, `{"text":"42","contentType":"text/plain"}`},
		{"text", "plain", 200, "text/csv; charset=utf-8", "a,b\n1,2\n", `{"text":"a,b\n1,2","contentType":"text/csv"}`},
		{"text on demand", "text", 200, "application/json", `{"a":1}`, `{"text":"{\"a\":1}","contentType":"application/json"}`},
		{"no text", "plain", 200, "image/png", "\x89PNG\x00\xff", "error: shop answered with 6 bytes of image/png, which is no text"},
		{"text in another encoding", "plain", 200, "text/plain", "caf\xe9", `{"text":"caf�","contentType":"text/plain"}`},
		{"a name twice", "plain", 200, "application/json", `{"a":1,"a":2}`, `{"a":2}`},
		{"broken UTF-8", "plain", 200, "application/json", "{\"a\":\"\xff\"}", `{"a":"�"}`},
		{"broken JSON", "plain", 200, "application/json", `{"a":`, `{"text":"{\"a\":","contentType":"application/json"}`},
		{"a filter that makes a list", "list", 200, "application/json", orders, `{"result":[{"id":9007199254740993,"total":1.50},{"id":2,"total":0.1}]}`},
		{"a list of one is a list", "list", 200, "application/json", `{"orders":[{"id":1,"total":2}]}`, `{"result":[{"id":1,"total":2}]}`},
		{"a list of none is a list", "list", 200, "application/json", `{"orders":[]}`, `{"result":[]}`},
		{"a filter that makes one thing", "one", 200, "application/json", `{"orders":[{"id":1}]}`, `{"id":1}`},
		{"a filter that makes an object", "object", 200, "application/json", orders, `{"n":2}`},
		{"a filter sees no environment", "env", 200, "application/json", `{}`, `{"also":{},"env":{}}`},
		{"a filter that makes nothing", "nothing", 200, "application/json", `{}`, `{"result":null}`},
		{"a filter that does not fit", "list", 200, "application/json", `{"orders":7}`, "error: the answer is not as this tool's filter expects it: cannot iterate over: number (7)"},
		{"a filter of what is no JSON", "list", 200, "text/html", `<h1>Log in</h1>`, "error: shop answered with text/html where JSON was expected: <h1>Log in</h1>"},
		{"a filter without end", "endless", 200, "application/json", `{}`, "error: the answer takes longer than 2s to filter: ask for less"},
		{"a filter with too many outputs", "many", 200, "application/json", `{}`, "error: the answer has more than 100000 entries: ask for less"},
		{"what fits the schema", "strict", 200, "application/json", `{"id":"1","more":2}`, `{"id":"1","more":2}`},
		{"what does not fit the schema", "strict", 200, "application/json", `{"id":1}`, "internal error"},
		{"an answer too large", "plain", 200, "application/json", `["` + strings.Repeat("a", 5000) + `"]`, "error: shop gave an answer that is too large: ask for less"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, answers(tt.status, tt.kind, tt.answer))
			got := open(t, a.declaredAt(responses)).call(tt.tool, `{}`).String()
			if got != tt.want && (tt.want != "internal error" || !strings.Contains(got, tt.want)) {
				t.Errorf("%s = %s\nwant %s", tt.tool, got, tt.want)
			}
		})
	}
}

func TestStreams(t *testing.T) {
	tests := []struct {
		jq   string
		want bool
	}{
		{".", false},
		{".a.b", false},
		{".a[]", true},
		{".a[].b", true},
		{".a[0]", false},
		{".a[2:4]", false},
		{"[.a[]]", false},
		{"map(.a)", false},
		{".a | map(select(.b)) | length", false},
		{".a[] | select(.b)", true},
		{".a, .b", true},
		{"{a: .b[]}", true},
		{"{a: [.b[]]}", false},
		{"..", true},
		{"[..]", false},
		{"if .a then .b else .c[] end", true},
		{"if .a then .b elif .c then .d[] end", true},
		{"try .a[] catch .b", true},
		{"reduce .a[] as $x (0; . + $x)", false},
		{"foreach .a[] as $x (0; . + $x)", true},
		{".a as $x | .b", false},
		{".a[] as $x | {$x}", true},
		{"(.a[])", true},
		{".a // .b[]", true},
		{".a[] |= 1", false},
		{".a[] += 1", false},
		{"-.a", false},
		{"label $out | .a[] | ., break $out", true},
		{"range(3)", true},
		{"first(.a[])", false},
		{"def f: .a[]; f", true},
		{"def f: .a; f", false},
		{"paths", true},
		{"to_entries", false},
		{`"\(.a)"`, false},
	}
	for _, tt := range tests {
		f, err := parseFilter(tt.jq)
		if err != nil {
			t.Errorf("parseFilter(%q) = %v", tt.jq, err)
			continue
		}
		if f.many != tt.want {
			t.Errorf("%q makes a list: %v, want %v", tt.jq, f.many, tt.want)
		}
	}
}

func TestWithoutNulls(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"a":null,"b":1}`, `{"b":1}`},
		{`{"a":{"b":null},"c":[null,{"d":null,"e":"null"}]}`, `{"a":{},"c":[null,{"e":"null"}]}`},
		{`null`, `null`},
		{`[]`, `[]`},
	}
	for _, tt := range tests {
		got, err := withoutNulls([]byte(tt.in))
		if err != nil || string(got) != tt.want {
			t.Errorf("withoutNulls(%s) = %s, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestFailures(t *testing.T) {
	const long = 2000
	tests := []struct {
		name, kind, answer string
		status             int
		header             http.Header
		want               string
		retry              float64
	}{
		{"what it says", "application/json", `{"message":"no order 7"}`, 404, nil, "error: shop answered 404 Not Found. It says: no order 7", 0},
		{"a problem document", "application/problem+json", `{"type":"about:blank","title":"Bad date","status":400,"detail":"from is after to"}`, 400, nil, "error: shop answered 400 Bad Request. It says: Bad date; from is after to", 0},
		{"nested errors", "application/json", `{"error":{"code":3,"message":"m","errors":[{"message":"n"},"o"]}}`, 422, nil, "error: shop answered 422 Unprocessable Entity. It says: m; n; o", 0},
		{"JSON of another form", "application/json", `{"c":1}`, 409, nil, `error: shop answered 409 Conflict. It says: {"c":1}`, 0},
		{"text", "text/plain", "not\r\nnow\x1b[31m", 400, nil, "error: shop answered 400 Bad Request. It says: not now [31m", 0},
		{"a web page says nothing", "text/html", "<html>Oops</html>", 500, nil, "error: shop answered 500 Internal Server Error", 0},
		{"nothing", "", "", 410, nil, "error: shop answered 410 Gone", 0},
		{"wait", "application/json", `{"message":"slow down"}`, 429, http.Header{"Retry-After": {"90"}}, "error: shop asks to wait (429 Too Many Requests). It says: slow down (retryAfterSeconds: 90)", 90},
		{"our credential, said back", "application/json", `{"message":"bad key hunter22-of-ours, or Bearer abcdefghijkl"}`, 401, nil, "It says: bad key ***, or ***", 0},
		{"much", "text/plain", strings.Repeat("ä", long), 400, nil, "It says: " + strings.Repeat("ä", maxMessage-1) + "…", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, func(w http.ResponseWriter, r *http.Request) {
				for name, values := range tt.header {
					w.Header()[name] = values
				}
				answers(tt.status, tt.kind, tt.answer)(w, r)
			})
			got := open(t, a.declaredAt(`
private: [HOST]
apis: {shop: {url: SERVER, headers: {X-Key: hunter22-of-ours}}}
tools: [{name: get, description: Gets., api: shop}]
`)).call("get", `{}`)
			if !got.IsError || !strings.Contains(got.String(), tt.want) || strings.Contains(got.String(), "hunter22") {
				t.Errorf("get = %s\nwant %s", got, tt.want)
			}
			if tt.retry != 0 && got.Meta["retryAfterSeconds"] != tt.retry {
				t.Errorf("_meta = %v, want retryAfterSeconds %v", got.Meta, tt.retry)
			}
		})
	}
}

func TestAnEchoDoesNotShowOurCredential(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"headers":{"Authorization":"` + r.Header.Get("Authorization") + `"},"url":"` + r.URL.String() + `"}`))
	})
	got := open(t, a.declaredAt(`
private: [HOST]
apis: {shop: {url: SERVER, headers: {Authorization: Bearer hunter22-of-ours}, query: {key: canary-in-query}}}
tools: [{name: get, description: Gets., api: shop}]
`)).call("get", `{}`).String()
	if want := `{"headers":{"Authorization":"***"},"url":"/?key=***"}`; got != want {
		t.Errorf("get = %s, want %s", got, want)
	}
}

func TestASlowUpstreamIsNotWaitedFor(t *testing.T) {
	gone := make(chan struct{})
	a := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gone)
	})
	got := open(t, a.declaredAt(`
private: [HOST]
apis: {shop: {url: SERVER, timeout: 1m}}
tools: [{name: get, description: Gets., api: shop, timeout: 150ms}]
`)).call("get", `{}`).String()
	if want := "error: shop did not answer within 150ms"; got != want {
		t.Errorf("get = %s, want %s", got, want)
	}
	<-gone
}
