package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"toolgate/config"
)

// TestStatelessLadder sends requests that stand alone, each at fault in one way or in two: the answer is that of the fault
// that comes first. The order is that of the table.
func TestStatelessLadder(t *testing.T) {
	const (
		parse, invalid, missing, params          = -32700, -32600, -32601, -32602
		mismatch, capability, unsupported, never = -32020, -32021, -32022, 0
	)
	claim := func(version, more string) string {
		return `"_meta":{"io.modelcontextprotocol/protocolVersion":` + version + more + `}`
	}
	const capable = `,"io.modelcontextprotocol/clientCapabilities":{}`
	message := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":"r","method":"` + method + `","params":{` + params + `}}`
	}
	upper := callAlone(`"r"`, "uppercase_text", `{"text":"x"}`)
	head := aloneHead("tools/call", "uppercase_text")
	w := newWorld(t, func(c *config.Config) { c.Limits.Body = 100_000 }).talk()
	for _, tt := range []struct {
		name, body string
		headers    []string
		status     int
		code       int    // of an error; never: a result
		id         string // of the error
	}{
		{"as it should be", upper, head, 200, never, ""},
		{"Accept names neither type", upper, override(head, "Accept: text/html"), 406, invalid, "null"},
		{"no JSON", `{`, head, 400, parse, "null"},
		{"a batch", "[" + upper + "]", head, 400, invalid, "null"},
		{"a batch of another era, by its header alone", "[" + ping("1") + "]", head, 400, invalid, "null"},
		{"a batch that claims beside one that does not", "[" + ping("1") + "," + upper + "]", []string{both}, 400, invalid, "null"},
		{"id null", strings.Replace(upper, `"r"`, "null", 1), head, 400, invalid, "null"},
		{"id a fraction", strings.Replace(upper, `"r"`, "1.5", 1), head, 400, invalid, "null"},
		{"a response", `{"jsonrpc":"2.0","id":"r","result":{}}`, head, 400, invalid, `"r"`},
		{"an error as a response", `{"jsonrpc":"2.0","id":"r","error":{"code":1,"message":"x"}}`, head, 400, invalid, `"r"`},
		{"initialize by its header alone", message("initialize", `"protocolVersion":"2025-11-25"`), aloneHead("initialize", ""), 400, mismatch, `"r"`},
		{"the header, and no params", `{"jsonrpc":"2.0","id":"r","method":"tools/list"}`, aloneHead("tools/list", ""), 400, params, `"r"`},
		{"the header, and no claim", message("tools/list", `"_meta":{"progressToken":1}`), aloneHead("tools/list", ""), 400, params, `"r"`},
		{"_meta a string", message("tools/list", `"_meta":"x"`), aloneHead("tools/list", ""), 400, params, `"r"`},
		{"discover, and neither", message("server/discover", ``), []string{both}, 400, params, `"r"`},
		{"listen, and neither", message("subscriptions/listen", `"notifications":{}`), []string{both}, 400, params, `"r"`},
		{"the version a number", message("tools/list", claim("7", capable)), aloneHead("tools/list", ""), 400, params, `"r"`},
		{"the version null", message("tools/list", claim("null", capable)), aloneHead("tools/list", ""), 400, params, `"r"`},
		{"no capabilities", message("tools/list", claim(`"2026-07-28"`, ``)), aloneHead("tools/list", ""), 400, params, `"r"`},
		{"capabilities an array", message("tools/list", claim(`"2026-07-28"`, `,"io.modelcontextprotocol/clientCapabilities":[]`)), aloneHead("tools/list", ""), 400, params, `"r"`},
		{"no capabilities, before a wrong header", message("tools/list", claim(`"2026-07-28"`, ``)), []string{both}, 400, params, `"r"`},
		{"a log level there is not", message("tools/list", claim(`"2026-07-28"`, capable+`,"io.modelcontextprotocol/logLevel":"loud"`)), aloneHead("tools/list", ""), 400, params, `"r"`},
		{"no version header", upper, override(head, "-MCP-Protocol-Version"), 400, mismatch, `"r"`},
		{"another version header", upper, override(head, "MCP-Protocol-Version: 2025-11-25"), 400, mismatch, `"r"`},
		{"the version header twice", upper, override(head, "MCP-Protocol-Version: 2026-07-28", "MCP-Protocol-Version: 2026-07-28"), 400, mismatch, `"r"`},
		{"a sealed version header", upper, override(head, "MCP-Protocol-Version: =?base64?MjAyNi0wNy0yOA==?="), 400, mismatch, `"r"`},
		{"a wrong header before an unknown version", message("tools/list", claim(`"2099-01-01"`, capable)), aloneHead("tools/list", ""), 400, mismatch, `"r"`},
		{"an unknown version", message("tools/list", claim(`"2099-01-01"`, capable)), aloneHead("tools/list", "", "MCP-Protocol-Version: 2099-01-01"), 400, unsupported, `"r"`},
		{"one with a handshake", message("tools/list", claim(`"2025-11-25"`, capable)), aloneHead("tools/list", "", "MCP-Protocol-Version: 2025-11-25"), 400, unsupported, `"r"`},
		{"an unknown version before a wrong method", message("tools/list", claim(`"2099-01-01"`, capable)), aloneHead("ping", "", "MCP-Protocol-Version: 2099-01-01"), 400, unsupported, `"r"`},
		{"no Mcp-Method", upper, override(head, "-Mcp-Method"), 400, mismatch, `"r"`},
		{"another Mcp-Method", upper, override(head, "Mcp-Method: tools/list"), 400, mismatch, `"r"`},
		{"Mcp-Method in capitals", upper, override(head, "Mcp-Method: TOOLS/CALL"), 400, mismatch, `"r"`},
		{"Mcp-Method twice", upper, override(head, "Mcp-Method: tools/call", "Mcp-Method: tools/call"), 400, mismatch, `"r"`},
		{"Mcp-Method twice on a line", upper, override(head, "Mcp-Method: tools/call, tools/call"), 400, mismatch, `"r"`},
		{"a sealed Mcp-Method", upper, override(head, "Mcp-Method: =?base64?dG9vbHMvY2FsbA==?="), 400, mismatch, `"r"`},
		{"another Mcp-Method before an unknown method", alone(`"r"`, "no/such", ""), aloneHead("tools/list", ""), 400, mismatch, `"r"`},
		{"an unknown method", alone(`"r"`, "no/such", ""), aloneHead("no/such", ""), 404, missing, `"r"`},
		{"initialize", alone(`"r"`, "initialize", ""), aloneHead("initialize", ""), 404, missing, `"r"`},
		{"ping", alone(`"r"`, "ping", ""), aloneHead("ping", ""), 404, missing, `"r"`},
		{"logging/setLevel", alone(`"r"`, "logging/setLevel", `"level":"info",`), aloneHead("logging/setLevel", ""), 404, missing, `"r"`},
		{"resources/subscribe", alone(`"r"`, "resources/subscribe", `"uri":"x:y",`), aloneHead("resources/subscribe", ""), 404, missing, `"r"`},
		{"resources/unsubscribe", alone(`"r"`, "resources/unsubscribe", `"uri":"x:y",`), aloneHead("resources/unsubscribe", ""), 404, missing, `"r"`},
		{"no name in the params", alone(`"r"`, "tools/call", ""), aloneHead("tools/call", ""), 400, params, `"r"`},
		{"a name that is a number", alone(`"r"`, "tools/call", `"name":7,`), aloneHead("tools/call", "7"), 400, params, `"r"`},
		{"no Mcp-Name", upper, override(head, "-Mcp-Name"), 400, mismatch, `"r"`},
		{"another Mcp-Name", upper, override(head, "Mcp-Name: get_user"), 400, mismatch, `"r"`},
		{"Mcp-Name in capitals", upper, override(head, "Mcp-Name: UPPERCASE_TEXT"), 400, mismatch, `"r"`},
		{"two Mcp-Names", upper, override(head, "Mcp-Name: uppercase_text", "Mcp-Name: get_user"), 400, mismatch, `"r"`},
		{"Mcp-Name twice", upper, override(head, "Mcp-Name: uppercase_text", "Mcp-Name: uppercase_text"), 400, mismatch, `"r"`},
		{"bad base64", upper, override(head, "Mcp-Name: =?base64?dXBwZXJjYXNlX3RleHQ?="), 400, mismatch, `"r"`},
		{"no UTF-8", upper, override(head, "Mcp-Name: =?base64?/w==?="), 400, mismatch, `"r"`},
		{"bytes beyond ASCII", upper, override(head, "Mcp-Name: uppercase_text\u00e9"), 400, mismatch, `"r"`},
		{"an argument without its header", callAlone(`"r"`, "routed", `{"region":"eu"}`), aloneHead("tools/call", "routed"), 400, mismatch, `"r"`},
		{"an unknown tool", callAlone(`"r"`, "nobody", `{}`), aloneHead("tools/call", "nobody"), 200, params, `"r"`},
		{"a capability that is not declared", callAlone(`"r"`, "ask", `{}`), aloneHead("tools/call", "ask"), 400, capability, `"r"`},
		{"a cursor that is none", alone(`"r"`, "tools/list", `"cursor":"x",`), aloneHead("tools/list", ""), 200, params, `"r"`},
		{"arguments that do not fit", callAlone(`"r"`, "uppercase_text", `{"text":7}`), head, 200, never, ""},
		{"a tool's own error", callAlone(`"r"`, "get_user", `{"user_identity":"x"}`), aloneHead("tools/call", "get_user"), 200, never, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.post("/mcp", tt.body, tt.headers...)
			got.wantHeader(t, "Mcp-Session-Id", "")
			if tt.code != never {
				got.wantError(t, tt.status, tt.code, tt.id)
			} else if got.status != tt.status || !strings.HasPrefix(got.body, `{"jsonrpc":"2.0","id":"r","result":{"resultType":"complete",`) {
				t.Errorf("got %d %s, want a result", got.status, got.body)
			}
			switch tt.code {
			case unsupported:
				if !strings.Contains(got.body, `"supported":["2026-07-28",`) || !strings.Contains(got.body, `"requested":"20`) {
					t.Errorf("got %s, want what is supported and what was requested", got.body)
				}
			case capability:
				if !strings.Contains(got.body, `"requiredCapabilities":{"elicitation":{}}`) {
					t.Errorf("got %s, want the capability named", got.body)
				}
			}
		})
	}
	if sessions, _ := w.registry.Count(); sessions != 0 {
		t.Errorf("%d sessions are left, want none", sessions)
	}
}

