package mcp

import (
	"strings"
	"testing"
)

func TestClaims(t *testing.T) {
	for params, want := range map[string]bool{
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}`:                    true,
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}`:                               true,
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":null}}`:                            true,
		`{"_met\u0061":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28"}}`:              true,
		`{"_meta":{"progressToken":1}}`:                                                         false,
		`{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}`:                           false,
		`{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`:                              false,
		`{"arguments":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`:      false,
		`{"_meta":{"a":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`:              false,
		`{"_meta":["io.modelcontextprotocol/protocolVersion"]}`:                                 false,
		`{"_meta":{"IO.MODELCONTEXTPROTOCOL/PROTOCOLVERSION":"2026-07-28"},"text":"\\ \u0061"}`: false,
		`{}`: false,
	} {
		m, fault := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":` + params + `}`))
		if fault != nil {
			t.Fatal(fault)
		}
		if got := m.Claims(); got != want {
			t.Errorf("%s: %v, want %v", params, got, want)
		}
	}
	if (&Message{Method: "tools/list"}).Claims() {
		t.Error("a message without params claims something")
	}
}

func TestReadEnvelope(t *testing.T) {
	for _, c := range []struct {
		method, params string
		name           string
		given, named   bool
		arguments      string
	}{
		{"tools/call", `"name":"add","arguments":{"a":1}`, "add", true, true, `{"a":1}`},
		{"tools/call", `"n\u0061me":"\u0061dd"`, "add", true, true, ""},
		{"tools/call", `"name":7`, "", false, true, ""},
		{"tools/call", `"uri":"notes://one"`, "", false, true, ""},
		{"prompts/get", `"name":""`, "", true, true, ""},
		{"resources/read", `"uri":"notes://one","name":"x"`, "notes://one", true, true, ""},
		{"tasks/get", `"taskId":"task_1"`, "task_1", true, true, ""},
		{"tasks/update", `"taskId":"task_1"`, "task_1", true, true, ""},
		{"tasks/cancel", `"taskId":"task_1"`, "task_1", true, true, ""},
		{"skills/get", `"uri":"skill://a/SKILL.md"`, "", false, false, ""},
		{"tools/list", `"name":"add"`, "", false, false, ""},
	} {
		m, fault := Decode([]byte(metaOf(`{"jsonrpc":"2.0","id":1,"method":"`+c.method+`","params":{`+c.params+`,"_meta":{META}}}`, `{}`)))
		if fault != nil {
			t.Fatal(fault)
		}
		e, fault := ReadEnvelope(m)
		if fault != nil {
			t.Errorf("%s %s: %v", c.method, c.params, fault)
			continue
		}
		arguments := ""
		if e.Arguments != nil {
			arguments = string(e.Arguments)
		}
		if e.Name != c.name || e.NameGiven != c.given || Named(c.method) != c.named || arguments != c.arguments {
			t.Errorf("%s %s: name %q, given %v, named %v, arguments %s", c.method, c.params, e.Name, e.NameGiven, Named(c.method), arguments)
		}
	}
}

// Everything that a peer is known by comes with its request.
func TestAPeerIsWhatItsRequestSays(t *testing.T) {
	m, fault := Decode([]byte(metaOf(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{META,`+
		`"io.modelcontextprotocol/clientInfo":{"name":"acme","version":"3"},"io.modelcontextprotocol/logLevel":"error"}}}`, `{"roots":{},"more":{}}`)))
	if fault != nil {
		t.Fatal(fault)
	}
	e, fault := ReadEnvelope(m)
	if fault != nil {
		t.Fatal(fault)
	}
	p := e.Peer(principals("reader"), "192.0.2.1", WireHTTP)
	if p.Principal.ID != "key:reader" || p.Addr != "192.0.2.1" || p.Wire != WireHTTP || p.Revision != Stateless() || !p.Initialized ||
		p.Client.Name != "acme" || p.Client.Version != "3" || p.Capabilities.Roots == nil || p.Capabilities.Sampling != nil || p.LogLevel != "error" {
		t.Errorf("got %+v", p)
	}
}

func TestUnsupportedVersionNamesWhatDiscoverDoes(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		refusal := string(AppendError(nil, ID{raw: "1"}, UnsupportedVersion("1999-01-01")))
		want := `"2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"]`
		if !strings.Contains(refusal, `"supported":[`+want) || !strings.Contains(refusal, `"requested":"1999-01-01"`) || !strings.Contains(refusal, `-32022`) {
			t.Errorf("got %s", refusal)
		}
		got := w.visit(Anonymous(), `{}`).ask(`{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{META}}}`)
		if !strings.Contains(got, `"supportedVersions":[`+want) {
			t.Errorf("got %s", got)
		}
	})
}
