package handlers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// eras are the three ways of asking POST /mcp: on a session, of the newest revision and of the oldest with Streamable
// HTTP, and alone.
func eras(t *testing.T, w *world, run func(t *testing.T, e era)) {
	for _, revision := range []string{"2025-03-26", "2025-11-25"} {
		s := w.begin(revision)
		t.Run(revision, func(t *testing.T) {
			run(t, era{post: s.send, meta: `"progressToken":1`, result: textResult})
		})
	}
	t.Run("2026-07-28", func(t *testing.T) {
		run(t, era{modern: true, meta: strings.TrimSuffix(strings.TrimPrefix(meta, `"_meta":{`), "}"), result: aloneResult, post: func(message string, changes ...string) *answer {
			return w.post("/mcp", message, override(aloneHead("tools/call", "uppercase_text"), changes...)...)
		}})
	})
}

type era struct {
	modern bool
	post   func(message string, changes ...string) *answer
	meta   string // what stands in _meta
	result func(id, text string) string
}

// TestHostileMessages: what is no message, or not quite one, is told so, with the id where there is one. Nothing runs.
func TestHostileMessages(t *testing.T) {
	w := newWorld(t, unlimited)
	eras(t, w, func(t *testing.T, e era) {
		params := `"params":{"name":"uppercase_text","arguments":{"text":"x"},"_meta":{` + e.meta + `}}`
		upper := `{"jsonrpc":"2.0","id":1,"method":"tools/call",` + params + `}`
		deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
		for _, tt := range []struct {
			name, body string
			code       int
			id         string
		}{
			{"an empty body", ``, -32700, "null"},
			{"half an object", `{`, -32700, "null"},
			{"a word", `hello`, -32700, "null"},
			{"a zero byte", "\x00", -32700, "null"},
			{"null", `null`, -32600, "null"},
			{"a number", `42`, -32600, "null"},
			{"a string", `"x"`, -32600, "null"},
			{"true", `true`, -32600, "null"},
			{"an empty object", `{}`, -32600, "null"},
			{"an empty batch", `[]`, -32600, "null"},
			{"a batch of numbers", `[1]`, -32600, "null"},
			{"a batch in a batch", `[[]]`, -32600, "null"},
			{"a batch of 1000", "[" + strings.TrimSuffix(strings.Repeat(upper+",", 1000), ",") + "]", -32600, "null"},
			{"a word after the message", upper + ` x`, -32700, "1"},
			{"a brace after the message", upper + `}`, -32700, "1"},
			{"two messages", upper + upper, -32700, "1"},
			{"a message a line", upper + "\n" + upper, -32700, "1"},
			{"no jsonrpc", `{"id":1,"method":"tools/call",` + params + `}`, -32600, "1"},
			{"jsonrpc 1.0", `{"jsonrpc":"1.0","id":1,"method":"tools/call",` + params + `}`, -32600, "1"},
			{"jsonrpc a number", `{"jsonrpc":2.0,"id":1,"method":"tools/call",` + params + `}`, -32600, "1"},
			{"no method", `{"jsonrpc":"2.0","id":1,` + params + `}`, -32600, "1"},
			{"method null", `{"jsonrpc":"2.0","id":1,"method":null,` + params + `}`, -32600, "1"},
			{"method a number", `{"jsonrpc":"2.0","id":1,"method":1,` + params + `}`, -32600, "1"},
			{"method empty", `{"jsonrpc":"2.0","id":1,"method":"",` + params + `}`, -32600, "1"},
			{"only METHOD", `{"jsonrpc":"2.0","id":1,"METHOD":"tools/call",` + params + `}`, -32600, "1"},
			{"params a string", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"x"}`, -32602, "1"},
			{"params an array", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`, -32602, "1"},
			{"id null", `{"jsonrpc":"2.0","id":null,"method":"tools/call",` + params + `}`, -32600, "null"},
			{"id an object", `{"jsonrpc":"2.0","id":{},"method":"tools/call",` + params + `}`, -32600, "null"},
			{"id true", `{"jsonrpc":"2.0","id":true,"method":"tools/call",` + params + `}`, -32600, "null"},
			{"id a fraction", `{"jsonrpc":"2.0","id":1.5,"method":"tools/call",` + params + `}`, -32600, "null"},
			{"id of 200 kB", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 200_000) + `","method":"tools/call",` + params + `}`, -32600, "null"},
			{"a name twice", `{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list",` + params + `}`, -32600, "null"},
			{"both result and error", `{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}`, -32600, "1"},
			{"nested 100 000 deep", deep, -32600, "null"},
			{"1 MiB of brackets", strings.Repeat("[", 1<<20), -32600, "null"},
			{"bytes that are no UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", -32700, "null"},
			{"a lone surrogate", `{"jsonrpc":"2.0","id":1,"method":"\ud800"}`, -32700, "null"},
			{"a byte order mark", "\xef\xbb\xbf" + upper, -32700, "null"},
			{"UTF-16", "\xfe\xff\x00{\x00}", -32700, "null"},
		} {
			got := e.post(tt.body)
			if got.status != http.StatusBadRequest {
				t.Errorf("%s: got %d %.300s, want 400", tt.name, got.status, got.body)
				continue
			}
			var answer struct {
				ID    json.RawMessage
				Error struct{ Code int }
			}
			if err := json.Unmarshal([]byte(got.body), &answer); err != nil || string(answer.ID) != tt.id || answer.Error.Code != tt.code {
				t.Errorf("%s: got %.300s (%v), want error %d to %s", tt.name, got.body, err, tt.code, tt.id)
			}
		}
	})
	if n := w.pack.ran.Load(); n != 0 {
		t.Errorf("%d of the refused calls ran", n)
	}
}