// TestStatelessFaultsNamed: what is missing of _meta is named, all of it.
func TestStatelessFaultsNamed(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"server/discover", "tools/list", "subscriptions/listen"} {
		got := w.post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"`+method+`"}`, aloneHead(method, "")...)
		got.wantError(t, http.StatusBadRequest, -32602, "1")
		for _, key := range []string{"io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities"} {
			if !strings.Contains(got.body, key) {
				t.Errorf("%s: got %s, want %s in it", method, got.body, key)
			}
		}
	}
}

// TestStatelessTaken sends what is odd and allowed.
func TestStatelessTaken(t *testing.T) {
	w := newWorld(t).talk()
	s := w.begin("2025-11-25")
	head := aloneHead("tools/call", "uppercase_text")
	want := aloneResult("1", "X")
	for name, headers := range map[string][]string{
		"blanks around values":             override(head, "Mcp-Name: \t uppercase_text \t", "Mcp-Method:  tools/call "),
		"names in other cases":             {both, "mcp-PROTOCOL-version: 2026-07-28", "MCP-METHOD: tools/call", "mcp-name: uppercase_text"},
		"a sealed name":                    override(head, "Mcp-Name: =?base64?dXBwZXJjYXNlX3RleHQ=?="),
		"JSON alone":                       override(head, "Accept: application/json"),
		"anything":                         override(head, "Accept: */*"),
		"no Accept":                        override(head, "-Accept"),
		"a session that lives":             override(head, "Mcp-Session-Id: "+s.id),
		"a session that never was":         override(head, "Mcp-Session-Id: x"),
		"an event's id":                    override(head, "Last-Event-ID: x"),
		"a header no argument asks for":    override(head, "Mcp-Param-Region: eu"),
		"the same twice":                   override(head, "Mcp-Param-X: a", "Mcp-Param-X: b"),
		"a name where it is not asked for": override(head, "Mcp-Task: x"),
	} {
		t.Run(name, func(t *testing.T) {
			got := w.post("/mcp", callAlone("1", "uppercase_text", `{"text":"x"}`), headers...)
			got.wantHeader(t, "Mcp-Session-Id", "")
			if got.status != http.StatusOK || got.body != want {
				t.Errorf("got %d %s, want 200 %s", got.status, got.body, want)
			}
		})
	}
	t.Run("Mcp-Name on a list", func(t *testing.T) {
		if got := w.post("/mcp", alone("1", "tools/list", ""), aloneHead("tools/list", "whatever")...); got.status != http.StatusOK {
			t.Errorf("got %d %s, want it ignored", got.status, got.body)
		}
	})
	t.Run("a stream alone", func(t *testing.T) {
		answer := w.stream(http.MethodPost, "/mcp", callAlone("1", "uppercase_text", `{"text":"x"}`), override(head, "Accept: text/event-stream")...)
		if frames := answer.wantEnd(); len(frames) != 1 || frames[0] != "event: message\ndata: "+want+"\n\n" {
			t.Errorf("got %q, want the answer without an id", frames)
		}
	})
	if got := s.send(ping("2")); got.body != pong("2") {
		t.Errorf("the session: got %d %s, want it untouched", got.status, got.body)
	}
}

// TestStatelessNotifications: nothing a stateless client tells means anything, and all of it is 202 and nothing.
func TestStatelessNotifications(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		body    string
		headers []string
	}{
		{`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,` + meta + `}}`, aloneHead("notifications/cancelled", "")},
		{`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, aloneHead("notifications/cancelled", "")},
		{`{"jsonrpc":"2.0","method":"no/such","params":{` + meta + `}}`, []string{both}},
		{`{"jsonrpc":"2.0","method":"tools/call","params":{` + meta + `}}`, []string{both}},
		{`{"jsonrpc":"2.0","method":"initialize"}`, aloneHead("initialize", "")},
	} {
		if got := w.post("/mcp", tt.body, tt.headers...); got.status != http.StatusAccepted || got.body != "" {
			t.Errorf("%s: got %d %q, want 202 and nothing", tt.body, got.status, got.body)
		}
	}
}

