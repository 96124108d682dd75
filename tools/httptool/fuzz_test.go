package httptool

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/tools/internal/declare"
)

// FuzzArguments sends whatever a model may say through a real client to a real server. A call is refused with an error that
// says what to do, or one request arrives: at the host that was declared, with the path's own segments, the query's own keys, no
// header that was not declared, and a body that says what it was declared to say.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{
		"plain", "", "..", "../..", "%2e%2e%2f", "a/b", `a\b`, "a?b#c&d=e", "x\r\nHost: evil", "@evil.example", "//evil.example/", "\"},{\"admin\":true", "ü\u202e\u0000",
		"{id}", "{{id}}", "..;", "%00", "%", "%zz", ":80", "<x>&amp;", "a,b", " ", "\u2028", "http://169.254.169.254/",
	} {
		f.Add(seed, "y", seed)
		f.Add("x", seed, "z")
	}
	a := serve(f, answers(200, "application/json", `{}`))
	host := strings.TrimPrefix(a.URL, "http://")
	d := open(f, a.declaredAt(`
private: [HOST]
apis: {shop: {url: SERVER/v2/base, query: {tenant: t1}}}
tools:
  - name: put
    description: Puts.
    api: shop
    method: PUT
    path: /orders/{id}/pre-{id}{part}/end
    query: {a: "{part}", b: "x{free}", fixed: one}
    headers: {X-Trace: "{free}"}
    body: {free: "{free}", text: "<{free}>", list: ["{part}"], fixed: 1}
    parameters:
      - {name: id, description: Id.}
      - {name: part, description: Part.}
      - {name: free, description: Anything.}
  - name: form
    description: Sends a form.
    api: shop
    method: POST
    path: /form
    body_text: "a={free}&b={part}"
    content_type: application/x-www-form-urlencoded
    parameters:
      - {name: part, description: Part.}
      - {name: free, description: Anything.}
`))
	f.Fuzz(func(t *testing.T, id, part, free string) {
		if !utf8.ValidString(id) || !utf8.ValidString(part) || !utf8.ValidString(free) {
			return // no JSON holds it
		}
		args := `"part":` + quoted(part) + `,"free":` + quoted(free)
		d := &desk{t: t, pack: d.pack, server: d.server, peer: d.peer}

		got := d.call("put", `{"id":`+quoted(id)+`,`+args+`}`)
		if got.IsError {
			if text := got.String(); strings.Contains(text, "internal error") || strings.HasPrefix(text, "error: protocol") {
				t.Fatalf("id %q, part %q, free %q: %s, want an error that says what to do", id, part, free, text)
			}
			a.unasked(t)
		} else {
			checkPut(t, a.last(t), host, id, part, free)
		}

		if got := d.call("form", `{`+args+`}`); got.IsError {
			t.Fatalf("part %q, free %q: %v, want a form sent", part, free, got)
		}
		form, err := url.ParseQuery(a.last(t).body)
		if err != nil || len(form) != 2 || form.Get("a") != free || form.Get("b") != part {
			t.Fatalf("part %q, free %q: the form is %v, %v", part, free, form, err)
		}
	})
}

func checkPut(t *testing.T, s seen, host, id, part, free string) {
	t.Helper()
	fatal := func(what string) { t.Fatalf("id %q, part %q, free %q: %s: %+v", id, part, free, what, s) }
	if s.host != host || s.method != http.MethodPut {
		fatal("another host or method")
	}
	if want := "/v2/base/orders/" + id + "/pre-" + id + part + "/end"; s.path != want {
		fatal("another path, want " + want)
	}
	if strings.Count(s.path, "/") != 6 || strings.Count(s.escaped, "/") != 6 {
		fatal("another number of segments")
	}
	for segment := range strings.SplitSeq(s.path, "/") {
		if segment == ".." || segment == "." {
			fatal("a segment that leads away")
		}
	}
	query, err := url.ParseQuery(s.query)
	if err != nil || len(query) != 4 || query.Get("a") != part || query.Get("b") != "x"+free || query.Get("fixed") != "one" || query.Get("tenant") != "t1" {
		fatal("another query")
	}
	for name := range s.header {
		switch name {
		case "X-Trace", "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "User-Agent":
		default:
			fatal("a header " + name)
		}
	}
	var body struct {
		Free, Text string
		List       []string
		Fixed      int
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal([]byte(s.body), &body) != nil || json.Unmarshal([]byte(s.body), &keys) != nil || len(keys) != 4 ||
		body.Free != free || body.Text != "<"+free+">" || len(body.List) != 1 || body.List[0] != part || body.Fixed != 1 {
		fatal("another body")
	}
}

// FuzzPathTemplate reads whatever may stand in a declaration as a path: it is refused, or stays below the address that it
// belongs to and has the segments that are seen in it.
func FuzzPathTemplate(f *testing.F) {
	for _, seed := range []string{"/a/{b}/c", "/..", "/%2e%2e/x", "/{a}{b}", "/{{a}}", "//", "/a b/ü", "/%zz", "/;", "/.;x", "/{a-b}", "/\x00"} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		path, err := parsePath(text)
		if err != nil || !utf8.ValidString(value) {
			return
		}
		args := declare.Arguments{}
		for _, name := range path.parameters() {
			args[name] = jsontext.Value(quoted(value))
		}
		filled, err := path.fill(args)
		if err != nil {
			var told *mcp.ToolError
			if !errors.As(err, &told) {
				t.Fatalf("parsePath(%q).fill(%q) = %v, want an error that says what to do", text, value, err)
			}
			return
		}
		if got, want := strings.Count(filled, "/"), strings.Count(text, "/"); got != want {
			t.Fatalf("parsePath(%q).fill(%q) = %q with %d segments, want %d", text, value, filled, got, want)
		}
		if strings.ContainsAny(filled, "?#\\ \r\n") {
			t.Fatalf("parsePath(%q).fill(%q) = %q, want a path alone", text, value, filled)
		}
		u, err := url.Parse("https://declared.example" + filled)
		if err != nil || u.Host != "declared.example" {
			t.Fatalf("parsePath(%q).fill(%q) = %q leads to %v, %v", text, value, filled, u, err)
		}
	})
}