// TestOddMessages: what is odd and allowed is answered; what looks like a member and is none is ignored.
func TestOddMessages(t *testing.T) {
	w := newWorld(t, unlimited)
	eras(t, w, func(t *testing.T, e era) {
		params := `"params":{"name":"uppercase_text","arguments":{"text":"x"},"_meta":{` + e.meta + `}}`
		for _, id := range []string{
			"0", "-1", `"0"`, `"null"`, `"é𝄞"`, `"\u0041\/"`, `""`, "9007199254740993", "9223372036854775807", "18446744073709551616",
		} {
			got := e.post(`{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call",` + params + `}`)
			if got.status != http.StatusOK || got.body != e.result(id, "X") {
				t.Errorf("id %s: got %d %s, want it back as it was", id, got.status, got.body)
			}
		}
		for name, message := range map[string]string{
			"METHOD beside method":          `{"jsonrpc":"2.0","id":1,"METHOD":"no/such","Method":"no/such","method":"tools/call",` + params + `}`,
			"params in other cases":         `{"jsonrpc":"2.0","id":1,"method":"tools/call","Params":3,"PARAMS":"x",` + params + `}`,
			"names that fold to others":     `{"jsonrpc":"2.0","id":1,"method":"tools/call","paramſ":3,"\u212aey":1,"params\u0000":2,` + params + `}`,
			"names in params in capitals":   `{"jsonrpc":"2.0","id":1,"method":"tools/call",` + strings.Replace(params, `{`, `{"Name":"repeat","ARGUMENTS":{"n":1},`, 1) + `}`,
			"white space around":            " \t\r\n" + `{"jsonrpc":"2.0","id":1,"method":"tools/call",` + params + "}\r\n ",
			"a name written with an escape": `{"jsonrpc":"2.0","id":1,"m\u0065thod":"tools/call",` + params + `}`,
		} {
			if got := e.post(message); got.status != http.StatusOK || got.body != e.result("1", "X") {
				t.Errorf("%s: got %d %s, want the call answered", name, got.status, got.body)
			}
		}
	})
}