// TestDiscover: what a handshake would have said.
func TestDiscover(t *testing.T) {
	got := newWorld(t).post("/mcp", alone(`"d"`, "server/discover", ""), aloneHead("server/discover", "")...)
	got.wantHeader(t, "Mcp-Session-Id", "")
	for _, want := range []string{`"id":"d"`, `"supportedVersions":["2026-07-28","2025-11-25",`, `"capabilities":{`, `"ttlMs":`, `"cacheScope":`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("got %d %s, want %s in it", got.status, got.body, want)
		}
	}
}

// TestParamHeaders: arguments that a tool's schema marks stand in headers too, and say the same there.
func TestParamHeaders(t *testing.T) {
	w := newWorld(t).talk()
	for _, tt := range []struct {
		name, arguments string
		headers         []string
		taken           bool
	}{
		{"none", `{}`, nil, true},
		{"no arguments at all", `null`, nil, false}, // as they would be without headers
		{"a string", `{"region":"eu-north"}`, []string{"Mcp-Param-Region: eu-north"}, true},
		{"a header's name in other cases", `{"region":"eu"}`, []string{"mcp-PARAM-region: eu"}, true},
		{"blanks around", `{"region":"eu"}`, []string{"Mcp-Param-Region: \teu "}, true},
		{"a blank inside", `{"region":"e u"}`, []string{"Mcp-Param-Region: e u"}, true},
		{"sealed", `{"region":"é\n"}`, []string{"Mcp-Param-Region: =?base64?w6kK?="}, true},
		{"sealed, and empty", `{"region":""}`, []string{"Mcp-Param-Region: =?base64??="}, true},
		{"a literal that looks half sealed", `{"region":"=?base64?eA=="}`, []string{"Mcp-Param-Region: =?base64?eA=="}, true},
		{"a literal with the mark in capitals", `{"region":"=?BASE64?eA==?="}`, []string{"Mcp-Param-Region: =?BASE64?eA==?="}, true},
		{"a literal that looks sealed, sealed", `{"region":"=?base64?eA==?="}`, []string{"Mcp-Param-Region: =?base64?PT9iYXNlNjQ/ZUE9PT89?="}, true},
		{"a literal that looks sealed", `{"region":"=?base64?eA==?="}`, []string{"Mcp-Param-Region: =?base64?eA==?="}, false},
		{"another string", `{"region":"eu"}`, []string{"Mcp-Param-Region: us"}, false},
		{"another case", `{"region":"eu"}`, []string{"Mcp-Param-Region: EU"}, false},
		{"a string without its header", `{"region":"eu"}`, nil, false},
		{"a string with an empty header", `{"region":"eu"}`, []string{"Mcp-Param-Region:"}, false},
		{"a header without its string", `{}`, []string{"Mcp-Param-Region: eu"}, false},
		{"a header beside null", `{"region":null}`, []string{"Mcp-Param-Region: null"}, false},
		{"the same header twice", `{"region":"eu"}`, []string{"Mcp-Param-Region: eu", "Mcp-Param-Region: eu"}, false},
		{"two that differ", `{"region":"eu"}`, []string{"Mcp-Param-Region: eu", "Mcp-Param-Region: us"}, false},
		{"bad base64", `{"region":"x"}`, []string{"Mcp-Param-Region: =?base64?eA?="}, false},
		{"letters beyond ASCII", `{"region":"é"}`, []string{"Mcp-Param-Region: é"}, false},
		{"an integer", `{"count":42}`, []string{"Mcp-Param-Count: 42"}, true},
		{"an integer as a fraction", `{"count":42}`, []string{"Mcp-Param-Count: 42.0"}, true},
		{"another integer", `{"count":42}`, []string{"Mcp-Param-Count: 43"}, false},
		{"no number", `{"count":42}`, []string{"Mcp-Param-Count: x"}, false},
		{"one that is not a JSON number there", `{"count":42}`, []string{"Mcp-Param-Count: 0x2ap0"}, false},
		{"beyond what all can tell apart", `{"count":9007199254740993}`, []string{"Mcp-Param-Count: 9007199254740992"}, false},
		{"0", `{"count":0}`, []string{"Mcp-Param-Count: 0"}, true},
		{"a string where an integer belongs", `{"count":"42"}`, []string{"Mcp-Param-Count: 42"}, false},
		{"true", `{"dry":true}`, []string{"Mcp-Param-Dry-Run: true"}, true},
		{"false", `{"dry":false}`, []string{"Mcp-Param-Dry-Run: false"}, true},
		{"True", `{"dry":true}`, []string{"Mcp-Param-Dry-Run: True"}, false},
		{"1", `{"dry":true}`, []string{"Mcp-Param-Dry-Run: 1"}, false},
		{"nested", `{"place":{"zone":"a"}}`, []string{"Mcp-Param-Zone: a"}, true},
		{"nested, without its header", `{"place":{"zone":"a"}}`, nil, false},
		{"the same name further out", `{"place":{}}`, []string{"Mcp-Param-Zone: a"}, false},
		{"all of them", `{"region":"eu","count":1,"dry":true,"place":{"zone":"z"}}`, []string{
			"Mcp-Param-Region: eu", "Mcp-Param-Count: 1", "Mcp-Param-Dry-Run: true", "Mcp-Param-Zone: z",
		}, true},
		{"all but one of them", `{"region":"eu","count":1,"dry":true,"place":{"zone":"z"}}`, []string{
			"Mcp-Param-Region: eu", "Mcp-Param-Count: 1", "Mcp-Param-Dry-Run: true",
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.post("/mcp", callAlone("1", "routed", tt.arguments), aloneHead("tools/call", "routed", tt.headers...)...)
			switch {
			case tt.taken:
				if got.status != http.StatusOK || got.body != aloneResult("1", "arrived") {
					t.Errorf("got %d %s, want it taken", got.status, got.body)
				}
			case tt.arguments == "null":
				if strings.Contains(got.body, "-32020") {
					t.Errorf("got %d %s, want no word of headers", got.status, got.body)
				}
			default:
				got.wantError(t, http.StatusBadRequest, -32020, "1")
			}
		})
	}
	t.Run("a null without a header", func(t *testing.T) {
		got := w.post("/mcp", callAlone("1", "routed", `{"region":null}`), aloneHead("tools/call", "routed")...)
		if got.status != http.StatusOK || strings.Contains(got.body, "-32020") {
			t.Errorf("got %d %s, want no word of headers", got.status, got.body)
		}
	})
}

// TestControlCharactersInHeaders: net/http refuses the worst of them; what it lets through is refused here.
func TestControlCharactersInHeaders(t *testing.T) {
	w := newWorld(t)
	body := callAlone("1", "uppercase_text", `{"text":"x"}`)
	for _, character := range []string{"\x00", "\x01", "\x0b", "\x1b", "\x7f", "\x80", "\xff"} {
		r := "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n" +
			strings.Join(aloneHead("tools/call", "uppercase_text"+character), "\r\n") + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
		said := w.raw(r, 10*time.Second)
		if !strings.HasPrefix(said, "HTTP/1.1 400 ") {
			t.Errorf("%q: got %.300q, want 400", character, said)
		}
	}
	if n := w.pack.ran.Load(); n != 0 {
		t.Errorf("%d calls ran", n)
	}
}