// TestHostileCalls: calls that cannot be carried out are answered with an error, or a result that says so; the text of a
// tool stays text.
func TestHostileCalls(t *testing.T) {
	w := newWorld(t, unlimited)
	eras(t, w, func(t *testing.T, e era) {
		for _, tt := range []struct {
			name, tool, arguments, meta string
			want                        []string // one of them is in the answer
		}{
			{"an unknown tool", "nobody", `{}`, "", []string{"-32602"}},
			{"a tool with a zero byte", `a\u0000b`, `{}`, "", []string{"-32602", "-32020"}},
			{"a tool upwards", "../repeat", `{}`, "", []string{"-32602"}},
			{"a tool with a blank", "a b", `{}`, "", []string{"-32602"}},
			{"arguments of the wrong type", "uppercase_text", `{"text":1e999}`, "", []string{`"isError":true`}},
			{"arguments with 400 digits", "repeat", `{"n":` + strings.Repeat("9", 400) + `}`, "", []string{`"isError":true`}},
			{"arguments that are missing", "uppercase_text", `{}`, "", []string{`"isError":true`}},
			{"arguments of another case", "uppercase_text", `{"TEXT":"x"}`, "", []string{`"isError":true`}},
			{"arguments that are no object", "uppercase_text", `[]`, "", []string{`"isError":true`, "-32602"}},
			{"a panic", "panics", `{"text":"a secret"}`, "", []string{`"isError":true`}},
			{"a progress token that is an object", "uppercase_text", `{"text":"x"}`, `"progressToken":{}`, []string{"-32602", `"X"`}},
			{"a progress token of 1e300", "uppercase_text", `{"text":"x"}`, `"progressToken":1e300`, []string{"-32602", `"X"`}},
			{"lines of a stream", "uppercase_text", `{"text":"a\n\nevent: message\ndata: x\r\rid: 9"}`, "", []string{`A\n\nEVENT: MESSAGE\nDATA: X\r\rID: 9`}},
			{"markup", "uppercase_text", `{"text":"<script>"}`, "", []string{`<SCRIPT>`, `\u003cSCRIPT\u003e`}},
		} {
			meta := e.meta
			if tt.meta != "" && e.modern {
				meta += "," + tt.meta
			} else if tt.meta != "" {
				meta = tt.meta
			}
			got := e.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+tt.tool+`","arguments":`+tt.arguments+`,"_meta":{`+meta+`}}}`, "Mcp-Name: "+strings.ReplaceAll(tt.tool, `\u0000`, "?"))
			fits := false
			for _, want := range tt.want {
				fits = fits || strings.Contains(got.body, want)
			}
			if !fits || got.status >= 500 || strings.Contains(got.body, "a secret") || !utf8.ValidString(got.body) || bytes.ContainsAny([]byte(got.body), "\n\r") {
				t.Errorf("%s: got %d %.400s, want one of %q on one line", tt.name, got.status, got.body, tt.want)
			}
			got.wantHeader(t, "Content-Type", "application/json")
		}
		status := http.StatusOK
		if e.modern {
			status = http.StatusNotFound
		}
		e.post(`{"jsonrpc":"2.0","id":1,"method":"no/such","params":{"_meta":{`+e.meta+`}}}`, "Mcp-Method: no/such").wantError(t, status, -32601, "1")
	})
}

// TestHostileRequests: the gates stand before both eras.
func TestHostileRequests(t *testing.T) {
	w := newWorld(t, unlimited)
	eras(t, w, func(t *testing.T, e era) {
		upper := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"x"},"_meta":{` + e.meta + `}}}`
		for _, tt := range []struct {
			header string
			status int
			reason string
		}{
			{"Content-Type: text/plain", 415, "unsupported_media_type"},
			{"Content-Type: application/x-www-form-urlencoded", 415, "unsupported_media_type"},
			{"Content-Type: multipart/form-data; boundary=x", 415, "unsupported_media_type"},
			{"Content-Encoding: gzip", 415, "unsupported_media_type"},
			{"Origin: http://evil.example", 403, "origin_not_allowed"},
			{"Origin: null", 403, "origin_not_allowed"},
			{"Origin: http://localhost.evil.example", 403, "origin_not_allowed"},
			{"Host: evil.example", 403, "host_not_allowed"},
			{"Host: localhost.evil.example", 403, "host_not_allowed"},
		} {
			e.post(upper, tt.header).wantRefused(t, tt.status, tt.reason)
		}
		if n := w.pack.ran.Load(); n != 0 {
			t.Errorf("%d of the refused calls ran", n)
		}
		for _, header := range []string{
			"Content-Type: application/json; charset=utf-8", "Content-Type: Application/JSON", "Origin: http://localhost:5173", "Host: LOCALHOST:3002", "Host: [::1]:3002",
		} {
			if got := e.post(upper, header); got.body != e.result("1", "X") {
				t.Errorf("%s: got %d %s, want it served", header, got.status, got.body)
			}
		}
		w.pack.ran.Store(0)
	})
	s := w.begin("2025-11-25")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		s.do(method, "/mcp", "", override(s.head, "Origin: http://evil.example")...).wantRefused(t, 403, "origin_not_allowed")
		s.do(method, "/mcp", "", override(s.head, "Host: evil.example")...).wantRefused(t, 403, "host_not_allowed")
	}
	for _, path := range []string{"/MCP", "//mcp", "/mcp/x"} {
		if got := w.post(path, ping("1"), s.head...); got.status != http.StatusNotFound {
			t.Errorf("%s: got %d %s, want 404 and no redirect", path, got.status, got.body)
		}
	}
	if got := w.post("/mcp/", ping("1"), s.head...); got.body != pong("1") {
		t.Errorf("/mcp/: got %d %s, want it served where it is", got.status, got.body)
	}
}

// TestCredentialsFirst: without credentials nothing is said of methods, tools, sessions or versions; pages that may ask can
// read the refusal.
func TestCredentialsFirst(t *testing.T) {
	w := newWorld(t, withKeys)
	s := w.begin("2025-11-25", w.bearer("reader"))
	page := "Origin: http://localhost:5173"
	var first string
	for _, tt := range []struct{ method, body string }{
		{"POST", callAlone("1", "uppercase_text", `{"text":"x"}`)},
		{"POST", alone("1", "no/such", "")},
		{"POST", initialize("2025-11-25", "{}")},
		{"POST", `{`},
		{"GET", ""},
		{"DELETE", ""},
	} {
		for _, headers := range [][]string{aloneHead("tools/call", "nobody"), {both, "Mcp-Session-Id: " + s.id}, {both, "Mcp-Session-Id: x"}, {"Accept: text/html"}} {
			got := w.do(tt.method, "/mcp", tt.body, override(headers, page)...)
			got.wantRefused(t, http.StatusUnauthorized, "unauthorized")
			got.wantHeader(t, "Access-Control-Allow-Origin", "http://localhost:5173")
			if got.header.Get("WWW-Authenticate") == "" || !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "Www-Authenticate") && !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") {
				t.Errorf("got headers %v, want the challenge, readable by the page", got.header)
			}
			if first == "" {
				first = got.body
			}
			if got.body != first {
				t.Errorf("%s %s: got %s, which differs from %s", tt.method, tt.body, got.body, first)
			}
		}
	}
	got := s.send(ping("1"), page)
	got.wantHeader(t, "Access-Control-Allow-Origin", "http://localhost:5173")
	if !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "Mcp-Session-Id") || got.body != pong("1") {
		t.Errorf("with credentials: got %d %s, headers %v, want the session readable", got.status, got.body, got.header)
	}
}
